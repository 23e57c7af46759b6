"""Masks and mock skies: what was put in is there."""

import healpy
import numpy as np
import pytest
from scipy.special import logit

from workflow_scripts.calibration_mocks.mock_skies import (
    CLUSTERING,
    LADDER,
    MASKS,
    MEAN_FRACTION,
    N_PIXELS,
    TEMPLATE_LOGITS,
    Variant,
    mock_positions,
    mock_skies,
)
from workflow_scripts.errors import InputError
from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.multipoles import quadrupole_basis
from workflow_scripts.statistics.sky.regression import standardised_templates
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums

# Of the sky: RA 120 to 250 and Dec 0 to 60 is 130/360 of sin(60)/2; the pixels are 3.7 degrees wide.
SHARES = {"full_sky": 1.0, "sdss_like_cap": 130 / 360 * np.sin(np.radians(60)) / 2, "half_sky": 0.5}


@pytest.mark.parametrize("mask", MASKS)
def test_galaxies_lie_within_the_mask(mask):
    positions = mock_positions(mask, 50_000, 3)
    assert positions.counts.sum() == positions.positions.n == 50_000
    assert len(positions.pixels) / N_PIXELS == pytest.approx(SHARES.get(mask, 0.40), abs=0.03)
    assert np.abs(positions.counts[positions.split].sum() / 50_000 - 0.5) < 0.03
    dec, latitude = np.degrees(np.arcsin(positions.vectors[:, 2])), np.abs(positions.latitude)
    if mask == "dec_and_latitude":
        assert dec.min() > -10
        assert latitude.min() > 20


def test_the_galactic_plane_is_where_it_should_be():
    """The north galactic pole is at RA 192.86, Dec 27.13 degrees."""
    positions = mock_positions("full_sky", 100_000, 1)
    pole = healpy.ang2vec(192.86, 27.13, lonlat=True)
    assert np.sin(np.radians(positions.latitude)) == pytest.approx(positions.vectors @ pole, abs=1e-3)


def test_too_few_galaxies_are_refused():
    with pytest.raises(InputError, match="5 are too few"):
        mock_positions("full_sky", 5, 1)


@pytest.fixture(scope="module")
def even():
    """One galaxy a pixel on the full sky would do; many keep every pixel occupied."""
    return mock_positions("full_sky", 400_000, 2)


def test_the_dipole_is_as_large_as_it_is_named(even):
    skies = mock_skies(Variant("dipole", 0.05), even, 20, 1)
    assert skies.dipole == pytest.approx(0.05, rel=0.01)
    sums = PositionSums.of(even.vectors)
    for axis, fractions in zip(skies.axes, skies.fractions, strict=True):
        found = dipole(sums, ValueSums.of(fractions, even.vectors))
        assert found.beta == pytest.approx(skies.dipole * axis, abs=2e-5)


def test_quadrupole_and_templates_are_in_the_logits(even):
    skies = mock_skies(LADDER["S3_templates"][1], even, 5, 1)
    templates = standardised_templates(skies.templates, even.counts)
    design = np.column_stack([np.ones(len(even.pixels)), even.vectors, quadrupole_basis(even.vectors), templates])
    coefficients = np.linalg.lstsq(design, skies.logits.T, rcond=None)[0].T
    assert coefficients[:, 0] == pytest.approx(np.full(5, logit(MEAN_FRACTION)))
    assert coefficients[:, 1:4] == pytest.approx(skies.beta * skies.axes)
    assert np.linalg.norm(coefficients[:, 4:9], axis=1) == pytest.approx(np.full(5, 0.05 / 0.24))
    assert coefficients[:, 9:] == pytest.approx(np.tile(TEMPLATE_LOGITS, (5, 1)))


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_neighbours_are_alike_over_the_scale_of_the_field(even, scale):
    """Mean over a pixel of width w of a field with correlation exp(-t^2/2s^2): about 1/(1 + w^2/6s^2)."""
    skies = mock_skies(Variant("clustered", clustered_deg=scale), even, 60, 1)
    field = logit(skies.fractions) - logit(MEAN_FRACTION)
    width = np.degrees(np.sqrt(4 * np.pi / N_PIXELS))
    assert field.std() == pytest.approx(CLUSTERING / np.sqrt(1 + width**2 / (6 * scale**2)), rel=0.08)
    # Across an edge: the separation of centres is one width.
    neighbour = healpy.get_all_neighbours(16, np.arange(N_PIXELS), nest=True)[0]
    there = neighbour >= 0
    alike = np.corrcoef(field[:, there].ravel(), field[:, neighbour[there]].ravel())[0, 1]
    expected = np.exp(-(width**2) / (2 * scale**2 + width**2 / 3))
    assert alike == pytest.approx(expected, abs=0.06)


def test_the_same_seed_gives_the_same_skies(even):
    variant = LADDER["S4_clustered"][0]
    first, again, other = (mock_skies(variant, even, 3, seed).fractions for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
