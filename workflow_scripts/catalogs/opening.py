"""Open a table of any format, and of several tables in a file take the one that is meant."""

import logging
from collections.abc import Callable, Mapping

from workflow_scripts.catalogs.position_parts import with_joined_positions
from workflow_scripts.catalogs.table_formats.delimited_text import delimited_tables, ecsv_tables
from workflow_scripts.catalogs.table_formats.described_text import cds_tables, ipac_tables
from workflow_scripts.catalogs.table_formats.fits_tables import fits_tables
from workflow_scripts.catalogs.table_formats.parquet_files import parquet_tables
from workflow_scripts.catalogs.table_formats.recognition import recognised_format
from workflow_scripts.catalogs.table_formats.table_file import TableFile, reading
from workflow_scripts.catalogs.table_formats.votables import votables
from workflow_scripts.errors import InputError

log = logging.getLogger(__name__)

_READERS: Mapping[str, Callable[[str], list[TableFile]]] = {
    "csv": delimited_tables,
    "ecsv": ecsv_tables,
    "fits": fits_tables,
    "votable": votables,
    "parquet": parquet_tables,
    "cds": cds_tables,
    "ipac": ipac_tables,
}


def open_table(
    path: str,
    table_format: str | None,
    table: str | int | None,
    table_key: str,
    is_meant: Callable[[TableFile], bool],
) -> TableFile:
    """Open one table of a file, folder or pattern of names.

    Parameters
    ----------
    table_format
        one of `formats.FORMAT_NAMES`; None goes by the content, then by the name.
    table
        its name, or its number as in FITS (the first extension is 1; VOTables are numbered from 0); None takes the only
        table, or the only one that `is_meant`.
    table_key
        what the user would write to name one, for messages.

    Raises
    ------
    InputError
        where there is no such table, several could be meant, or the file cannot be read.
    """
    known = recognised_format(path, table_format)
    with reading(path, known):
        tables = [with_joined_positions(found) for found in _READERS[known](path)]
    if not tables[0].columns and len(tables) == 1:
        raise InputError(f"{path}: expected a table in {known}, but it has no columns")
    listed = "; ".join(f"{found.name}: {_shown(found)}" for found in tables)
    if table is not None:
        wanted = str(table).casefold()
        chosen = [found for found in tables if wanted in _names(found)]
        if len(chosen) != 1:
            raise InputError(f"{path}: has {len(chosen)} tables '{table}' ({table_key}), expected one of {listed}")
        return chosen[0]
    if len(tables) == 1:
        return tables[0]
    chosen = [found for found in tables if is_meant(found)]
    if len(chosen) != 1:
        which = "none has the columns" if not chosen else f"{len(chosen)} have the columns"
        raise InputError(f"{path}: of {len(tables)} tables {which}, expected one to be named ({table_key}): {listed}")
    log.info("%s: of %d tables, %s has the columns", path, len(tables), chosen[0].name)
    return chosen[0]


def _names(table: TableFile) -> set[str]:
    number, _, rest = table.name.partition(" ")
    return {number.casefold(), rest.strip("()").casefold()} - {""}


def _shown(table: TableFile) -> str:
    names = [column.name for column in table.columns]
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
