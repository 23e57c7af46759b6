"""Training inside one process: order and augmentation, resuming with every kind of state, batches as Keras has them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from workflow_scripts.errors import InputError
from workflow_scripts.networks.architectures import build_model
from workflow_scripts.networks.checkpoints import Checkpoints, digest_of
from workflow_scripts.networks.evaluation import evaluated
from workflow_scripts.networks.orientations import positions_of_pixels
from workflow_scripts.networks.training import (
    fit,
    make_optimizer,
    plan_epoch,
    shorten_memory_of_norms,
)

LABELS = np.arange(64) % 2


@pytest.fixture(scope="module")
def images(galaxy_images):
    return galaxy_images(LABELS, 3)


def with_dropout():
    """A network with every kind of state: weights, moving averages, random numbers."""
    layers = keras.layers
    keras.utils.set_random_seed(4)
    return keras.Sequential(
        [
            layers.Input((20, 20, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, strides=2),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.3),
            layers.Dense(1, activation="sigmoid", kernel_regularizer="l2"),
        ]
    )


def test_resumed_in_the_middle_every_state_is_as_if_undisturbed(images, network, tmp_path):
    # A rate that does not depend on the number of epochs, so that fewer epochs stand for an interrupted training.
    constant = {"name": "adam", "learning_rate": 0.002, "schedule": "constant"}
    long, short = (network(epochs=epochs, batch_size=24, optimizer=constant) for epochs in (3, 2))
    whole = with_dropout()
    expected = fit(whole, images, LABELS, long, seed=2)
    # The first part ends after two epochs, of which the second is not kept: an earlier epoch is resumed from.
    fit(with_dropout(), images, LABELS, short, 2, Checkpoints(tmp_path, 0))
    resumed = with_dropout()
    assert fit(resumed, images, LABELS, long, 2, Checkpoints(tmp_path, 1e9)) == expected
    for one, other in zip(whole.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)


def test_cosine_schedule_ends_at_zero(network):
    optimizer = make_optimizer(
        network(optimizer={"name": "adam", "learning_rate": 0.1, "schedule": "cosine"}), steps=10
    )
    rates = [float(optimizer._learning_rate(step)) for step in (0, 5, 10)]
    assert rates == pytest.approx([0.1, 0.05, 0.0], abs=1e-7)


def test_images_are_shown_as_an_epoch_plans_them(images, network):
    """A model that keeps what it sees: order, turns and mirrors on the device are those of the plan by numpy."""
    seen = []

    class Keeping(keras.layers.Layer):
        def call(self, pixels):
            tf.py_function(lambda batch: seen.append(batch.numpy()), [pixels], [])
            return pixels

    layers = keras.layers
    model = keras.Sequential(
        [layers.Input((20, 20, 3)), Keeping(), layers.Flatten(), layers.Dense(1, activation="sigmoid")]
    )
    fit(model, images, LABELS, network(epochs=1, batch_size=24), seed=2)
    assert [len(batch) for batch in seen] == [24, 24, 16]
    plan = plan_epoch(64, seed=2, epoch=0, flips=True, quarter_turns=True)
    for shown, image, position in zip(np.concatenate(seen), images[plan.order], plan.position, strict=True):
        expected = np.rot90(image, position // 4)
        expected = expected[:, ::-1] if position & 2 else expected
        np.testing.assert_array_equal(shown, expected[::-1] if position & 1 else expected)


def test_short_training_with_batch_normalisation_is_right_at_inference_too(galaxy_images, network):
    """60 batches: with Keras's own momentum right for all galaxies in training, and for half of them at inference."""
    labels = np.arange(240) % 2
    images = galaxy_images(labels, 5)
    keras.utils.set_random_seed(1)
    model = build_model({"architecture": "resnet_small"}, (20, 20, 3), 2)
    history = fit(model, images, labels, network(epochs=4, batch_size=16), seed=0)
    assert history[-1][2] > 0.95
    assert evaluated(model, images, labels)["accuracy"] > 0.95
    others = np.arange(200) % 2
    assert evaluated(model, galaxy_images(others, 6), others)["balanced_accuracy"] > 0.9


