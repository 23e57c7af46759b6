"""Make the catalog: read a table, clean it, and split it into training pool and annotation set."""

import argparse
import logging
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import pandas as pd

from workflow_scripts.catalogs.formats import FORMATS_IN_WORDS
from workflow_scripts.catalogs.hygiene import clean
from workflow_scripts.catalogs.precision import check_precision
from workflow_scripts.catalogs.readers import COVARIATES, read_table
from workflow_scripts.catalogs.selection import in_order, take_sample, with_ids
from workflow_scripts.catalogs.votes import labels_by_votes, vote_columns
from workflow_scripts.errors import InputError
from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step
from workflow_scripts.tables import write_json, write_table
from workflow_scripts.training_sets.split import split

log = logging.getLogger(__name__)

# What a simulated sky shows of itself, under the same names as a real catalog's columns.
SIMULATED_COLUMNS = ("source_id", "ra", "dec", "label", *COVARIATES)
# What this step adds.
RESERVED_COLUMNS = ("split",)
# The most frequent unknown label values; a column mapped by mistake can have one a row.
LISTED_VALUES = 50


def build_parser() -> argparse.ArgumentParser:
    """Command line of this step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catalog", type=json_argument, required=True, help="entry of `catalogs`, as JSON")
    parser.add_argument("--source", required=True, help=f"the table ({FORMATS_IN_WORDS})")
    parser.add_argument("--output", required=True, help="the catalog (Parquet)")
    parser.add_argument("--hygiene", required=True, help="what was dropped, and why (JSON)")
    return parser


def make_catalog(entry: Mapping[str, Any], source: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The catalog of an entry and its hygiene report; raises `InputError` for what is wrong with the table."""
    columns = {name: name for name in SIMULATED_COLUMNS} if entry["source"] == "simulated" else entry["columns"]
    reserved = [name for name in RESERVED_COLUMNS if name in columns]
    if reserved:
        raise InputError(
            f"{source}: '{reserved[0]}' (catalogs, columns) is made by the workflow, expected another name"
        )
    thresholds = entry.get("label_votes") or {}
    galaxies = read_table(source, {**columns, **vote_columns(thresholds)}, entry.get("format"))
    if entry["source"] == "skyserver":
        check_precision(galaxies, source)
    galaxies = with_ids(galaxies)
    galaxies, report = clean(galaxies, entry["hygiene"], source)
    if thresholds:
        labels, by_votes = labels_by_votes(galaxies, thresholds, entry["classes"], source)
        galaxies = galaxies.drop(columns=list(vote_columns(thresholds)))
        report["labels"] = {"by_votes": by_votes, "unknown_values": {}}
    else:
        labels, unknown = class_numbers(galaxies, entry, source)
        report["labels"] = {"unknown_values": unknown}
    galaxies["label"] = labels
    report["labels"]["without_label"] = int(labels.isna().sum())
    if entry.get("sample") and len(galaxies) > entry["sample"]:
        galaxies = take_sample(galaxies, entry["sample"])
        report["sample"] = len(galaxies)
    galaxies["split"] = split(galaxies["source_id"], entry["split"]["annotation_fraction"], entry["split"]["salt"])
    galaxies = in_order(galaxies)
    first = ["source_id", "ra", "dec", "label", "split"]
    return galaxies[first + [name for name in galaxies if name not in first]].reset_index(drop=True), report


def class_numbers(galaxies: pd.DataFrame, entry: Mapping[str, Any], source: str) -> tuple[pd.Series, dict[str, int]]:
    """Labels as indices into `classes` (Int8, missing where not known), and how often the unknown values occur."""
    if "label" not in galaxies:
        return pd.Series(pd.NA, index=galaxies.index, dtype="Int8"), {}
    classes = entry["classes"]
    label_values = entry.get("label_values") or {}
    strange = [name for name in label_values.values() if name not in classes]
    if strange:
        raise InputError(
            f"{source}: '{strange[0]}' (catalogs, label_values) is no class, expected {', '.join(classes)}"
        )
    meaning = {str(value): classes.index(name) for value, name in label_values.items()}
    if not meaning:
        meaning = {str(number): number for number in range(len(classes))}
        meaning |= {name: number for number, name in enumerate(classes)}
    labels = galaxies["label"].map(meaning).astype("Int8")
    odd = galaxies.loc[labels.isna() & galaxies["label"].notna(), "label"].value_counts()
    if labels.isna().all() and len(odd):
        raise InputError(
            f"{source}: no label is known; it has {', '.join(sorted(odd.index)[:5])}, expected {', '.join(meaning)}"
            " (catalogs, label_values)"
        )
    empty = [name for number, name in enumerate(classes) if not (labels == number).any()]
    if empty and len(odd):
        known = [value for value, number in meaning.items() if classes[number] == empty[0]]
        raise InputError(
            f"{source}: no galaxy is {empty[0]}: no label is {' or '.join(known)}, but {odd.iloc[0]} rows have the"
            f" unknown label {odd.index[0]}{_similar(odd.index[0], known)} (catalogs, label_values)"
        )
    listed = sorted(odd.items(), key=lambda item: (-item[1], item[0]))[:LISTED_VALUES]
    return labels, {str(value): int(count) for value, count in listed}


def _similar(value: str, known: list[str]) -> str:
    close = get_close_matches(value.lower(), [name.lower() for name in known], n=1)
    return "; is that the one that is meant?" if close else ""


def main(arguments: argparse.Namespace) -> None:
    """Write the catalog and its hygiene report."""
    galaxies, report = make_catalog(arguments.catalog, arguments.source)
    record = provenance(arguments.catalog, {}, [arguments.source])
    for problem, count in report["problems"].items():
        if count["rows"]:
            log.warning("%d rows with %s: %s", count["rows"], problem.replace("_", " "), count["action"])
    write_table(arguments.output, galaxies, record)
    write_json(arguments.hygiene, {**report, "source": arguments.source})
    for kind in ("unreadable_cells", "sentinels_in_covariates"):
        for column, cells in report[kind].items():
            log.warning("%d %s in %s: taken as not known", cells, kind.split("_")[0], column)
    for value, rows in report["labels"]["unknown_values"].items():
        log.warning("%d rows with the unknown label %s (catalogs, label_values): taken as not labelled", rows, value)
    log.info("%d galaxies of %d rows", len(galaxies), report["rows_in"])


if __name__ == "__main__":
    run_step(main, build_parser())
