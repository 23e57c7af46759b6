"""Class labels of any kind turned into what the tests take: 0/1, -1/+1, or a code a class."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def class_codes(labels: ArrayLike, classes: Sequence[Hashable]) -> NDArray[np.int64]:
    """Position of each label in `classes`, as (n,) integers.

    Parameters
    ----------
    labels
        (n,) numbers, strings, booleans or anything that can be compared with `classes`.
    classes
        the classes that may occur, each once. A class need not occur.

    Raises
    ------
    ValueError
        without labels, where a label is missing (None, NaN, NaT, NA or a blank string), where a label is none of
        `classes` (the message names up to five), or where `classes` are fewer than two or not distinct.
    """
    if len(classes) < 2 or len(set(classes)) != len(classes):
        raise ValueError(f"classes must be two or more different values, not {list(classes)}")
    flat, first_rows, inverse = _distinct(labels)
    position = {value: code for code, value in enumerate(classes)}
    unknown = [value for value in flat if value not in position]
    if unknown:
        row = min(row for value, row in zip(flat, first_rows, strict=True) if value not in position)
        shown = ", ".join(repr(value) for value in unknown[:5])
        raise ValueError(f"labels that are none of the classes {list(classes)}: {shown} (first in row {row})")
    return np.array([position[value] for value in flat], np.int64)[inverse]


def one_against_rest(
    labels: ArrayLike, positive: Hashable, classes: Sequence[Hashable] | None = None
) -> NDArray[np.float64]:
    """1.0 where a label is `positive`, 0.0 where it is any other class, as (n,).

    Parameters
    ----------
    labels
        (n,) labels of two classes or more.
    positive
        the class of interest.
    classes
        the classes that may occur, `positive` among them; without it, whatever occurs.

    Raises
    ------
    ValueError
        as `class_codes`; and where all galaxies have one class, or none or all are `positive`: no test could be made.
    """
    if classes is None:
        classes = _distinct(labels)[0]
        if positive not in classes:
            shown = ", ".join(repr(value) for value in classes[:5])
            raise ValueError(f"no label is {positive!r}; there are {shown}")
        if len(classes) < 2:
            raise ValueError(f"all labels are {positive!r}: there is nothing to compare")
    elif positive not in classes:
        raise ValueError(f"{positive!r} is none of the classes {list(classes)}")
    chosen = class_codes(labels, classes) == list(classes).index(positive)
    if chosen.all() or not chosen.any():
        raise ValueError(f"{'all labels are' if chosen.all() else 'no label is'} {positive!r}: nothing to compare")
    return chosen.astype(float)


def each_against_rest(labels: ArrayLike, classes: Sequence[Hashable]) -> NDArray[np.float64]:
    """(classes, n) rows of 0/1, one class against the rest each; they add up to 1 in every galaxy.

    Raises `ValueError` as `class_codes`, and where a class has no galaxy or all of them.
    """
    codes = class_codes(labels, classes)
    counts = np.bincount(codes, minlength=len(classes))
    for value, count in zip(classes, counts, strict=True):
        if count in (0, len(codes)):
            raise ValueError(f"{'no label is' if count == 0 else 'all labels are'} {value!r}: nothing to compare")
    return (codes == np.arange(len(classes))[:, None]).astype(float)


def signed(labels: ArrayLike, positive: Hashable, classes: Sequence[Hashable] | None = None) -> NDArray[np.float64]:
    """+1.0 where a label is `positive`, -1.0 where it is any other class, as (n,): spins, and the paper-style scan.

    Raises `ValueError` as `one_against_rest`.
    """
    return 2 * one_against_rest(labels, positive, classes) - 1


def _distinct(labels: ArrayLike) -> tuple[list[Any], list[int], NDArray[np.int64]]:
    """The values that occur, the first row of each, and the number of the value in each row."""
    array = np.asarray(labels)
    if array.ndim != 1:
        raise ValueError(f"labels must be one a galaxy, not an array of shape {array.shape}")
    if not len(array):
        raise ValueError("there are no labels")
    missing = _missing(array)
    if np.ma.isMaskedArray(labels):
        missing = missing | np.ma.getmaskarray(labels)
    if missing.any():
        raise ValueError(f"{int(missing.sum())} labels are missing, the first in row {int(np.argmax(missing))}")
    if array.dtype == object:
        # Mixed types do not sort, so np.unique would fail on them.
        numbers: dict[Any, int] = {}
        inverse = np.array([numbers.setdefault(value, len(numbers)) for value in array], np.int64)
        first = np.unique(inverse, return_index=True)[1]
        return list(numbers), [int(row) for row in first], inverse
    values, first, inverse = np.unique(array, return_index=True, return_inverse=True)
    return values.tolist(), [int(row) for row in first], inverse.astype(np.int64)


def _missing(array: NDArray) -> NDArray[np.bool_]:
    if array.dtype.kind in "fcmM":
        return np.isnan(array) if array.dtype.kind in "fc" else np.isnat(array)
    if array.dtype.kind in "US":
        return np.char.strip(array) == array.dtype.type()
    if array.dtype == object:
        return np.array([_is_missing(value) for value in array], bool)
    return np.zeros(len(array), bool)


def _is_missing(value: Any) -> bool:
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    try:
        # NaN and NaT are not equal to themselves; pandas' NA has no truth value.
        return bool(value != value)
    except (TypeError, ValueError):
        return True
