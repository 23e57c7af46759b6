"""What the values of a column of labels mean: the positive class, the negative one, or neither.

A value counts as negative because the user says so or because it is the only other one, never because it is not the
positive class: misspelt and missing labels would be negatives.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.catalogs.cells import PLACEHOLDERS
from workflow_scripts.catalogs.number_ranges import NumberRange, ranges_of
from workflow_scripts.errors import InputError

log = logging.getLogger(__name__)

# (negative, positive) of two classes whose names show which is which.
_KNOWN_PAIRS = (("0", "1"), ("-1", "1"), ("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"))
# What programs and people write where nothing is known; "None" is the name of a class, too (no bar).
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
    "na",
    "n/a",
    "#n/a",
    "unknown",
    "undefined",
    "missing",
)
# Shorter words differ by a letter and mean something else (S0, S0a).
_WORD = 5
_SHOWN = 8
# The other side of a limit.
_BEYOND = {">=": "<", ">": "<=", "<": ">=", "<=": ">"}


@dataclass(frozen=True)
class Vocabulary:
    """Values of one column as the user names them: `positive`, `negative`, and whether all others are negative.

    `option` is what named the positive ones, where that is not the option of all columns.
    """

    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    rest: bool = False
    option: str = ""


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


def meaning_of(
    counts: Mapping[str, int], vocabulary: Vocabulary, where: str, prefix: str = "", hint: str = ""
) -> Meaning:
    """What the values of a column mean.

    Parameters
    ----------
    counts
        galaxies of each value that occurs.
    vocabulary
        values as the user names them (`1`, `1.0` and `+1` are the same). Of two values, none of which is named, `1`,
        `true` and `yes` are positive, and of others the last in alphabetical order.
    where, prefix, hint
        the beginning of messages, that of the options' names (`compare-`), and what a message on a class that is not
        there ends with.

    Raises
    ------
    InputError
        for no value or one, a named value that does not occur, or values whose meaning is not stated.
    """
    options = {name: f"--{prefix}{name}" for name in ("positive", "negative", "rest", "missing")}
    options["positive"] = vocabulary.option or options["positive"]
    # Of numbers, 1, 1.0 and +1 are the same.
    kinds: dict[str | float, list[str]] = {}
    for value in counts:
        kinds.setdefault(value if (number := _as_number(value)) is None else number, []).append(value)
    if len(kinds) < 2:
        found = f"one class only ({', '.join(counts)})" if counts else "no label"
        of_ranges = any(NumberRange.of(value) for value in counts)
        more = f"; of numbers, both {options['positive']} and {options['negative']} are ranges" if of_ranges else ""
        raise InputError(f"{where} has {found}, expected two classes or more{more}")
    positive, negative = (
        tuple(
            name
            for value in values
            for name in _as_written(
                value,
                kinds,
                f"{where} has no class '{value}' ({options[option]}), expected one of {_listed(counts)}{hint}",
            )
        )
        for option, values in (("positive", vocabulary.positive), ("negative", vocabulary.negative))
    )
    if both := set(positive) & set(negative):
        raise InputError(f"{where}: '{both.pop()}' is both {options['positive']} and {options['negative']}")
    open_kinds = [names for names in kinds.values() if names[0] not in (*positive, *negative)]
    open_ones = [name for names in open_kinds for name in names]
    if vocabulary.rest and not positive:
        raise InputError(f"{where}: {options['rest']} needs {options['positive']}, expected the class that is counted")
    if positive and negative and not vocabulary.rest:
        return _logged(Meaning(positive, negative), counts, where)
    # From here on, what is open would be taken for something.
    odd = [value for value in open_ones if is_placeholder(value)]
    if odd and (vocabulary.rest or len(kinds) - len(odd) <= 2):
        raise InputError(
            f"{where} has the values {_listed(counts)}: '{odd[0]}' looks like a placeholder; expected it to be named,"
            f" as {options['missing']}='{odd[0]}' or as {options['negative']}='{odd[0]}'"
        )
    folded = [value.casefold() for value in counts]
    twice = [value for value in open_ones if folded.count(value.casefold()) > 1]
    if twice and (vocabulary.rest or len(open_kinds) <= 2):
        raise InputError(
            f"{where} has the values {_listed(counts)}: '{twice[0]}' differs from another one in upper and lower case"
            f" only; expected it to be named, in {options['positive']} or {options['negative']}"
        )
    if vocabulary.rest:
        if near := next(((value, name) for value in open_ones for name in positive if _misspelt(value, name)), None):
            raise InputError(
                f"{where} has the values {_listed(counts)}: '{near[0]}' is almost '{near[1]}'; expected it to be named,"
                f" in {options['positive']} or {options['negative']}"
            )
        return _logged(Meaning(positive, (*negative, *open_ones)), counts, where)
    if len(open_kinds) > 2 - bool(positive or negative):
        numbers = sum(isinstance(kind, float) for kind in kinds)
        ranges = f"; classes of numbers are ranges ({options['positive']} '>= 0.5')" if numbers > _SHOWN else ""
        raise InputError(
            f"{where} has {len(kinds)} classes ({_listed(counts)}), expected two, or the meaning of each:"
            f" {options['positive']} VALUE ... and {options['negative']} VALUE ..., or {options['rest']} for all others"
            + ranges
        )
    if not open_kinds:
        raise InputError(
            f"{where}: all classes ({_listed(counts)}) are of one kind, expected positive and negative ones"
        )
    if positive:
        return _logged(Meaning(positive, tuple(open_ones)), counts, where)
    if negative:
        return _logged(Meaning(tuple(open_ones), negative), counts, where)
    by_folded = {names[0].casefold(): names for names in open_kinds}
    by_folded |= {f"{number:g}": names for number, names in kinds.items() if isinstance(number, float)}
    known = next((pair for pair in _KNOWN_PAIRS if set(pair) <= set(by_folded)), None)
    chosen = by_folded[known[1]] if known else max(open_kinds)
    other = next(names for names in open_kinds if names != chosen)
    return _logged(Meaning(tuple(chosen), tuple(other)), counts, where)


def is_placeholder(value: str) -> bool:
    """Whether a label looks like what stands for "not known"."""
    return value.casefold() in _PLACEHOLDERS or _as_number(value) in PLACEHOLDERS


def _misspelt(value: str, name: str) -> bool:
    """Whether a longer word has a letter more or less than another, or the same ones in another order."""
    shorter, longer = sorted((value.casefold(), name.casefold()), key=len)
    if len(shorter) < _WORD or not shorter.isalpha() or not longer.isalpha():
        return False
    if len(shorter) == len(longer):
        return sorted(shorter) == sorted(longer)
    return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))


def _logged(meaning: Meaning, counts: Mapping[str, int], where: str) -> Meaning:
    for value, n in counts.items():
        taken = meaning.taken_for(value)
        log.info("%s: %d galaxies '%s' are %s%s", where, n, value, "" if taken == "left out" else "taken for ", taken)
    return meaning


def _as_written(wanted: str, kinds: Mapping[str | float, list[str]], message: str) -> list[str]:
    number = _as_number(wanted)
    if found := kinds.get(wanted if number is None else number):
        return found
    raise InputError(message)


def _listed(counts: Mapping[str, int]) -> str:
    shown = [f"{name} {n}" for name, n in list(counts.items())[:_SHOWN]]
    return ", ".join(shown) + (", ..." if len(counts) > _SHOWN else "")


def _as_number(text: str) -> float | None:
    """The number that a text is, None for any other text, NaN and infinity."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def vocabularies(
    positive: Sequence[str],
    negative: Sequence[str],
    rest: Sequence[str] | None,
    columns: Sequence[str],
    others: Sequence[str] = (),
    prefix: str = "",
) -> dict[str, Vocabulary]:
    """The vocabulary of each column that a user named; the key "" is that of a column that is to be guessed.

    `positive` and `negative` have entries `VALUE`, for all of `columns`, and `COLUMN=VALUE`, also for one of `others`.
    `rest` has the columns whose other values are negative, is empty for all of `columns`, and None for none. `prefix`
    is that of the options. Raises `InputError` for a column in `rest` that is none of these, and an entry that is for
    none.
    """
    keys = list(columns) or [""]
    all_others = set(keys if rest is not None and not rest else rest or ())
    if strange := all_others - {*keys, *others}:
        raise InputError(
            f"--{prefix}rest names '{min(strange)}', expected columns of labels ({', '.join([*columns, *others])})"
        )
    known: dict[str, Vocabulary] = {}
    unused = {*positive, *negative}
    for name in (*keys, *others):
        (own, used), (opposite, used_too) = (
            _of_column(entries, name, name in keys, {*keys, *others}) for entries in (positive, negative)
        )
        unused -= used | used_too
        known[name] = _without_rest_of_ranges(Vocabulary(own, opposite, name in all_others), prefix)
    if unused:
        raise InputError(
            f"--{prefix}positive or --{prefix}negative has '{min(unused)}', which is for none of the columns"
            f" {', '.join([*columns, *others])}; expected VALUE or COLUMN=VALUE"
        )
    return known


