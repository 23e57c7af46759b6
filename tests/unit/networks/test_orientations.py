"""Scores averaged over the eight orientations of an image, those of a mirror swapped where it swaps the classes."""

import json

import keras
import numpy as np
import pandas as pd
import pytest

from workflow_scripts import annotate
from workflow_scripts.networks.annotation import scored
from workflow_scripts.networks.architectures import build_model
from workflow_scripts.networks.mirrored_classes import positions_averaged
from workflow_scripts.networks.orientations import ORIENTATIONS, AveragedModel

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 20, 20, 3), np.uint8)


def eight(images: np.ndarray) -> list[np.ndarray]:
    """The images, turned, and then turned and mirrored."""
    turned = [np.rot90(images, turns, axes=(1, 2)) for turns in range(4)]
    return [*turned, *(image[:, :, ::-1] for image in turned)]


def untrained(n_classes: int) -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_model({"architecture": "lenet5"}, (20, 20, 3), n_classes)


@pytest.mark.parametrize(("n_classes", "swaps"), [(2, False), (2, True), (3, False)])
def test_the_average_is_that_of_eight_images_and_the_same_for_each(n_classes, swaps):
    model = untrained(n_classes)
    averaged = AveragedModel(model, ORIENTATIONS, swaps)
    each = np.stack([scored(model, images) for images in eight(IMAGES)])
    if swaps:
        each[4:] = 1 - each[4:]
    assert np.ptp(each, axis=0).max() > 0.01
    expected = each.mean(axis=0)
    for number, images in enumerate(eight(IMAGES)):
        wanted = 1 - expected if swaps and number >= 4 else expected
        np.testing.assert_allclose(scored(averaged, images), wanted, atol=1e-6)


def test_two_outputs_are_exchanged_where_a_mirror_swaps():
    one = untrained(2)
    both = keras.Model(one.input, keras.layers.Concatenate()([1 - one.output, one.output]))
    expected = scored(AveragedModel(one, ORIENTATIONS, True), IMAGES)
    found = scored(AveragedModel(both, ORIENTATIONS, True), IMAGES)
    np.testing.assert_allclose(found, np.concatenate([1 - expected, expected], axis=1), atol=1e-6)


def test_a_model_of_images_of_any_size_is_averaged_too():
    pixels = keras.layers.Input((None, None, 3))
    maps = keras.layers.Conv2D(1, 3, activation="sigmoid")(pixels)
    model = keras.Model(pixels, keras.layers.GlobalMaxPooling2D()(maps))
    expected = np.mean([scored(model, images) for images in eight(IMAGES)], axis=0)
    np.testing.assert_allclose(scored(AveragedModel(model, ORIENTATIONS, False), IMAGES), expected, atol=1e-6)


def test_an_entry_says_over_how_many_positions():
    entries = ({}, {"mirror_average": False}, {"mirror_average": True}, {"average": "orientations"})
    assert [positions_averaged(entry) for entry in entries] == [1, 1, 2, 8]
    assert positions_averaged({"mirror_average": True, "average": "orientations"}) == 8


def test_the_step_annotates_with_the_average(run_here, tiny_survey, network):
    (tiny_survey / "turned").mkdir()
    model = untrained(2)
    model.save(tiny_survey / "turned" / "model.keras")
    run_here(
        annotate,
        *("--network", json.dumps(network(average="orientations")), "--model", "turned/model.keras"),
        *("--catalog", "catalog.parquet", "--index", "images/index.parquet", "--output", "turned/averaged.parquet"),
    )
    table = pd.read_parquet(tiny_survey / "turned" / "averaged.parquet").set_index("source_id")["score"]
    first = pd.read_parquet(tiny_survey / "images" / "tile0.parquet")["source_id"]
    images = np.load(tiny_survey / "images" / "tile0.npy")
    known = first.isin(table.index).to_numpy()
    expected = np.mean([scored(model, side) for side in eight(images[known])], axis=0)[:, 0]
    np.testing.assert_allclose(table.loc[first[known]], expected, atol=1e-6)
