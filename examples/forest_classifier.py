"""A random forest of scikit-learn as a network of skybias: docs/own_classifier.md has the contract.

forest_classifier.py train IMAGES LABELS MODEL SEED THREADS
forest_classifier.py annotate IMAGES MODEL SCORES
"""

import sys
from importlib.metadata import version

import joblib
import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

# Images are turned into features so many at a time: a million of them need not fit into memory.
AT_A_TIME = 10_000
SIDE, RINGS = 8, 8


def features(images):
    """What the forest sees of images (n, height, width, channels): small pictures, profiles, scatter in rings, colours.

    Arms and bars scatter along a ring; a smooth galaxy does not.
    """
    n, height, width, _ = images.shape
    pixels = images.astype(np.float32).mean(axis=3)
    rows, columns = height // SIDE, width // SIDE
    small = pixels[:, : rows * SIDE, : columns * SIDE].reshape(n, SIDE, rows, SIDE, columns).mean(axis=(2, 4))
    y, x = np.indices((height, width))
    ring = (np.hypot(y - (height - 1) / 2, x - (width - 1) / 2) * RINGS / (height / 2)).astype(int)
    in_rings = [pixels[:, ring == number] for number in range(RINGS)]
    profile = [np.stack([part.mean(axis=1), part.std(axis=1)], axis=1) for part in in_rings]
    return np.hstack([small.reshape(n, -1), *profile, images.mean(axis=(1, 2), dtype=np.float32)])


def train(images, labels, model, seed, threads):
    """Fit a forest and write it."""
    forest = ExtraTreesClassifier(200, min_samples_leaf=2, random_state=int(seed), n_jobs=int(threads))
    forest.fit(features(np.load(images)), np.load(labels))
    joblib.dump(forest, model)
    for package in ("scikit-learn", "numpy"):
        print(f"{package}=={version(package)}")


def annotate(images, model, scores):
    """Write the probability of class 1 for each image, in their order."""
    forest, pixels = joblib.load(model), np.load(images, mmap_mode="r")
    parts = [pixels[start : start + AT_A_TIME] for start in range(0, len(pixels), AT_A_TIME)]
    np.save(scores, np.concatenate([forest.predict_proba(features(part))[:, 1] for part in parts]))


if __name__ == "__main__":
    {"train": train, "annotate": annotate}[sys.argv[1]](*sys.argv[2:])
