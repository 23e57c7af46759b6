"""The simulated survey: what was put in can be found again."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from workflow_scripts.configuration.loading import load
from workflow_scripts.images.decoding import decode
from workflow_scripts.simulate_sky import simulated_sky
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.surveys.simulated.imaging import relative_field
from workflow_scripts.surveys.simulated.rendering import render_galaxy
from workflow_scripts.surveys.simulated.simulated_survey import SimulatedSurvey


@pytest.fixture
def entry(repository):
    config = yaml.safe_load((repository / "config.yaml").read_text())
    catalog = load(config).sky_parameter("simulated_sky")
    return json.loads(json.dumps({**catalog, "n_galaxies": 3000}))


@pytest.fixture
def survey_entry(repository):
    return load(yaml.safe_load((repository / "config.yaml").read_text())).survey("simulated")


def test_the_injected_seeing_dipole_can_be_measured(entry):
    sky = simulated_sky(entry)
    dipole = entry["imaging"]["seeing"]["dipole"]
    design = np.column_stack([np.ones(len(sky)), unit_vectors(sky["ra"], sky["dec"])])
    found = np.linalg.lstsq(design, sky["psf_fwhm_arcsec"], rcond=None)[0]
    expected = dipole["amplitude"] * unit_vectors(dipole["ra"], dipole["dec"])
    np.testing.assert_allclose(found[1:] / found[0], expected, atol=1e-6)


def test_imaging_changes_no_galaxy(entry):
    plain = json.loads(json.dumps(entry))
    plain["imaging"]["seeing"]["dipole"]["amplitude"] = 0.0
    first, second = simulated_sky(entry), simulated_sky(plain)
    assert second["psf_fwhm_arcsec"].nunique() == 1
    columns = ["ra", "dec", "true_class", "magnitude", "radius_arcsec", "arm_phase_deg"]
    pd.testing.assert_frame_equal(first[columns], second[columns])


def test_blurred_spirals_are_missed_more_often(entry):
    sky = simulated_sky({**entry, "n_galaxies": 20000})
    spirals = sky[sky["true_class"] == 1]
    blurred = spirals["psf_fwhm_arcsec"] > spirals["psf_fwhm_arcsec"].median()
    missed = (spirals["label"] == 0).groupby(blurred).mean()
    assert missed[True] > missed[False] + 0.05


def test_fields_have_the_parts_that_are_switched_on(entry):
    off = entry["imaging"]["depth"]
    ra, dec = np.array([0.0, 180.0, 90.0]), np.zeros(3)
    np.testing.assert_array_equal(relative_field(ra, dec, off), 1.0)
    step = {**off, "step": {"amplitude": 0.1, "ra": 0.0, "dec": 0.0}}
    np.testing.assert_allclose(relative_field(ra, dec, step)[:2], [1.1, 0.9])
    patches = {**off, "patches": {"amplitude": 0.1, "order": 3, "seed": 2}}
    whole = relative_field(np.random.default_rng(0).uniform(0, 360, 5000), np.zeros(5000), patches)
    assert 0.05 < whole.std() < 0.2


def test_positions_are_isotropic_and_classes_as_requested(entry):
    sky = simulated_sky({**entry, "n_galaxies": 20000})
    # Mean of unit vectors: 3-D random walk, sd 1/sqrt(3 n) a component.
    assert np.all(np.abs(unit_vectors(sky["ra"], sky["dec"]).mean(axis=0)) < 4.5 / np.sqrt(3 * 20000))
    assert sky["true_class"].mean() == pytest.approx(entry["galaxies"]["spiral_fraction"], abs=0.02)
    assert sky["source_id"].is_unique


def second_moment(image):
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] - (image.shape[0] - 1) / 2
    weights = np.clip(image, 0, None) * (np.hypot(x, y) < 15)
    return (weights * (x**2 + y**2)).sum() / weights.sum()


def test_worse_seeing_makes_broader_images(entry):
    galaxy = simulated_sky(entry).iloc[0].copy()
    galaxy["sky_noise"] = galaxy["background"] = 0.0
    images = []
    for fwhm in (0.8, 2.5):
        galaxy["psf_fwhm_arcsec"] = fwhm
        images.append(render_galaxy(galaxy, 64, 0.4, "r", 1)[0])
    sharp, blurred = images
    assert second_moment(blurred) > second_moment(sharp) * 1.1
    assert blurred.sum() == pytest.approx(sharp.sum(), rel=0.05)


@pytest.mark.parametrize(("bands", "encoding", "shape"), [("gri", "jpeg", (64, 64, 3)), ("r", "fits", (1, 64, 64))])
def test_bytes_do_not_depend_on_the_order_of_requests(entry, survey_entry, tmp_path, bands, encoding, shape):
    sky = simulated_sky({**entry, "n_galaxies": 12})
    sky.to_parquet(tmp_path / "truth.parquet")
    survey_entry["cutout"] |= {"bands": bands, "encoding": encoding}
    survey = SimulatedSurvey(survey_entry, tmp_path / "truth.parquet")
    forward = {result.source_id: result.image for result in survey.cutouts(sky)}
    backward = {result.source_id: result.image for result in survey.cutouts(sky.iloc[::-1].head(5))}
    assert len(forward) == 12
    assert all(forward[source_id] == image for source_id, image in backward.items())
    assert decode(next(iter(forward.values()))).shape == shape


def test_the_path_of_the_truth_is_checked(survey_entry, entry, tmp_path):
    sky = simulated_sky({**entry, "n_galaxies": 3})
    sky.head(2).to_parquet(Path(tmp_path) / "truth.parquet")
    with pytest.raises(Exception, match="has 2 of the 3 galaxies"):
        list(SimulatedSurvey(survey_entry, tmp_path / "truth.parquet").cutouts(sky))