@pytest.mark.parametrize(("steps", "momentum"), [(1, 0.0), (60, 1 - 1 / 6), (1000, 0.99), (10**6, 0.99)])
def test_batch_normalisation_averages_over_a_tenth_of_the_training(steps, momentum):
    inner = with_dropout()
    outer = keras.Sequential([keras.layers.Input((20, 20, 3)), inner])
    shorten_memory_of_norms(outer, steps)
    (norm,) = [layer for layer in inner.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert norm.momentum == pytest.approx(momentum)


def test_one_batch_agrees_with_keras(images, network):
    """Plain gradient descent on one batch, against Keras's own training step."""
    spec = network(epochs=1, batch_size=64, optimizer={"name": "sgd", "learning_rate": 0.1, "schedule": "constant"})
    spec["augmentation"] = {"flips": False, "quarter_turns": False}
    keras.utils.set_random_seed(0)
    ours = build_model(spec, (20, 20, 3), 2)
    theirs = keras.models.clone_model(ours)
    theirs.set_weights(ours.get_weights())
    ((epoch, loss, accuracy),) = fit(ours, images, LABELS, spec, seed=0)
    theirs.compile(keras.optimizers.SGD(0.1), "binary_crossentropy", metrics=["accuracy"])
    expected_loss, expected_accuracy = theirs.train_on_batch(images.astype("float32"), LABELS[:, None])
    assert epoch == 1
    assert loss == pytest.approx(float(expected_loss), rel=1e-5)
    assert accuracy == pytest.approx(float(expected_accuracy))
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_several_classes(images, network):
    labels = np.arange(64) % 3
    model = build_model({"architecture": "resnet_small"}, (20, 20, 3), 3)
    ((_, loss, accuracy),) = fit(model, images, labels, network(epochs=1), seed=0)
    assert 0.5 < loss < 3
    assert 0 <= accuracy <= 1


def test_nothing_to_train(images, network):
    model = with_dropout()
    model.trainable = False
    with pytest.raises(InputError, match="has no weights that can be trained"):
        fit(model, images, LABELS, network(), seed=0)


def test_digest_follows_what_determines_the_training():
    base = {"config": {"epochs": 2, "batch": 3}, "seeds": {"training": 0}}
    assert digest_of(base) == digest_of({"seeds": {"training": 0}, "config": {"batch": 3, "epochs": 2}})
    assert digest_of(base) != digest_of(base | {"seeds": {"training": 1}})


def test_an_epoch_shows_every_image_once_in_one_of_its_eight_positions():
    plan = plan_epoch(40, seed=5, epoch=2, flips=True, quarter_turns=True)
    assert sorted(plan.order) == list(range(40))
    image = np.arange(16).reshape(4, 4)
    eight = {tuple(np.rot90(side, turns).ravel()) for side in (image, image[:, ::-1]) for turns in range(4)}
    positions = positions_of_pixels(4, 4)
    assert {tuple(position) for position in positions} == eight
    assert len({tuple(positions[position]) for position in plan.position}) == 8


def test_epochs_and_seeds_differ_and_repeat():
    def order(seed, epoch):
        return tuple(plan_epoch(40, seed, epoch, True, True).order)

    assert order(1, 1) == order(1, 1)
    assert len({order(1, 1), order(1, 2), order(2, 1), order(2, 2)}) == 4


def test_without_augmentation_images_stay_as_they_are_in_the_same_order():
    plain = plan_epoch(40, 3, 1, flips=False, quarter_turns=False)
    np.testing.assert_array_equal(positions_of_pixels(4, 6)[plain.position], np.tile(np.arange(24), (40, 1)))
    np.testing.assert_array_equal(plain.order, plan_epoch(40, 3, 1, True, True).order)
    assert set(plan_epoch(40, 3, 1, flips=True, quarter_turns=False).position) == {0, 1, 2, 3}


def test_trainings_keep_the_order_and_positions_of_earlier_versions():
    plan = plan_epoch(8, seed=5, epoch=2, flips=True, quarter_turns=True)
    assert plan.order.tolist() == [0, 4, 5, 7, 3, 1, 2, 6]
    assert plan.position.tolist() == [7, 0, 11, 5, 14, 3, 13, 0]
