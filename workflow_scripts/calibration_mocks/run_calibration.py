"""Do the run-level tests keep their level, and their intervals their coverage? Measured on simulated populations.

Beside them stands what is usually done: a two-proportion z test that counts galaxies as independent, on the same
mocks. An effect of 0 gives the size, any other the power, next to the one that `power` predicts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.calibration_mocks.run_mocks import RunPopulation, base_axes, rotating_mocks, two_arm_mocks
from workflow_scripts.statistics.fractions import fraction_contrast
from workflow_scripts.statistics.runs.common_means import common_dipole
from workflow_scripts.statistics.runs.contrasts import VectorContrast, arm_contrast, vector_contrast
from workflow_scripts.statistics.runs.footprint_response import footprint_response, scalar_response
from workflow_scripts.statistics.runs.pattern_response import pattern_response
from workflow_scripts.statistics.runs.power import kappa_power, response_power, two_arm_power

# All groupings of up to twelve runs are tried; beyond, 199 random ones, with which 5 % and 1 % are attained exactly.
_MOST_GROUPINGS = comb(12, 6)
_RANDOM_GROUPINGS = 199
_COMPONENTS = 3

# Fractions scatter around it.
_MEAN = 0.5

# Of the run-level tests these claim nothing: galaxies as the unit describe two networks, not footprints.
GALAXIES_OF_RUNS = ("galaxies, one run an arm", "galaxies, all runs")

# About the scatter that short training shows: several times that of 5,000 galaxies.
TYPICAL_RUNS = RunPopulation(sample_sd=0.01, seed_sd=0.02)

# p and whether the 95 % interval holds the truth (one or several; None without an interval) of every test on one mock.
_Findings = list[tuple[float, bool | NDArray[np.bool_] | None]]


class CalibrationRow(NamedTuple):
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
    """Both designs at their usual sizes: `runs` (2 or more) in each arm, and the twelve HEALPix axes.

    Every cell has mocks of its own. 2,000 of them take less than a minute in all.
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
) -> list[CalibrationRow]:
    """Welch's t, its permutation, Hotelling's T^2 of three components, its permutation, and the z test of galaxies.

    Fractions of the mocks are binomial counts over `galaxies` a run, around 0.5; dipoles are three independent
    components of the same scatter, with the effect along (1, 1, 1) and of the same length. The z test is made of the
    first run of each arm, and of all runs of an arm taken together.

    Raises `ValueError` for an arm of fewer than two runs, or a scatter that takes fractions out of 0 to 1.
    """
    # The labels' own scatter; as a run's fraction is itself spread out, its expectation is a little smaller.
    noisy = replace(population, galaxy_sd=float(np.sqrt(_MEAN * (1 - _MEAN) / galaxies)))
    unit = noisy.mean_sd(seeds)
    size = np.random.SeedSequence(seed).generate_state(4).tolist()
    arms = two_arm_mocks(mocks, runs, effect * unit, population, size[0], mean=_MEAN, seeds=seeds, spread_b=spread_b)
    total = galaxies * seeds
    counts = [
        np.random.default_rng(part).binomial(total, arm[..., 0]) for arm, part in zip(arms, size[1:3], strict=True)
    ]
    shift = np.full(_COMPONENTS, effect * unit / np.sqrt(_COMPONENTS))
    dipoles = two_arm_mocks(mocks, runs, shift, noisy, size[3], seeds=seeds, spread_b=spread_b)
    groupings = comb(sum(runs), runs[0])
    permutations = groupings if groupings <= _MOST_GROUPINGS else _RANDOM_GROUPINGS

    found: list[_Findings] = []
    for mock, (k_a, k_b, dipole_a, dipole_b) in enumerate(zip(*counts, *dipoles, strict=True)):
        welch = arm_contrast(k_a / total, k_b / total, permutations, mock)
        hotelling = vector_contrast(dipole_a, dipole_b, permutations, mock)
        one = fraction_contrast(k_a[0], total, k_b[0], total)
        pooled = fraction_contrast(k_a.sum(), total * runs[0], k_b.sum(), total * runs[1])
        found.append(
            [
                (welch.p, _within(welch.ci95, effect * unit)),
                (welch.p_permutation, None),
                (hotelling.p, _in_ellipsoid(hotelling, shift)),
                (hotelling.p_permutation, None),
                (one.p, _within(one.ci95, effect * unit)),
                (pooled.p, _within(pooled.ci95, effect * unit)),
            ]
        )
    scalar, vector = (
        # The prediction is for arms of equal scatter.
        two_arm_power(effect, 1.0, *runs, alpha=0.05, components=d) if spread_b == 1 and sum(runs) >= d + 2 else None
        for d in (1, _COMPONENTS)
    )
    predicted = {
        "Welch t": scalar,
        "Welch t, permuted": scalar,
        "Hotelling T2": vector,
        "Hotelling T2, permuted": vector,
    }
    return _rows("two arms", " + ".join(map(str, runs)), effect, found, predicted | dict.fromkeys(GALAXIES_OF_RUNS))


