"""Images with most of what they show taken away, to see what a network recognises them by."""

import numpy as np
from numpy.typing import NDArray

WHOLE, CORNERS, SCRAMBLED = "whole", "corners", "scrambled"
_AT_A_TIME = 1024


def shown_pixels(images: NDArray[np.uint8], kind: str, seed: int = 0) -> NDArray[np.uint8]:
    """Images (n, H, W, C) as a network is to see them.

    Parameters
    ----------
    images
        with the galaxy in the centre
    kind
        `whole`; `corners`, blank sky: all within half a side of the centre is 0; or `scrambled`: the pixels of each
        image in an order of its own, those of all channels together. One order for all images would leave a network
        every pattern, in other places; of an order for each image only the histogram of brightness and colour is left.
    seed
        of the orders

    Raises
    ------
    ValueError
        for another kind.
    """
    if kind == WHOLE:
        return images
    n, height, width, channels = images.shape
    if kind == CORNERS:
        y, x = np.indices((height, width))
        inside = np.hypot((y - (height - 1) / 2) / height, (x - (width - 1) / 2) / width) < 0.5
        return np.where(inside[None, :, :, None], np.uint8(0), images)
    if kind != SCRAMBLED:
        raise ValueError(f"pixels are {WHOLE}, {CORNERS} or {SCRAMBLED}, not {kind}")
    flat, out = images.reshape(n, height * width, channels), np.empty((n, height * width, channels), np.uint8)
    for start in range(0, n, _AT_A_TIME):
        part = flat[start : start + _AT_A_TIME]
        orders = np.tile(np.arange(height * width), (len(part), 1))
        orders = np.random.default_rng([seed, start]).permuted(orders, axis=1)
        out[start : start + _AT_A_TIME] = np.take_along_axis(part, orders[:, :, None], axis=1)
    return out.reshape(images.shape)
