"""The dipole with blocks of sky as the unit: literal formulas, sizes on clustered skies, coverage."""

import healpy
import numpy as np
import pytest
from astropy_healpix import HEALPix
from scipy import sparse, stats
from scipy.spatial import cKDTree

from tests.unit.statistics.skies import binned, healpix_pixels, random_sky
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.block_dipole import block_dipole_test, clustering_across_borders
from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.sky_blocks import chosen_blocks, coarser_pixels
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues


@pytest.fixture
def blocks():
    """Galaxies with their own pixel each, in 14 blocks of different size, and values that neighbours share."""
    random = np.random.default_rng(13)
    vectors = random_sky(random, 90, -0.4)
    block = np.concatenate([np.arange(14), random.integers(0, 14, 76) ** 2 // 14])
    return vectors, random.normal(size=90) + random.normal(size=14)[block], block


def literal_share(vectors, values, block):
    """T^2/(T^2 + G - 1) from T^2 = G ubar^T S^-1 ubar, galaxy by galaxy."""
    rest, centred = values - values.mean(), vectors - vectors.mean(axis=0)
    scores = np.array([centred[block == g].T @ rest[block == g] for g in np.unique(block)])
    number, mean = len(scores), scores.mean(axis=0)
    t_squared = number * mean @ np.linalg.solve(np.cov(scores.T), mean)
    return t_squared / (t_squared + number - 1), t_squared, number


def test_block_test_is_hotellings_and_its_random_signs_refit_the_mean(blocks):
    """3.c.4 literally; of the 2^14 signs 3,000 galaxy by galaxy against 20,000 drawn."""
    vectors, values, block = blocks
    found = block_dipole_test(*binned(vectors, values), block, 20_000, 1)
    share, t_squared, number = literal_share(vectors, values, block)
    assert number == found.n_blocks == 14
    assert found.f == pytest.approx(t_squared * 11 / (3 * 13), rel=1e-9)
    assert (found.dof, found.p) == ((3, 11), pytest.approx(stats.f.sf(found.f, 3, 11)))
    assert found.effective_blocks == pytest.approx(90**2 / (np.bincount(block) ** 2).sum())
    random = np.random.default_rng(2)
    mean = values.mean()
    signs = random.choice([-1.0, 1.0], (3000, 14))
    null = [literal_share(vectors, mean + s[block] * (values - mean), block)[0] for s in signs]
    expected = np.mean(np.array(null) >= share)
    assert found.p_wild == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 3000) + 0.003)


def test_covariance_is_that_of_fits_without_a_block(blocks):
    vectors, values, block = blocks
    found = block_dipole_test(*binned(vectors, values), block, 10, 1)
    design = np.column_stack([np.ones(90), vectors])

    def beta(keep):
        return np.linalg.lstsq(design[keep], values[keep], rcond=None)[0][1:]

    whole = beta(np.ones(90, bool))
    shift = np.array([beta(block != g) - whole for g in range(14)])
    np.testing.assert_allclose(found.beta, whole, rtol=1e-9)
    np.testing.assert_allclose(found.covariance, shift.T @ shift * 13 / 14, rtol=1e-6)
    assert np.linalg.norm(found.beta) == pytest.approx(np.linalg.norm(whole))
    np.testing.assert_allclose(found.axis, whole / np.linalg.norm(whole))


@pytest.mark.parametrize("nside", [1, 2])
def test_block_sizes_and_coverage_where_blocks_are_independent(nside):
    """3.c.4 on Dec > -10, a random level for each block: 12 and 36 blocks, 800 mocks.

    With F from G/(G - 1) sum u u^T, as the dossier has it, the size is 0.0 and 1.1 %; Hotelling's F is cautious where
    the mask cuts many blocks, and the random signs keep their size.
    """
    random = np.random.default_rng(14)
    pixels = np.arange(768)
    sky = HEALPix(8, order="nested")
    lon, lat = sky.healpix_to_lonlat(pixels)
    vectors = unit_vectors(lon.deg, lat.deg)
    inside = vectors[:, 2] > -0.17
    counts = np.where(inside, 30, 0)
    positions = PixelPositions(counts, vectors * counts[:, None], (vectors * counts[:, None]).T @ vectors)
    block = coarser_pixels(768, 12 * nside**2)
    by_f = by_signs = covered = bounded = 0
    for seed in range(800):
        chance = 1 / (1 + np.exp(-0.5 * random.normal(size=12 * nside**2)[block]))
        totals = random.binomial(counts, chance).astype(float)
        found = block_dipole_test(positions, PixelValues(totals, totals, totals @ vectors), block, 199, seed)
        by_f += found.p < 0.05
        by_signs += found.p_wild <= 0.05
        number = found.n_blocks
        t_squared = found.f * 3 * (number - 1) / (number - 3)
        bounded += stats.f.sf(t_squared / (t_squared + number - 1) * (number - 3) / 3, 3, number - 3) < 0.05
        away = found.beta @ np.linalg.solve(found.covariance, found.beta) * (number - 3) / (3 * (number - 1))
        covered += stats.f.sf(away, 3, number - 3) > 0.05
    low, high = stats.binom.ppf([0.0005, 0.9995], 800, 0.05)
    assert bounded <= by_f <= high
    assert bounded < low
    # 12 blocks, most of them cut, are as few as are let in: 6 to 7 % there.
    assert low <= by_signs <= high + (16 if nside == 1 else 0)
    assert covered / 800 > (0.88 if nside == 1 else 0.91)