def rotating_calibration(
    effect: float,
    mocks: int,
    seed: int,
    population: RunPopulation = TYPICAL_RUNS,
    *,
    seeds: int = 3,
    matrix: ArrayLike | None = None,
) -> list[CalibrationRow]:
    """The response of a fraction (F and permutation), of the dipole (permutation), and kappa (permutation, interval).

    Also any response of the pattern, by permutation, and the test of the common dipole, which has the length `effect`
    in the same unit, beside no noise of galaxies. `effect` is the length of the fraction's k along (1, 1, 1), and
    kappa, in units of the scatter of a footprint's mean over `seeds`; with `matrix` M (3, 3) the dipole responds with
    effect x M instead of kappa, and there is neither coverage nor a prediction for kappa. Axes of the footprints are
    the twelve HEALPix ones.
    """
    axes = base_axes()
    unit = population.mean_sd(seeds)
    size = np.random.SeedSequence(seed).generate_state(2).tolist()
    k = effect * unit * np.ones(3) / np.sqrt(3)
    response = effect * unit * (np.eye(3) if matrix is None else np.asarray(matrix, float))
    fractions = rotating_mocks(mocks, axes, k, population, size[0], common=_MEAN, seeds=seeds)
    # The common dipole does not change any response.
    dipoles = rotating_mocks(mocks, axes, response, population, size[1], common=k, seeds=seeds)
    found: list[_Findings] = []
    for mock in range(mocks):
        fraction = footprint_response(axes, fractions[mock], _RANDOM_GROUPINGS, mock)
        dipole = footprint_response(axes, dipoles[mock], _RANDOM_GROUPINGS, mock)
        kappa = scalar_response(axes, dipoles[mock], _RANDOM_GROUPINGS, mock)
        mean = dipoles[mock].mean(axis=0)
        pattern = pattern_response(axes, dipoles[mock], _RANDOM_GROUPINGS, mock, common=mean)
        common = common_dipole(dipoles[mock], np.zeros((3, 3)))
        assert fraction.p is not None  # there is one for a single component
        # Intervals of single components: three a mock, so their mean coverage stands for all.
        low, high = fraction.matrix_ci95[0].T
        found.append(
            [
                (fraction.p, (low <= k) & (k <= high)),
                (fraction.p_permutation, None),
                (dipole.p_permutation, None),
                (kappa.p_permutation, _within(kappa.ci95, effect * unit) if matrix is None else None),
                (pattern.p_permutation, None),
                (common.p, None),
            ]
        )
    of_fraction = response_power(axes, k, unit, 0.05)
    of_kappa = kappa_power(axes, effect * unit, unit, 0.05) if matrix is None else None
    predicted = {
        "fraction, F": of_fraction,
        "fraction, permuted": of_fraction,
        "dipole, permuted": None,
        "kappa, permuted": of_kappa,
        "pattern, permuted": None,
        "common dipole, T2": None,
    }
    return _rows("rotating", str(len(axes)), effect, found, predicted)


def _rows(
    design: str, units: str, effect: float, found: list[_Findings], predicted: Mapping[str, float | None]
) -> list[CalibrationRow]:
    """A row for each test of `predicted`, in the order of its findings on every mock."""
    rows = []
    for (test, power), results in zip(predicted.items(), zip(*found, strict=True), strict=True):
        p, covered = zip(*results, strict=True)
        # A permutation p is a ratio of whole numbers, and may miss 0.05 by rounding only.
        rejected = [float(np.mean(np.array(p) <= level + 1e-12)) for level in (0.05, 0.01)]
        coverage = None if covered[0] is None else float(np.mean(covered))
        rows.append(CalibrationRow(design, test, units, effect, len(p), rejected[0], rejected[1], coverage, power))
    return rows


def _within(interval: tuple[float, float], truth: float) -> bool:
    return interval[0] <= truth <= interval[1]


def _in_ellipsoid(contrast: VectorContrast, truth: NDArray[np.float64]) -> bool:
    """Whether Hotelling's 95 % ellipsoid holds the truth: T^2 of the deviation against the same F."""
    d, rest = contrast.dof
    off = contrast.estimate - truth
    t_squared = float(off @ np.linalg.solve(contrast.covariance, off))
    return t_squared * rest / (d * (rest + d - 1)) <= stats.f.isf(0.05, d, rest)
