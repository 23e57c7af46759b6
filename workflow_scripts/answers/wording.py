"""How sizes and limits are written in sentences and tables: an excluded size is never rounded to a smaller one.

Differences of fractions are written in percentage points, in which people speak of them.
"""

import math
from collections.abc import Sequence

# From here on three decimals are enough.
_COARSE = 0.01
# Of a scanned dipole by noise, three components of variance 1, root mean square; less where the sky covers a part.
_THREE_COMPONENTS = math.sqrt(3)
# Smoothed cells have the same value where nothing is beyond their errors.
NO_RANGE = 1e-3


def size_in_words(value: float) -> str:
    """A size of effect: three decimals, or two significant digits where it is smaller than 0.01."""
    return f"{value:.3f}" if value == 0 or abs(value) >= _COARSE else f"{value:.2g}"


def limit_in_words(value: float) -> str:
    """An upper limit, with the digits of a size, rounded up: what lies above it is excluded."""
    if not (math.isfinite(value) and value > 0):
        return size_in_words(value)
    decimals = 3 if value >= _COARSE else 1 - math.floor(math.log10(value))
    # Rounding alone lifts no limit that has these digits already.
    return size_in_words(math.ceil(value * 10**decimals - 1e-6) / 10**decimals)


def points_in_words(value: float) -> str:
    """A difference of fractions in percentage points, without the unit: 0.041 is 4.1."""
    points = 100 * value
    return f"{points:.1f}" if value == 0 or abs(points) >= 1 else f"{points:.2g}"


def limit_in_points(value: float) -> str:
    """An upper limit on a difference of fractions, rounded up, with its unit."""
    points = 100 * value
    if math.isfinite(points) and points > 0:
        decimals = 1 if points >= 1 else 1 - math.floor(math.log10(points))
        points = math.ceil(points * 10**decimals - 1e-6) / 10**decimals
    return with_points(points / 100)


def in_unit(value: float, points: bool, ends: Sequence[float] | None = None) -> str:
    """A size of effect with its 95 % interval: in percentage `points`, or as it is, as of a mean score."""
    if points:
        return with_points(value, ends)
    return size_in_words(value) + ("" if ends is None else " (95 %: {} to {})".format(*map(size_in_words, ends)))


def limit_in_unit(value: float, points: bool) -> str:
    """An upper limit, rounded up: in percentage `points`, or as it is, as of a mean score."""
    return limit_in_points(value) if points else limit_in_words(value)


def with_points(value: float, ends: Sequence[float] | None = None) -> str:
    """A difference of fractions with its unit, and its 95 % interval in brackets."""
    interval = "" if ends is None else " (95 %: {} to {})".format(*map(points_in_words, ends))
    return f"{points_in_words(value)} percentage points{interval}"


def range_by_place(low: float, high: float, what: str) -> str:
    """What a smoothed map shows, from its lowest and highest value; `what` is mapped, as "fraction called spiral"."""
    if high - low < NO_RANGE:
        return f"The {what} does not differ between places by more than its noise."
    return f"Smoothed and drawn towards the mean, the {what} lies between {low:.1%} and {high:.1%}."


def noise_in_words(sigma: float) -> str:
    """What the paper-style sigma is without any dipole, of `axis_scan.sigma_without_dipole`.

    The mix of the labels is named where it adds to the noise. Neither is a part of a measured sigma: they are added in
    quadrature to a dipole, and scatter.
    """
    if round(sigma, 1) <= round(_THREE_COMPONENTS, 1):
        return f"without any dipole it is {sigma:.1f} on this sky (root mean square)"
    return (
        f"without any dipole the unequal mix of labels makes it {sigma:.1f} on this sky (root mean square; with equal"
        f" classes at most {_THREE_COMPONENTS:.1f})"
    )


def place_in_words(ra: float, dec: float) -> str:
    """A direction, ICRS degrees: `RA 283°, Dec -56°`; there is no 360 and no -0."""
    return f"RA {round(float(ra)) % 360}°, Dec {round(float(dec)) + 0:+d}°"


def capital(words: str) -> str:
    """The words as the beginning of a sentence."""
    return words[:1].upper() + words[1:]
