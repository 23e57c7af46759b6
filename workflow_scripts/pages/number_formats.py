"""How pages write numbers: three significant digits, vectors as amplitude and direction, a dash where there is none."""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from workflow_scripts.answers.wording import place_in_words
from workflow_scripts.sky.unit_vectors import right_ascension_declination
from workflow_scripts.statistics.log_p import p_in_words

_NONE = "-"
# From here on there is nothing behind the decimal point that matters.
_WHOLE = 1000


def number(value: Any) -> str:
    """A number with three significant digits, several with commas between; words as they are."""
    if isinstance(value, list | tuple):
        return ", ".join(map(number, value))
    if isinstance(value, Integral):
        return f"{int(value):,}"
    if not isinstance(value, float):
        return _NONE if value is None else str(value)
    if math.isnan(value):
        return _NONE
    if value == 0 or _WHOLE <= abs(value) < 1e6:
        return f"{value:,.0f}"
    return f"{value:#.3g}".removesuffix(".")


def interval(ends: Sequence[float] | None) -> str:
    """Two ends of an interval."""
    return _NONE if ends is None else " to ".join(map(number, ends))


def p_value(p: float | None, log10_p: float | None = None) -> str:
    """A p as sentences write it."""
    return _NONE if p is not None and math.isnan(p) else p_in_words(p, log10_p) or _NONE


def share(value: float | None) -> str:
    """A share in per cent."""
    return _NONE if value is None or math.isnan(value) else f"{value:.0%}"


def with_error(value: float | None, se: float | None) -> str:
    """`0.0123 ± 0.0045`, both to the same number of decimals; the value alone where the error is not known."""
    if value is None or se is None or math.isnan(value) or math.isnan(se) or se <= 0:
        return number(value)
    decimals = max(0, 1 - math.floor(math.log10(se)))
    return f"{value:.{decimals}f} ± {se:.{decimals}f}"


def axis(ra: float | None, dec: float | None) -> str:
    """A direction, ICRS degrees."""
    return _NONE if ra is None or dec is None else place_in_words(ra, dec)


def direction(vector: ArrayLike) -> str:
    """Where a vector (3,) points."""
    ra, dec = right_ascension_declination(np.asarray(vector, float))
    return axis(float(ra), float(dec))


def vector_with_error(vector: ArrayLike, se: ArrayLike) -> str:
    """The amplitude of a vector (3,), its error along itself, and its direction; `se` (3,) of the components."""
    components, errors = np.asarray(vector, float), np.asarray(se, float)
    amplitude = float(np.linalg.norm(components))
    if not amplitude > 0:
        return number(amplitude)
    along = float(np.linalg.norm(components / amplitude * errors))
    return f"{with_error(amplitude, along)}, {direction(components)}"
