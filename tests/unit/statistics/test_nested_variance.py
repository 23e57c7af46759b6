"""Nested analysis of variance: literal sums as oracle, and sizes and coverages on mocks."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from workflow_scripts.calibration_mocks.run_mocks import RunPopulation, nested_mocks
from workflow_scripts.statistics.runs.nested_variance import nested_variance, unbalanced_nested_variance

# 99.9 % binomial bands over 500 mocks
SIZE = stats.binom.ppf([0.0005, 0.9995], 500, 0.05) / 500
COVERAGE = stats.binom.ppf([0.0005, 0.9995], 500, 0.95) / 500


def labels(shape):
    footprints, samples, _ = np.indices(shape)
    return footprints.ravel(), samples.ravel()


def design(cells):
    """Footprint and sample of every run, where footprint i has cells[i] = (samples, seeds on each)."""
    rows = [(f, r) for f, (samples, seeds) in enumerate(cells) for r in range(samples) for _ in range(seeds)]
    return np.array(rows).T


def test_mean_squares_are_the_literal_ones():
    """Methods.md 3.f: MS_seed, MS_samp and MS_foot, their expectations, F and ICC, by loops over footprints."""
    values = nested_mocks(1, 4, 3, 2, 2.0, RunPopulation(1.0, 0.5), 3)[0]
    ms_seed = sum(((row - row.mean()) ** 2).sum() for sheet in values for row in sheet) / (4 * 3 * 1)
    ms_sample = 2 * sum(((sheet.mean(axis=1) - sheet.mean()) ** 2).sum() for sheet in values) / (4 * 2)
    ms_footprint = 6 * sum((sheet.mean() - values.mean()) ** 2 for sheet in values) / 3
    found = nested_variance(values)
    assert found.within.seed_sd == pytest.approx(np.sqrt(ms_seed))
    assert found.within.sample_sd == pytest.approx(np.sqrt((ms_sample - ms_seed) / 2))
    assert found.footprint_sd == pytest.approx(np.sqrt((ms_footprint - ms_sample) / 6))
    assert (found.f, found.dof) == (pytest.approx(ms_footprint / ms_sample), (3, 8))
    assert (found.within.f, found.within.dof) == (pytest.approx(ms_sample / ms_seed), (8, 12))
    assert found.p == pytest.approx(stats.f.sf(found.f, 3, 8))
    limits = np.sqrt(12 * ms_seed / stats.chi2.ppf([0.975, 0.025], 12))
    assert found.seed_interval == pytest.approx(limits)
    assert found.exact


def test_the_footprints_f_is_that_of_a_one_way_analysis_of_sample_means():
    values = nested_mocks(1, 5, 4, 3, 1.0, RunPopulation(1.0, 2.0), 4)[0]
    found, expected = nested_variance(values), stats.f_oneway(*values.mean(axis=2))
    assert (found.f, found.p) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))
    # Of means over 3 seeds and 4 samples: E MS_footprint = MS_sample + 4 sigma_footprint^2.
    means = values.mean(axis=2)
    between, within = 4 * means.mean(axis=1).var(ddof=1), means.var(axis=1, ddof=1).mean()
    assert found.footprint_sd == pytest.approx(np.sqrt((between - within) / 4))


def test_components_and_shares_recover_what_was_put_in():
    values = nested_mocks(1, 400, 4, 3, 0.04, RunPopulation(0.02, 0.03, 0.01), 5)[0]
    found = nested_variance(values, galaxy_variance=1e-4)
    sds = (found.footprint_sd, found.within.sample_sd, found.within.seed_sd, found.galaxy_sd)
    np.testing.assert_allclose(sds, [0.04, 0.02, 0.03, 0.01], rtol=0.1)
    expected = np.array([16, 4, 9, 1]) / 30
    np.testing.assert_allclose(list(found.shares.values()), expected, atol=0.05)
    assert sum(found.shares.values()) == pytest.approx(1)


def test_the_galaxies_part_comes_out_of_the_seeds_only():
    values = nested_mocks(1, 4, 3, 3, 1.0, RunPopulation(1.0, 1.0), 6)[0]
    without, taken = nested_variance(values), nested_variance(values, galaxy_variance=0.1)
    assert taken.within.seed_sd**2 == pytest.approx(without.within.seed_sd**2 - 0.1)
    assert taken.seed_interval[1] ** 2 == pytest.approx(without.seed_interval[1] ** 2 - 0.1)
    assert (taken.footprint_sd, taken.within.sample_sd) == (without.footprint_sd, without.within.sample_sd)
    assert nested_variance(values, galaxy_variance=100.0).within.seed_sd == 0


@pytest.mark.parametrize(
    ("shape", "footprint_sd", "sample_sd"),
    [((12, 3, 3), 1.0, 1.0), ((12, 3, 3), 3.0, 0.5), ((4, 3, 2), 1.0, 1.0), ((6, 2, 2), 0.5, 1.0)],
)
def test_intervals_of_a_balanced_design_cover_the_truth(shape, footprint_sd, sample_sd):
    """Modified large-sample limits, checked by simulation: 94 to 96 % of 1,500 mocks in these and other designs."""
    mocks = nested_mocks(500, *shape, footprint_sd, RunPopulation(sample_sd, 1.0), 7)
    found = [nested_variance(values) for values in mocks]
    for truth, intervals in (
        (footprint_sd, [one.footprint_interval for one in found]),
        (sample_sd, [one.sample_interval for one in found]),
        (1.0, [one.seed_interval for one in found]),
    ):
        covered = np.mean([low <= truth <= high for low, high in intervals])
        assert COVERAGE[0] <= covered <= COVERAGE[1] + 0.005


def test_tests_keep_their_size_and_limits_leave_zero_when_they_reject():
    """F of the footprints without their effect, F of the samples without theirs (methods.md 3.f), by simulation."""
    found = [nested_variance(v) for v in nested_mocks(500, 6, 3, 3, 0.0, RunPopulation(1.0, 2.0), 8)]
    assert SIZE[0] <= np.mean([one.p < 0.05 for one in found]) <= SIZE[1]
    assert all((one.footprint_interval[0] > 0) == (one.p < 0.025) for one in found)
    # A component of zero is missed on one side only.
    assert 0.95 <= np.mean([one.footprint_interval[0] == 0 for one in found]) <= 1
    assert all((one.sample_interval[0] > 0) == (one.within.p < 0.025) for one in found)
    seeds_only = [nested_variance(v) for v in nested_mocks(500, 6, 3, 3, 1.0, RunPopulation(0.0, 2.0), 9)]
    assert SIZE[0] <= np.mean([one.within.p < 0.05 for one in seeds_only]) <= SIZE[1]


FEW_WITH_FEW = [(2, 1)] * 6 + [(4, 6)] * 6


@pytest.mark.parametrize("sample_sd", [0.0, 0.5])
def test_a_lopsided_design_keeps_its_size(sample_sd):
    """Footprints with fewer samples also have fewer seeds: F of sample means rejects 29 % without Box's correction."""
    footprints, samples = design(FEW_WITH_FEW)
    _, cell = np.unique(footprints * 100 + samples, return_inverse=True)
    random, found, plain = np.random.default_rng(10), [], []
    for _ in range(500):
        values = sample_sd * random.normal(size=cell.max() + 1)[cell] + random.normal(size=len(cell))
        one = unbalanced_nested_variance(values, footprints, samples)
        assert not one.exact
        found.append((one.p < 0.05, one.within.p < 0.05))
        means = np.bincount(cell, values) / np.bincount(cell)
        of_cell = np.bincount(cell, footprints) / np.bincount(cell)
        plain.append(stats.f_oneway(*(means[of_cell == f] for f in range(12))).pvalue < 0.05)
    # Between the two extremes, where the components are uncertain, the correction overdoes it a little.
    assert np.mean(found, axis=0)[0] <= SIZE[1]
    if sample_sd == 0:
        assert np.mean(plain) > 0.2
        assert np.all(np.mean(found, axis=0) >= SIZE[0])
        assert np.mean(found, axis=0)[1] <= SIZE[1]


