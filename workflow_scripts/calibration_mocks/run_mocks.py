"""Simulated populations of training runs with known variance components, to calibrate run-level tests on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class RunPopulation:
    """Standard deviations between training samples, between seeds on one sample, and from finite galaxies, a run.

    Samples and seeds are normal, or with `tail_dof` (above 2) Student's t scaled to the same sd.
    """

    sample_sd: float
    seed_sd: float
    galaxy_sd: float = 0.0
    tail_dof: float | None = None

    def mean_sd(self, seeds: int) -> float:
        """Standard deviation of the mean over `seeds` runs on one training sample."""
        return float(np.sqrt(self.sample_sd**2 + (self.seed_sd**2 + self.galaxy_sd**2) / seeds))

    def scatter(self, shape: tuple[int, ...], seeds: int, random: np.random.Generator) -> NDArray[np.float64]:
        """Deviations of runs: `shape` samples, each with `seeds` runs, as an array (*shape, seeds)."""
        return (
            self.sample_sd * self._standard((*shape, 1), random)
            + self.seed_sd * self._standard((*shape, seeds), random)
            + self.galaxy_sd * random.standard_normal((*shape, seeds))
        )

    def _standard(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float64]:
        if self.tail_dof is None:
            return random.standard_normal(shape)
        return random.standard_t(self.tail_dof, shape) * np.sqrt((self.tail_dof - 2) / self.tail_dof)


def base_axes() -> NDArray[np.float64]:
    """Unit vectors (12, 3) to the pixels of HEALPix at Nside 1, in ring order (Gorski et al. 2005, ApJ 622, 759)."""
    z = np.repeat([2 / 3, 0.0, -2 / 3], 4)
    longitude = np.radians(90 * np.tile(np.arange(4), 3) + np.repeat([45, 0, 45], 4))
    radius = np.sqrt(1 - z**2)
    return np.column_stack([radius * np.cos(longitude), radius * np.sin(longitude), z])


def two_arm_mocks(
    mocks: int,
    runs: tuple[int, int],
    effect: ArrayLike,
    population: RunPopulation,
    seed: int,
    *,
    mean: float = 0.0,
    seeds: int = 1,
    spread_b: float = 1.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Arm A around `mean` + `effect`, arm B around `mean`, with `spread_b` times the scatter, averaged over seeds.

    `effect` is a number or a vector (d,), whose components scatter independently. The arms are (mocks, runs, d).
    """
    effect = np.atleast_1d(np.asarray(effect, float))
    random = np.random.default_rng(seed)
    a, b = (population.scatter((mocks, number, len(effect)), seeds, random).mean(axis=-1) for number in runs)
    return mean + effect + a, mean + spread_b * b


def rotating_mocks(
    mocks: int,
    axes: ArrayLike,
    matrix: ArrayLike,
    population: RunPopulation,
    seed: int,
    *,
    common: ArrayLike = 0.0,
    seeds: int = 3,
) -> NDArray[np.float64]:
    """x_f = x_0 + K a_f + e_f, averaged over the seeds of a footprint: (mocks, footprints, d).

    `axes` (footprints, 3); `matrix` K (d, 3), or (3,) for one number; `common` x_0, a number or (d,).
    """
    axes, matrix = np.asarray(axes, float), np.atleast_2d(np.asarray(matrix, float))
    scatter = population.scatter((mocks, len(axes), len(matrix)), seeds, np.random.default_rng(seed))
    return np.asarray(common, float) + axes @ matrix.T + scatter.mean(axis=-1)
