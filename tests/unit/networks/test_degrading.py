"""Training images degraded at random: blur and noise that come out, what stays, and the same bytes when resumed."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from workflow_scripts import train
from workflow_scripts.images.blurring import blurred
from workflow_scripts.networks.architectures import build_model
from workflow_scripts.networks.checkpoints import Checkpoints
from workflow_scripts.networks.degrading import ImagingRange, corner_noise, degrader, imaging_range
from workflow_scripts.networks.training import fit, plan_epoch

SIZE = 32


def degraded(images: np.ndarray, imaging: ImagingRange, seeing: float, noise: float, seed: int = 0) -> np.ndarray:
    """All images at shares of the range."""
    shares = np.tile(np.float32([seeing, noise]), (len(images), 1))
    degrade = degrader(imaging, *images.shape[1:3])
    return degrade(np.moveaxis(images, -1, 1), tf.range(len(images)), shares, np.int32([seed, 1])).numpy()


def noisy(n: int, sigma: float) -> np.ndarray:
    """Blank sky (n, SIZE, SIZE, 2) with white noise."""
    sky = np.random.default_rng(0).normal(100, sigma, (n, SIZE, SIZE, 2))
    return sky.clip(0, 255).round().astype(np.uint8)


def ranges(n: int, channels: int, fwhm: float, worst_fwhm: float, noise: float, worst_noise: float) -> ImagingRange:
    own = np.full((n, channels), noise, np.float32)
    return ImagingRange(np.full(n, fwhm, np.float32), worst_fwhm, own, np.full(channels, worst_noise, np.float32))


def test_without_noise_the_worst_seeing_is_that_of_a_gaussian_blur(galaxy_images):
    images = blurred(galaxy_images(np.arange(6) % 2, 0)[:, :, :18], 2.0)
    found = degraded(images, ranges(6, 3, 3.0, 5.0, 0, 0), 1, 1)
    assert np.abs(found - blurred(images, 4.0)).max() <= 1
    assert np.abs(found - images).max() > 5
    # Half way in FWHM.
    assert np.abs(degraded(images, ranges(6, 3, 3.0, 5.0, 0, 0), 0.5, 1) - blurred(images, 7**0.5)).max() <= 1


@pytest.mark.parametrize("seeing", [0, 1])
@pytest.mark.parametrize("noise", [0, 0.5])
def test_noise_is_white_and_as_drawn_whatever_the_blur(seeing, noise):
    images = noisy(40, 8.0)
    found = degraded(images, ranges(40, 2, 2.0, 6.0, 8.0, 16.0), seeing, noise) - 100
    expected = 8.0 + noise * 8.0
    assert found.std(axis=(0, 1, 2)) == pytest.approx(expected, rel=0.02)
    for axis in (1, 2):
        assert abs((found * np.roll(found, 1, axis)).mean() / found.var()) < 0.02
    # Normal, though what is drawn is uniform.
    assert (found**4).mean() / (found**2).mean() ** 2 == pytest.approx(3, abs=0.1)


def test_an_image_stays_at_its_own_values_and_where_it_is_worse_than_the_worst(galaxy_images):
    images = galaxy_images(np.arange(6) % 2, 0)
    np.testing.assert_array_equal(degraded(images, ranges(6, 3, 3.0, 5.0, 12, 20), 0, 0), images)
    np.testing.assert_array_equal(degraded(images, ranges(6, 3, 5.5, 5.0, 22, 20), 1, 1), images)


def test_the_range_is_from_own_values_to_the_99_percent_level():
    images, survey = noisy(30, 6.0), np.concatenate([noisy(95, 6.0), noisy(5, 18.0)])
    found = imaging_range(images, np.full(30, 2.0), survey, np.linspace(1, 5, 401))
    assert found.worst_fwhm == pytest.approx(4.96)
    assert found.noise.mean(axis=0) == pytest.approx([6, 6], rel=0.1)
    np.testing.assert_allclose(found.worst_noise, np.quantile(corner_noise(survey), 0.99, axis=0), rtol=1e-6)
    assert found.worst_noise.min() > 12


def test_each_epoch_draws_anew_and_order_and_turns_are_as_without(network):
    first, second = (plan_epoch(40, 3, epoch, True, True) for epoch in (0, 1))
    assert first.shares.shape == first.noise_seed.shape == (40, 2)
    assert not np.array_equal(first.shares, second.shares)
    assert (first.shares.min() >= 0, first.shares.max() < 1) == (True, True)
    assert len({tuple(seed) for plan in (first, second) for seed in plan.noise_seed}) == 80


def test_resumed_in_the_middle_it_ends_as_if_undisturbed(galaxy_images, network, tmp_path):
    labels = np.arange(40) % 2
    images = galaxy_images(labels, 3)
    imaging = ranges(40, 3, 2.0, 5.0, 12, 20)
    constant = {"name": "adam", "learning_rate": 0.002, "schedule": "constant"}

    def trained(epochs, checkpoints=None, imaging=imaging):
        keras.utils.set_random_seed(0)
        model = build_model({"architecture": "lenet5"}, (20, 20, 3), 2)
        spec = network(epochs=epochs, batch_size=24, optimizer=constant)
        return model, fit(model, images, labels, spec, 2, checkpoints, imaging)

    whole, history = trained(3)
    trained(2, Checkpoints(tmp_path, 0))
    resumed, resumed_history = trained(3, Checkpoints(tmp_path, 1e9))
    assert resumed_history == history
    for one, other in zip(whole.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert trained(3, imaging=None)[1] != history


def test_the_step_reads_the_seeing_and_wants_it_of_all(run_here, train_arguments, tiny_survey, network):
    catalog = pd.read_parquet(tiny_survey / "catalog.parquet")
    degrade = {"flips": True, "quarter_turns": True, "degrade": True}
    outcomes = {}
    for name, seeing in (("steady", 1.0), ("varying", np.linspace(1, 3, len(catalog)))):
        catalog.assign(psf_fwhm_arcsec=seeing).to_parquet(tiny_survey / f"{name}.parquet")
        arguments = train_arguments(tiny_survey / name, epochs=1, augmentation=degrade, arcsec_per_px=0.5)
        run_here(train, *arguments, "--catalog", f"{name}.parquet")
        outcomes[name] = (tiny_survey / name / "history.csv").read_text()
        record = json.loads((tiny_survey / name / "run.json").read_text())
        assert f"{name}.parquet" in record["inputs"]
        assert record["training"]["at_inference"]["held_out"]["n"] == 400
    assert outcomes["steady"] != outcomes["varying"]
    unknown = np.where(catalog["split"] == "training", np.nan, 2.0)
    catalog.assign(psf_fwhm_arcsec=unknown).to_parquet(tiny_survey / "unknown.parquet")
    shown = run_here(train, *arguments, "--catalog", "unknown.parquet", expect=2)
    assert "unknown.parquet: 200 of 200 galaxies to train on have no psf_fwhm_arcsec, such as g0" in shown
    shown = run_here(train, *arguments, "--catalog", "catalog.parquet", expect=2)
    assert "column psf_fwhm_arcsec is missing" in shown
