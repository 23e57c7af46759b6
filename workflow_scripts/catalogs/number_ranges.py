"""Ranges of numbers that are the classes of a column: T-types, fractions of votes."""

import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING, Any

from workflow_scripts.errors import InputError

if TYPE_CHECKING:
    # Snakemake reads this module with the configuration: nothing heavy.
    import numpy as np
    from numpy.typing import NDArray

_RANGE = re.compile(r"\s*(<=|>=|<|>|==)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*")
_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@dataclass(frozen=True)
class NumberRange:
    """A range of numbers as it was written, `>= 1 and < 3`, and its parts."""

    text: str
    parts: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, text: str) -> "NumberRange | None":
        """The range that a text describes; None for a text that is none."""
        found = [_RANGE.fullmatch(part) for part in re.split(r"\band\b|&", text)]
        if not all(found):
            return None
        return cls(text, tuple((part[1], float(part[2])) for part in found if part))

    @property
    def is_empty(self) -> bool:
        """Whether no number lies in it, as in `>= 9 and < 1`."""
        lowest = max(((limit, sign == ">") for sign, limit in self.parts if sign in (">", ">=", "==")), default=None)
        highest = min(((limit, sign != "<") for sign, limit in self.parts if sign in ("<", "<=", "==")), default=None)
        if lowest is None or highest is None:
            return False
        return lowest[0] > highest[0] or (lowest[0] == highest[0] and (lowest[1] or not highest[1]))

    def holds(self, numbers: "NDArray[np.float64]") -> "NDArray[np.bool_]":
        """Which numbers (n,) lie in it; NaN does not. A limit that was stored in single precision is the limit."""
        return reduce(operator.and_, (_compared(numbers, sign, limit) for sign, limit in self.parts))


def least_stored(limit: float) -> float:
    """The smallest number that a limit such as 0.7 can have become: in single precision it is 0.69999999."""
    return min(limit, _single(limit))


def _compared(numbers: "NDArray[np.float64]", sign: str, limit: float) -> "NDArray[np.bool_]":
    either = limit, _single(limit)
    if sign == "==":
        return (numbers == either[0]) | (numbers == either[1])
    return _COMPARE[sign](numbers, min(either) if sign in ("<", ">=") else max(either))


def _single(limit: float) -> float:
    # Snakemake reads this module with the configuration: nothing heavy before it is used.
    import numpy as np

    with np.errstate(over="ignore"):
        return float(np.float32(limit))


def ranges_of(values: Sequence[Any], where: str) -> tuple[NumberRange, ...]:
    """The ranges among values of classes; empty where none is one.

    Raises `InputError` where some are and others are not, and for ranges that hold no number or share some.
    """
    found = [NumberRange.of(str(value)) for value in values]
    if any(found) and not all(found):
        other = next(value for value, one in zip(values, found, strict=True) if one is None)
        raise InputError(f"{where}: '{other}' is no range of numbers ('>= 1'), expected ranges only or values only")
    ranges = tuple(one for one in found if one)
    if problem := problem_of_ranges(ranges):
        raise InputError(f"{where}: {problem}")
    return ranges


def problem_of_ranges(ranges: Sequence[NumberRange]) -> str | None:
    """What is wrong with the ranges of classes: one that holds no number, or two that share numbers; None else."""
    for one in ranges:
        if one.is_empty:
            return f"no number lies in '{one.text}', expected the limits the other way round"
    for one, other in combinations(ranges, 2):
        if not NumberRange("", one.parts + other.parts).is_empty:
            return f"'{one.text}' and '{other.text}' overlap, expected ranges that share no number"
    return None
