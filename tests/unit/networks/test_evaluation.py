"""Accuracy at inference: against counts by hand, on galaxies that no run trains on, and whether that is learning."""

import keras
import numpy as np
import pandas as pd
import pytest

from workflow_scripts.errors import InputError
from workflow_scripts.images.arrays import ImageStore
from workflow_scripts.networks.evaluation import MOST_GALAXIES, evaluated, has_learned, held_out_galaxies


@pytest.fixture(scope="module")
def bright():
    """A model that calls a galaxy of class 1 where its first pixel is above 100."""
    pixels = keras.layers.Input((2, 2, 1))
    first = keras.layers.Flatten()(pixels)[:, :1]
    return keras.Model(pixels, keras.layers.Activation("sigmoid")(keras.layers.Rescaling(1.0, -100.0)(first)))


def images_called(called):
    """Images (n, 2, 2, 1) that the model gives the labels `called` (n,)."""
    return np.full((1, 2, 2, 1), 200, np.uint8) * (np.asarray(called) == 1)[:, None, None, None]


def test_accuracy_is_that_of_the_counts(bright):
    labels = np.repeat([0, 1], [300, 100])
    called = np.concatenate([np.repeat([0, 1], [270, 30]), np.repeat([0, 1], [50, 50])])
    found = evaluated(bright, images_called(called), labels)
    assert found["n"] == 400
    assert found["accuracy"] == pytest.approx(0.8)
    assert found["balanced_accuracy"] == pytest.approx((0.9 + 0.5) / 2)
    assert has_learned(found)


def test_the_constant_answer_has_learned_nothing_however_often_it_is_right(bright):
    labels = np.repeat([0, 1], [390, 10])
    found = evaluated(bright, images_called(np.zeros(400)), labels)
    assert (found["accuracy"], found["balanced_accuracy"], found["p_guessing"]) == (0.975, 0.5, 0.5)
    assert has_learned(found) is False
    # Wrong more often than by chance is not learning either.
    assert has_learned(evaluated(bright, images_called(1 - labels), labels)) is False


def test_nothing_is_claimed_where_two_classes_are_not_known(bright):
    one = evaluated(bright, images_called([0, 1, 0]), np.zeros(3, int))
    assert (one["accuracy"], one["balanced_accuracy"], has_learned(one)) == (pytest.approx(2 / 3), None, None)
    assert has_learned(evaluated(bright, images_called([]), np.zeros(0, int))) is None


def test_many_galaxies_are_a_fixed_sample(bright):
    labels = np.random.default_rng(0).integers(0, 2, 3 * MOST_GALAXIES)
    found = evaluated(bright, images_called(labels), labels)
    assert (found["n"], found["accuracy"]) == (MOST_GALAXIES, 1.0)


def test_held_out_galaxies_are_those_of_the_annotation_split_with_label_and_image(tiny_survey, tmp_path):
    catalog = pd.read_parquet(tiny_survey / "catalog.parquet")
    in_images = catalog[~catalog["source_id"].str.startswith("lost")]
    annotation = in_images[in_images["split"] == "annotation"]
    catalog.loc[catalog["source_id"].isin(annotation["source_id"].head(150)), "label"] = pd.NA
    catalog.to_parquet(tmp_path / "catalog.parquet", index=False)
    store = ImageStore(tiny_survey / "images/index.parquet")
    images, labels = held_out_galaxies(tmp_path / "catalog.parquet", store, tiny_survey / "training_set.parquet")
    known = annotation.iloc[150:].set_index("source_id")["label"]
    assert len(images) == len(labels) == len(known) == 250
    everything = {store.read([name])[0].tobytes(): label for name, label in known.items()}
    assert [everything[image.tobytes()] for image in images] == labels.tolist()


def test_held_out_galaxies_were_not_trained_on(tiny_survey, tmp_path):
    catalog = pd.read_parquet(tiny_survey / "catalog.parquet").assign(split="annotation")
    catalog.to_parquet(tmp_path / "catalog.parquet", index=False)
    store = ImageStore(tiny_survey / "images/index.parquet")
    with pytest.raises(InputError, match="a network knows what it was trained on"):
        held_out_galaxies(tmp_path / "catalog.parquet", store, tiny_survey / "training_set.parquet")
