"""Where the scatter between training runs comes from: the training sample, or the seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class VarianceComponents:
    """Standard deviations between training samples and between seeds, and the F test of the former.

    With a single sample, only `seed_sd` is known and the others are NaN.
    """

    sample_sd: float
    seed_sd: float
    f: float
    dof: tuple[int, int]
    p: float

    @property
    def icc(self) -> float:
        """Share of the variance that lies between training samples; NaN without any variance."""
        total = self.sample_sd**2 + self.seed_sd**2
        return self.sample_sd**2 / total if total > 0 else float("nan")


def variance_components(values: ArrayLike, explained: ArrayLike | None = None) -> VarianceComponents:
    """Random samples crossed with random seeds; `values` (samples, seeds), one number a run.

    The same seed on two samples starts from the same weights, so seeds have an effect of their own, which cancels
    between samples: with the interaction's mean square, E MS_samples = sigma_interaction^2 + seeds sigma_sample^2
    (two-way random model without replication; Searle, Casella & McCulloch 1992, Variance Components, ch. 4).
    `seed_sd` is the scatter of seeds on one sample, main effect and interaction together. A negative estimate of
    sigma_sample^2 is given as 0.

    Parameters
    ----------
    values
        (samples, seeds).
    explained
        (samples, k): columns whose linear effect on a sample's mean is no scatter, such as the axis of its footprint.

    Raises
    ------
    ValueError
        with fewer than two seeds, or without any variance, or with fewer samples than `explained` needs.
    """
    values = np.asarray(values, float)
    if values.ndim != 2 or values.shape[1] < 2:
        raise ValueError("variance components need two seeds on each training sample")
    samples, seeds = values.shape
    within = float(values.var(axis=1, ddof=1).mean())
    if samples == 1:
        nothing = float("nan")
        return VarianceComponents(nothing, float(np.sqrt(within)), nothing, (0, 0), nothing)
    means = values.mean(axis=1)
    design = np.ones((samples, 1)) if explained is None else np.column_stack([np.ones(samples), explained])
    dof = (samples - int(np.linalg.matrix_rank(design)), (samples - 1) * (seeds - 1))
    if dof[0] < 1:
        raise ValueError(f"{samples} training samples are too few beside what explains their means")
    residual = means - design @ np.linalg.lstsq(design, means, rcond=None)[0]
    between = seeds * float(residual @ residual) / dof[0]
    interaction = float(((values - means[:, None] - values.mean(axis=0) + values.mean()) ** 2).sum()) / dof[1]
    if not between + within > 1e-24 * (values**2).max():
        raise ValueError("all runs are the same: there is no variance to take apart")
    f = between / interaction if interaction > 0 else np.inf
    return VarianceComponents(
        float(np.sqrt(max(0.0, (between - interaction) / seeds))),
        float(np.sqrt(within)),
        float(f),
        dof,
        float(stats.f.sf(f, *dof)),
    )
