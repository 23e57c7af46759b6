"""What the values of a column of labels mean: the positive class, the negative one, or neither.

A value counts as negative because the user says so or because it is the only other one, never because it is not the
positive class: misspelt and missing labels would be negatives.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.catalogs.number_ranges import NumberRange, ranges_of
from workflow_scripts.errors import InputError

log = logging.getLogger(__name__)

# (negative, positive) of two classes whose names show which is which.
_KNOWN_PAIRS = (("0", "1"), ("-1", "1"), ("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"))
# What programs and people write where nothing is known; "None" and "NA" are names of classes, too.
_PLACEHOLDERS = (
    "--",
    "-",
    "\\n",
    "?",
    "...",
    ".",
    "*",
    "nan",
    "null",
    "<na>",
    "#n/a",
    "unknown",
    "undefined",
    "missing",
)
_SENTINELS = (-9.0, -99.0, -99.9, -999.0, -9999.0)
_SHOWN = 8


@dataclass(frozen=True)
class Vocabulary:
    """Values of one column as the user names them: `positive`, `negative`, and whether all others are negative."""

    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    rest: bool = False


@dataclass(frozen=True)
class Meaning:
    """What each value of a column was taken for, as it is written in the file."""

    positive: tuple[str, ...]
    negative: tuple[str, ...]

    @property
    def name(self) -> str:
        """The positive class in words."""
        return " or ".join(self.positive)

    def taken_for(self, value: str) -> str:
        """`positive`, `negative` or `left out`."""
        return "positive" if value in self.positive else "negative" if value in self.negative else "left out"

    def zeros_and_ones(self, labels: pd.Series) -> NDArray[np.float64]:
        """1 where a label (a categorical of texts) is positive, 0 where it is negative, NaN elsewhere."""
        values = [*labels.cat.categories, None]
        numbers = [1.0 if value in self.positive else 0.0 if value in self.negative else np.nan for value in values]
        return np.array(numbers)[labels.cat.codes.to_numpy()]


def ranges_in(known: Mapping[str, Vocabulary]) -> dict[str, tuple[NumberRange, ...]]:
    """By column, the ranges of numbers (`>= 0.5`) that a user names; `InputError` for ranges among other values."""
    found = {name: ranges_of((*one.positive, *one.negative), f"--label {name}") for name, one in known.items()}
    return {name: ranges for name, ranges in found.items() if ranges}


def meaning_of(counts: Mapping[str, int], vocabulary: Vocabulary, where: str, prefix: str = "") -> Meaning:
    """What the values of a column mean.

    Parameters
    ----------
    counts
        galaxies of each value that occurs.
    vocabulary
        values as the user names them (`1`, `1.0` and `+1` are the same). Of two values, none of which is named, `1`,
        `true` and `yes` are positive, and of others the last in alphabetical order.
    where, prefix
        the beginning of messages, and that of the options' names (`compare-`).

    Raises
    ------
    InputError
        for no value or one, a named value that does not occur, or values that no one says the meaning of.
    """
    options = {name: f"--{prefix}{name}" for name in ("positive", "negative", "rest", "missing")}
    if len(counts) < 2:
        found = f"one class only ({next(iter(counts))})" if counts else "no label"
        raise InputError(f"{where} has {found}, expected two classes or more")
    positive = tuple(_as_written(value, counts, where, options["positive"]) for value in vocabulary.positive)
    negative = tuple(_as_written(value, counts, where, options["negative"]) for value in vocabulary.negative)
    if both := set(positive) & set(negative):
        raise InputError(f"{where}: '{both.pop()}' is both {options['positive']} and {options['negative']}")
    open_ones = [value for value in counts if value not in (*positive, *negative)]
    if vocabulary.rest and positive:
        return _logged(Meaning(positive, (*negative, *open_ones)), counts, where)
    if vocabulary.rest:
        raise InputError(f"{where}: {options['rest']} needs {options['positive']}, expected the class that is counted")
    if positive and negative:
        return _logged(Meaning(positive, negative), counts, where)
    odd = [value for value in open_ones if is_placeholder(value)]
    if odd and len(counts) - len(odd) <= 2:
        raise InputError(
            f"{where} has the values {_listed(counts)}: '{odd[0]}' looks like a placeholder; expected it to be named,"
            f" as {options['missing']}='{odd[0]}' or as {options['negative']}='{odd[0]}'"
        )
    if len(open_ones) > 2 - bool(positive or negative):
        raise InputError(
            f"{where} has {len(counts)} classes ({_listed(counts)}), expected two, or the meaning of each:"
            f" {options['positive']} VALUE ... and {options['negative']} VALUE ..., or {options['rest']} for all others"
        )
    if not open_ones:
        raise InputError(
            f"{where}: all classes ({_listed(counts)}) are of one kind, expected positive and negative ones"
        )
    if len({value.casefold() for value in counts}) < len(counts):
        raise InputError(
            f"{where} has the classes {_listed(counts)}, which differ in upper and lower case only; expected their"
            f" meaning ({options['positive']}, {options['negative']})"
        )
    if positive:
        return _logged(Meaning(positive, (open_ones[0],)), counts, where)
    if negative:
        return _logged(Meaning((open_ones[0],), negative), counts, where)
    by_folded = {name.casefold(): name for name in counts}
    known = next((pair for pair in _KNOWN_PAIRS if set(pair) == set(by_folded)), None)
    chosen = by_folded[known[1]] if known else sorted(counts)[1]
    other = next(value for value in counts if value != chosen)
    return _logged(Meaning((chosen,), (other,)), counts, where)


def is_placeholder(value: str) -> bool:
    """Whether a label looks like what stands for "not known"."""
    return value.casefold() in _PLACEHOLDERS or _as_number(value) in _SENTINELS


def _logged(meaning: Meaning, counts: Mapping[str, int], where: str) -> Meaning:
    for value, n in counts.items():
        log.info("%s: %d galaxies '%s' are taken for %s", where, n, value, meaning.taken_for(value))
    return meaning


def _as_written(wanted: str, counts: Mapping[str, int], where: str, option: str) -> str:
    if wanted in counts:
        return wanted
    same = [name for name in counts if _as_number(name) is not None and _as_number(name) == _as_number(wanted)]
    if len(same) == 1:
        return same[0]
    raise InputError(f"{where} has no class '{wanted}' ({option}), expected one of {_listed(counts)}")


def _listed(counts: Mapping[str, int]) -> str:
    shown = [f"{name} {n}" for name, n in list(counts.items())[:_SHOWN]]
    return ", ".join(shown) + (", ..." if len(counts) > _SHOWN else "")


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def vocabularies(
    positive: Sequence[str],
    negative: Sequence[str],
    rest: Sequence[str] | None,
    columns: Sequence[str],
    others: Sequence[str] = (),
) -> dict[str, Vocabulary]:
    """The vocabulary of each column that a user named; the key "" is that of a column that is to be guessed.

    `positive` and `negative` have entries `VALUE`, for all of `columns`, and `COLUMN=VALUE`, also for one of `others`.
    `rest` has the columns whose other values are negative, is empty for all of `columns`, and None for none. Raises
    `InputError` for a column in `rest` that is none of these.
    """
    keys = list(columns) or [""]
    all_others = set(keys if rest is not None and not rest else rest or ())
    if strange := all_others - {*keys, *others}:
        raise InputError(
            f"--rest names '{min(strange)}', expected columns of labels ({', '.join([*columns, *others])})"
        )
    known = {}
    for name in (*keys, *others):
        own = [_of_column(entries, name, name in keys, {*keys, *others}) for entries in (positive, negative)]
        known[name] = Vocabulary(own[0], own[1], name in all_others)
    return known


def _of_column(entries: Sequence[str], name: str, takes_all: bool, columns: set[str]) -> tuple[str, ...]:
    parts = [entry.partition("=") for entry in entries]
    own = [value for column, equals, value in parts if equals and column == name]
    for_all = [
        entry for entry, (column, equals, _) in zip(entries, parts, strict=True) if not (equals and column in columns)
    ]
    return tuple(own or (for_all if takes_all else ()))
