"""Galaxies of a simulated sky: their distributions, and what may not change them."""

import copy
import json

import numpy as np
import pandas as pd
import pytest
import yaml

from workflow_scripts import simulate_sky
from workflow_scripts.configuration.loading import load
from workflow_scripts.errors import InputError
from workflow_scripts.simulate_sky import simulated_sky
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.surveys.simulated.populations import draw_galaxies, draw_positions, spiral_probability


@pytest.fixture
def entry(repository):
    config = yaml.safe_load((repository / "config.yaml").read_text(encoding="utf-8"))
    return copy.deepcopy({**load(config).sky_parameter("simulated_sky"), "n_galaxies": 4000})


def changed(entry, key, value):
    entry = copy.deepcopy(entry)
    *path, last = key.split(".")
    inner = entry
    for part in path:
        inner = inner.setdefault(part, {})
    inner[last] = value
    return entry


@pytest.fixture
def galaxies(entry):
    return draw_galaxies(20000, 3, entry["galaxies"])


def test_source_ids_are_strings_of_one_length(galaxies):
    assert galaxies["source_id"].iloc[123] == "sim0000000123"
    assert galaxies["source_id"].str.len().unique().tolist() == [13]
    assert galaxies["source_id"].is_unique


def test_magnitudes_have_euclidean_counts_within_the_limits(galaxies, entry):
    bright, faint = entry["galaxies"]["magnitude"]
    magnitude = galaxies["magnitude"]
    assert bright <= magnitude.min() < magnitude.max() <= faint
    # N(<m) ~ 10**(0.6 m): a magnitude brighter is 3.98 times rarer.
    ratio = (magnitude < faint - 0.5).sum() / (magnitude < faint - 1.5).sum()
    lost = 10 ** (0.6 * (bright - faint))
    expected = (10**-0.3 - lost) / (10**-0.9 - lost)
    assert ratio == pytest.approx(expected, rel=0.06)


def test_brighter_galaxies_are_larger_and_nearer(galaxies):
    ranks = galaxies[["magnitude", "radius_arcsec", "redshift"]].rank().corr()
    assert ranks.loc["magnitude", "radius_arcsec"] < -0.3
    assert ranks.loc["magnitude", "redshift"] > 0.3


def test_ellipticals_are_redder_and_rounder(galaxies):
    mean = galaxies.groupby("true_class")[["g_r", "r_i", "axis_ratio"]].mean()
    assert (mean.loc[0] > mean.loc[1]).all()
    # They overlap: colour alone must not separate the classes.
    spirals, ellipticals = (galaxies.loc[galaxies["true_class"] == kind, "g_r"] for kind in (1, 0))
    assert 0.1 < (spirals > ellipticals.median()).mean() < 0.45


def test_shapes_stay_within_their_limits(galaxies, entry):
    limits = {"axis_ratio": (0.25, 1), "sersic_n": (2.5, 5.5), "bulge_fraction": (0, 0.7), "pitch_angle_deg": (10, 30)}
    limits |= {"arm_contrast": entry["galaxies"]["arm_contrast"], "radius_arcsec": entry["galaxies"]["radius_arcsec"]}
    limits["position_angle_deg"] = (0, 180)
    for column, (low, high) in limits.items():
        assert low <= galaxies[column].min() < galaxies[column].max() <= high, column
    assert set(galaxies["handedness"]) == {-1, 1}
    assert set(galaxies["arm_count"]) == {2, 3, 4}


def test_the_same_seed_gives_the_same_sky_and_another_seed_another(entry):
    first, again, other = (draw_galaxies(500, seed, entry["galaxies"]) for seed in (4, 4, 5))
    pd.testing.assert_frame_equal(first, again)
    assert not np.isin(first["ra"], other["ra"]).any()


def test_another_share_of_spirals_moves_no_galaxy(galaxies, entry):
    few = draw_galaxies(20000, 3, {**entry["galaxies"], "spiral_fraction": 0.1})
    columns = ["ra", "dec", "magnitude", "radius_arcsec", "redshift", "pitch_angle_deg"]
    pd.testing.assert_frame_equal(galaxies[columns], few[columns])
    assert few["true_class"].mean() == pytest.approx(0.1, abs=0.01)


