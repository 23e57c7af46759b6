"""From the user's table to the galaxies of a catalog: read whole, cleaned, labelled, sampled, split and put in order.

Which rows there are, and their order, depend on ids, positions and settings alone: a table of some columns has the same
galaxies as one of all, and a step that reads the former does its work again for a change in these columns only.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from workflow_scripts.catalogs.cells import as_numbers, as_text, is_mostly_numbers, joined_cells
from workflow_scripts.catalogs.formats import COVARIATES, POSITION_COLUMNS, SIMULATED_COLUMNS, TEXT_COLUMNS
from workflow_scripts.catalogs.hygiene import check_precision, clean
from workflow_scripts.catalogs.labels import (
    label_ranges,
    label_warnings,
    vote_columns,
    without_unlabelled,
)
from workflow_scripts.catalogs.number_ranges import NumberRange
from workflow_scripts.catalogs.readers import CatalogTable, Parts, TableOptions
from workflow_scripts.errors import InputError
from workflow_scripts.sky.tiles import FINE_ORDER, tile_of
from workflow_scripts.training_sets.split import ANNOTATION, close_groups, hash_fractions, split

# Of the galaxies, and in number: a group of neighbours that makes the split uneven.
_LARGEST_GROUP, _FEWEST_IN_GROUP = 0.01, 20


def galaxies_of_catalog(entry: Mapping[str, Any], source: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The galaxies of a catalog and its hygiene report.

    Parameters
    ----------
    entry
        the catalog's entry: `source`, `columns` (for a simulated sky, all it shows unless given), `format`, `hdu`,
        `position_unit`, `frame`, `select`, `missing`, `hygiene`, `classes`, `label_values` or `label_votes`,
        `unlabelled`, `sample` and `split`.
    source
        the table.

    Returns
    -------
    galaxies, report
        `source_id, ra, dec` (ICRS degrees), `label` (Int8), `split`, and the other columns of the entry; the report of
        `hygiene.clean`, with what became of the labels and of neighbours in the split.

    Raises
    ------
    InputError
        for what is wrong with the table.
    """
    _check_keys(entry, ("source", "classes", "split"))
    columns = {name: name for name in SIMULATED_COLUMNS} if entry.get("columns") is None else entry["columns"]
    if "split" in columns:
        raise InputError(f"{source}: 'split' (catalogs, columns) is made by the workflow, expected another name")
    galaxies = _read({**columns, **vote_columns(entry.get("label_votes") or {})}, entry, source)
    if entry["source"] == "skyserver":
        check_precision(galaxies, source)
    galaxies, report = clean(galaxies, entry["hygiene"], source)
    n = len(galaxies)
    galaxies, report["labels"] = without_unlabelled(galaxies, entry, source)
    report["warnings"] += label_warnings(report["labels"], n)
    if entry.get("sample") and len(galaxies) > entry["sample"]:
        galaxies = _sampled(galaxies, entry["sample"])
        report["sample"] = len(galaxies)
    galaxies["split"], report["split"], warnings = _sides(galaxies, entry["split"])
    report["warnings"] += warnings
    first = ["source_id", "ra", "dec", "label", "split"]
    return _in_order(galaxies)[first + [name for name in galaxies if name not in first]], report