def test_with_a_quarter_of_the_runs_gone_estimates_are_unbiased_and_intervals_hold():
    footprints, samples = labels((12, 3, 3))
    kept = np.sort(np.random.default_rng(11).permutation(108)[:81])
    mocks = nested_mocks(500, 12, 3, 3, 2.0, RunPopulation(2.0, 1.0), 12).reshape(500, -1)[:, kept]
    found = [unbalanced_nested_variance(values, footprints[kept], samples[kept]) for values in mocks]
    # Components this large are never cut at zero, so that their squares are unbiased.
    assert np.mean([one.within.sample_sd**2 for one in found]) == pytest.approx(4, rel=0.06)
    assert np.mean([one.within.seed_sd**2 for one in found]) == pytest.approx(1, rel=0.03)
    assert np.mean([one.footprint_sd**2 for one in found]) == pytest.approx(4, rel=0.1)
    for truth, name in ((2.0, "footprint_interval"), (2.0, "sample_interval"), (1.0, "seed_interval")):
        covered = np.mean([getattr(one, name)[0] <= truth <= getattr(one, name)[1] for one in found])
        assert COVERAGE[0] <= covered <= COVERAGE[1]


def test_unequal_numbers_of_samples_leave_the_test_exact():
    footprints, samples = design([(2, 2), (5, 2), (3, 2)])
    values = np.random.default_rng(13).normal(size=len(footprints))
    found = unbalanced_nested_variance(values, footprints, samples)
    means = values.reshape(-1, 2).mean(axis=1)
    expected = stats.f_oneway(means[:2], means[2:7], means[7:])
    assert found.exact
    assert (found.f, found.p, found.dof) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue), (2, 7))