def test_positions_without_settings_are_isotropic():
    ra, dec = draw_positions(30000, np.random.default_rng(0), {})
    mean = unit_vectors(ra, dec).mean(axis=0)
    assert np.all(np.abs(mean) < 4.5 / np.sqrt(3 * 30000))
    # Isotropic: sin(dec) is uniform, of variance 1/3, and so is every other component.
    assert np.var(np.sin(np.radians(dec))) == pytest.approx(1 / 3, abs=0.01)


def test_density_dipole_is_found_in_the_positions():
    direction = {"ra": 200.0, "dec": -35.0}
    ra, dec = draw_positions(30000, np.random.default_rng(0), {"dipole": {"amplitude": 0.4, **direction}})
    assert ra.shape == dec.shape == (30000,)
    # The mean unit vector of a density 1 + A cos is A / 3 along the direction.
    found = 3 * unit_vectors(ra, dec).mean(axis=0)
    np.testing.assert_allclose(found, 0.4 * unit_vectors(**direction), atol=4.5 * np.sqrt(3 / 30000))


def test_dipole_of_morphology_is_found_in_the_true_classes_alone(galaxies, entry):
    dipole = {"amplitude": 0.3, "ra": 200.0, "dec": -35.0}
    settings = {**entry["galaxies"], "spiral_dipole": dipole}
    sky = draw_galaxies(20000, 3, settings)
    # D = 3 <(label - mean) n> on the full sky; its error is sqrt(3 f (1 - f) / n) = 0.006.
    vectors, spiral = unit_vectors(sky["ra"], sky["dec"]), sky["true_class"].to_numpy(float)
    found = 3 * ((spiral - spiral.mean())[:, None] * vectors).mean(axis=0)
    np.testing.assert_allclose(found, 0.3 * unit_vectors(200.0, -35.0), atol=4.5 * 0.006)
    columns = ["ra", "dec", "magnitude", "radius_arcsec", "redshift", "pitch_angle_deg"]
    pd.testing.assert_frame_equal(galaxies[columns], sky[columns])
    probability = spiral_probability([200.0, 20.0], [-35.0, 35.0], settings)
    np.testing.assert_allclose(probability, [0.92, 0.32], atol=1e-12)


def test_morphology_without_a_dipole_is_as_it_was(galaxies, entry):
    off = {**entry["galaxies"], "spiral_dipole": {"amplitude": 0.0, "ra": 5.0, "dec": 0.0}}
    pd.testing.assert_frame_equal(galaxies, draw_galaxies(20000, 3, off))


