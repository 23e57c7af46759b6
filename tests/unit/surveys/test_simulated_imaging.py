"""Imaging over the sky and labels that follow from it: what was put in is found by regression."""

import copy

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.coordinates import SkyCoord

from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.surveys.simulated.imaging import dust_layer, image_conditions, judged_labels, relative_field
from workflow_scripts.surveys.simulated.populations import draw_positions

OFF = {
    "dipole": {"amplitude": 0.0, "ra": 0.0, "dec": 0.0},
    "step": {"amplitude": 0.0, "ra": 0.0, "dec": 0.0},
    "patches": {"amplitude": 0.0, "order": 3, "seed": 1},
}
UNIFORM = {
    "seeing": {"fwhm_arcsec": 1.4, **OFF},
    "depth": {"magnitude": 22.0, **OFF},
    "background": {"level": 0.05, **OFF},
    "extinction": {"ebv": 0.03, **OFF},
}
RA, DEC = draw_positions(3000, np.random.default_rng(1), {})
COLUMN_OF = {"seeing": "psf_fwhm_arcsec", "depth": "sky_noise", "background": "background", "extinction": "ebv"}


def with_part(field, part, settings):
    imaging = copy.deepcopy(UNIFORM)
    imaging[field][part] = settings
    return imaging


def test_everything_switched_off_is_uniform():
    conditions = image_conditions(RA, DEC, UNIFORM)
    assert (conditions.nunique() == 1).all()
    first = conditions.iloc[0]
    assert first["psf_fwhm_arcsec"] == 1.4
    assert first["depth_mag"] == pytest.approx(22.0)
    assert (first["background"], first["ebv"]) == (0.05, 0.03)


@pytest.mark.parametrize("field", COLUMN_OF)
def test_injected_dipole_is_found_by_regression(field):
    dipole = {"amplitude": 0.3, "ra": 250.0, "dec": -20.0}
    conditions = image_conditions(RA, DEC, with_part(field, "dipole", dipole))
    design = np.column_stack([np.ones(RA.size), unit_vectors(RA, DEC)])
    found = np.linalg.lstsq(design, conditions[COLUMN_OF[field]], rcond=None)[0]
    np.testing.assert_allclose(found[1:] / found[0], 0.3 * unit_vectors(250.0, -20.0), atol=1e-9)
    others = [column for name, column in COLUMN_OF.items() if name != field]
    assert (conditions[others].nunique() == 1).all()


def test_step_divides_the_sky_in_two():
    field = relative_field(RA, DEC, {**OFF, "step": {"amplitude": 0.2, "ra": 90.0, "dec": 0.0}})
    np.testing.assert_allclose(field, np.where((RA > 0) & (RA < 180), 1.2, 0.8))


def test_patches_are_constant_within_a_cell_and_follow_their_seed():
    settings = {**OFF, "patches": {"amplitude": 0.1, "order": 2, "seed": 5}}
    field = relative_field(RA, DEC, settings)
    cells = pd.Series(field).groupby(tile_of(RA, DEC, 2))
    assert (cells.nunique() == 1).all()
    assert np.std(cells.first()) == pytest.approx(0.1, rel=0.25)
    np.testing.assert_array_equal(field, relative_field(RA, DEC, settings))
    settings["patches"]["seed"] = 6
    assert not np.allclose(field, relative_field(RA, DEC, settings))


def test_patches_never_make_the_sky_unphysical():
    field = relative_field(RA, DEC, {**OFF, "patches": {"amplitude": 1.0, "order": 4, "seed": 5}})
    assert field.min() == 0.2


def test_worse_seeing_and_more_noise_are_shallower():
    plain = image_conditions(RA, DEC, UNIFORM)["depth_mag"].iloc[0]
    seeing, noise = (
        image_conditions(RA, DEC, with_part(field, "dipole", {"amplitude": 0.5, "ra": 0.0, "dec": 90.0}))
        for field in ("seeing", "depth")
    )
    # White noise under a PSF of area ~ FWHM**2: both lose 2.5 log10 of the factor.
    for conditions in (seeing, noise):
        np.testing.assert_allclose(conditions["depth_mag"], plain - 2.5 * np.log10(1 + 0.5 * np.sin(np.radians(DEC))))


def test_dust_layer_follows_galactic_latitude():
    latitude = SkyCoord(RA * units.deg, DEC * units.deg, frame="icrs").galactic.b.radian
    expected = 1 / np.maximum(np.abs(np.sin(latitude)), np.sin(np.radians(5)))
    np.testing.assert_allclose(dust_layer(RA, DEC), expected, rtol=1e-4)


def test_dust_plane_reddens_towards_the_plane_and_not_at_the_pole():
    imaging = with_part("extinction", "plane", {"amplitude": 1.0})
    conditions = image_conditions(RA, DEC, imaging)
    np.testing.assert_allclose(conditions["ebv"], 0.03 * dust_layer(RA, DEC))
    pole = image_conditions(np.array([192.85948]), np.array([27.12825]), imaging)
    assert pole["ebv"].iloc[0] == pytest.approx(0.03)
    assert conditions["psf_fwhm_arcsec"].nunique() == 1


def people(n, kind, fwhm, radius=3.0):
    return pd.DataFrame(
        {"true_class": np.full(n, kind, np.int8), "psf_fwhm_arcsec": float(fwhm), "radius_arcsec": radius}
    )


def wrong_share(kind, fwhm, **settings):
    galaxies = people(20000, kind, fwhm)
    labels = judged_labels(galaxies, {"base": 0.02, "blurred": 0.6, "sharp": 0.4, **settings}, seed=3)
    assert labels.dtype == np.int8
    return (labels != galaxies["true_class"]).mean()


def test_labels_are_wrong_as_often_as_in_the_model():
    # FWHM over half-light diameter is 2.4 / 6 = `sharp`: half of `blurred` is reached.
    assert wrong_share(kind=1, fwhm=2.4) == pytest.approx(0.32, abs=0.015)
    assert wrong_share(kind=1, fwhm=0.01) == pytest.approx(0.02, abs=0.005)


def test_ellipticals_are_judged_alike_in_all_seeing():
    assert wrong_share(kind=0, fwhm=0.5) == wrong_share(kind=0, fwhm=4.0) == pytest.approx(0.02, abs=0.005)


def test_labels_without_noise_are_the_truth():
    assert wrong_share(kind=0, fwhm=3.0, base=0.0, blurred=0.0) == 0
    assert wrong_share(kind=1, fwhm=3.0, base=0.0, blurred=0.0) == 0


def test_a_spiral_that_is_missed_in_good_seeing_is_missed_in_bad_seeing():
    settings = {"base": 0.02, "blurred": 0.6, "sharp": 0.4}
    sharp, blurred = (judged_labels(people(5000, 1, fwhm), settings, seed=3) for fwhm in (1.0, 2.0))
    assert np.all(blurred[sharp == 0] == 0)
    assert (blurred == 0).sum() > (sharp == 0).sum()
