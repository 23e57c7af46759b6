"""Where the scatter of the annotated fraction comes from, and what more runs would buy."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.bias.collected_tests import FEWEST_FOOTPRINTS, rotating_runs
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.result import TestResult
from workflow_scripts.statistics.runs.power import detectable_effect, detectable_response

POWER = 0.8


def variance_budget(
    runs: pd.DataFrame, tests: Sequence[TestResult], opposite: Sequence[Sequence[str]], alpha: float
) -> list[dict[str, Any]]:
    """One entry a network: standard deviations of the fraction by source, and the smallest effects that can be found.

    Parameters
    ----------
    runs, tests
        the `run_table` and the run-level tests.
    opposite
        pairs of footprints that are contrasted.
    alpha
        level of a test.

    Returns
    -------
    list of dict
        `network`; `footprint_sd` over footprints in random directions, from the size of the response (None without
        rotating footprints); `sample_sd` between training sets and `seed_sd` between seeds, pooled over the arms (None
        where no arm repeats seeds); `galaxy_se`, the binomial error of one run's fraction, which networks on the same
        galaxies share; and `detectable`, a list of `{"design", "samples", "seeds", "effect"}`: the smallest change
        between opposite regions that is found with a power of 80 %, for the runs there are and for more of them.
    """
    several = runs["network"].nunique() > 1
    budgets = []
    for network, group in runs.groupby("network", sort=False):
        suffix = f" [{network}]" if several else ""
        sample_sd, seed_sd = _training_noise(tests, suffix)
        response = next((test for test in tests if test.name == "fraction_response" + suffix), None)
        budgets.append(
            {
                "network": str(network),
                # k . a over directions a has the mean square |k|^2 / 3; the size is 2 |k|.
                "footprint_sd": response.size / 2 / np.sqrt(3) if response and response.size is not None else None,
                "sample_sd": sample_sd,
                "seed_sd": seed_sd,
                "galaxy_se": float(group["fraction_se"].median()),
                "detectable": _detectable(group, opposite, sample_sd, seed_sd, alpha),
            }
        )
    return budgets


def _training_noise(tests: Sequence[TestResult], suffix: str) -> tuple[float | None, float | None]:
    """Root of the mean variance over the arms, weighted by their degrees of freedom."""
    found = [
        test for test in tests if test.name.startswith("fraction_variance ") and test.name.endswith(suffix or test.name)
    ]
    sample = [(test.estimate[0] ** 2, test.dof[0]) for test in found if np.isfinite(test.estimate[0])]
    seed = [(test.estimate[1] ** 2, max(1, test.dof[1])) for test in found]
    pooled = [
        float(np.sqrt(np.average([v for v, _ in values], weights=[w for _, w in values]))) if values else None
        for values in (sample, seed)
    ]
    return pooled[0], pooled[1]


def _detectable(
    runs: pd.DataFrame,
    opposite: Sequence[Sequence[str]],
    sample_sd: float | None,
    seed_sd: float | None,
    alpha: float,
) -> list[dict[str, Any]]:
    if not sample_sd and not seed_sd:
        return []
    rows: list[dict[str, Any]] = []
    rotating = rotating_runs(runs)
    axes = rotating.groupby("footprint")[["axis_ra", "axis_dec"]].first()
    if len(axes) >= FEWEST_FOOTPRINTS:
        vectors = unit_vectors(*axes.to_numpy().T)
        samples, seeds = _replicates(rotating)
        for more_samples, more_seeds in ((1, 1), (1, 2), (2, 1), (4, 1)):
            r, s = samples * more_samples, seeds * more_seeds
            scatter = _mean_sd(sample_sd or 0.0, seed_sd or 0.0, r, s)
            length = detectable_response(vectors, scatter, POWER, alpha)[1]
            rows.append({"design": f"{len(axes)} footprints", "samples": r, "seeds": s, "effect": 2 * length})
    for first, second in opposite:
        sides = [runs[runs["footprint"] == name] for name in (first, second)]
        # One seed a training set is what a contrast needs; its unit is the training set.
        samples, seeds = min(_replicates(side) for side in sides)
        if samples < 2:
            continue
        for more in (1, 2, 4):
            scatter = _mean_sd(sample_sd or 0.0, seed_sd or 0.0, 1, seeds)
            effect = scatter * detectable_effect(samples * more, samples * more, POWER, alpha)
            rows.append({"design": f"{first} - {second}", "samples": samples * more, "seeds": seeds, "effect": effect})
    return rows


def _replicates(runs: pd.DataFrame) -> tuple[int, int]:
    """Training sets a footprint, and seeds a training set (the fewest of each)."""
    seeds = runs.groupby(["footprint", "resample"])["seed"].nunique()
    return int(seeds.groupby("footprint").size().min()), int(seeds.min())


def _mean_sd(sample_sd: float, seed_sd: float, samples: int, seeds: int) -> float:
    """Scatter of a footprint's mean over its runs; what the choice of galaxies does to all runs alike cancels."""
    return float(np.sqrt(sample_sd**2 / samples + seed_sd**2 / (samples * seeds)))
