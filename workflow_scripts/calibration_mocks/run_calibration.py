"""Do the run-level tests keep their level, and their intervals their coverage? Measured on simulated populations.

Beside them stands what is usually done: a two-proportion z test that counts galaxies as independent, on the same
mocks. An effect of 0 gives the size, any other the power, next to the one that `power` predicts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.calibration_mocks.run_mocks import (
    RunPopulation,
    base_axes,
    binomial_counts,
    rotating_mocks,
    two_arm_mocks,
)
from workflow_scripts.statistics.fractions import fraction_contrast
from workflow_scripts.statistics.runs.contrasts import VectorContrast, arm_contrast, vector_contrast
from workflow_scripts.statistics.runs.footprint_response import footprint_response, scalar_response
from workflow_scripts.statistics.runs.power import kappa_power, response_power, two_arm_power

# All groupings of up to twelve runs are tried; beyond, 199 random ones, with which 5 % and 1 % are attained exactly.
_MOST_GROUPINGS = comb(12, 6)
_RANDOM_GROUPINGS = 199
_COMPONENTS = 3

# Of the run-level tests these claim nothing: galaxies as the unit describe two networks, not footprints.
GALAXIES_OF_RUNS = ("galaxies, one run an arm", "galaxies, all runs")

# About the scatter that short training shows: several times that of 5,000 galaxies (methods.md, 3.f).
TYPICAL_RUNS = RunPopulation(sample_sd=0.01, seed_sd=0.02)


@dataclass(frozen=True)
class CalibrationRow:
    """One test in one cell: shares of mocks rejected at 5 % and 1 %, and whose 95 % interval holds the truth.

    `units` is the number of runs in each arm, or of footprints; `effect` is in units of the scatter of one of them (of
    arm A where the arms differ).
    `predicted_05` is the power at 5 % by `power`. Coverage and prediction are None where there is none.
    """

    design: str
    test: str
    units: str
    effect: float
    mocks: int
    rejected_05: float
    rejected_01: float
    covered_95: float | None
    predicted_05: float | None


def calibrate(
    mocks: int,
    seed: int,
    runs: Sequence[int] = (5, 10, 20),
    effects: Sequence[float] = (0.0, 1.0, 2.0),
) -> list[CalibrationRow]:
    """Both designs at their usual sizes: `runs` in each arm, and the twelve HEALPix axes.

    Every cell has mocks of its own. 2,000 of them take less than a minute in all. Raises `ValueError` for fewer than
    one mock, or fewer than two runs.
    """
    rows: list[CalibrationRow] = []
    cells = iter(np.random.SeedSequence(seed).generate_state(len(effects) * (len(runs) + 1)).tolist())
    for effect in effects:
        for number in runs:
            rows += two_arm_calibration((number, number), effect, mocks, next(cells))
        rows += rotating_calibration(effect, mocks, next(cells))
    return rows


def two_arm_calibration(
    runs: tuple[int, int],
    effect: float,
    mocks: int,
    seed: int,
    population: RunPopulation = TYPICAL_RUNS,
    *,
    seeds: int = 1,
    spread_b: float = 1.0,
    galaxies: int = 5_000,
    mean: float = 0.5,
) -> list[CalibrationRow]:
    """Welch's t, its permutation, Hotelling's T^2 of three components, its permutation, and the z test of galaxies.

    Fractions of the mocks are binomial counts over `galaxies` a run, around `mean`; dipoles are three independent
    components of the same scatter, with the effect along (1, 1, 1) and of the same length. The z test is made of the
    first run of each arm, and of all runs of an arm taken together.

    Raises `ValueError` for an arm of fewer than two runs, or a scatter that takes fractions out of 0 to 1.
    """
    # The labels' own scatter; as a run's fraction is itself spread out, its expectation is a little smaller.
    galaxy_sd = float(np.sqrt(mean * (1 - mean) / galaxies))
    noisy = RunPopulation(population.sample_sd, population.seed_sd, galaxy_sd, population.tail_dof)
    unit = noisy.mean_sd(seeds)
    size = np.random.SeedSequence(seed).generate_state(4).tolist()
    arms = two_arm_mocks(mocks, runs, effect * unit, population, size[0], mean=mean, seeds=seeds, spread_b=spread_b)
    total = galaxies * seeds
    counts = [binomial_counts(arm[..., 0], total, part) for arm, part in zip((arms.a, arms.b), size[1:3], strict=True)]
    shift = np.full(_COMPONENTS, effect * unit / np.sqrt(_COMPONENTS))
    dipoles = two_arm_mocks(mocks, runs, shift, noisy, size[3], seeds=seeds, spread_b=spread_b)
    groupings = comb(sum(runs), runs[0])
    permutations = groupings if groupings <= _MOST_GROUPINGS else _RANDOM_GROUPINGS

    found: dict[str, list[tuple[float, bool | None]]] = {}
    for mock in range(mocks):
        k_a, k_b = counts[0][mock], counts[1][mock]
        welch = arm_contrast(k_a / total, k_b / total, permutations, mock)
        hotelling = vector_contrast(dipoles.a[mock], dipoles.b[mock], permutations, mock)
        one = fraction_contrast(k_a[0], total, k_b[0], total)
        pooled = fraction_contrast(k_a.sum(), total * runs[0], k_b.sum(), total * runs[1])
        for test, p, covered in (
            ("Welch t", welch.p, _within(welch.ci95, effect * unit)),
            ("Welch t, permuted", welch.p_permutation, None),
            ("Hotelling T2", hotelling.p, _in_ellipsoid(hotelling, shift)),
            ("Hotelling T2, permuted", hotelling.p_permutation, None),
            (GALAXIES_OF_RUNS[0], one.p, _within(one.ci95, effect * unit)),
            (GALAXIES_OF_RUNS[1], pooled.p, _within(pooled.ci95, effect * unit)),
        ):
            found.setdefault(test, []).append((p, covered))
    scalar, vector = (
        # The prediction is for arms of equal scatter.
        two_arm_power(effect, 1.0, *runs, alpha=0.05, components=d) if spread_b == 1 and sum(runs) >= d + 2 else None
        for d in (1, _COMPONENTS)
    )
    predicted = dict(zip(found, (scalar, scalar, vector, vector, None, None), strict=True))
    units = " + ".join(map(str, runs))
    return [_row("two arms", test, units, effect, results, predicted[test]) for test, results in found.items()]


def rotating_calibration(
    effect: float,
    mocks: int,
    seed: int,
    population: RunPopulation = TYPICAL_RUNS,
    *,
    axes: ArrayLike | None = None,
    seeds: int = 3,
    direction: ArrayLike = (1.0, 1.0, 1.0),
    matrix: ArrayLike | None = None,
) -> list[CalibrationRow]:
    """The response of a fraction (F and permutation), of the dipole (permutation), and kappa (permutation, interval).

    `effect` is the length of the fraction's k along `direction`, and kappa, in units of the scatter of a footprint's
    mean over `seeds`; with `matrix` M (3, 3) the dipole responds with effect x M instead of kappa, and there is neither
    coverage nor a prediction for kappa. Axes (footprints, 3) are the twelve HEALPix ones unless given.

    Raises `ValueError` for axes that `footprint_response` cannot use.
    """
    axes = base_axes() if axes is None else np.asarray(axes, float)
    direction = np.asarray(direction, float)
    unit = population.mean_sd(seeds)
    size = np.random.SeedSequence(seed).generate_state(2).tolist()
    k = effect * unit * direction / np.linalg.norm(direction)
    response = effect * unit * (np.eye(3) if matrix is None else np.asarray(matrix, float))
    fractions = rotating_mocks(mocks, axes, k, population, size[0], common=0.5, seeds=seeds)
    dipoles = rotating_mocks(mocks, axes, response, population, size[1], seeds=seeds)
    found: dict[str, list[tuple[float, bool | None]]] = {}
    covered: list[NDArray[np.bool_]] = []
    for mock in range(mocks):
        fraction = footprint_response(axes, fractions[mock], _RANDOM_GROUPINGS, mock)
        dipole = footprint_response(axes, dipoles[mock], _RANDOM_GROUPINGS, mock)
        kappa = scalar_response(axes, dipoles[mock], _RANDOM_GROUPINGS, mock)
        covered.append((fraction.matrix_ci95[0, :, 0] <= k) & (k <= fraction.matrix_ci95[0, :, 1]))
        assert fraction.p is not None  # there is one for a single component
        for test, p, inside in (
            ("fraction, F", fraction.p, None),
            ("fraction, permuted", fraction.p_permutation, None),
            ("dipole, permuted", dipole.p_permutation, None),
            ("kappa, permuted", kappa.p_permutation, _within(kappa.ci95, effect * unit) if matrix is None else None),
        ):
            found.setdefault(test, []).append((p, inside))
    of_fraction = response_power(axes, k, unit, 0.05)
    of_kappa = kappa_power(axes, effect * unit, unit, 0.05) if matrix is None else None
    predicted = dict(zip(found, (of_fraction, of_fraction, None, of_kappa), strict=True))
    rows = [_row("rotating", test, str(len(axes)), effect, part, predicted[test]) for test, part in found.items()]
    # Intervals of single components: three a mock, so their mean coverage stands for all.
    return [replace(rows[0], covered_95=float(np.mean(covered))), *rows[1:]]


def _row(
    design: str,
    test: str,
    units: str,
    effect: float,
    results: Iterable[tuple[float, bool | None]],
    predicted: float | None,
) -> CalibrationRow:
    p, covered = zip(*results, strict=True)
    # A permutation p is a ratio of whole numbers, and may miss 0.05 by rounding only.
    rejected = [float(np.mean(np.array(p) <= level + 1e-12)) for level in (0.05, 0.01)]
    coverage = None if covered[0] is None else float(np.mean(covered))
    return CalibrationRow(design, test, units, effect, len(p), rejected[0], rejected[1], coverage, predicted)


def _within(interval: tuple[float, float], truth: float) -> bool:
    return interval[0] <= truth <= interval[1]


def _in_ellipsoid(contrast: VectorContrast, truth: NDArray[np.float64]) -> bool:
    """Whether Hotelling's 95 % ellipsoid holds the truth: T^2 of the deviation against the same F."""
    d, rest = contrast.dof
    off = contrast.difference - truth
    t_squared = float(off @ np.linalg.solve(contrast.covariance, off))
    return t_squared * rest / (d * (rest + d - 1)) <= stats.f.isf(0.05, d, rest)