@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-5, 5))
@settings(max_examples=30, deadline=None)
def test_order_names_shift_and_scale_change_nothing(seed, scale, shift):
    random = np.random.default_rng(seed)
    footprints, samples = design([(2, 3), (3, 1), (2, 2)])
    values, order = random.normal(size=len(footprints)), random.permutation(len(footprints))
    plain = unbalanced_nested_variance(values, footprints, samples)
    names = np.array(["north", "east", "south"])[footprints[order]]
    again = unbalanced_nested_variance(scale * (values[order] + shift), names, 10 - samples[order])
    assert again.p == pytest.approx(plain.p, rel=1e-6)
    assert again.within.p == pytest.approx(plain.within.p, rel=1e-6)
    assert again.within.seed_sd == pytest.approx(scale * plain.within.seed_sd, rel=1e-6)
    assert again.footprint_interval[1] == pytest.approx(scale * plain.footprint_interval[1], rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (partial(nested_variance, np.ones((3, 1, 2))), "two footprints with two samples"),
        (partial(nested_variance, np.ones((3, 2))), "two footprints with two samples"),
        (partial(nested_variance, np.full((3, 2, 2), 0.1)), "all gave the same"),
        (partial(nested_variance, np.arange(6.0).repeat(3).reshape(3, 2, 3) / 10), "all gave the same"),
        (partial(nested_variance, np.where(np.arange(8).reshape(2, 2, 2) == 3, np.nan, 1.0)), "missing or infinite"),
        (partial(nested_variance, np.arange(8.0).reshape(2, 2, 2), -0.1), "not be negative"),
        (partial(nested_variance, np.arange(8.0).reshape(2, 2, 2), 0.0, 1.0), "confidence"),
        (partial(unbalanced_nested_variance, [1.0, 2.0, 4.0], [0, 0, 1], [0, 0, 0]), "two samples in one"),
        (partial(unbalanced_nested_variance, [1.0, 2.0, 4.0, 3.0], [0, 0, 0, 0], [0, 0, 1, 1]), "two footprints"),
        (partial(unbalanced_nested_variance, [1.0, 2.0, 4.0], [0, 1, 1], [0, 0, 1]), "two seeds"),
        (partial(unbalanced_nested_variance, [1.0, 2.0], [0, 1, 1], [0, 0, 1]), "every run needs"),
        (partial(unbalanced_nested_variance, [], [], []), "every run needs"),
    ],
)
def test_designs_that_cannot_be_taken_apart_are_refused(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        wrong()
