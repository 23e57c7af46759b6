"""The tables of SkyServer and VizieR in a database that understands the queries: SQLite, in memory, read only."""

import re
import sqlite3
import threading
from dataclasses import dataclass

import numpy as np

from tests.services.sky_catalog import SkyCatalog

GALAXY_ZOO_1 = "J/MNRAS/410/166/galaxies"
_TOP = re.compile(r"^\s*select\s+top\s+(\d+)\b", re.IGNORECASE)


class RefusedQueryError(Exception):
    """The database does not run this; the message has the reason."""


@dataclass(frozen=True)
class Rows:
    """The rows of a response, and whether there were more."""

    names: list[str]
    rows: list[tuple]
    cut: bool


class CatalogDatabase:
    """`zooSpec`, `zoo2MainSpecz`, `PhotoObj`, `SpecObj` and VizieR's table of Galaxy Zoo 1, filled from a sky."""

    def __init__(self, sky: SkyCatalog):
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        self._lock = threading.Lock()
        self._fill(sky)
        self._connection.execute("PRAGMA query_only = ON")

    def run(self, sql: str, most_rows: int, refuses_larger_top: bool = False) -> Rows:
        """The rows of a SELECT with TOP, at most `most_rows` of them.

        Raises
        ------
        RefusedQueryError
            for what is no SELECT, for a TOP above `most_rows` where that is refused, and for what SQLite does not run.
        """
        text = sql.replace(";", " ").strip()
        if not re.match(r"select\b", text, re.IGNORECASE):
            raise RefusedQueryError("ERROR: only SELECT statements are allowed")
        top = _TOP.match(text)
        limit = most_rows
        if top:
            if int(top[1]) > most_rows and refuses_larger_top:
                raise RefusedQueryError(f"ERROR: TOP {top[1]} exceeds the maximum number of rows, {most_rows}")
            limit = min(int(top[1]), most_rows)
            text = "SELECT " + text[top.end() :]
        try:
            with self._lock:
                cursor = self._connection.execute(text)
                names = [column[0] for column in cursor.description]
                rows = cursor.fetchmany(limit + 1)
                cursor.close()
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise RefusedQueryError(str(error)) from None
        most = int(top[1]) if top else None
        return Rows(names, rows[:limit], len(rows) > limit and (most is None or most > limit))

    def _fill(self, sky: SkyCatalog) -> None:
        c = sky.columns
        # Single precision, printed with six digits: the trap of the zoo's own positions.
        rough = [np.array([float(f"{x:.6g}") for x in values.astype(np.float32)]) for values in (sky.ra, sky.dec)]
        votes = {name: c[name] for name in ("nvote", "p_el_debiased", "p_cs_debiased")}
        flags = {name: c[name] for name in ("spiral", "elliptical", "uncertain")}
        ids = {name: c[name] for name in ("objid", "dr7objid", "specobjid")}
        self._table("zooSpec", {**ids, "ra": rough[0], "dec": rough[1], **votes, **flags})
        smooth = c["p_el_debiased"]
        answers = {
            "t01_smooth_or_features_a01_smooth_debiased": smooth,
            "t01_smooth_or_features_a02_features_or_disk_debiased": (1 - smooth).round(3),
            "t04_spiral_a08_spiral_debiased": c["p_cs_debiased"],
        }
        second = {"dr8objid": c["objid"], "dr7objid": c["dr7objid"], "specobjid": c["specobjid"]}
        second |= {"ra": rough[0], "dec": rough[1], "total_classifications": c["nvote"], "total_votes": c["nvote"] * 5}
        self._table("zoo2MainSpecz", second | answers)
        photometry = {"objid": c["objid"], "ra": sky.ra, "dec": sky.dec, "clean": sky.clean.astype(np.int64)}
        names = ("petroMag_r", "petroR50_r", "petroR90_r", "extinction_r", "psffwhm_r", "expAB_r")
        photometry |= {name: c[name] for name in names}
        photometry["type"] = np.full(sky.number, 3)
        self._table("PhotoObj", {name: values[sky.has_photometry] for name, values in photometry.items()})
        spectra = {"specobjid": c["specobjid"], "bestObjID": c["objid"], "z": c["redshift"]}
        self._table("SpecObj", spectra | {"zWarning": np.zeros(sky.number, np.int64)})
        vizier = {
            "recno": np.arange(1, sky.number + 1),
            "objID": np.array([str(number) for number in c["dr7objid"]]),
            "RAJ2000": sky.ra,
            "DEJ2000": sky.dec,
            "Nt": c["nvote"],
            "fE": c["elliptical"],
            "fS": c["spiral"],
            "fU": c["uncertain"],
            "pE": c["p_el_debiased"],
            "pcS": c["p_cs_debiased"],
        }
        self._table(GALAXY_ZOO_1, vizier)
        self._connection.commit()

    def _table(self, name: str, columns: dict[str, np.ndarray]) -> None:
        kinds = {"i": "INTEGER", "f": "REAL", "U": "TEXT"}
        declared = ", ".join(f'"{column}" {kinds[values.dtype.kind]}' for column, values in columns.items())
        self._connection.execute(f'CREATE TABLE "{name}" ({declared})')
        rows = zip(*(values.tolist() for values in columns.values()), strict=True)
        self._connection.executemany(f'INSERT INTO "{name}" VALUES ({",".join("?" * len(columns))})', rows)
        for column in columns:
            if column.lower() in ("objid", "dr7objid", "dr8objid", "specobjid", "recno"):
                self._connection.execute(f'CREATE INDEX "{name}_{column}" ON "{name}" ("{column}")')
