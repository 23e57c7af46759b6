"""A few images of galaxies, on which a model is tried before its own are made."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

N_EXAMPLES = 4


def example_images(folder: str | Path, shape: tuple[int, int, int]) -> tuple[NDArray[np.uint8], str]:
    """Four images (4, height, width, channels), and where they are from.

    From the first array of that shape in `folder` (the images of a survey, tile*.npy) where there is one; otherwise
    drawn: round ellipticals and spirals, whose network need not be good at them.
    """
    for path in sorted(Path(folder).glob("tile*.npy")):
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError):
            # The step that uses these images says what is wrong with them.
            continue
        if array.shape[1:] == tuple(shape) and len(array) >= N_EXAMPLES:
            return array[np.linspace(0, len(array) - 1, N_EXAMPLES).astype(int)].astype(np.uint8), str(path)
    return drawn_galaxies(shape), "drawn"


def drawn_galaxies(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Two exponential ellipticals and two spirals of two arms on a sky with noise, (4, height, width, channels)."""
    height, width, channels = shape
    y, x = np.mgrid[:height, :width]
    radius = np.hypot(x - (width - 1) / 2, y - (height - 1) / 2) / min(height, width)
    angle = np.arctan2(y - (height - 1) / 2, x - (width - 1) / 2)
    noise = np.random.default_rng(0).normal(14, 4, (N_EXAMPLES, *shape))
    for number in range(N_EXAMPLES):
        light = np.exp(-radius / (0.08 + 0.02 * number))
        if number % 2:
            light *= 1 + 0.8 * np.cos(2 * (angle - number) - 4 * np.log(radius + 0.02))
        noise[number] += light[..., None] * np.array([200.0, 170.0, 140.0])[:channels]
    return noise.clip(0, 255).astype(np.uint8)
