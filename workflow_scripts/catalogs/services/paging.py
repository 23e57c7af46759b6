"""All rows of a query, page by page along a unique column (keyset paging), each page requested once.

The rows are counted first. A service that cuts pages short, silently or not, only makes more pages; rows that never
come, because of repeated values of the column or a table that changes meanwhile, are an error.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from workflow_scripts.catalogs.services.kept_responses import KeptResponses
from workflow_scripts.catalogs.services.web import patiently
from workflow_scripts.errors import InputError
from workflow_scripts.progress import Progress

_WHOLE = re.compile(r"-?\d{1,30}", re.ASCII)
COUNTED = "n_rows"
# A page without rows, where more were counted, may be a response that was cut off after its first lines.
EMPTY_PAGES = 3


@dataclass(frozen=True)
class TableResponse:
    """A response as it was received, its rows, and whether by the service there are more."""

    body: bytes
    rows: pa.Table
    overflow: bool = False


class QueryService(ABC):
    """A service that runs SELECT statements."""

    where: str

    def fetch(self, query: str, max_rows: int | None) -> TableResponse:
        """The response to one query, repeated as long as that may help; `InputError` where it does not."""
        return patiently(lambda: self.fetch_once(query, max_rows), self.where)

    @abstractmethod
    def fetch_once(self, query: str, max_rows: int | None) -> TableResponse:
        """The response to one query; `TransientError` or `RefusalError` where there is none."""

    @abstractmethod
    def read(self, body: bytes) -> TableResponse:
        """A response that was kept; raises as `fetch_once`."""


def all_rows(
    service: QueryService,
    sql: str,
    key: str | None,
    page_rows: int,
    kept: KeptResponses,
    columns: Sequence[str] | None = None,
) -> tuple[pa.Table, list[str]]:
    """All rows of `sql`, sorted by `key` (None: in one page), and the names of the kept responses they come from.

    Raises `InputError` where the columns are not `columns` (None: any) or change on the way, `key` is not unique or no
    whole number, there are no rows, or not as many come as were counted.
    """
    if key is None:
        return _one_page(service, sql, kept), ["whole"]
    total = _counted(service, sql, kept)
    pages: list[pa.Table] = []
    names = ["count"]
    last: int | None = None
    have = 0
    with Progress("query", total, "rows") as progress:
        while have < total:
            name = f"page_{len(pages):05d}"
            beyond = "" if last is None else f" WHERE {key} > {last}"
            query = f"SELECT TOP {page_rows} * FROM ({sql}) AS answer{beyond} ORDER BY {key}"
            response, is_new = _response(
                service, query, page_rows, name, kept, lambda found: len(found.rows), EMPTY_PAGES
            )
            page = response.rows
            _check_columns(page, pages[0] if pages else None, columns, key, service.where)
            last = _last_key(page, key, last, service.where)
            pages.append(page)
            names.append(name)
            have += len(page)
            if not len(page) or have > total:
                raise InputError(
                    f"{service.where}: {have} rows came and {total} were counted (is '{key}' unique? has the table"
                    f" changed?); remove {kept.folder} to request all anew"
                )
            if is_new:
                progress.add(len(page))
            else:
                progress.skip(len(page))
    return pa.concat_tables(pages), names


def _one_page(service: QueryService, sql: str, kept: KeptResponses) -> pa.Table:
    response, _ = _response(service, sql, None, "whole", kept, lambda found: len(found.rows) and not found.overflow)
    if response.overflow:
        raise InputError(
            f"{service.where}: the service cut the response at {len(response.rows)} rows (OVERFLOW), expected all; name"
            " a unique column of whole numbers to request page by page (catalogs, key)"
        )
    if not len(response.rows):
        raise InputError(f"{service.where}: the query gives no rows, expected at least one")
    return response.rows


def _counted(service: QueryService, sql: str, kept: KeptResponses) -> int:
    def total(response: TableResponse) -> int:
        found = {name.lower(): response.rows[name].to_pylist() for name in response.rows.column_names}.get(COUNTED)
        try:
            (count,) = [int(cell) for cell in found or []]
        except (ValueError, TypeError):
            raise InputError(f"{service.where}: the rows cannot be counted, expected one number {COUNTED}") from None
        if count <= 0:
            raise InputError(f"{service.where}: the query gives no rows, expected at least one")
        return count

    query = f"SELECT COUNT(*) AS {COUNTED} FROM ({sql}) AS answer"
    return total(_response(service, query, None, "count", kept, total)[0])


def _response(
    service: QueryService,
    query: str,
    max_rows: int | None,
    name: str,
    kept: KeptResponses,
    usable: Callable[[TableResponse], object],
    attempts: int = 1,
) -> tuple[TableResponse, bool]:
    """A response that was kept; or a new one, kept where it is usable, and True."""
    body = kept.read(name)
    if body is not None:
        return service.read(body), False
    for _ in range(attempts):
        response = service.fetch(query, max_rows)
        if usable(response):
            kept.keep(name, response.body, query)
            break
    return response, True


def _check_columns(
    page: pa.Table, first: pa.Table | None, expected: Sequence[str] | None, key: str, where: str
) -> None:
    found = page.column_names
    wanted = first.column_names if first is not None else list(expected or found)
    if found != wanted:
        missing = [name for name in wanted if name not in found]
        what = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(found)}"
        raise InputError(f"{where}: the response {what}, expected the columns {', '.join(wanted)}")
    if first is not None and page.schema.types != first.schema.types:
        raise InputError(f"{where}: the columns changed their types from one page to the next")
    if key not in found:
        raise InputError(f"{where}: the response has no column '{key}' (catalogs, key); it has {', '.join(found)}")


def _last_key(page: pa.Table, key: str, after: int | None, where: str) -> int | None:
    """The last value of `key`; checks that the values rise from row to row and from page to page."""
    last = after
    for cell in page[key].to_pylist():
        if not _WHOLE.fullmatch(str(cell)):
            raise InputError(f"{where}: '{key}' (catalogs, key) is {cell}, expected a whole number in every row")
        value = int(cell)
        if last is not None and value <= last:
            raise InputError(
                f"{where}: '{key}' (catalogs, key) is {value} after {last}, expected unique numbers in rising order"
            )
        last = value
    return last
