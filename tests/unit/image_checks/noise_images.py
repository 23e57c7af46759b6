"""Images of noise, whole and small, as services send them."""

import io

import numpy as np
from astropy.io import fits
from PIL import Image

SIZE = 24


def picture(kind: str, pixels: np.ndarray | None = None, progressive: bool = True) -> bytes:
    noise = np.random.default_rng(5).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise if pixels is None else pixels).save(buffer, kind, progressive=progressive)
    return buffer.getvalue()


def cube(pixels: np.ndarray | None = None, **cards: float) -> bytes:
    noise = np.random.default_rng(5).normal(size=(3, SIZE, SIZE)).astype(np.float32)
    buffer = io.BytesIO()
    fits.PrimaryHDU(noise if pixels is None else pixels, fits.Header(list(cards.items()))).writeto(buffer)
    return buffer.getvalue()
