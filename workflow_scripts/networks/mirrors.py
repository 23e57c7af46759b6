"""Mirror images: what they do to a network's scores.

A network that treats both alike gives s(mirror image) = s(image), or 1 - s(image) where a mirror swaps the two classes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.networks.annotation import scored, scores_and_labels
from workflow_scripts.networks.tensorflow_runtime import keras


def mirrored_asymmetry(model: "keras.Model", images: NDArray[np.uint8]) -> dict[str, Any]:
    """How far a model of two classes that a mirror swaps is from treating both alike; `images` (n, H, W, channels).

    `asymmetry` is the mean of s(image) + s(mirror image) - 1, with its standard error: a sky that is its own mirror
    image has the mean score 1/2 + asymmetry/2. `same_label` is the share of galaxies whose mirror image has the same
    label. None without galaxies, the error with fewer than two.
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
