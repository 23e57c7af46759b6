"""Which label is the positive one, and labels as 0 and 1."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.errors import InputError

log = logging.getLogger(__name__)

# (negative, positive) of two classes whose names say which is which.
_TELLING = (("0", "1"), ("-1", "1"), ("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"))


def positive_class(counts: Mapping[str, int], wanted: str | None, file: str, column: str) -> str:
    """The class that is counted, as it is written in the file.

    Parameters
    ----------
    counts
        galaxies of each class that occurs.
    wanted
        what the user named (`1`, `1.0` and `+1` are the same); None for two classes, of which `1`, `true` and `yes` are
        positive, and of others the last in alphabetical order.

    Raises
    ------
    InputError
        for no class or one, for a class that does not occur, or for three or more of which none was named.
    """
    where = f"{file}: column '{column}'"
    if len(counts) < 2:
        found = f"one class only ({next(iter(counts))})" if counts else "no label"
        raise InputError(f"{where} has {found}, expected two classes or more")
    shown = ", ".join(list(counts)[:8]) + (", ..." if len(counts) > 8 else "")
    if wanted is None:
        if len(counts) > 2:
            raise InputError(f"{where} has {len(counts)} classes ({shown}), expected two, or one of them as --positive")
        by_folded = {name.casefold(): name for name in counts}
        telling = next((pair for pair in _TELLING if set(pair) == set(by_folded)), None)
        positive = by_folded[telling[1]] if telling else sorted(counts)[1]
        log.info("column '%s' has the classes %s: '%s' is counted (--positive)", column, shown, positive)
        return positive
    if wanted in counts:
        return wanted
    same = [name for name in counts if _as_number(name) is not None and _as_number(name) == _as_number(wanted)]
    if len(same) == 1:
        return same[0]
    raise InputError(f"{where} has no class '{wanted}' (--positive), expected one of {shown}")


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def is_positive(labels: pd.Series, positive: str) -> NDArray[np.float64]:
    """1 where a label (a categorical of texts) is the positive class, 0 where it is another, NaN where it lacks."""
    categories = list(labels.cat.categories)
    codes = labels.cat.codes.to_numpy()
    wanted = categories.index(positive) if positive in categories else len(categories)
    return np.where(codes < 0, np.nan, (codes == wanted).astype(float))


def class_numbers(labels: pd.Series, classes: Sequence[str]) -> NDArray[np.int64]:
    """Position of each label in `classes`; -1 where it is missing."""
    order = {name: number for number, name in enumerate(classes)}
    numbers = np.array([order[name] for name in labels.cat.categories] + [-1], np.int64)
    return numbers[labels.cat.codes.to_numpy()]
