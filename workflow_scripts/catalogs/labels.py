"""Labels as indices into a catalog's classes, from a column of labels or from fractions of votes.

By votes, a galaxy gets the class whose fractions all reach their thresholds. One that reaches those of no class stays
without a label, as does one that reaches those of both: people were uncertain, which is not a third morphology.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.catalogs.hygiene import NOTEWORTHY_LOSS
from workflow_scripts.catalogs.number_ranges import NumberRange, least_stored, ranges_of
from workflow_scripts.errors import InputError

VoteThresholds = Mapping[str, Mapping[str, float]]
# The most frequent unknown label values; a column mapped by mistake can have one a row.
_LISTED_VALUES = 50


def vote_columns(thresholds: VoteThresholds) -> dict[str, str]:
    """The columns of votes by the key of the configuration that names each (`label_votes.spiral.p_cs`)."""
    return {f"label_votes.{name}.{column}": column for name, wanted in thresholds.items() for column in wanted}


def labels_by_votes(
    galaxies: pd.DataFrame, thresholds: VoteThresholds, classes: Sequence[str], source: str
) -> tuple[pd.Series, dict[str, int]]:
    """Labels as indices into `classes`, and how many galaxies reached what.

    Parameters
    ----------
    galaxies
        fractions of votes as float64, in columns named as the keys of `vote_columns`.
    thresholds
        by class and column of the table, the smallest fraction of votes that counts.

    Returns
    -------
    labels, counts
        Int8, missing where uncertain; galaxies by class, and those of `no_class` and `several_classes`.

    Raises
    ------
    InputError
        where a column does not hold numbers, or no galaxy reaches a class.
    """
    reached = np.zeros((len(classes), len(galaxies)), bool)
    for number, name in enumerate(classes):
        if name not in thresholds:
            continue
        reached[number] = True
        for column, least in thresholds[name].items():
            votes = galaxies[f"label_votes.{name}.{column}"]
            if not pd.api.types.is_float_dtype(votes):
                raise InputError(
                    f"{source}: column '{column}' (catalogs, label_votes.{name}) is text, expected fractions of votes"
                )
            largest = float(np.nanmax(votes.to_numpy(float), initial=0.0))
            if 0 < least < 1 < largest:
                raise InputError(
                    f"{source}: column '{column}' (catalogs, label_votes.{name}) has values up to {largest:g}, expected"
                    f" fractions from 0 to 1 where the least is {least:g}; numbers of votes need a number of votes"
                )
            reached[number] &= votes.to_numpy(float) >= least_stored(least)
    number_reached = reached.sum(axis=0)
    labels = pd.Series(pd.NA, index=galaxies.index, dtype="Int8")
    labels[number_reached == 1] = np.argmax(reached, axis=0)[number_reached == 1]
    counts = {name: int((labels == number).sum()) for number, name in enumerate(classes)}
    for name in thresholds:
        if not counts[name]:
            raise InputError(
                f"{source}: none of {len(galaxies)} galaxies is {name} by its votes, expected lower thresholds"
                f" (catalogs, label_votes.{name})"
            )
    return labels, {
        **counts,
        "no_class": int((number_reached == 0).sum()),
        "several_classes": int((number_reached > 1).sum()),
    }


def label_ranges(entry: Mapping[str, Any]) -> dict[str, NumberRange]:
    """By class, its range of numbers, where `label_values` has ranges (`{elliptical: "< -3", spiral: ">= 1"}`)."""
    values = entry.get("label_values") or {}
    if not values or not set(values) <= set(entry["classes"]):
        return {}
    ranges = ranges_of(list(values.values()), "catalogs, label_values")
    return dict(zip(values, ranges, strict=True)) if ranges else {}


def labels_by_value(
    galaxies: pd.DataFrame, entry: Mapping[str, Any], source: str, ranges: Mapping[str, NumberRange]
) -> tuple[pd.Series, dict[str, int]]:
    """Labels as indices into `classes` (Int8, missing where not known), and how often the unknown values occur.

    Where there are ranges, by class, the column of labels has the text of the range of each galaxy.
    """
    if "label" not in galaxies:
        return pd.Series(pd.NA, index=galaxies.index, dtype="Int8"), {}
    classes = entry["classes"]
    label_values = {one.text: name for name, one in ranges.items()} or entry.get("label_values") or {}
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
    folded = {value.casefold(): value for value in meaning}
    for value in map(str, odd.index):
        if (like := folded.get(value.casefold())) is not None:
            raise InputError(
                f"{source}: {odd[value]} rows have the label '{value}', which differs from '{like}' in upper and lower"
                " case only; expected what it means (catalogs, label_values)"
            )
    if labels.isna().all() and len(odd):
        raise InputError(
            f"{source}: no label is known; it has {', '.join(sorted(odd.index)[:5])}, expected {', '.join(meaning)}"
            " (catalogs, label_values)"
        )
    empty = [name for number, name in enumerate(classes) if not (labels == number).any()]
    if empty and empty[0] in ranges:
        raise InputError(
            f"{source}: none of {len(galaxies)} galaxies is {empty[0]}, whose range is '{ranges[empty[0]].text}',"
            " expected numbers in it (catalogs, label_values)"
        )
    if empty and len(odd):
        known = [value for value, number in meaning.items() if classes[number] == empty[0]]
        raise InputError(
            f"{source}: no galaxy is {empty[0]}: no label is {' or '.join(known)}, but {odd.iloc[0]} rows have the"
            f" unknown label {odd.index[0]}{_similar(odd.index[0], known)} (catalogs, label_values)"
        )
    listed = sorted(odd.items(), key=lambda item: (-item[1], item[0]))[:_LISTED_VALUES]
    return labels, {str(value): int(count) for value, count in listed}


def without_unlabelled(
    galaxies: pd.DataFrame, entry: Mapping[str, Any], source: str
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Galaxies with `label` (Int8), those without one dropped where the entry says so, and the report of their labels.

    `galaxies` have the columns that `label_values` or `label_votes` of the entry need; those of votes are dropped.

    Raises
    ------
    InputError
        for labels that are not those of the classes, and where no labelled galaxy is left.
    """
    thresholds = entry.get("label_votes") or {}
    report: dict[str, Any] = {"unknown_values": {}}
    if thresholds:
        labels, report["by_votes"] = labels_by_votes(galaxies, thresholds, entry["classes"], source)
        galaxies = galaxies.drop(columns=list(vote_columns(thresholds)))
    else:
        labels, unknown = labels_by_value(galaxies, entry, source, label_ranges(entry))
        given = galaxies["label"].notna() if "label" in galaxies else labels.notna()
        # Of the values, only the most frequent are listed.
        report |= {"unknown_values": unknown, "with_unknown_value": int((given & labels.isna()).sum())}
    galaxies = galaxies.assign(label=labels)
    report["without_label"] = int(labels.isna().sum())
    if entry.get("unlabelled") == "drop":
        galaxies = galaxies[labels.notna()]
        report["dropped"] = report["without_label"]
        if galaxies.empty:
            raise InputError(
                f"{source}: none of {len(labels)} galaxies has a label, expected some (catalogs, unlabelled: drop)"
            )
    return galaxies, report


def label_warnings(report: Mapping[str, Any], n: int) -> list[str]:
    """What a reader should know of labels that were left out, before any number; `report` has what became of them."""
    sentences = []
    if "dropped" in report:
        sentences.append(
            f"Only galaxies that have a label are used, {n - report['dropped']:,} of {n:,} (unlabelled: drop): all"
            " answers are on these."
        )
    if (unknown := report.get("with_unknown_value", 0)) > NOTEWORTHY_LOSS * n:
        shown = ", ".join(f"'{value}' {rows:,}" for value, rows in list(report["unknown_values"].items())[:3])
        sentences.append(
            f"{unknown:,} of {n:,} galaxies have a label that is none of the classes ({shown}), and were"
            " taken as not labelled."
        )
    several = report.get("by_votes", {}).get("several_classes", 0)
    if several > NOTEWORTHY_LOSS * n:
        sentences.append(
            f"{several:,} of {n:,} galaxies have the votes of several classes, and were taken as not labelled."
        )
    return sentences


def _similar(value: str, known: list[str]) -> str:
    close = get_close_matches(value.lower(), [name.lower() for name in known], n=1)
    return "; is that the one that is meant?" if close else ""