def _sides(galaxies: pd.DataFrame, settings: Mapping[str, Any]) -> tuple[NDArray, dict[str, Any], list[str]]:
    """The side of every galaxy, what the report says of neighbours, and what speaks against them.

    Two galaxies closer than half a cutout are in each other's image: a network trained on the one would annotate pixels
    that it was trained on, were the other in the annotation set.
    """
    ids, fraction, salt = galaxies["source_id"], settings["annotation_fraction"], settings["salt"]
    radius = settings.get("radius_arcsec") or 0.0
    alone = split(ids, fraction, salt)
    if not radius or galaxies.empty:
        return alone, {"radius_arcsec": radius, "in_groups": 0, "moved": 0, "largest_group": 0}, []
    groups = close_groups(galaxies["ra"].to_numpy(float), galaxies["dec"].to_numpy(float), radius)
    sizes = np.bincount(groups)
    sides = split(ids, fraction, salt, groups)
    counts = {"in_groups": int(sizes[sizes > 1].sum()), "moved": int((sides != alone).sum())}
    report = {"radius_arcsec": radius, **counts, "largest_group": int(sizes.max())}
    warnings = []
    if sizes.max() > max(_LARGEST_GROUP * len(galaxies), _FEWEST_IN_GROUP):
        warnings.append(
            f"{sizes.max()} of {len(galaxies)} galaxies are neighbours of neighbours closer than {radius:g} arcsec, and"
            " all on one side of the split; a smaller radius (catalogs, split.radius_arcsec) makes smaller groups"
        )
    return sides, report, warnings


def positions_of_catalog(rows: Mapping[str, Any], source: str) -> pd.DataFrame:
    """The same galaxies without labels and split: the listed columns of a table.

    `rows` has `columns`, `hygiene`, `sample` and what reads the table, as the catalog's entry, what labels are made of
    where galaxies without one are dropped, and `split` where only those of the annotation set are wanted. Raises
    `InputError` as `galaxies_of_catalog`.
    """
    _check_keys(rows, ("columns", "sample"))
    columns = {**rows["columns"], **vote_columns(rows.get("label_votes") or {})}
    galaxies, _ = clean(_read(columns, rows, source), rows["hygiene"], source)
    if rows.get("unlabelled") == "drop":
        galaxies = without_unlabelled(galaxies, rows, source)[0].drop(columns="label")
    galaxies = _sampled(galaxies, rows["sample"])
    if "split" in rows:
        galaxies = galaxies[_sides(galaxies, rows["split"])[0] == ANNOTATION]
    return _in_order(galaxies)


def _check_keys(entry: Mapping[str, Any], needed: Sequence[str]) -> None:
    """Raise `InputError` for an entry that was typed by hand and lacks what the configuration fills in."""
    hygiene = entry.get("hygiene") or {}
    lacking = [key for key in needed if key not in entry]
    lacking += [f"hygiene.{key}" for key in ("radius_arcsec", "sentinels", "on_problem") if key not in hygiene]
    if lacking:
        raise InputError(f"the entry of the catalog lacks '{lacking[0]}', expected it whole, as `skybias run` gives it")


def _read(columns: Mapping[str, str], entry: Mapping[str, Any], source: str) -> pd.DataFrame:
    """The columns of a table; one without ids gets the numbers of its rows, so that every galaxy can be named."""
    # Positions of these sources are in degrees, without a unit that says so.
    made_here = entry.get("source") in ("simulated", "skyserver")
    options = TableOptions(
        table_format=entry.get("format"),
        hdu=entry.get("hdu"),
        position_unit=entry.get("position_unit") or ("degrees" if made_here else None),
        frame=entry.get("frame"),
        select=entry.get("select"),
        missing=tuple(map(str, entry.get("missing") or ())),
        sentinels=tuple(entry["hygiene"]["sentinels"]),
    )
    ranges = list(label_ranges(entry).values()) if "label" in columns else []
    galaxies = read_catalog(source, columns, options, ranges)
    rows = galaxies.pop("row")
    if "source_id" not in galaxies:
        galaxies.insert(0, "source_id", [f"row{number}" for number in rows])
    return galaxies


def _sampled(galaxies: pd.DataFrame, sample: int | None) -> pd.DataFrame:
    """So many galaxies, chosen by a hash of source_id; all where `sample` is None or not less."""
    if not sample or len(galaxies) <= sample:
        return galaxies
    chosen = np.argsort(hash_fractions(galaxies["source_id"], "sample"), kind="stable")[:sample]
    return galaxies.iloc[np.sort(chosen)]


