"""Recipes: crop, size, channels and stretch of a cutout."""

import numpy as np
import pytest

from workflow_scripts.images.fits_files import UndecodableImageError
from workflow_scripts.images.recipes import apply_recipe


def recipe(**changes) -> dict:
    return {"size_px": 16, "crop_fraction": 1.0, "channels": 3, "resample": "lanczos", "dtype": "uint8"} | changes


COLOUR = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
# Symmetric, so that a shift by half a pixel would show.
Y, X = np.indices((64, 64)) - 31.5
BLOB = np.exp(-(X**2 + Y**2) / 200)


def test_same_size_changes_nothing():
    for resample in ("nearest", "bilinear", "bicubic", "lanczos"):
        np.testing.assert_array_equal(apply_recipe(COLOUR, recipe(resample=resample)), COLOUR)


def test_the_callers_pixels_are_left_alone():
    before = COLOUR.copy()
    apply_recipe(COLOUR, recipe(size_px=8, crop_fraction=0.5))
    np.testing.assert_array_equal(COLOUR, before)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "pixels", [COLOUR, COLOUR[..., 0], np.ones((3, 9, 9), np.float32), np.ones((1, 9, 9), np.float32)]
)
def test_shape_and_type(pixels, channels):
    result = apply_recipe(pixels, recipe(channels=channels, size_px=12))
    assert result.shape == (12, 12, channels)
    assert result.dtype == np.uint8


@pytest.mark.parametrize("resample", ["nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("crop", [1.0, 0.7, 0.5])
def test_a_centred_galaxy_stays_centred_and_symmetric(resample, crop):
    small = apply_recipe((BLOB * 250).astype(np.uint8), recipe(size_px=20, crop_fraction=crop, resample=resample))
    plane = small[..., 0].astype(int)
    tolerance = 30 if resample == "nearest" else 1
    for mirrored in (plane[::-1], plane[:, ::-1], plane.T):
        assert np.abs(plane - mirrored).max() <= tolerance


def test_crop_keeps_the_middle():
    pixels = np.zeros((40, 40), np.uint8)
    pixels[10:30, 10:30] = 200
    kept = apply_recipe(pixels, recipe(size_px=20, crop_fraction=0.5, channels=1, resample="nearest"))
    assert (kept == 200).all()
    assert (apply_recipe(pixels, recipe(size_px=40, channels=1, resample="nearest")) == 0).any()


def test_oblong_cutouts_are_cut_square_not_squeezed():
    pixels = np.zeros((20, 40), np.uint8)
    pixels[:, 10:30] = 200
    assert (apply_recipe(pixels, recipe(size_px=20, channels=1, resample="nearest")) == 200).all()


def test_filters_differ():
    results = {
        name: apply_recipe(COLOUR, recipe(size_px=7, resample=name)).tobytes()
        for name in ("nearest", "bilinear", "bicubic", "lanczos")
    }
    assert len(set(results.values())) == 4


def test_grey_is_luma():
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = 100, 200, 50
    expected = 0.299 * 100 + 0.587 * 200 + 0.114 * 50
    assert np.abs(apply_recipe(pixels, recipe(channels=1)).astype(float) - expected).max() <= 1


def stretched(value: float) -> int:
    return int(apply_recipe(np.full((1, 16, 16), value, np.float32), recipe(channels=1))[8, 8, 0])


def test_stretch_is_fixed_and_rises():
    """Independent values of 255 (asinh(v/0.25) - asinh(-1)) / (asinh(36) - asinh(-1))."""
    assert [stretched(value) for value in (-5, -0.25, 0, 0.25, 1, 9, 1e6)] == [0, 0, 44, 87, 147, 255, 255]
    levels = [stretched(value) for value in np.linspace(-0.25, 9, 40)]
    assert (np.diff(levels) > 0).all()


def test_stretch_does_not_depend_on_the_rest_of_the_image():
    faint = np.full((1, 16, 16), 0.5, np.float32)
    bright = faint.copy()
    bright[0, 0, 0] = 100
    one, other = (apply_recipe(pixels, recipe(channels=1)) for pixels in (faint, bright))
    assert one[8, 8, 0] == other[8, 8, 0]


def test_pixels_that_are_not_finite_do_not_spread():
    pixels = np.full((1, 16, 16), 0.5, np.float32)
    pixels[0, 3, 3], pixels[0, 4, 4], pixels[0, 5, 5] = np.nan, np.inf, -np.inf
    result = apply_recipe(pixels, recipe(channels=1))[..., 0]
    assert (result[3, 3], result[4, 4], result[5, 5]) == (stretched(0), 255, 0)
    assert result[8, 8] == stretched(0.5)


def test_reddest_band_becomes_red():
    bands = np.zeros((3, 16, 16), np.float32)
    bands[2] = 5
    assert apply_recipe(bands, recipe())[8, 8].tolist() == [stretched(5), stretched(0), stretched(0)]


def test_two_bands_make_no_colour():
    with pytest.raises(UndecodableImageError, match="2 bands, expected 1 or 3"):
        apply_recipe(np.ones((2, 8, 8), np.float32), recipe())
    assert apply_recipe(np.ones((2, 8, 8), np.float32), recipe(channels=1)).shape == (16, 16, 1)


def test_a_stretch_keeps_colours_where_a_pixel_is_bright():
    fixed = {"softening": 0.5, "black": 0.0, "white": 10.0, "weights": [1.0, 1.0, 1.0]}
    bands = np.tile(np.float32([2, 4, 8])[:, None, None], (1, 8, 8))
    by_band, kept = (
        apply_recipe(bands, recipe(size_px=8, stretch={**fixed, "keep_colours": keep}))[4, 4].astype(float)
        for keep in (False, True)
    )
    assert kept / kept.max() == pytest.approx([1, 0.5, 0.25], abs=0.02), "red is the last band"
    assert by_band[2] / by_band[0] > 0.5
    # The same value gives the same pixel, whatever else is in the image.
    brighter = bands.copy()
    brighter[:, :4] *= 50
    again = apply_recipe(brighter, recipe(size_px=8, resample="nearest", stretch={**fixed, "keep_colours": True}))
    assert again[7, 7].tolist() == kept.tolist()
    assert np.isfinite(again).all()


def test_weights_must_be_as_many_as_the_bands():
    stretch = {"softening": 0.5, "black": 0.0, "white": 10.0, "weights": [1.0, 2.0], "keep_colours": False}
    with pytest.raises(UndecodableImageError, match="3 bands, expected 2"):
        apply_recipe(np.ones((3, 8, 8), np.float32), recipe(stretch=stretch))
