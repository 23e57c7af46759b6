"""Where scatter comes from, and what more runs would buy."""

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.bias.declared_tests import RESPONSE, VARIANCE, RunLevelTest
from workflow_scripts.bias.response_model import DecidingRule, variance_budget
from workflow_scripts.configuration.expansion import BASE_PIXELS
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.runs.footprint_response import footprint_response


def run_rows(footprints, samples, seeds, rotating):
    return [
        {
            "network": "net",
            "footprint": name,
            "resample": r,
            "seed": s,
            "axis_ra": axis[0] if rotating else np.nan,
            "axis_dec": axis[1] if rotating else np.nan,
            "family": "rotating" if rotating else None,
            "fraction_se": 0.003,
        }
        for name, axis in footprints
        for r in range(samples)
        for s in range(seeds)
    ]


def results_with(size, sample_sd, seed_sd):
    about = {"quantity": "fraction", "network": "net"}
    return [
        RunLevelTest("response", "e", "n", "run", "primary", 12, size=size, design=RESPONSE, **about),
        RunLevelTest(
            *("noise", "e", "n", "run", "v", 24), estimate=[sample_sd, seed_sd], dof=(8, 11), design=VARIANCE, **about
        ),
    ]


ROTATING = [(f"rotating_{n:02d}", axis) for n, axis in enumerate(BASE_PIXELS)]
RUNS = pd.DataFrame(
    run_rows(ROTATING, 1, 2, True) + run_rows([("east", (0, 0)), ("west", (0, 0))], samples=6, seeds=1, rotating=False)
)


RULE = DecidingRule(0.01, 2, 2000)


def test_the_scatter_of_footprints_is_that_of_random_directions():
    random = np.random.default_rng(0)
    directions = random.normal(size=(200_000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    k = np.array([0.01, -0.02, 0.005])
    (budget,) = variance_budget(RUNS, results_with(2 * np.linalg.norm(k), 0.004, 0.003), [], RULE)
    assert budget["footprint_sd"] == pytest.approx((directions @ k).std(), rel=0.01)
    assert (budget["sample_sd"], budget["seed_sd"]) == pytest.approx((0.004, 0.003))
    assert budget["galaxy_se"] == 0.003


def test_the_smallest_effect_is_found_in_four_of_five_mocks():
    (budget,) = variance_budget(RUNS, results_with(0.0, 0.004, 0.003), [["east", "west"]], DecidingRule(0.05, 2, 999))
    now = budget["detectable"][0]
    assert (now["design"], now["samples"], now["seeds"]) == ("12 footprints", 1, 2)
    axes, random = unit_vectors(*np.array(BASE_PIXELS).T), np.random.default_rng(1)
    scatter = np.sqrt(0.004**2 + 0.003**2 / 2)
    # The first of two tests, whose other finds nothing: it is compared with half the level.
    p = []
    for direction in random.normal(size=(300, 3)):
        k = now["effect"] / 2 * direction / np.linalg.norm(direction)
        found = footprint_response(axes, axes @ k + scatter * random.normal(size=12), 999, 0)
        p.append(max(found.p, found.p_permutation))
    assert np.mean(np.array(p) < 0.025) == pytest.approx(0.8, abs=0.07)


def test_arms_that_are_too_small_for_any_p_find_no_effect():
    """Four sets against four give no p below 2/70, whatever the effect."""
    runs = pd.DataFrame(run_rows([("east", (0, 0)), ("west", (0, 0))], samples=4, seeds=1, rotating=False))
    (budget,) = variance_budget(runs, results_with(0.0, 0.004, 0.003), [["east", "west"]], RULE)
    effects = {row["samples"]: row["effect"] for row in budget["detectable"]}
    assert np.isinf(effects[4])
    assert effects[16] < effects[8] < 0.02


def test_more_training_sets_lower_the_smallest_effect_and_more_seeds_only_their_part():
    (budget,) = variance_budget(RUNS, results_with(0.0, 0.004, 0.0001), [["east", "west"]], RULE)
    effects = [row["effect"] for row in budget["detectable"] if row["design"] == "12 footprints"]
    assert effects[1] == pytest.approx(effects[0], rel=1e-3)
    assert effects[2:] == pytest.approx([effects[0] / np.sqrt(2), effects[0] / 2], rel=1e-3)
    pairs = [(row["samples"], row["effect"]) for row in budget["detectable"] if row["design"] == "east - west"]
    assert [samples for samples, _ in pairs] == [6, 12, 24]
    assert pairs[0][1] > pairs[1][1] > pairs[2][1]


def test_without_repeated_seeds_nothing_is_made_up():
    tests = results_with(0.01, 0.004, 0.003)[:1]
    rotating = RUNS[RUNS["family"].notna()].assign(fraction=0.4)
    (budget,) = variance_budget(rotating, tests, [], RULE)
    assert budget["sample_sd"] is budget["seed_sd"] is budget["set_sd"] is None
    assert budget["detectable"] == []


def test_training_sets_with_a_seed_each_have_their_scatter():
    """Issue: of 6 + 6 replicates nothing was known, although the tests used their scatter."""
    random = np.random.default_rng(1)
    halves = pd.DataFrame(run_rows([("east", (0, 0)), ("west", (0, 0))], samples=6, seeds=1, rotating=False))
    halves["fraction"] = 0.4 + 0.004 * random.normal(size=len(halves)) + 0.1 * (halves["footprint"] == "east")
    (budget,) = variance_budget(halves, [], [("east", "west")], RULE)
    assert (budget["sample_sd"], budget["seed_sd"]) == (None, None)
    assert budget["set_sd"] == pytest.approx(np.sqrt(halves.groupby("footprint")["fraction"].var().mean()))
    assert [row["samples"] for row in budget["detectable"]] == [6, 12, 24]
    (one,) = variance_budget(halves[halves["resample"] == 0], [], [("east", "west")], RULE)
    assert (one["set_sd"], one["detectable"]) == (None, [])
