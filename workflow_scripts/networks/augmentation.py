"""The order and the random changes of the training images, derived from seed and epoch alone.

Nothing is carried from one epoch to the next, so that a training can resume at any epoch.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class EpochPlan:
    """What one epoch does with n images, each array of length n in the order of presentation."""

    order: np.ndarray
    """position of the image in the training set, int64"""
    quarter_turns: np.ndarray
    """number of quarter turns, 0 to 3"""
    left_right: np.ndarray
    """whether the image is mirrored left to right"""
    up_down: np.ndarray
    """whether the image is mirrored top to bottom"""


def plan_epoch(n_images: int, seed: int, epoch: int, flips: bool, quarter_turns: bool) -> EpochPlan:
    """Order and augmentation of the images in an epoch (counted from 0)."""
    generator = np.random.default_rng([seed, epoch])
    # Always drawn, so that switching one kind of augmentation off leaves the order as it was.
    order = generator.permutation(n_images)
    turns = generator.integers(0, 4, n_images)
    left_right, up_down = generator.integers(0, 2, (2, n_images)).astype(bool)
    return EpochPlan(order, turns * quarter_turns, left_right & flips, up_down & flips)


def present(images: np.ndarray, plan: EpochPlan, start: int, stop: int) -> np.ndarray:
    """The images from `start` to `stop` of an epoch, augmented.

    `images` is (n, height, width, channels) with height = width where the plan has quarter turns; gives an array
    (stop - start, height, width, channels) of the same type.
    """
    part = slice(start, stop)
    shown = images[plan.order[part]]
    for turns in (1, 2, 3):
        chosen = plan.quarter_turns[part] == turns
        shown[chosen] = np.rot90(shown[chosen], turns, axes=(1, 2))
    chosen = plan.left_right[part]
    shown[chosen] = shown[chosen, :, ::-1]
    chosen = plan.up_down[part]
    shown[chosen] = shown[chosen, ::-1]
    return shown