def test_clustered_skies_fool_the_count_of_galaxies_and_not_the_blocks():
    """3.c.4: no dipole, logit rms 0.5 with a correlation of 3 degrees, 6e4 galaxies in a 60-degree cap, 200 skies.

    Blocks of Nside 2 (29 degrees) keep the size; the naive test rejects most skies.
    """
    random = np.random.default_rng(15)
    lon, lat = HEALPix(32, order="nested").healpix_to_lonlat(np.arange(12288))
    vectors = unit_vectors(lon.deg, lat.deg)
    cap = vectors @ unit_vectors([50.0], [40.0])[0] > 0.5
    counts = np.where(cap, random.poisson(60_000 / cap.sum(), 12288), 0)
    positions = PixelPositions(counts, vectors * counts[:, None], (vectors * counts[:, None]).T @ vectors)
    width = np.radians(3.0) / np.sqrt(2)
    distance = cKDTree(vectors[cap]).sparse_distance_matrix(cKDTree(vectors), 4 * width, output_type="coo_matrix")
    kernel = sparse.csr_matrix((np.exp(-(distance.data**2) / 2 / width**2), distance.coords), distance.shape)
    norm = np.sqrt(np.asarray(kernel.multiply(kernel).sum(axis=1)).ravel())
    block, naive, by_f, by_signs = coarser_pixels(12288, 48), 0, 0, 0
    for seed in range(200):
        chance = np.zeros(12288)
        chance[cap] = 1 / (1 + np.exp(-0.5 * (kernel @ random.normal(size=12288)) / norm))
        totals = random.binomial(counts, chance).astype(float)
        values = PixelValues(totals, totals, totals @ vectors)
        naive += dipole(positions.sums, values.sums).p < 0.05
        found = block_dipole_test(positions, values, block, 199, seed)
        by_f += found.p < 0.05
        by_signs += found.p_wild <= 0.05
    assert naive > 140
    assert max(by_f, by_signs) <= stats.binom.ppf(0.9995, 200, 0.05)


def test_a_real_dipole_is_found_by_blocks_too():
    random = np.random.default_rng(16)
    vectors = random_sky(random, 40_000)
    values = (random.random(40_000) < 0.5 + 0.05 * vectors[:, 0]).astype(float)
    sums = binned(vectors, values, healpix_pixels(vectors, 16), 3072)
    found = block_dipole_test(*sums, coarser_pixels(3072, 192), 999, 1)
    assert found.p < 1e-4
    assert found.p_wild == 0.001
    away = found.beta - [0.05, 0, 0]
    assert away @ np.linalg.solve(found.covariance, away) < stats.chi2(3).ppf(0.999)
    assert np.diag(found.covariance) == pytest.approx(np.full(3, 3 * 0.25 / 40_000), rel=0.3)
    # Scores are welcome where blocks are the unit.
    scores = PixelValues.of(values / 3, vectors, healpix_pixels(vectors, 16), 3072)
    assert block_dipole_test(sums[0], scores, coarser_pixels(3072, 192), 99, 1).f == pytest.approx(found.f)


def test_blocks_are_nested_healpix_pixels_of_a_coarser_map():
    vectors = random_sky(np.random.default_rng(17), 300)
    fine, coarse = healpix_pixels(vectors, 16), healpix_pixels(vectors, 2)
    np.testing.assert_array_equal(coarser_pixels(3072, 48)[fine], coarse)
    np.testing.assert_array_equal(coarser_pixels(48, 48), np.arange(48))
    for n_pixels, n_blocks in [(3072, 0), (3072, 24), (48, 192), (3072, 50), (96, 48)]:
        with pytest.raises(ValueError, match="do not make up"):
            coarser_pixels(n_pixels, n_blocks)


