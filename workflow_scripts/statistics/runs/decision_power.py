"""What the deciding rule of an experiment finds: power by simulation, and the smallest p that there can be.

A primary test is decided by the larger of its permutation p and its parametric p, adjusted by Holm over the primary
tests. Formulas for a single parametric test promise more than that: at the effect for which they say 0.8, arms of four
training sets find nothing at all, as no permutation p of theirs can be small enough. Effects are in units of the
standard deviation of one training set, or of the mean of one footprint; simulated noise is normal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import comb, factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.p_values import holm
from workflow_scripts.statistics.runs.contrasts import groups_of_runs, vector_contrast
from workflow_scripts.statistics.runs.footprint_response import footprint_orders
from workflow_scripts.statistics.runs.pattern_response import pattern_response
from workflow_scripts.statistics.runs.smallest_adjusted import smallest_adjusted_p, smallest_adjusted_p_rotating

ONE_NUMBER, SKY_PATTERN = "number", "dipole"
RESPONSE_SHAPES = ODD_SHAPE, EVEN_SHAPE = "odd", "even"
_LARGEST_EFFECT = 200.0
# Permutations of a simulated experiment for each that the adjusted level needs; more would change the power by 1 %.
_PERMUTATIONS_PER_LEVEL = 10
# Far above the noise, as the dipole that all networks share is where its response is of interest.
_COMMON = 10.0


@dataclass(frozen=True)
class ContrastDesign:
    """Two arms of training sets; `quantity` is `ONE_NUMBER`, a number, or `SKY_PATTERN`, a dipole."""

    n_a: int
    n_b: int
    alpha: float
    n_tests: int
    permutations: int
    quantity: str = ONE_NUMBER

    def power(self, effect_in_sd: float, experiments: int | None, seed: int) -> float:
        """Chance that an effect is found; the default number of experiments where that is None."""
        return power_of_contrasts(
            self.n_a,
            self.n_b,
            effect_in_sd,
            self.alpha,
            self.n_tests,
            self.permutations,
            quantity=self.quantity,
            experiments=experiments,
            seed=seed,
        )


@dataclass(frozen=True)
class RotatingDesign:
    """Footprints about `axes` (F, 3); `quantity` is `ONE_NUMBER`, or `SKY_PATTERN` with a response of the `shape`."""

    axes: ArrayLike
    alpha: float
    n_tests: int
    permutations: int
    quantity: str = ONE_NUMBER
    shape: str = ODD_SHAPE

    def power(self, effect_in_sd: float, experiments: int | None, seed: int) -> float:
        """Chance that an effect is found; the default number of experiments where that is None."""
        return power_of_rotating(
            self.axes,
            effect_in_sd,
            self.alpha,
            self.n_tests,
            self.permutations,
            quantity=self.quantity,
            shape=self.shape,
            experiments=experiments,
            seed=seed,
        )


def power_of_contrasts(
    n_a: int,
    n_b: int,
    effect_in_sd: float,
    alpha: float,
    n_tests: int,
    permutations: int,
    *,
    quantity: str = ONE_NUMBER,
    experiments: int | None = None,
    seed: int = 0,
) -> float:
    """Chance that a contrast is found at the adjusted level `alpha`, the other `n_tests` - 1 having nothing to find.

    Welch's t and the permutation of it, or for `SKY_PATTERN` the two tests of `vector_contrast`; `effect_in_sd` is the
    difference of the means, or its length. `experiments` are 400 for a number and 100 for a dipole, unless given.
    Raises `ValueError` as `smallest_adjusted_p`, for a level outside 0 to 1, or arms that are too small for a vector.
    """
    experiments = _checked(alpha, experiments, quantity)
    if smallest_adjusted_p(n_a, n_b, n_tests, permutations) >= alpha:
        return 0.0
    random = np.random.default_rng(seed)
    drawn = _drawn(permutations, n_tests, alpha)
    if comb(n_a + n_b, n_a) <= permutations:
        drawn = permutations
    if quantity == ONE_NUMBER:
        values = random.normal(size=(experiments, n_a + n_b))
        values[:, :n_a] += effect_in_sd
        p = _p_of_welch(values, n_a, groups_of_runs(n_a + n_b, n_a, drawn, seed), drawn)
    else:
        found = []
        for experiment in range(experiments):
            values = random.normal(size=(n_a + n_b, 3))
            values[:n_a, 0] += effect_in_sd
            # Without permutations first: they are needed only where the parametric test finds something.
            p_parametric = vector_contrast(values[:n_a], values[n_a:], 1, experiment).p
            if p_parametric < alpha:
                both = vector_contrast(values[:n_a], values[n_a:], drawn, experiment)
                p_parametric = max(p_parametric, both.p_permutation)
            found.append(p_parametric if np.isfinite(p_parametric) else 1.0)
        p = np.array(found)
    return _found_by_holm(p, n_tests, alpha, random)


def power_of_rotating(
    axes: ArrayLike,
    effect_in_sd: float,
    alpha: float,
    n_tests: int,
    permutations: int,
    *,
    quantity: str = ONE_NUMBER,
    shape: str = ODD_SHAPE,
    experiments: int | None = None,
    seed: int = 0,
) -> float:
    """Chance that a response to the axes (F, 3) is found at the adjusted level, nothing else being there to find.

    For `ONE_NUMBER`, F and permutation of `footprint_response`, and `effect_in_sd` is the change from a footprint to
    the opposite one; for `SKY_PATTERN`, `pattern_response`, and the amplitude along the common dipole changes by the
    effect between mu of -1 and 1 (`ODD_SHAPE`, along mu) or of 0 and 1 (`EVEN_SHAPE`, along mu squared). Directions are
    drawn at random. `experiments` as in `power_of_contrasts`. Raises `ValueError` as `smallest_adjusted_p_rotating`,
    `footprint_response` and `pattern_response`.
    """
    axes = np.asarray(axes, float)
    n = len(axes)
    experiments = _checked(alpha, experiments, quantity)
    if shape not in RESPONSE_SHAPES:
        raise ValueError(f"the shape of a response is {ODD_SHAPE} or {EVEN_SHAPE}, not {shape!r}")
    if smallest_adjusted_p_rotating(n, n_tests, permutations) >= alpha:
        return 0.0
    random = np.random.default_rng(seed)
    drawn = permutations if factorial(n) <= permutations else _drawn(permutations, n_tests, alpha)
    directions = random.normal(size=(experiments, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    if quantity == ONE_NUMBER:
        values = effect_in_sd / 2 * directions @ axes.T + random.normal(size=(experiments, n))
        p = _p_of_response(axes, values, drawn, seed)
    else:
        found = []
        for experiment, direction in enumerate(directions):
            mu = axes @ direction
            amplitude = _COMMON + effect_in_sd * (mu / 2 if shape == ODD_SHAPE else mu**2)
            dipoles = np.outer(amplitude, direction) + random.normal(size=(n, 3))
            test = pattern_response(axes, dipoles, drawn, experiment, common=dipoles.mean(axis=0))
            found.append(test.p_permutation)
        p = np.array(found)
    return _found_by_holm(p, n_tests, alpha, random)


def smallest_effect(
    design: ContrastDesign | RotatingDesign, power: float = 0.8, *, experiments: int | None = None, seed: int = 0
) -> float:
    """Smallest effect, in units of the sd, that the deciding rule finds with this power, to 5 %; infinite if none is.

    The same noise is simulated at every effect, so the power rises with it. Raises `ValueError` unless the power lies
    between the level and 1, or as the power of the design does.
    """
    if not design.alpha < power < 1:
        raise ValueError("the power must lie between the level alpha and 1")

    def enough(effect: float) -> bool:
        return design.power(effect, experiments, seed) >= power

    return _first(enough)


def _first(enough: Callable[[float], bool]) -> float:
    """Where a rising condition becomes true, to 5 %."""
    low, high = 0.0, 2.0
    while not enough(high):
        low, high = high, 2 * high
        if high > _LARGEST_EFFECT:
            return float("inf")
    while high - low > 0.05 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _drawn(permutations: int, n_tests: int, alpha: float) -> int:
    return min(permutations, max(199, int(np.ceil(_PERMUTATIONS_PER_LEVEL * n_tests / alpha))))


def _p_of_welch(values: NDArray, n_a: int, groups: NDArray[np.int64], permutations: int) -> NDArray[np.float64]:
    """The larger of both p of `arm_contrast`, of every row of `values` (E, n)."""
    n = values.shape[1]
    values = values - values.mean(axis=1, keepdims=True)
    first = np.arange(n) < n_a
    inside = np.zeros((len(groups), n))
    np.put_along_axis(inside, groups, 1.0, axis=1)

    def t_squared(inside: NDArray) -> tuple[NDArray, NDArray]:
        """Of groups (G, n): t^2 and its dof, (G, E)."""
        parts = []
        for side in (inside, 1 - inside):
            size = side[0].sum()
            mean = side @ values.T / size
            parts.append((mean, (side @ (values**2).T - size * mean**2) / (size - 1) / size, size - 1))
        (mean_a, v_a, dof_a), (mean_b, v_b, dof_b) = parts
        variance = np.maximum(v_a + v_b, 1e-300)
        return (mean_a - mean_b) ** 2 / variance, variance**2 / (v_a**2 / dof_a + v_b**2 / dof_b)

    observed, dof = t_squared(first[None].astype(float))
    p = 2 * stats.t.sf(np.sqrt(observed[0]), dof[0])
    null = t_squared(inside)[0]
    as_large = (null >= observed * (1 - 1e-9)).sum(axis=0)
    exact = len(groups) == comb(n, n_a) <= permutations
    return np.maximum(p, as_large / len(groups) if exact else (as_large + 1) / (len(groups) + 1))


def _p_of_response(axes: NDArray, values: NDArray, permutations: int, seed: int) -> NDArray[np.float64]:
    """The larger of both p of `footprint_response` for one number, of every row of `values` (E, F)."""
    n = len(axes)
    centred = values - values.mean(axis=1, keepdims=True)
    hat = np.linalg.qr(axes - axes.mean(axis=0))[0]
    orders, exact = footprint_orders(n, permutations, seed)
    total = (centred**2).sum(axis=1)
    observed = ((centred @ hat) ** 2).sum(axis=1) / total
    null = sum((hat[orders, column] @ centred.T) ** 2 for column in range(3)) / total
    as_large = (null >= observed * (1 - 1e-9)).sum(axis=0)
    p = stats.f.sf(observed / 3 / np.maximum((1 - observed) / (n - 4), 1e-300), 3, n - 4)
    return np.maximum(p, as_large / len(orders) if exact else (as_large + 1) / (len(orders) + 1))


def _found_by_holm(p: NDArray[np.float64], n_tests: int, alpha: float, random: np.random.Generator) -> float:
    """Share of experiments whose first test stays below the level beside tests that have nothing to find."""
    others = random.uniform(size=(len(p), n_tests - 1))
    return float(np.mean([holm([own, *rest])[0] < alpha for own, rest in zip(p, others, strict=True)]))


def _checked(alpha: float, experiments: int | None, quantity: str) -> int:
    """The number of experiments, whose default keeps a power below a second or two."""
    number = (400 if quantity == ONE_NUMBER else 100) if experiments is None else experiments
    if not 0 < alpha < 1 or number < 1:
        raise ValueError("the level alpha must lie between 0 and 1, and one experiment or more be simulated")
    if quantity not in (ONE_NUMBER, SKY_PATTERN):
        raise ValueError(f"the quantity is {ONE_NUMBER} or {SKY_PATTERN}, not {quantity!r}")
    return number
