"""How much of an image is empty from an edge on."""

import io

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from workflow_scripts.image_checks.empty_parts import blank_in_jpeg, empty_share
from workflow_scripts.images.decoding import decode

SIDE = 96
ROW, COLUMN = np.mgrid[:SIDE, :SIDE]
SKY = np.random.default_rng(3).normal(0, 4, (SIDE, SIDE, 3))


def jpeg(pixels: np.ndarray, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def picture(empty: np.ndarray, blank: int, sky: float = 12) -> np.ndarray:
    """Noise about a value, with a part that has none."""
    return np.where(empty[..., None], blank, (SKY + sky).clip(1, 255)).astype(np.uint8)


@pytest.mark.parametrize("quality", [60, 75, 90, 95])
@pytest.mark.parametrize("blank", [0, 22, 32])
@pytest.mark.parametrize(
    "empty",
    [ROW < 30, (ROW < 40) & (COLUMN < 50), ROW + COLUMN < 85, ROW > 2 * COLUMN, np.abs(ROW - 48) + COLUMN > 95],
    ids=["strip", "corner", "diagonal", "wedge", "two corners"],
)
def test_empty_parts_are_found_whatever_their_form_and_the_quality_of_the_jpeg(empty, blank, quality):
    image = jpeg(picture(empty, blank), quality)
    found = empty_share(decode(image), blank_in_jpeg(image, blank))
    # Blocks on the border are no longer flat: 16 pixels in colour.
    assert 0.4 * empty.mean() < found <= empty.mean()


@pytest.mark.parametrize("sky", [0, 1, 3, 32])
@pytest.mark.parametrize("blank", [0, 32])
def test_dark_sky_and_holes_within_an_image_are_no_empty_parts(blank, sky):
    nothing, hole = np.zeros((SIDE, SIDE), bool), (abs(ROW - 48) < 24) & (abs(COLUMN - 48) < 24)
    for empty in (nothing, hole):
        image = jpeg(picture(empty, blank, sky), 75)
        assert empty_share(decode(image), blank_in_jpeg(image, blank)) == 0


@pytest.mark.parametrize("value", [0, np.nan])
def test_one_band_of_a_fits_is_enough(value):
    bands = np.moveaxis(SKY, -1, 0).astype(np.float32)
    assert empty_share(bands, 0) == 0
    bands[1, ROW + COLUMN > 150] = value
    assert empty_share(bands, 0) == pytest.approx((ROW + COLUMN > 150).mean())


def test_a_fits_copy_of_a_picture_is_looked_at_as_a_picture():
    dark = np.zeros((3, SIDE, SIDE), np.float32) + (SKY > 2).transpose(2, 0, 1)
    assert empty_share(dark, 0) == 0
    dark[:, :40] = 0
    assert 0.35 < empty_share(dark, 0) < 0.5


@given(st.integers(20, 100), st.sampled_from([0, 22, 32, 200]), st.booleans())
@example(25, 22, False)
def test_what_a_flat_jpeg_decodes_to(quality, blank, grey):
    image = jpeg(np.full((24, 24) if grey else (24, 24, 3), blank, np.uint8), quality)
    assert (decode(image) == blank_in_jpeg(image, blank)).all()
