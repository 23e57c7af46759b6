"""Dipoles within and between groups of galaxies."""

import numpy as np
import pytest
from scipy import stats

from tests.unit.statistics.skies import band, random_sky
from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums
from workflow_scripts.statistics.sky.stratified_dipole import merging_dipole, within_groups


def sums(vectors, labels, groups):
    chosen = [groups == name for name in np.unique(groups)]
    return [(PositionSums.of(vectors[rows]), ValueSums.of(labels[rows], vectors[rows])) for rows in chosen]


def sky(random, n=2000, within=0.0, between=0.2):
    """Three groups by declination; their fractions differ by `between`, and all share a dipole along the pole."""
    vectors = random_sky(random, n)
    groups = np.digitize(vectors[:, 2] + 0.3 * random.normal(size=n), [-0.3, 0.4])
    labels = (random.random(n) < 0.4 + between * (groups - 1) + within * vectors[:, 0]).astype(float)
    return vectors, labels, groups


def test_within_and_between_add_up_to_the_dipole_of_all():
    vectors, labels, groups = sky(np.random.default_rng(1), within=0.1)
    parts = sums(vectors, labels, groups)
    whole = dipole(PositionSums.of(vectors), ValueSums.of(labels, vectors))
    left = np.sum([v.vector - v.total / p.n * p.first for p, v in parts], axis=0)
    inverse = np.linalg.inv(PositionSums.of(vectors).centred)
    np.testing.assert_allclose(whole.beta, merging_dipole(parts).beta + inverse @ left, rtol=1e-9)
    # One group is the whole.
    one = within_groups(sums(vectors, labels, np.zeros(len(labels))))
    np.testing.assert_allclose(one.within.beta, whole.beta)
    assert one.within.q == pytest.approx(whole.q * (len(labels) - 1) / len(labels))


def test_merging_makes_a_dipole_that_is_not_within_the_groups():
    vectors, labels, groups = sky(np.random.default_rng(2))
    parts = sums(vectors, labels, groups)
    assert dipole(PositionSums.of(vectors), ValueSums.of(labels, vectors)).p < 1e-10
    assert within_groups(parts).within.p > 0.01
    merged = merging_dipole(parts)
    assert merged.p < 1e-10
    assert merged.dof == 2
    assert merged.beta[2] > 0.1


def test_sizes_and_estimates():
    random, within, between, betas = np.random.default_rng(3), [], [], []
    for _ in range(600):
        within.append(within_groups(sums(*sky(random, 400))).within.p)
        between.append(merging_dipole(sums(*sky(random, 400, between=0.0))).p)
        betas.append(within_groups(sums(*sky(random, 400, within=0.2))).within.beta)
    for p in (within, between):
        low, high = band(600)
        assert low <= np.mean(np.array(p) < 0.05) <= high
    np.testing.assert_allclose(np.mean(betas, axis=0), [0.2, 0, 0], atol=4 * np.std(betas, axis=0).max() / np.sqrt(600))
    assert stats.kstest(within, "uniform").pvalue > 1e-3


def test_groups_that_say_nothing_are_left_out_and_none_left_is_an_error():
    vectors, labels, groups = sky(np.random.default_rng(4), 300)
    labels[groups == 0] = 1.0
    found = within_groups(sums(vectors, labels, groups))
    assert (found.groups, found.positions.n) == (2, int((groups > 0).sum()))
    with pytest.raises(ValueError, match="nothing within groups could depend on position"):
        within_groups(sums(vectors, labels, labels))
    with pytest.raises(ValueError, match="there is one group"):
        merging_dipole(sums(vectors, labels, np.zeros(300)))
