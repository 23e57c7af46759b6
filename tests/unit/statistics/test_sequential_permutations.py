"""How many permutations: stopping leaves p valid, and the reference distribution decides only where it holds."""

import numpy as np
import pytest
from scipy import stats

from tests.unit.statistics.skies import binned, healpix_pixels, random_sky
from workflow_scripts.statistics.sky.nulls import dipole_score_test
from workflow_scripts.statistics.sky.sequential_permutations import (
    chi_square_level,
    permutations_needed,
    permutations_to_draw,
    sequential_p,
)


def parts(null: np.ndarray, size: int):
    return (null[start : start + size] for start in range(0, len(null), size))


@pytest.mark.parametrize("size", [1, 7, 100])
def test_drawing_stops_at_the_last_sky_that_is_needed(size):
    null = np.random.default_rng(1).random(100)
    p, drawn = sequential_p(parts(null, size), 0.5, enough=10)
    assert (p, (drawn >= 0.5).sum(), drawn[-1] >= 0.5) == (10 / len(drawn), 10, True)
    np.testing.assert_array_equal(drawn, null[: len(drawn)])
    for enough in (None, 10):
        p, drawn = sequential_p(parts(null, size), 0.995, enough)
        assert (p, len(drawn)) == (((null >= 0.995).sum() + 1) / 101, 100)


def test_p_is_valid_at_every_level_whatever_stops_it():
    """Besag & Clifford (1991): the share of null catalogs with p of a and less is a at most."""
    random = np.random.default_rng(2)
    p = np.array([sequential_p(parts(random.random(199), 50), random.random(), 10)[0] for _ in range(4000)])
    for level in (0.005, 0.01, 0.05, 0.2, 0.5):
        assert (p <= level).mean() <= level + 3 * np.sqrt(level / 4000)
    assert (p <= 0.05).mean() > 0.03


def test_a_null_catalog_takes_few_skies_and_a_dipole_all_of_them():
    random = np.random.default_rng(3)
    vectors = random_sky(random, 2000)
    pixels = healpix_pixels(vectors, 8)
    for strength, most in ((0.0, 2000), (0.3, 4999)):
        labels = (random.random(2000) < 0.5 + strength * vectors[:, 2]).astype(float)
        sums = binned(vectors, labels, pixels, 768)
        found = dipole_score_test(*sums, 4999, 1, enough=100)
        assert len(found.null) <= most
        if strength:
            assert found.p_permutation == 1 / 5000
            assert len(found.null) == 4999
        else:
            assert found.p_permutation == pytest.approx(dipole_score_test(*sums, 4999, 2).p_permutation, rel=0.4)


@pytest.mark.parametrize(("n", "share"), [(300, 0.4), (1000, 0.5), (1000, 0.1)])
def test_chi_square_holds_down_to_its_level(n, share):
    """Tails of 40,000 permuted skies are at most 1.5 times those of chi-square there."""
    random = np.random.default_rng(4)
    vectors, labels = random_sky(random, n), (np.arange(n) < share * n).astype(float)
    positions, values = binned(vectors, random.permutation(labels), healpix_pixels(vectors, 8), 768)
    k = labels.sum()
    lowest = chi_square_level(positions, np.array([0.0, 1.0]), np.array([n - k, k]))
    null = dipole_score_test(positions, values, 40_000, 5).null
    level = max(lowest, 1e-3)
    assert (null >= stats.chi2.isf(level, 3)).mean() <= 1.5 * level + 3 * np.sqrt(level / 40_000)


def test_rare_classes_and_few_galaxies_have_no_distant_tails():
    vectors = random_sky(np.random.default_rng(6), 20_000)

    def level(n: int, share: float) -> float:
        positions, _ = binned(vectors[:n], np.arange(n) % 2, healpix_pixels(vectors[:n], 8), 768)
        return chi_square_level(positions, np.array([0.0, 1.0]), np.array([n * (1 - share), n * share]))

    assert level(20_000, 0.4) < 1e-12 < level(300, 0.4) < 1e-4 < level(300, 0.02)
    assert level(20_000, 0.02) < level(3000, 0.02)
    with pytest.raises(ValueError, match="all values are the same"):
        level(300, 1.0)


def test_more_skies_are_drawn_where_only_they_can_decide():
    assert permutations_needed(0.01) == 199
    # Chi-square decides; only skies decide, and they are cheap; they are not.
    assert permutations_to_draw(99, 0.01, 1e-6, 3000) == 99
    assert permutations_to_draw(99, 1e-4, 1e-3, 3000) == 19_999
    assert 99 < permutations_to_draw(99, 1e-9, 1e-3, 3000) < permutations_needed(1e-9)
    assert permutations_to_draw(4999, 0.01, 1e-3, 3000) == 4999
