"""The response model d_f = d_0 + K a_f + e in numbers: what networks share, what follows the footprint, the scatter.

The scatter e comes from the choice of training galaxies, and from seeds; it decides what more runs would find.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.bias.annotations import Sky
from workflow_scripts.bias.declared_tests import RESPONSE, SCALAR_RESPONSE, VARIANCE, RunLevelTest
from workflow_scripts.bias.quantities import DIPOLE, REFERENCE_DIPOLE
from workflow_scripts.bias.replicates import FEWEST_FOR_RESPONSE, footprint_axes, of_footprints, rotating_runs
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.runs.decision_power import ContrastDesign, RotatingDesign, smallest_effect
from workflow_scripts.statistics.runs.footprint_response import footprint_response

_POWER, _SIMULATED = 0.8, 200
# A single permutation, because no p is used here: the tests have it.
_FIT_ALONE = 1, 0


def response_models(runs: pd.DataFrame, tests: Sequence[RunLevelTest], sky: Sky) -> list[dict[str, Any]]:
    """One entry a network and family of hemispheres of which the response of the dipole was tested.

    Returns
    -------
    list of dict
        `network, family, footprints`; `d_0` (3,), its standard error between footprints `d_0_se` (None without
        reference labels), and that of the galaxies, which all networks share, `d_0_galaxy_se`; `K` (3, 3) and `K_se`;
        `residual_sd`, the root mean square of e over components; `kappa`, `kappa_se`, `kappa_ci95`. Dipoles are of
        prediction minus reference, of unit vectors (x y z), in the span of what the sky constrains.
    """
    along = {(test.network, test.label): test for test in tests if test.design == SCALAR_RESPONSE}
    models = []
    for test in tests:
        if (test.quantity, test.design) == ("dipole", RESPONSE) and (test.network, test.label) in along:
            members = runs[runs["network"].eq(test.network) & runs["footprint"].isin(test.footprints)]
            models.append(_model(members, test, along[test.network, test.label], sky))
    return models


def _model(members: pd.DataFrame, test: RunLevelTest, along: RunLevelTest, sky: Sky) -> dict[str, Any]:
    means = of_footprints(members)
    axes, values = unit_vectors(means["axis_ra"], means["axis_dec"]), means[DIPOLE].to_numpy()
    residual = values - values.mean(axis=0) - (axes - axes.mean(axis=0)) @ test.estimate.T
    degrees = (len(values) - 4) * sky.constrained.constrained.sum()
    model: dict[str, Any] = {
        "network": test.network,
        "family": str(members["family"].iloc[0]),
        "footprints": len(means),
        "K": test.estimate,
        "K_se": test.se,
        "residual_sd": float(np.sqrt((residual**2).sum() / degrees)),
        "kappa": along.estimate,
        "kappa_se": along.se,
        "kappa_ci95": along.ci95,
    }
    reference = means[REFERENCE_DIPOLE].to_numpy()
    if not (members["n_reference"] > 0).all() or not np.isfinite(reference).all():
        return model | dict.fromkeys(("d_0", "d_0_se", "d_0_galaxy_se"))
    kept = sky.labelled.kept
    common = footprint_response(axes, reference @ kept.T, *_FIT_ALONE, frame=kept)
    galaxies = members[[f"{name}_se" for name in REFERENCE_DIPOLE]].median()
    return model | {"d_0": common.common, "d_0_se": common.common_se, "d_0_galaxy_se": galaxies}


@dataclass(frozen=True)
class DecidingRule:
    """The level `alpha` of p adjusted by Holm over `n_tests` tests, each with so many `permutations`."""

    alpha: float
    n_tests: int
    permutations: int


def variance_budget(
    runs: pd.DataFrame, tests: Sequence[RunLevelTest], opposite: Sequence[Sequence[str]], rule: DecidingRule
) -> list[dict[str, Any]]:
    """One entry a network: standard deviations of the fraction by source, and the smallest effects that can be found.

    Parameters
    ----------
    runs, tests
        the `run_table` and the run-level tests.
    opposite
        pairs of footprints that are contrasted.
    rule
        how a test is decided.

    Returns
    -------
    list of dict
        `network`; `footprint_sd` over footprints in random directions, from the size of the response (None without
        rotating footprints); `sample_sd` between training sets and `seed_sd` between seeds, pooled over the arms (None
        where no arm repeats seeds); `set_sd` between training sets with a seed each, where no seeds are repeated, which
        has both in it; `galaxy_se`, the binomial error of one run's fraction, which networks on the same
        galaxies share; and `detectable`, a list of `{"design", "samples", "seeds", "effect"}`: the smallest change
        between opposite regions that the deciding rule finds with a power of 80 % (simulated), for the runs there are
        and for more of them; infinite where no effect gives a p below the level.
    """
    budgets = []
    for network, group in runs.groupby("network", sort=False):
        of_fraction = [test for test in tests if (test.quantity, test.network) == ("fraction", str(network))]
        sample_sd, seed_sd = _training_noise([test for test in of_fraction if test.design == VARIANCE])
        set_sd = _scatter_of_sets(group) if seed_sd is None else None
        sizes = [test.size for test in of_fraction if test.design == RESPONSE and test.size is not None]
        budgets.append(
            {
                "network": str(network),
                # k . a over directions a has the mean square |k|^2 / 3; the size is 2 |k|. Two families have two.
                "footprint_sd": sizes[0] / 2 / np.sqrt(3) if len(sizes) == 1 else None,
                "sample_sd": sample_sd,
                "seed_sd": seed_sd,
                "set_sd": set_sd,
                "galaxy_se": float(group["fraction_se"].median()),
                "detectable": _detectable(group, opposite, set_sd or sample_sd, seed_sd, rule),
            }
        )
    return budgets


def _training_noise(tests: Sequence[RunLevelTest]) -> tuple[float | None, float | None]:
    """Root of the mean variance over the arms, weighted by their degrees of freedom."""
    sample = [(test.estimate[0] ** 2, test.dof[0]) for test in tests if np.isfinite(test.estimate[0])]
    seed = [(test.estimate[1] ** 2, max(1, test.dof[1])) for test in tests]
    pooled = [
        float(np.sqrt(np.average([v for v, _ in values], weights=[w for _, w in values]))) if values else None
        for values in (sample, seed)
    ]
    return pooled[0], pooled[1]


def _scatter_of_sets(runs: pd.DataFrame) -> float | None:
    """Pooled standard deviation of the fraction within footprints, of training sets with one run; None below two."""
    sets = runs.drop_duplicates(["footprint", "resample", "seed"])
    sets = sets[sets.groupby(["footprint", "resample"])["seed"].transform("size") == 1]
    each = sets.groupby("footprint")["fraction"]
    squares, dof = float(((each.size() - 1) * each.var()).sum()), int((each.size() - 1).sum())
    return float(np.sqrt(squares / dof)) if dof else None


def _detectable(
    runs: pd.DataFrame,
    opposite: Sequence[Sequence[str]],
    sample_sd: float | None,
    seed_sd: float | None,
    rule: DecidingRule,
) -> list[dict[str, Any]]:
    if not sample_sd and not seed_sd:
        return []
    rows: list[dict[str, Any]] = []
    rotating = rotating_runs(runs)
    axes = footprint_axes(rotating)
    if len(axes) >= FEWEST_FOR_RESPONSE:
        vectors = unit_vectors(*axes.to_numpy().T)
        samples, seeds = _replicates(rotating)
        smallest = _smallest_response(tuple(map(tuple, vectors.tolist())), rule)
        for r, s in ((samples, seeds), (samples, 2 * seeds), (2 * samples, seeds), (4 * samples, seeds)):
            effect = smallest * _mean_sd(sample_sd, seed_sd, r, s)
            rows.append({"design": f"{len(axes)} footprints", "samples": r, "seeds": s, "effect": effect})
    for first, second in opposite:
        sides = [runs[runs["footprint"] == name] for name in (first, second)]
        # One seed a training set is what a contrast needs; its unit is the training set.
        samples, seeds = min(_replicates(side) for side in sides)
        if samples < 2:
            continue
        for n in (samples, 2 * samples, 4 * samples):
            effect = _smallest_contrast(n, rule) * _mean_sd(sample_sd, seed_sd, 1, seeds)
            rows.append({"design": f"{first} - {second}", "samples": n, "seeds": seeds, "effect": effect})
    return rows


# In units of the scatter, so that runs with one design need one simulation.
@lru_cache
def _smallest_response(axes: tuple[tuple[float, ...], ...], rule: DecidingRule) -> float:
    design = RotatingDesign(np.array(axes), rule.alpha, rule.n_tests, rule.permutations)
    return smallest_effect(design, _POWER, experiments=_SIMULATED)


@lru_cache
def _smallest_contrast(n: int, rule: DecidingRule) -> float:
    design = ContrastDesign(n, n, rule.alpha, rule.n_tests, rule.permutations)
    return smallest_effect(design, _POWER, experiments=_SIMULATED)


def _replicates(runs: pd.DataFrame) -> tuple[int, int]:
    """Training sets a footprint, and seeds a training set (the fewest of each)."""
    seeds = runs.groupby(["footprint", "resample"])["seed"].nunique()
    return int(seeds.groupby("footprint").size().min()), int(seeds.min())


def _mean_sd(sample_sd: float | None, seed_sd: float | None, samples: int, seeds: int) -> float:
    """Scatter of a footprint's mean over its runs; what the choice of galaxies does to all runs alike cancels."""
    return float(np.sqrt((sample_sd or 0.0) ** 2 / samples + (seed_sd or 0.0) ** 2 / (samples * seeds)))