def _in_order(galaxies: pd.DataFrame) -> pd.DataFrame:
    """Galaxies by nested HEALPix pixel, and by id within one."""
    place = tile_of(galaxies["ra"], galaxies["dec"], FINE_ORDER)
    return galaxies.iloc[np.lexsort((galaxies["source_id"].to_numpy(str), place))].reset_index(drop=True)


def read_catalog(
    path: str, columns: Mapping[str, str], options: TableOptions | None = None, ranges: Sequence[NumberRange] = ()
) -> pd.DataFrame:
    """Read the mapped columns of a table at once.

    Parameters
    ----------
    path
        a table of any of `formats.FORMATS`, packed or not; of Parquet also a folder, a pattern or a HATS catalog.
    columns
        project's name -> column of the table; `ra` and `dec` are guessed where they are not among them.
    ranges
        of numbers that are the classes in the column of labels.

    Returns
    -------
    pandas.DataFrame
        one row a selected row of the table: `row` (its number), `ra` and `dec` (ICRS degrees), and the other columns of
        `columns`: text (None where empty) for `source_id`, `label` and `file`, float64 (NaN where empty) for
        covariates, and for any other column what most of its cells are. `attrs["unreadable_cells"]` counts, by column,
        the cells that should be numbers and are not; `attrs["table"]` is the report of the table, `attrs["positions"]`
        how positions were read.

    Raises
    ------
    InputError
        as `CatalogTable.of`, and where ids have lost digits.
    """
    parts = Parts(
        positions=(columns.get("ra"), columns.get("dec")),
        classes={name: column for name, column in columns.items() if name == "label"},
        texts={name: column for name, column in columns.items() if name in TEXT_COLUMNS and name != "label"},
        numbers={name: column for name, column in columns.items() if name in COVARIATES},
        others={
            name: column
            for name, column in columns.items()
            if name not in (*POSITION_COLUMNS, *TEXT_COLUMNS, *COVARIATES)
        },
        keys={name: _key(name) for name in (*columns, *POSITION_COLUMNS)},
        ranges={"label": ranges},
    )
    table = CatalogTable.of(path, parts, options or TableOptions())
    pieces = list(table.pieces())
    joined: dict[str, Any] = {"row": np.concatenate([piece["row"] for piece in pieces])}
    unreadable = {
        name: table.positions.unreadable[column.name]
        for name, column in zip(POSITION_COLUMNS, table.positions.columns, strict=True)
        if table.positions.unreadable.get(column.name)
    } | table.unreadable
    for name in dict.fromkeys((*columns, *POSITION_COLUMNS)):
        cells = [piece[name] for piece in pieces]
        if name in parts.others:
            joined[name], bad = _decided(joined_cells(cells, table.where(name)), table, name)
            if bad:
                unreadable[name] = bad
        elif name in parts.texts:
            joined[name] = _objects(pa.chunked_array(cells, pa.string()))
        elif name in parts.classes:
            joined[name] = np.concatenate([np.asarray(one.astype(object)) for one in cells])
        else:
            joined[name] = np.concatenate(cells)
    galaxies = pd.DataFrame({name: pd.Series(cells) for name, cells in joined.items()})
    if "label" in galaxies:
        galaxies["label"] = galaxies["label"].astype(object).where(galaxies["label"].notna(), None)
    table.log_report()
    galaxies.attrs |= {"unreadable_cells": unreadable, "table": table.report(), "positions": table.positions}
    return galaxies


def _key(name: str) -> str:
    """The key of the configuration that names a column: other keys than `columns` come with a dot in them."""
    return f"catalogs, {name}" if "." in name else f"catalogs, columns.{name}"


def _decided(cells: pa.Array, table: CatalogTable, part: str) -> tuple[Any, int]:
    where = table.where(part)
    if is_mostly_numbers(cells, where):
        return as_numbers(cells, where)
    return _objects(table.known_texts(as_text(cells, where))), 0


def _objects(texts: pa.Array | pa.ChunkedArray) -> pd.Series:
    return pd.Series(texts.to_pylist(), dtype=object)
