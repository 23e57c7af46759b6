"""The cosine dependence of a fraction on right ascension."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class CosineFit:
    """f(ra) = mean + amplitude cos(ra - phase). `p` is for a scanned phase: chi-square with two degrees of freedom."""

    mean: float
    amplitude: float
    amplitude_se: float
    debiased_amplitude: float
    phase_deg: float
    chi2: float
    p: float


def cosine_fit(centres_deg: ArrayLike, k: ArrayLike, n: ArrayLike, width_deg: float) -> CosineFit:
    """Weighted least squares of binned fractions on 1, cos(ra), sin(ra).

    Parameters
    ----------
    centres_deg, k, n
        bin centres (degrees), successes and galaxies of each bin; empty bins are left out.
    width_deg
        bin width: averaging over a bin of width w lowers the amplitude by sin(w/2)/(w/2), which is undone.

    Raises
    ------
    ValueError
        with fewer than four bins, or galaxies of one label only.
    """
    angle, k, n = np.radians(np.asarray(centres_deg, float)), np.asarray(k, float), np.asarray(n, float)
    angle, k, n = angle[n > 0], k[n > 0], n[n > 0]
    overall = k.sum() / n.sum() if n.sum() else np.nan
    if len(n) < 4 or not 0 < overall < 1:
        raise ValueError("a cosine fit needs four bins with galaxies and both labels")
    design = np.column_stack([np.ones_like(angle), np.cos(angle), np.sin(angle)])
    # The variance under the null, so that a bin without a spiral does not get infinite weight.
    weights = n / (overall * (1 - overall))
    covariance = np.linalg.inv(design.T @ (weights[:, None] * design))
    mean, c, s = covariance @ (design.T @ (weights * k / n))
    half = np.radians(width_deg) / 2
    widening = half / np.sin(half)
    block = covariance[1:, 1:]
    chi2 = float(np.array([c, s]) @ np.linalg.solve(block, [c, s]))
    amplitude = float(np.hypot(c, s))
    along = np.array([c, s]) / amplitude if amplitude > 0 else np.array([1.0, 0.0])
    return CosineFit(
        mean=float(mean),
        amplitude=amplitude * widening,
        amplitude_se=float(np.sqrt(along @ block @ along)) * widening,
        debiased_amplitude=float(np.sqrt(max(0.0, amplitude**2 - np.trace(block)))) * widening,
        phase_deg=float(np.degrees(np.arctan2(s, c)) % 360),
        chi2=chi2,
        p=float(stats.chi2.sf(chi2, 2)),
    )