def _without_rest_of_ranges(vocabulary: Vocabulary, prefix: str) -> Vocabulary:
    """The same, where the rest of one range is the range beyond its limit."""
    ranges = [found for value in vocabulary.positive if (found := NumberRange.of(value))]
    if not vocabulary.rest or not ranges:
        return vocabulary
    if len(ranges) > 1 or vocabulary.negative or len(ranges[0].parts) > 1 or ranges[0].parts[0][0] not in _BEYOND:
        raise InputError(
            f"--{prefix}rest beside the ranges {', '.join(vocabulary.positive)} is not one range, expected"
            f" --{prefix}negative with the ranges of the others"
        )
    sign, limit = ranges[0].parts[0]
    return replace(vocabulary, negative=(f"{_BEYOND[sign]} {limit:.15g}",), rest=False)


def _of_column(
    entries: Sequence[str], name: str, takes_all: bool, columns: set[str]
) -> tuple[tuple[str, ...], set[str]]:
    """The values among the entries that are for a column, and these entries."""
    parts = {entry: entry.partition("=") for entry in entries}
    own = {entry: value for entry, (column, equals, value) in parts.items() if equals and column == name}
    if not own and takes_all:
        own = {entry: entry for entry, (column, equals, _) in parts.items() if not (equals and column in columns)}
    return tuple(value.strip() for value in own.values()), set(own)
