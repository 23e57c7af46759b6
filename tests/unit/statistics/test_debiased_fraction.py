"""Corrections of a fraction: what they leave alone, what they take out, and whether their errors are honest."""

import numpy as np
import pytest

from workflow_scripts.sky.tiles import FINE_ORDER, tile_of
from workflow_scripts.sky.unit_vectors import right_ascension_declination
from workflow_scripts.statistics.sky.debiased_fraction import (
    ImagingCorrection,
    LabelledCorrection,
    template_coefficients_beside,
)
from workflow_scripts.statistics.sky.dipole_region import DipoleRegion, dipole_region, training_covariance
from workflow_scripts.statistics.sky.sky_blocks import correction_blocks

N = 3000
AXIS = np.array([0.6, 0.0, 0.8])


@pytest.fixture(scope="module")
def sky():
    """Unit vectors (n, 3), blocks and patches of galaxies all over the sky."""
    random = np.random.default_rng(1)
    vectors = random.normal(size=(N, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, *correction_blocks(tile_of(*right_ascension_declination(vectors), FINE_ORDER), FINE_ORDER)


def templates_along(vectors, share: float, seed: int = 2):
    """A template with a correlation `share` with the direction AXIS, and one without."""
    random = np.random.default_rng(seed)
    along = vectors @ AXIS / np.std(vectors @ AXIS)
    first = share * along + np.sqrt(1 - share**2) * random.normal(size=len(vectors))
    return np.column_stack([first, random.normal(size=len(vectors))])


def standard(templates):
    return (templates - templates.mean(axis=0)) / templates.std(axis=0)


def test_imaging_is_taken_out_and_a_true_dipole_is_left(sky):
    vectors, blocks, patches = sky
    templates = templates_along(vectors, 0.8)
    correction = ImagingCorrection.of(vectors, templates, blocks, patches)
    noise = np.random.default_rng(3).normal(0.5, 0.1, N)
    plain = correction.corrected(noise)
    biased = correction.corrected(noise + standard(templates) @ [0.1, -0.05])
    assert biased.coefficients - plain.coefficients == pytest.approx([0.1, -0.05])
    assert biased.values == pytest.approx(plain.values)
    true = correction.corrected(noise + 0.03 * vectors @ AXIS)
    assert true.position - plain.position == pytest.approx([0, *(0.03 * AXIS)], abs=1e-12)
    assert true.correction == pytest.approx(plain.correction)
    assert correction.position_of(noise) == pytest.approx(plain.position)


def test_each_patch_is_corrected_by_the_others(sky):
    vectors, blocks, patches = sky
    correction = ImagingCorrection.of(vectors, templates_along(vectors, 0.3), blocks, patches)
    values = np.random.default_rng(4).normal(0.5, 0.1, N)
    part = correction.parts[0]
    changed = values.copy()
    changed[part] += np.random.default_rng(5).normal(0, 1, len(part))
    before, after = (correction.corrected(x).correction for x in (values, changed))
    assert after[part] == pytest.approx(before[part])
    others = correction.parts[1]
    assert np.abs(after[others] - before[others]).max() > 1e-4


def test_influence_of_a_block_is_what_leaving_it_out_changes(sky):
    vectors, blocks, patches = sky
    templates = standard(templates_along(vectors, 0.5))
    values = np.random.default_rng(6).normal(0.5, 0.1, N)
    found = ImagingCorrection.of(vectors, templates, blocks, patches).corrected(values)
    number = np.unique(blocks)[7]
    rest = blocks != number
    without = template_coefficients_beside(vectors[rest], templates[rest], values[None, rest])[0]
    assert found.block_scores[7, 4:] == pytest.approx(found.coefficients - without)


@pytest.mark.parametrize("share", [0.3, 0.98])
def test_errors_grow_where_templates_follow_the_dipole(sky, share):
    vectors, blocks, patches = sky
    templates = templates_along(vectors, share)
    correction = ImagingCorrection.of(vectors, templates, blocks, patches)
    found = correction.corrected(np.random.default_rng(7).normal(0.5, 0.1, N))
    ratio = np.sqrt(AXIS @ found.covariance[1:4, 1:4] @ AXIS / (0.01 * 3 / N))
    assert correction.error_inflation() == pytest.approx(1 / np.sqrt(1 - share**2), rel=0.15)
    assert ratio == pytest.approx(1 / np.sqrt(1 - share**2), rel=0.35)


def test_templates_that_are_the_dipole_are_refused(sky):
    vectors, blocks, patches = sky
    with pytest.raises(ValueError, match="too closely to be separated"):
        ImagingCorrection.of(vectors, vectors[:, :1] * 2 + 1, blocks, patches)


def test_a_quadrupole_that_templates_follow_is_not_left(sky):
    vectors, blocks, patches = sky
    quadrupole = vectors[:, 0] * vectors[:, 1]
    like = ImagingCorrection.of(vectors, quadrupole[:, None], blocks, patches)
    other = ImagingCorrection.of(vectors, templates_along(vectors, 0.0), blocks, patches)
    assert like.retained_quadrupole() == pytest.approx(0, abs=0.02)
    assert other.retained_quadrupole() > 0.95


def test_values_that_neighbours_share_have_larger_errors(sky):
    vectors, blocks, patches = sky
    correction = ImagingCorrection.of(vectors, templates_along(vectors, 0.1), blocks, patches)
    random = np.random.default_rng(8)
    shared = random.normal(0, 0.1, patches.max() + 1)[patches] + random.normal(0.5, 0.1, N)
    own = random.normal(0.5, 0.1, N)
    assert correction.corrected(own).excess < 1.3
    assert correction.corrected(shared).excess > 1.7


def test_labels_of_a_random_part_correct_whatever_the_cause(sky):
    vectors, blocks, _ = sky
    random = np.random.default_rng(9)
    truth = (random.random(N) < 0.5 + 0.1 * vectors @ AXIS).astype(float)
    called = np.where(truth > 0, 0.9, 0.2 - 0.19 * vectors[:, 1])
    values = (random.random(N) < called).astype(float)
    known = np.where(random.random(N) < 0.3, truth, np.nan)
    correction = LabelledCorrection.of(vectors, None, blocks, known)
    found = correction.corrected(values)
    se = np.sqrt(np.diag(found.covariance))
    assert np.abs(found.position[1:] - 0.1 * AXIS).max() < 3 * se[1:4].max()
    assert abs(found.position[0] - 0.5) < 3 * se[0]
    before = np.linalg.lstsq(np.column_stack([np.ones(N), vectors]), values, rcond=None)[0]
    assert abs(before[2]) > 4 * np.sqrt(3 * 0.25 / N)
    assert correction.position_of(values) == pytest.approx(found.position)
    # The correction alone knows no more than the labelled galaxies do.
    assert se[1:4].min() > np.sqrt(3 * 0.25 / N)


def test_labels_of_all_give_the_truth(sky):
    vectors, blocks, _ = sky
    random = np.random.default_rng(10)
    truth, values = ((random.random(N) < f).astype(float) for f in (0.4, 0.6))
    found = LabelledCorrection.of(vectors, None, blocks, truth).corrected(values)
    expected = np.linalg.lstsq(np.column_stack([np.ones(N), vectors]), truth, rcond=None)[0]
    assert found.position == pytest.approx(expected)


@pytest.mark.parametrize(
    ("truth", "sentence"),
    [(np.full(N, np.nan), "too few"), (np.r_[2.0, np.zeros(N - 1)], "must be 0 or 1")],
)
def test_labels_that_cannot_correct_are_refused(sky, truth, sentence):
    with pytest.raises(ValueError, match=sentence):
        LabelledCorrection.of(sky[0], None, sky[1], truth)


@pytest.mark.parametrize(("values", "sentence"), [(np.ones(N), "the same"), (np.full(N, np.nan), "missing")])
def test_values_without_information_are_refused(sky, values, sentence):
    vectors, blocks, patches = sky
    with pytest.raises(ValueError, match=sentence):
        ImagingCorrection.of(vectors, templates_along(vectors, 0.1), blocks, patches).corrected(values)


def test_blocks_follow_positions_and_are_larger_than_patches(sky):
    _, blocks, patches = sky
    assert len(np.unique(blocks)) == 48
    assert len(np.unique(patches)) > 500
    ra, dec = np.random.default_rng(11).uniform(149.5, 150.5, N), np.random.default_rng(12).uniform(1.7, 2.7, N)
    small = correction_blocks(tile_of(ra, dec, FINE_ORDER), FINE_ORDER)[0]
    assert 20 <= len(np.unique(small)) < 200
    with pytest.raises(ValueError, match="too few places"):
        correction_blocks(np.zeros(10, np.int64), FINE_ORDER)


def test_the_region_adds_sky_and_training():
    sky_part, training = np.diag([1.0, 1, 4]), np.diag([2.0, 0, 0])
    both = dipole_region(np.zeros(3), sky_part, 48, training, 6)
    assert both.covariance == pytest.approx(np.diag([3.0, 1, 4]))
    assert 5 < both.dof < 47
    alone = dipole_region(np.zeros(3), sky_part, 48, np.zeros((3, 3)), 1)
    assert alone.dof == pytest.approx(47)
    # Chi-square of three degrees of freedom where the covariance is known.
    assert DipoleRegion(np.zeros(3), sky_part, 1e7).limit() == pytest.approx(7.815, rel=1e-3)
    assert both.limit() > alone.limit() > 7.815
    assert both.covers([0, 0, 4])
    assert not alone.covers([0, 4, 0])
    with pytest.raises(ValueError, match="3 training sets are too few"):
        dipole_region(np.zeros(3), sky_part, 48, training, 3)


def test_covariance_between_training_sets_is_that_of_their_mean():
    rows = np.random.default_rng(13).normal(size=(7, 2))
    assert training_covariance(rows) == pytest.approx(np.cov(rows.T) / 7)
    assert not training_covariance(rows[:1]).any()
