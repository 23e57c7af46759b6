"""From the user's table to the galaxies of a catalog: read, cleaned, labelled, sampled, split and put in order.

Which rows there are, and their order, depend on ids, positions and settings alone: a table of some columns has the same
galaxies as one of all, and a step that reads the former does its work again for a change in these columns only.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.catalogs.formats import SIMULATED_COLUMNS
from workflow_scripts.catalogs.hygiene import check_precision, clean
from workflow_scripts.catalogs.labels import label_ranges, labels_by_value, labels_by_votes, vote_columns
from workflow_scripts.catalogs.number_ranges import NumberRange
from workflow_scripts.catalogs.readers import TableOptions, read_catalog
from workflow_scripts.errors import InputError
from workflow_scripts.sky.tiles import FINE_ORDER, tile_of
from workflow_scripts.training_sets.split import hash_fractions, split


def galaxies_of_catalog(entry: Mapping[str, Any], source: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The galaxies of a catalog and its hygiene report.

    Parameters
    ----------
    entry
        the catalog's entry: `source`, `columns` (for a simulated sky, all it shows unless given), `format`, `hdu`,
        `position_unit`, `frame`, `select`, `missing`, `hygiene`, `classes`, `label_values` or `label_votes`, `sample`
        and `split`.
    source
        the table.

    Returns
    -------
    galaxies, report
        `source_id, ra, dec` (ICRS degrees), `label` (Int8), `split`, and the other columns of the entry; the report of
        `hygiene.clean`, with what became of the labels.

    Raises
    ------
    InputError
        for what is wrong with the table.
    """
    columns = {name: name for name in SIMULATED_COLUMNS} if entry.get("columns") is None else entry["columns"]
    if "split" in columns:
        raise InputError(f"{source}: 'split' (catalogs, columns) is made by the workflow, expected another name")
    thresholds, ranges = entry.get("label_votes") or {}, label_ranges(entry)
    galaxies = _read({**columns, **vote_columns(thresholds)}, entry, source, list(ranges.values()))
    if entry["source"] == "skyserver":
        check_precision(galaxies, source)
    galaxies, report = clean(galaxies, entry["hygiene"], source)
    if thresholds:
        labels, by_votes = labels_by_votes(galaxies, thresholds, entry["classes"], source)
        galaxies = galaxies.drop(columns=list(vote_columns(thresholds)))
        report["labels"] = {"by_votes": by_votes, "unknown_values": {}}
    else:
        labels, unknown = labels_by_value(galaxies, entry, source, ranges)
        report["labels"] = {"unknown_values": unknown}
    galaxies["label"] = labels
    report["labels"]["without_label"] = int(labels.isna().sum())
    if entry.get("sample") and len(galaxies) > entry["sample"]:
        galaxies = _sampled(galaxies, entry["sample"])
        report["sample"] = len(galaxies)
    galaxies["split"] = split(galaxies["source_id"], entry["split"]["annotation_fraction"], entry["split"]["salt"])
    first = ["source_id", "ra", "dec", "label", "split"]
    return _in_order(galaxies)[first + [name for name in galaxies if name not in first]], report


def positions_of_catalog(rows: Mapping[str, Any], source: str) -> pd.DataFrame:
    """The same galaxies without labels and split: the listed columns of a table.

    `rows` has `columns`, `hygiene`, `sample` and what reads the table, as the catalog's entry. Raises `InputError` as
    `galaxies_of_catalog`.
    """
    galaxies, _ = clean(_read(rows["columns"], rows, source), rows["hygiene"], source)
    return _in_order(_sampled(galaxies, rows["sample"]))


def _read(
    columns: Mapping[str, str], entry: Mapping[str, Any], source: str, ranges: Sequence[NumberRange] = ()
) -> pd.DataFrame:
    """The columns of a table; one without ids gets the numbers of its rows, so that every galaxy can be named."""
    # Positions of these sources are in degrees, without a unit that says so.
    made_here = entry.get("source") in ("simulated", "skyserver")
    options = TableOptions(
        entry.get("format"),
        entry.get("hdu"),
        entry.get("position_unit") or ("degrees" if made_here else None),
        entry.get("frame"),
        entry.get("select"),
        tuple(map(str, entry.get("missing") or ())),
        tuple(entry["hygiene"]["sentinels"]),
    )
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
