"""p-values too small for a floating-point number: their logarithms, and how they are written.

Where SciPy's tail has not underflowed its logarithm is taken; beyond, the leading series or continued fraction of the
incomplete gamma and beta functions (DLMF 8.9.2 and 8.17.8) gives log10 p to all digits that matter.
"""

import numpy as np
from scipy import special

_LN10 = float(np.log(10.0))
# Below this the tails lose digits.
_SMALLEST = 1e-290


def log10_p_chi2(q: float, dof: float) -> float:
    """log10 of P(chi-square with `dof` degrees of freedom > q); `ValueError` for a negative q or dof."""
    if not (q >= 0 and dof > 0):
        raise ValueError("chi-square and its degrees of freedom must not be negative")
    p = float(special.chdtrc(dof, q))
    if p > _SMALLEST:
        return float(np.log10(p))
    # Gamma(a, x) = e^-x x^a / (x + 1 - a - 1 (1 - a)/(x + 3 - a - ...)), from the far end.
    a, x = dof / 2, q / 2
    fraction = x + 401 - a
    for k in range(200, 0, -1):
        fraction = x + 2 * k - 1 - a + k * (a - k) / fraction
    return float((-x + a * np.log(x) - special.gammaln(a) - np.log(fraction)) / _LN10)


def log10_p_f(f: float, dof: tuple[float, float]) -> float:
    """log10 of P(F > f) with these degrees of freedom; `ValueError` for a negative f or dof."""
    first, second = dof
    if not (f >= 0 and first > 0 and second > 0):
        raise ValueError("F and its degrees of freedom must not be negative")
    p = float(special.fdtrc(first, second, f))
    if p > _SMALLEST:
        return float(np.log10(p))
    # P(F > f) = I_x(b, a), which for small x is x^b (1 - x)^a / (b B(a, b)) 2F1(a + b, 1; b + 1; x).
    a, b, x = first / 2, second / 2, second / (second + first * f)
    series = special.hyp2f1(a + b, 1, b + 1, x)
    return float((b * np.log(x) + a * np.log1p(-x) - np.log(b) - special.betaln(a, b) + np.log(series)) / _LN10)


def log10_p_normal(z: float) -> float:
    """log10 of the two-sided p of a standard normal deviate."""
    return float((np.log(2) + special.log_ndtr(-abs(z))) / _LN10)


def log10_p_scan(sigma: float) -> float:
    """log10 of the p of the largest sigma over all axes: chi with three degrees of freedom."""
    return log10_p_chi2(sigma**2, 3)


def p_in_words(p: float | None, log10_p: float | None = None) -> str:
    """A p as it is written: `0.018`, `2e-05`, `1e-120`; `log10_p` is needed where p is 0. Empty without a p."""
    if log10_p is not None and (p is None or p < _SMALLEST):
        exponent = int(np.floor(log10_p))
        digit = round(10 ** (log10_p - exponent))
        return f"{digit if digit < 10 else 1}e{exponent if digit < 10 else exponent + 1:+03d}"
    if p is None:
        return ""
    return "below 1e-300" if p == 0 else f"{p:.2g}"
