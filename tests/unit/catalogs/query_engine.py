"""SQL services in miniature for unit tests: a table in SQLite, and responses in SkyServer's CSV."""

import re
import sqlite3

import pyarrow as pa

from workflow_scripts.catalogs.services.paging import TableResponse
from workflow_scripts.catalogs.services.skyserver import parse_csv


class Engine:
    """Runs SELECT statements over `galaxies (objid, ra, dec, p_el)`, and keeps count of them.

    `row_limit` cuts responses silently, as SkyServer does.
    """

    where = "http://sky.example"

    def __init__(self, ids: list[int], row_limit: int = 500_000):
        self.database = sqlite3.connect(":memory:", check_same_thread=False)
        self.database.execute("CREATE TABLE galaxies (objid INTEGER, ra REAL, dec REAL, p_el REAL)")
        rows = [(number, 10 + index * 1e-5, -index * 1e-6, index % 10 / 10) for index, number in enumerate(ids)]
        self.database.executemany("INSERT INTO galaxies VALUES (?, ?, ?, ?)", rows)
        self.row_limit = row_limit
        self.queries: list[str] = []

    def csv(self, query: str) -> bytes:
        """The response to a query in SkyServer's CSV; `sqlite3.Error` for SQL that is none."""
        self.queries.append(query)
        limits = [int(number) for number in re.findall(r"SELECT TOP (\d+)", query)]
        sql = re.sub(r"SELECT TOP \d+", "SELECT", query)
        found = self.database.execute(f"{sql} LIMIT {min([*limits, self.row_limit])}")
        lines = [",".join(column[0] for column in found.description)]
        lines += [",".join("" if cell is None else repr(cell) for cell in row) for row in found]
        return "".join(f"{line}\n" for line in ["#Table1", *lines]).encode()

    def fetch(self, query: str, max_rows: int | None) -> TableResponse:
        """As a `QueryService`."""
        return self.read(self.csv(query))

    def read(self, body: bytes) -> TableResponse:
        """As a `QueryService`."""
        rows: pa.Table = parse_csv(body)
        return TableResponse(body, rows)
