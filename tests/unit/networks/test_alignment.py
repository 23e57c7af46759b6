"""Features kept near those of unlabelled images: both distances, what the term does, the same bytes when resumed."""

import json

import keras
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from workflow_scripts import train
from workflow_scripts.errors import InputError
from workflow_scripts.networks.alignment import DISTANCES, coral_distance, mmd_distance, of_unit_variance
from workflow_scripts.networks.architectures import build_model
from workflow_scripts.networks.checkpoints import Checkpoints
from workflow_scripts.networks.frozen_layers import set_trainable
from workflow_scripts.networks.penultimate import penultimate_features
from workflow_scripts.networks.training import fit

# In batches of 24 the last has one image.
LABELS = np.arange(49) % 2
CONSTANT = {"name": "adam", "learning_rate": 0.002, "schedule": "constant"}


@pytest.fixture(scope="module")
def images(galaxy_images):
    return galaxy_images(LABELS, 3)


@pytest.fixture(scope="module")
def others(galaxy_images):
    """Unlabelled images of another contrast, fewer than those to train on."""
    pictures = galaxy_images(np.arange(30) % 2, 4)
    return (40 + (pictures.astype(float) - 40) * 0.5).clip(0, 255).astype(np.uint8)


def features(seed, n, d, scale=1.0):
    return (np.random.default_rng(seed).normal(0, scale, (n, d))).astype(np.float32)


def test_coral_is_the_difference_of_covariances():
    here, there = features(0, 30, 7), features(1, 12, 7, 2.0)
    difference = np.cov(here.T) - np.cov(there.T)
    assert float(coral_distance(here, there)) == pytest.approx((difference**2).sum() / (4 * 7**2), rel=1e-4)
    assert float(coral_distance(here, here)) == pytest.approx(0, abs=1e-6)
    assert np.isfinite(float(coral_distance(here[:1], there)))


def test_mmd_is_the_unbiased_one_of_its_kernels():
    here, there = features(0, 30, 7), features(1, 13, 7, 2.0)
    joint = np.concatenate([here, there]).astype(float)
    squared = cdist(joint, joint, "sqeuclidean")
    median = np.sort(squared.ravel())[43 * 43 // 2]
    kernel = np.mean([np.exp(-squared / (2 * width * median)) for width in (0.25, 0.5, 1, 2, 4)], axis=0)
    np.fill_diagonal(kernel, 0)
    expected = kernel[:30, :30].sum() / (30 * 29) + kernel[30:, 30:].sum() / (13 * 12) - 2 * kernel[:30, 30:].mean()
    assert float(mmd_distance(here, there)) == pytest.approx(expected, rel=1e-3)
    assert expected > 0.02
    same = [float(mmd_distance(features(seed, 30, 7), features(seed + 50, 30, 7))) for seed in range(50)]
    assert abs(np.mean(same)) < 3 * np.std(same) / 50**0.5
    assert np.isfinite(float(mmd_distance(here[:1], there)))


def trained(network, images, unlabelled, epochs, checkpoints=None, architecture="lenet5", trainable=None, **alignment):
    keras.utils.set_random_seed(0)
    model = build_model({"architecture": architecture}, images.shape[1:], 2)
    if trainable:
        set_trainable(model, trainable)
    spec = network(epochs=epochs, batch_size=24, optimizer=CONSTANT, alignment=alignment)
    return model, fit(model, images, LABELS, spec, 2, checkpoints, unlabelled=unlabelled)


@pytest.mark.parametrize("loss", DISTANCES)
def test_the_term_brings_features_together(network, images, others, loss):
    distance = []
    for weight in (0.0, 30.0):
        model, _ = trained(network, images, others, 12, loss=loss, weight=weight)
        both = of_unit_variance(penultimate_features(model, [np.concatenate([images, others])]))
        distance.append(float(DISTANCES[loss](both[: len(images)], both[len(images) :])))
    assert distance[1] < 0.6 * distance[0]


def test_without_weight_the_term_does_nothing_and_its_default_something(network, images, others):
    plain, idle, aligned = (
        trained(network, images, side, 1, loss="coral", **weight)[0].get_weights()
        for side, weight in ((None, {}), (others, {"weight": 0.0}), (others, {}))
    )
    for one, other in zip(plain, idle, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert max(np.abs(one - other).max() for one, other in zip(plain, aligned, strict=True)) > 1e-3


def test_smaller_features_are_as_far_apart():
    here = features(0, 30, 7)
    scaled, small = (of_unit_variance(side).numpy() for side in (here, 0.01 * here))
    np.testing.assert_allclose(small, scaled, rtol=1e-4)
    assert ((scaled - scaled.mean(axis=0)) ** 2).mean() == pytest.approx(1, abs=1e-4)


def test_resumed_in_the_middle_it_ends_as_if_undisturbed(network, images, others, tmp_path):
    """A network with moving averages, which are over both sides."""

    def run(epochs, checkpoints=None):
        return trained(network, images, others, epochs, checkpoints, "resnet_small", "last 4", loss="mmd")

    whole, history = run(3)
    run(2, Checkpoints(tmp_path, 0))
    resumed, resumed_history = run(3, Checkpoints(tmp_path, 1e9))
    assert resumed_history == history
    for one, other in zip(whole.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_nothing_to_align_is_refused(network, images, others):
    with pytest.raises(
        InputError, match="alignment changes nothing in lenet5, of which only the last layer is trained"
    ):
        trained(network, images, others, 1, trainable="top", loss="coral")


def test_the_step_reads_unlabelled_galaxies_and_not_their_labels(run_here, train_arguments, tiny_survey):
    folder = tiny_survey / "aligned"
    arguments = train_arguments(folder, epochs=1, alignment={"loss": "coral", "weight": 1.0})
    shown = run_here(train, *arguments, expect=2)
    assert "--unlabelled: missing, expected galaxies for the alignment of the network" in shown
    run_here(train, *arguments, "--unlabelled", "catalog.parquet", expect=2)
    index = tiny_survey / "images" / "index.parquet"
    run_here(train, *arguments, "--unlabelled", str(index))
    record = json.loads((folder / "run.json").read_text())
    assert str(index) in record["inputs"]
    assert record["training"]["at_inference"]["held_out"]["n"] == 400
