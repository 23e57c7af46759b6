"""What a finished network does at inference with galaxies whose class is known, and whether it has learned anything."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from workflow_scripts.images.arrays import ImageStore
from workflow_scripts.networks.annotation import scored, scores_and_labels
from workflow_scripts.networks.galaxies_of_runs import annotation_rows
from workflow_scripts.networks.orientations import MIRROR, AveragedModel
from workflow_scripts.networks.tensorflow_runtime import keras
from workflow_scripts.statistics.fractions import guessing_p
from workflow_scripts.tables import read_columns

# Standard error of a balanced accuracy 0.011; in processor time, what two epochs on so many galaxies take at most.
MOST_GALAXIES = 2000
# Networks that have learned nothing pass as having learned in so many cases at most.
LEVEL = 0.01


def evaluated(model: "keras.Model", images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """How often the model is right at inference about images (n, height, width, channels) uint8 of classes (n,).

    Gives `n`, `accuracy`, `balanced_accuracy` (mean over classes), and `p_guessing`, that guessing is right as often.
    Where not two classes are there, the last two are None; without galaxies, the accuracy as well. Of more than
    `MOST_GALAXIES` galaxies, so many chosen at random are used.
    """
    chosen = _some(len(labels))
    images, classes = images[chosen], labels[chosen]
    if not len(classes):
        return {"n": 0, "accuracy": None, "balanced_accuracy": None, "p_guessing": None}
    _, given = scores_and_labels(scored(model, images))
    by_class = [float((given[classes == kind] == kind).mean()) for kind in np.unique(classes)]
    both = len(by_class) > 1
    return {
        "n": len(classes),
        "accuracy": float((given == classes).mean()),
        "balanced_accuracy": float(np.mean(by_class)) if both else None,
        "p_guessing": guessing_p(given, classes) if both else None,
    }


def mirror_evaluated(model: "keras.Model", images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """`mirrored_asymmetry` of a model of two classes that a mirror swaps, and its accuracies averaged over the mirror.

    Galaxies as for `evaluated`.
    """
    chosen = _some(len(labels))
    averaged = evaluated(AveragedModel(model, MIRROR, swaps=True), images[chosen], labels[chosen])
    return {**mirrored_asymmetry(model, images[chosen]), "averaged": averaged}


def mirrored_asymmetry(model: "keras.Model", images: np.ndarray) -> dict[str, Any]:
    """How far a model of two classes that a mirror swaps is from treating both alike; `images` (n, H, W, channels).

    One that does gives s(mirror image) = 1 - s(image). `asymmetry` is the mean of s(image) + s(mirror image) - 1, with
    its standard error: a sky that is its own mirror image has the mean score 1/2 + asymmetry/2. `same_label` is the
    share of galaxies whose mirror image has the same label. None without galaxies, the error with fewer than two.
    """
    n = len(images)
    if not n:
        return {"n": 0, "asymmetry": None, "asymmetry_se": None, "same_label": None}
    sides = [scores_and_labels(scored(model, side)) for side in (images, images[:, :, ::-1])]
    excess = sides[0][0].astype(float) + sides[1][0] - 1
    return {
        "n": n,
        "asymmetry": float(excess.mean()),
        "asymmetry_se": float(excess.std(ddof=1) / np.sqrt(n)) if n > 1 else None,
        "same_label": float((sides[0][1] == sides[1][1]).mean()),
    }


def held_out_galaxies(
    catalog: str | Path, images: ImageStore, training_set: str | Path | None
) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, height, width, channels) and classes (n,) of galaxies that no run trains on.

    They are `MOST_GALAXIES` of the annotation split with a label and an image, chosen at random, or all that there are.
    Raises `InputError` as `annotation_rows`.
    """
    rows = annotation_rows(catalog, images.path, training_set)
    labels = read_columns(catalog, ["source_id", "label"])
    labels = labels.filter(labels["label"].is_valid())
    found = pc.index_in(rows["source_id"], value_set=labels["source_id"])
    ids = rows["source_id"].filter(found.is_valid())
    classes = labels["label"].take(found.drop_null())
    chosen = _some(len(ids))
    return images.read(ids.take(chosen).to_pylist()), classes.take(chosen).to_numpy()


def has_learned(held_out: dict[str, Any]) -> bool | None:
    """Whether `evaluated` shows more of the classes than a constant answer would; None where nothing is known."""
    return None if held_out["p_guessing"] is None else held_out["p_guessing"] < LEVEL


def _some(n: int) -> np.ndarray:
    """Row numbers, in their order, of `MOST_GALAXIES` of n galaxies or of all; always the same ones."""
    if n <= MOST_GALAXIES:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, MOST_GALAXIES, replace=False))
