"""Skies whose classes are senses of winding: what is drawn, how people judge it, and that nothing else changes."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from workflow_scripts import simulate_sky
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.sources import overlay
from workflow_scripts.errors import InputError
from workflow_scripts.images.decoding import decode
from workflow_scripts.simulate_sky import simulated_sky
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.surveys.simulated.simulated_survey import SimulatedSurvey

ANTICLOCKWISE, CLOCKWISE = 0, 1


@pytest.fixture(scope="module")
def configuration(repository):
    files = ("config.yaml", "experiments/handedness.yaml")
    return load(overlay(*(yaml.safe_load((repository / file).read_text(encoding="utf-8")) for file in files)))


@pytest.fixture
def entry(configuration):
    return json.loads(json.dumps({**configuration.sky_parameter("handed_sky"), "n_galaxies": 20000}))


@pytest.fixture(scope="module")
def default_sky(configuration):
    return simulated_sky({**configuration.sky_parameter("simulated_sky"), "n_galaxies": 20000})


def dipole_of(sky, column):
    """Length and direction of D = 3 <(value - mean) n>; its error is sqrt(3 f (1 - f) / n), here 0.006."""
    values = sky[column].to_numpy(float)
    return 3 * ((values - values.mean())[:, None] * unit_vectors(sky["ra"], sky["dec"])).mean(axis=0)


def test_galaxies_differ_from_those_of_the_default_sky_in_their_kind_alone(entry, default_sky):
    sky = simulated_sky(entry)
    same = ["ra", "dec", "magnitude", "radius_arcsec", "redshift", "pitch_angle_deg", "arm_phase_deg"]
    pd.testing.assert_frame_equal(sky[same], default_sky[same])
    assert set(sky) - set(default_sky) == {"morphology"}
    assert set(sky["morphology"]) == {1}
    assert sky["true_class"].mean() == pytest.approx(0.5, abs=4.5 * 0.0035)
    np.testing.assert_array_equal(sky["handedness"] == -1, sky["true_class"] == CLOCKWISE)


def test_truth_and_labels_have_no_dipole_though_seeing_has_one(entry):
    sky = simulated_sky(entry)
    blurred = sky["psf_fwhm_arcsec"] > sky["psf_fwhm_arcsec"].median()
    wrong = sky["label"] != sky["true_class"]
    assert wrong[blurred].mean() > wrong[~blurred].mean() + 0.02
    assert wrong[sky["radius_arcsec"] < 3.5].mean() > wrong[sky["radius_arcsec"] > 5].mean() + 0.05
    for column in ("true_class", "label"):
        assert np.abs(dipole_of(sky, column)).max() < 4.5 * 0.006
    assert sky["label"].mean() == pytest.approx(0.5, abs=4.5 * 0.0035)


def test_a_planted_dipole_is_in_the_truth(entry):
    dipole = {"amplitude": 0.2, "ra": 200.0, "dec": -35.0}
    sky = simulated_sky({**entry, "galaxies": {**entry["galaxies"], "handedness": planted(0.5, dipole)}})
    np.testing.assert_allclose(dipole_of(sky, "true_class"), 0.2 * unit_vectors(200.0, -35.0), atol=4.5 * 0.006)


def planted(fraction, dipole):
    return {"clockwise_fraction": fraction, "dipole": dipole}


def test_guesses_prefer_a_side_as_the_asymmetry_says(entry):
    entry["labels"] |= {"base": 0.0, "blurred": 1.0}
    wrong = {}
    for asymmetry in (None, 0.0, 0.5, 1.0):
        given = {} if asymmetry is None else {"asymmetry": asymmetry}
        sky = simulated_sky({**entry, "labels": {**entry["labels"], **given}})
        wrong[asymmetry] = (sky["label"] != sky["true_class"]).groupby(sky["true_class"]).mean()
    guessed = 2 * wrong[None].mean()
    assert wrong[None].equals(wrong[0.0])
    for asymmetry in (0.0, 0.5, 1.0):
        assert wrong[asymmetry][ANTICLOCKWISE] == pytest.approx(guessed * (1 + asymmetry) / 2, abs=0.02)
        assert wrong[asymmetry][CLOCKWISE] == pytest.approx(guessed * (1 - asymmetry) / 2, abs=0.02)


@pytest.mark.parametrize("kind", [ANTICLOCKWISE, CLOCKWISE])
def test_a_clockwise_galaxy_is_a_z_in_the_picture(entry, configuration, tmp_path, kind):
    """Outwards, the two arms of a Z turn anticlockwise in a picture with north up and east left."""
    sky = simulated_sky({**entry, "n_galaxies": 40})
    sky = sky[sky["true_class"] == kind].head(1)
    plain = {"axis_ratio": 1.0, "bulge_fraction": 0.0, "arm_contrast": 0.9, "arm_count": 2, "pitch_angle_deg": 25.0}
    sky = sky.assign(**plain, radius_arcsec=6.0, magnitude=14.5, psf_fwhm_arcsec=0.8, sky_noise=0.0)
    sky.to_parquet(tmp_path / "truth.parquet")
    (result,) = SimulatedSurvey(configuration.survey("handed"), tmp_path / "truth.parquet").cutouts(sky)
    picture = decode(result.image).astype(float).sum(axis=-1)
    right, up = np.meshgrid(np.arange(64) - 31.5, 31.5 - np.arange(64))
    radius, angle = np.hypot(right, up), np.arctan2(up, right)
    rings = [(radius > low) & (radius < low + 1.5) for low in np.arange(8, 20, 1.5)]
    phases = np.unwrap([np.angle((picture[ring] * np.exp(2j * angle[ring])).sum()) for ring in rings])
    turned = np.degrees(phases[-1] - phases[0]) / 2
    # ln(18.5 / 8) / tan(25 deg) is 103 degrees.
    assert turned == pytest.approx(103 if kind == CLOCKWISE else -103, abs=20)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"classes": ["elliptical", "spiral"]}, "classes of the simulated sky .*names of the two senses of winding"),
        ({"labels": {"asymmetry": 1.5}}, "labels.asymmetry .*is 1.5, expected a number between -1 and 1"),
        (
            {"galaxies": {"handedness": {"clockwise_fraction": 0.5, "dipole": {"amplitude": 0.6, "ra": 0, "dec": 0}}}},
            "handedness.dipole.amplitude .*is 0.6, expected at most 0.5, so that clockwise_fraction",
        ),
        ({"galaxies": {"spiral_dipole": {"amplitude": 0.1, "ra": 0, "dec": 0}}}, "expected 0 with galaxies.handedness"),
        ({"galaxies": {"handedness": {"dipol": 0}}}, "galaxies.handedness .*no other keys than clockwise_fraction"),
    ],
)
def test_what_no_sky_can_be_drawn_from_is_refused(entry, changes, sentence):
    changed = {key: {**entry[key], **part} if isinstance(part, dict) else part for key, part in changes.items()}
    with pytest.raises(InputError, match=sentence):
        simulated_sky({**entry, **changed})


def test_an_asymmetry_of_labels_needs_senses(configuration):
    entry = configuration.sky_parameter("simulated_sky")
    with pytest.raises(InputError, match=r"labels\.asymmetry .*only where the classes are senses of winding"):
        simulated_sky({**entry, "labels": {**entry["labels"], "asymmetry": 0.2}})


def test_the_truth_in_short_names_what_was_planted(entry, tmp_path):
    dipole = {"amplitude": 0.1, "ra": 0.0, "dec": 20.0}
    entry["galaxies"]["handedness"] = planted(0.4, dipole)
    files = [str(tmp_path / name) for name in ("truth.parquet", "truth.json")]
    simulate_sky.main(
        simulate_sky.parser.parse_args(["--catalog", json.dumps(entry), "--output", files[0], "--truth", files[1]])
    )
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert truth["injected_dipoles"][-1] == {"quantity": "true_class", **dipole}
    assert truth["clockwise_fraction"] == pytest.approx(0.4, abs=0.02)
    assert set(truth["wrong_labels"]) == {"anticlockwise", "clockwise"}