def test_too_few_blocks_and_blocks_that_do_not_fit_are_refused(blocks):
    vectors, values, block = blocks
    sums = binned(vectors, values)
    with pytest.raises(ValueError, match="11 blocks with galaxies are too few: 12 are needed"):
        block_dipole_test(*sums, np.minimum(block, 10), 10, 1)
    with pytest.raises(ValueError, match="blocks were given for"):
        block_dipole_test(*sums, block[:-1], 10, 1)
    with pytest.raises(ValueError, match="at least one random sky"):
        block_dipole_test(*sums, block, 0, 1)
    with pytest.raises(ValueError, match="all values are the same"):
        block_dipole_test(*binned(vectors, np.ones(90)), block, 10, 1)
    # All of the north but for one block, which alone separates north from south.
    plane = unit_vectors(np.linspace(0, 357, 90), np.where(block == 3, 40.0, 0.0))
    with pytest.raises(ValueError, match="one block alone"):
        block_dipole_test(*binned(plane, values), block, 10, 1)


def test_blocks_are_chosen_from_the_positions_alone():
    """The largest of which 20 of equal number are left: 29 degrees on the full sky, smaller ones on less."""
    pixels = np.arange(3072)
    vectors = np.array(healpy.pix2vec(16, pixels, nest=True)).T
    everywhere = chosen_blocks(np.ones(3072))
    assert everywhere is not None
    assert len(np.unique(everywhere)) == 48
    cap = chosen_blocks((vectors[:, 2] > 0.5).astype(float))
    assert cap is not None
    assert len(np.unique(cap)) > 20
    assert cap.max() + 1 == 192
    # Half of all galaxies in one pixel: no blocks are of equal number.
    crowded = np.ones(3072)
    crowded[7] = 3072
    assert chosen_blocks(crowded) is None


def test_clustering_across_borders_is_the_ratio_of_variances_of_simulated_fields():
    """Variance of the dipole of a Gaussian field, over that which blocks have by themselves."""
    random = np.random.default_rng(5)
    vectors = np.array(healpy.pix2vec(16, np.arange(3072), nest=True)).T
    counts = (vectors[:, 2] > 0.6).astype(np.int64)
    positions = PixelPositions(counts, vectors * counts[:, None], (vectors * counts[:, None]).T @ vectors)
    inside, blocks = counts > 0, coarser_pixels(3072, 192)
    at, block = vectors[inside], blocks[inside]
    squared = ((at[:, None] - at[None]) ** 2).sum(axis=2)
    field = np.linalg.cholesky(np.exp(-squared / (2 * np.radians(6.0) ** 2)) + 1e-6 * np.eye(len(at)))
    directions = at - at.mean(axis=0)
    directions = directions @ np.linalg.inv(np.linalg.cholesky(directions.T @ directions)).T
    whole, own = 0.0, 0.0
    for values in random.normal(size=(400, len(at))) @ field.T:
        scores = values[:, None] * directions
        whole += (scores.sum(axis=0) ** 2).sum()
        own += sum((np.bincount(block, column) ** 2).sum() for column in scores.T)
    assert clustering_across_borders(positions, blocks, vectors, 6.0) == pytest.approx(whole / own, rel=0.12)
    assert clustering_across_borders(positions, blocks, vectors, 0.1) == pytest.approx(1)


def test_power_and_the_correction_of_blocks():
    random = np.random.default_rng(6)
    vectors = np.array(healpy.pix2vec(16, np.arange(3072), nest=True)).T
    labels = (random.random(3072) < 0.4).astype(float)
    sums = binned_at(vectors, labels)
    plain = block_dipole_test(*sums, coarser_pixels(3072, 48), 99, 1)
    assert plain.shared == 1
    assert plain.excess == pytest.approx(1, abs=0.4)
    assert 1 < plain.detectable_ratio(0.8, 0.01) < 1.2
    shared = labels + np.repeat(random.normal(size=192), 16)
    plain, corrected = (
        block_dipole_test(*binned_at(vectors, shared), coarser_pixels(3072, 48), 99, 1, factor) for factor in (1.0, 1.5)
    )
    assert plain.excess > 5
    assert corrected.f == pytest.approx(plain.f / corrected.shared)
    assert 1.4 < corrected.shared < 1.5
    assert corrected.p > plain.p
    assert corrected.detectable_ratio(0.8, 0.01) > plain.detectable_ratio(0.8, 0.01)
    assert corrected.shared_beside == pytest.approx(corrected.shared, abs=0.02)


def test_a_dipole_is_no_clustering_where_its_interval_is_concerned():
    random = np.random.default_rng(8)
    vectors = np.array(healpy.pix2vec(16, np.arange(3072), nest=True)).T
    beside = []
    for _ in range(20):
        labels = (random.random(3072) < 0.4 + 0.2 * vectors[:, 0]).astype(float)
        found = block_dipole_test(*binned_at(vectors, labels), coarser_pixels(3072, 48), 99, 1, 1.5)
        assert found.shared > 1.2
        beside.append(found.shared_beside)
    assert np.mean(beside) < 1.1


def binned_at(vectors, values):
    """A galaxy in each pixel."""
    pixels = np.arange(len(vectors))
    return PixelPositions.of(vectors, pixels, len(pixels)), PixelValues.of(values, vectors, pixels, len(pixels))
