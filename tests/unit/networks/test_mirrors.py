"""Classes that a mirror swaps: labels of mirrored training images, averages over the mirror, and what is recorded."""

import json

import keras
import numpy as np
import pandas as pd
import pytest

from workflow_scripts import annotate, train
from workflow_scripts.errors import InputError
from workflow_scripts.networks.annotation import scored
from workflow_scripts.networks.architectures import build_model
from workflow_scripts.networks.evaluation import evaluated, mirror_evaluated, mirrored_asymmetry
from workflow_scripts.networks.mirrored_classes import FLIPS_HINT, flips_keep_classes
from workflow_scripts.networks.orientations import (
    MIRROR,
    AveragedModel,
    mirrored_positions,
    positions_of_pixels,
)
from workflow_scripts.networks.training import fit, plan_epoch

SIZE = 16


def pinwheel() -> np.ndarray:
    """A picture (SIZE, SIZE) that quarter turns keep, and a mirror does not."""
    sails = np.zeros((SIZE, SIZE))
    sails[1:4, 4:12] = np.linspace(1, 0, 8)
    return sum(np.rot90(sails, turns) for turns in range(4))


def pinwheels(n: int, seed: int, noise: float = 25) -> tuple[np.ndarray, np.ndarray]:
    """Pinwheels of both senses with noise, (n, SIZE, SIZE, 1) uint8, and their classes (n,)."""
    labels = np.arange(n) % 2
    sides = np.stack([pinwheel(), pinwheel()[:, ::-1]])
    grey = 60 + 120 * sides[labels] + np.random.default_rng(seed).normal(0, noise, (n, SIZE, SIZE))
    return grey.clip(0, 255).astype(np.uint8)[..., None], labels


def knowing() -> keras.Model:
    """A network that knows the sense of every pinwheel, and hardly learns."""
    model = keras.Sequential(
        [keras.layers.Input((SIZE, SIZE, 1)), keras.layers.Flatten(), keras.layers.Dense(1, activation="sigmoid")]
    )
    model.set_weights([(pinwheel()[:, ::-1] - pinwheel()).reshape(-1, 1) / 1000, np.zeros(1)])
    return model


def lopsided() -> keras.Model:
    """P(class 1) from 0 to 1 with the brightness of the left half."""
    pixels = keras.layers.Input((4, 4, 1))
    left = keras.layers.GlobalAveragePooling2D()(pixels[:, :, :2])
    return keras.Model(pixels, keras.layers.Rescaling(1 / 255)(left))


def test_a_mirror_is_an_odd_number_of_reflections():
    image = np.arange(9).reshape(3, 3)
    turned = {tuple(np.rot90(image, turns).ravel()) for turns in range(4)}
    is_mirror = [tuple(position) not in turned for position in positions_of_pixels(3, 3)]
    np.testing.assert_array_equal(mirrored_positions(), is_mirror)
    assert sum(is_mirror) == 8


@pytest.mark.parametrize("mirror", ["swap", "unchanged"])
def test_images_that_are_shown_mirrored_have_the_other_class(network, mirror):
    """To a network that knows the sense, all labels are right, or those of images that are not mirrored."""
    images, labels = pinwheels(64, 0, noise=0)
    spec = network(epochs=1, batch_size=24, mirror=mirror)
    spec["optimizer"] = {"name": "sgd", "learning_rate": 1e-9, "schedule": "constant"}
    ((_, _, accuracy),) = fit(knowing(), images, labels, spec, seed=2)
    mirrored = mirrored_positions()[plan_epoch(64, 2, 0, True, True).position]
    assert 0.3 < mirrored.mean() < 0.7
    assert accuracy == pytest.approx(1.0 if mirror == "swap" else 1 - mirrored.mean())


def test_mirrored_images_are_learned_where_the_label_is_swapped_and_only_there(network):
    images, labels = pinwheels(160, 1)
    others, truth = pinwheels(200, 2)
    accuracy = {}
    for mirror in ("swap", "unchanged"):
        keras.utils.set_random_seed(0)
        model = build_model({"architecture": "lenet5"}, (SIZE, SIZE, 1), 2)
        fit(model, images, labels, network(epochs=4, mirror=mirror), seed=0)
        accuracy[mirror] = evaluated(model, others, truth)["balanced_accuracy"]
    assert accuracy["swap"] > 0.95
    assert 0.3 < accuracy["unchanged"] < 0.7


def test_a_mirror_swaps_two_classes_only(network):
    images, _ = pinwheels(12, 0)
    with pytest.raises(InputError, match="a mirror swaps two classes, and 3 were given"):
        fit(knowing(), images, np.arange(12) % 3, network(mirror="swap"), seed=0)


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("swaps", [True, False])
def test_average_over_the_mirror_is_that_of_both_images(n_outputs, swaps):
    one = lopsided()
    joined = keras.layers.Concatenate()([1 - one.output, one.output])
    model = one if n_outputs == 1 else keras.Model(one.input, joined)
    images = np.random.default_rng(0).integers(0, 256, (300, 4, 4, 1)).astype(np.uint8)
    left, right = images[:, :, :2].mean(axis=(1, 2, 3)) / 255, images[:, :, 2:].mean(axis=(1, 2, 3)) / 255
    expected = (left + (1 - right if swaps else right)) / 2
    averaged = AveragedModel(model, MIRROR, swaps)
    found, mirrored = scored(averaged, images), scored(averaged, images[:, :, ::-1])
    np.testing.assert_allclose(found[:, -1], expected, atol=1e-6)
    np.testing.assert_allclose(mirrored[:, -1], 1 - found[:, -1] if swaps else found[:, -1], atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1.0 if n_outputs == 2 else expected, atol=1e-6)