def test_survey_limit_leaves_the_south_empty():
    ra, dec = draw_positions(5000, np.random.default_rng(0), {"dec_min": 20.0})
    assert ra.shape == (5000,)
    assert 20 <= dec.min() < 20.5
    # Uniform above the limit: the mean of sin(dec) is half way between sin(20 deg) and 1.
    assert np.sin(np.radians(dec)).mean() == pytest.approx((1 + np.sin(np.radians(20))) / 2, abs=0.02)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("galaxies.magnitude", [17.8, 14.5], "galaxies.magnitude of the simulated sky is .*the lower first"),
        ("galaxies.radius_arcsec", [2.0], "galaxies.radius_arcsec .*two numbers"),
        ("galaxies.arm_contrast", [0.2, 1.4], "galaxies.arm_contrast .*between 0 and 1"),
        ("galaxies.spiral_fraction", 1.5, "galaxies.spiral_fraction .*is 1.5, expected a number between 0 and 1"),
        ("n_galaxies", 0, "n_galaxies of the simulated sky is 0, expected a whole number"),
        ("n_galaxies", 10.5, "n_galaxies .*expected a whole number"),
        ("imaging.seeing.fwhm_arcsec", float("nan"), "imaging.seeing.fwhm_arcsec .*is nan"),
        ("imaging.seeing.fwhm_arcsec", "sharp", "imaging.seeing.fwhm_arcsec .*is 'sharp', expected a number"),
        ("imaging.seeing.dipole.amplitude", 0.9, "imaging.seeing.dipole.amplitude .*add up to at most 0.8"),
        ("imaging.depth.step.dec", 100, "imaging.depth.step.dec .*is 100"),
        ("imaging.background.patches", {"amplitude": 0.1, "order": 20, "seed": 1}, "background.patches.order .*is 20"),
        ("imaging.extinction.plane", {"amplitude": -1}, "imaging.extinction.plane.amplitude .*is -1"),
        ("imaging.extinction.plane", {"ampl": 1}, "imaging.extinction.plane .*no other keys than amplitude"),
        ("galaxies.positions", {"dec_min": 89}, "galaxies.positions.dec_min .*is 89, expected a number"),
        ("galaxies.positions", {"dec_mim": 0}, "galaxies.positions .*no other keys than dec_min and dipole"),
        ("galaxies.spiral_dipole", {"amplitude": 0.4, "ra": 0, "dec": 0}, "spiral_dipole.amplitude .*at most 0.38"),
        ("galaxies.spiral_dipole", {"amplitude": 0.1, "ra": 0, "dec": 91}, "galaxies.spiral_dipole.dec .*is 91"),
        (
            "galaxies.spiral_dipole",
            {"amp": 0.1},
            "galaxies.spiral_dipole .*no other keys than amplitude and dec and ra",
        ),
        ("labels.base", 0.45, "labels.blurred .*at most 1 together with labels.base"),
    ],
)
def test_bad_values_are_refused_in_one_sentence(entry, key, value, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        simulated_sky(changed(entry, key, value))
    assert "\n" not in str(caught.value)


def test_a_missing_value_is_named(entry):
    del entry["imaging"]["depth"]["magnitude"]
    with pytest.raises(InputError, match=r"imaging\.depth\.magnitude of the simulated sky is missing"):
        simulated_sky(entry)


def test_step_writes_the_sky_and_what_was_injected(entry, tmp_path):
    entry = changed(entry, "n_galaxies", 300)
    density = {"amplitude": 0.2, "ra": 10.0, "dec": 0.0}
    entry = changed(entry, "galaxies.positions", {"dipole": density})
    morphology = {"amplitude": 0.1, "ra": 0.0, "dec": 20.0}
    entry = changed(entry, "galaxies.spiral_dipole", morphology)
    files = [tmp_path / name for name in ("truth.parquet", "truth.json", "again.parquet", "again.json")]
    for output, truth in (files[:2], files[2:]):
        arguments = ["--catalog", json.dumps(entry), "--output", str(output), "--truth", str(truth)]
        simulate_sky.main(simulate_sky.parser.parse_args(arguments))
    assert files[0].read_bytes() == files[2].read_bytes()
    assert files[1].read_bytes() == files[3].read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(files[0]), simulated_sky(entry))
    truth = json.loads(files[1].read_text())
    seeing = entry["imaging"]["seeing"]["dipole"]
    assert truth["injected_dipoles"] == [
        {"quantity": "psf_fwhm_arcsec", **seeing},
        {"quantity": "density", **density},
        {"quantity": "true_class", **morphology},
    ]
    assert truth["n_galaxies"] == 300


def test_a_refused_sky_leaves_no_file(entry, tmp_path):
    entry = changed(entry, "labels.sharp", 0)
    names = ["--output", str(tmp_path / "truth.parquet"), "--truth", str(tmp_path / "truth.json")]
    with pytest.raises(InputError, match=r"labels\.sharp"):
        simulate_sky.main(simulate_sky.parser.parse_args(["--catalog", json.dumps(entry), *names]))
    assert list(tmp_path.iterdir()) == []


def test_colours_go_together(galaxies):
    """Galaxies lie along one sequence in g-r and r-i: none is green or purple."""
    for _, kind in galaxies.groupby("true_class"):
        assert kind[["g_r", "r_i"]].corr().iloc[0, 1] == pytest.approx(0.85, abs=0.03)
