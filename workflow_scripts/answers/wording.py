"""How sizes and limits are written in sentences and tables: an excluded size is never rounded to a smaller one."""

import math

# From here on three decimals are enough.
_COARSE = 0.01


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


def capital(words: str) -> str:
    """The words as the beginning of a sentence."""
    return words[:1].upper() + words[1:]