def test_asymmetry_is_the_mean_excess_and_the_share_of_labels_that_stay():
    images = np.zeros((4, 4, 4, 1), np.uint8)
    # Left and right halves: 0.8 and 0.8, 0.8 and 0.4, 0.4 and 0.4, 0 and 1.
    images[:, :, :2] = np.array([204, 204, 102, 0])[:, None, None, None]
    images[:, :, 2:] = np.array([204, 102, 102, 255])[:, None, None, None]
    found = mirrored_asymmetry(lopsided(), images)
    excess = np.array([0.6, 0.2, -0.2, 0.0])
    assert (found["n"], found["same_label"]) == (4, 0.5)
    assert found["asymmetry"] == pytest.approx(excess.mean(), abs=1e-6)
    assert found["asymmetry_se"] == pytest.approx(excess.std(ddof=1) / 2, abs=1e-6)
    averaged = mirrored_asymmetry(AveragedModel(lopsided(), MIRROR, swaps=True), images)
    assert averaged["asymmetry"] == pytest.approx(0, abs=1e-6)
    assert mirrored_asymmetry(lopsided(), images[:0])["asymmetry"] is None


def test_accuracies_of_the_average_are_evaluated_too():
    """A preference that makes half of one class wrong goes away with the average."""
    images, labels = pinwheels(300, 3)
    model = knowing()
    weights, _ = model.get_weights()
    preference = np.abs(images[labels == 0].reshape(150, -1) @ weights).mean()
    model.set_weights([weights, np.full(1, preference)])
    found = mirror_evaluated(model, images, labels)
    assert found["asymmetry"] > 5 * found["asymmetry_se"]
    assert evaluated(model, images, labels)["balanced_accuracy"] < 0.9
    assert found["averaged"]["n"] == 300
    assert found["averaged"]["balanced_accuracy"] > 0.99


def test_a_network_that_has_not_learned_with_flips_gets_the_hint(run_here, train_arguments, tiny_survey):
    """And one with swapped labels the record of mirror images."""
    still = {"optimizer": {"name": "sgd", "learning_rate": 1e-9, "schedule": "constant"}, "epochs": 1}
    for folder, spec in (("flipped", still), ("swapped", {**still, "mirror": "swap"})):
        shown = run_here(train, *train_arguments(tiny_survey / folder, **spec))
        assert "has not learned" in shown
        assert (FLIPS_HINT in shown) == (folder == "flipped")
        record = json.loads((tiny_survey / folder / "run.json").read_text())["training"]
        assert ("mirrored" in record) == (folder == "swapped")
    assert (record["mirrored"]["n"], record["mirrored"]["averaged"]["n"]) == (400, 400)
    assert abs(record["mirrored"]["asymmetry"]) <= 1


def test_flips_that_keep_the_class_are_those_of_a_training(network):
    assert flips_keep_classes(network())
    assert flips_keep_classes(network(mirror="unchanged"))
    assert not flips_keep_classes(network(mirror="swap"))
    # A mirror can swap no more than two classes.
    assert not flips_keep_classes(network(), 3)
    assert not flips_keep_classes(network(augmentation={"flips": False, "quarter_turns": True}))
    assert not flips_keep_classes(network(mode="annotate"))
    assert not flips_keep_classes({"architecture": "program"})


def test_annotations_with_the_average_are_equivariant(run_here, train_arguments, tiny_survey, network, write_images):
    """The tiny survey and its mirror image, annotated by one network."""
    run_here(train, *train_arguments(tiny_survey / "averaged", epochs=1))
    index = pd.read_parquet(tiny_survey / "images" / "index.parquet")
    images = np.concatenate([np.load(tiny_survey / "images" / f"tile{tile}.npy") for tile in range(3)])
    write_images(tiny_survey / "mirrored", index["source_id"].to_numpy(), images[:, :, ::-1], np.zeros(600, int))
    scores = {}
    for name, average in (("images", True), ("mirrored", True), ("alone", False)):
        spec = network(mirror_average=average, mirror="swap")
        folder = "images" if name == "alone" else name
        run_here(
            annotate,
            *("--network", json.dumps(spec), "--model", "averaged/model.keras", "--catalog", "catalog.parquet"),
            *("--index", f"{folder}/index.parquet", "--output", f"averaged/{name}.parquet"),
        )
        scores[name] = pd.read_parquet(tiny_survey / "averaged" / f"{name}.parquet")["score"]
    np.testing.assert_allclose(scores["images"] + scores["mirrored"], 1, atol=1e-6)
    assert np.abs(scores["alone"] - scores["images"]).max() > 1e-3
