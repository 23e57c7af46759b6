"""How much of an image is empty from an edge on: where a survey's imaging ends within the cutout."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

# Width of an empty part, pixels (more than a block of a JPEG), and as a share of the image's side: dark sky that was
# enlarged has flat spots too.
_NARROWEST_PX, _NARROWEST_SHARE = 9, 1 / 16
# Rows or columns (pixels) of one value at an edge that make an image partly empty; a JPEG block has 8.
_STRIP = 8

# Share of the pixels that may be empty from an edge on. In 6,345 cutouts of SDSS (128 pixels) dark sky was never taken
# for an empty part; enlarged to twice their size, for 1.6 % of an image at most.
LARGEST_EMPTY_SHARE = 0.02


def blank_in_jpeg(data: bytes, blank: int) -> int:
    """What a value becomes where a JPEG of it is flat: 8 times its distance from 128 is rounded to whole quanta.

    Halves are rounded away from 128, as libjpeg does.
    """
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
        quantum = picture.quantization[0][0]  # type: ignore[attr-defined]
    distance = (blank - 128) * 8
    coded = (abs(distance) + quantum // 2) // quantum * quantum * (1 if distance > 0 else -1)
    return min(max((coded + 4) // 8 + 128, 0), 255)


def empty_share(pixels: NDArray, blank: int) -> float:
    """Share (0 to 1) of an image's pixels that are empty and joined to an edge; of a FITS, in the band with the most.

    Empty pixels of a picture have the value `blank` in all colours: exactly that one, because dark sky is but one or
    two counts away. Empty in a FITS is what is exactly 0 or not finite. Of pictures (and FITS with whole numbers),
    parts count that are at least 9 pixels, and a sixteenth of the side, wide everywhere.
    """
    if pixels.dtype == np.uint8:
        picture = np.atleast_3d(pixels)
        # Most images are done with here.
        if np.count_nonzero((_edges(picture) == blank).all(axis=1)) < _NARROWEST_PX:
            return 0.0
        return _joined_share(_wide_parts((picture == blank).all(axis=2)))
    return max(_joined_share(_empty_in_band(band)) for band in pixels)


def has_empty_edge(pixels: NDArray) -> bool:
    """Whether a strip along an edge has one value, or none that is finite: in all colours, or in a band of a FITS.

    The sky has noise: a strip without any is where the survey has no data.
    """
    if pixels.dtype != np.uint8 and len(pixels) > 1:
        return any(has_empty_edge(band[None]) for band in pixels)
    image = np.atleast_3d(pixels) if pixels.dtype == np.uint8 else np.moveaxis(pixels, 0, -1)
    strips = (image[:_STRIP], image[-_STRIP:], image[:, :_STRIP], image[:, -_STRIP:])
    return any(_is_empty(strip) for strip in strips)


def _is_empty(strip: NDArray) -> bool:
    # The corner first: most strips differ within a few pixels.
    first = strip[0, 0]
    if not ((strip[1, 1] == first) | ~np.isfinite(first)).all():
        return False
    return bool(((strip == first) | ~np.isfinite(strip)).all())


def _edges(image: NDArray) -> NDArray:
    """The pixels along the four edges."""
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def _empty_in_band(band: NDArray) -> NDArray[np.bool_]:
    edges = _edges(band)
    if not ((edges == 0) | ~np.isfinite(edges)).any():
        return np.zeros(band.shape, bool)
    finite = np.isfinite(band)
    zero = band == 0
    if zero.any() and (band[finite] == np.rint(band[finite])).all():
        zero = _wide_parts(zero)
    return zero | ~finite


def _wide_parts(empty: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Morphological opening with a square."""
    width = max(_NARROWEST_PX, round(min(empty.shape) * _NARROWEST_SHARE)) | 1
    if np.count_nonzero(empty) < width**2:
        return np.zeros_like(empty)
    eroded = ndimage.minimum_filter(empty.view(np.uint8), width, mode="constant", cval=0)
    return ndimage.maximum_filter(eroded, width, mode="constant", cval=0).astype(bool)


def _joined_share(empty: NDArray[np.bool_]) -> float:
    if not empty.any():
        return 0.0
    parts, _ = ndimage.label(empty, np.ones((3, 3)))
    at_edge = np.unique(_edges(parts))
    return float(np.isin(parts, at_edge[at_edge > 0]).mean())
