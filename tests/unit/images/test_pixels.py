"""From received bytes to arrays."""

import io

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from PIL import Image

from workflow_scripts.errors import InputError
from workflow_scripts.images.arrays import ImageStore, write_array, write_index
from workflow_scripts.images.decoding import UndecodableImageError, decode, is_constant
from workflow_scripts.images.recipes import apply_recipe

RECIPE = {"size_px": 16, "crop_fraction": 1.0, "channels": 3, "resample": "lanczos"}


def encoded(pixels, kind="JPEG"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def fits_bytes(pixels):
    buffer = io.BytesIO()
    fits.PrimaryHDU(pixels).writeto(buffer)
    return buffer.getvalue()


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 255, (20, 24, 3), dtype=np.uint8)


def test_pictures_come_back_whole(picture):
    np.testing.assert_array_equal(decode(encoded(picture, "PNG")), picture)
    assert decode(encoded(picture)).shape == (20, 24, 3)
    assert decode(encoded(picture[..., 0])).shape == (20, 24)
    np.testing.assert_array_equal(decode(fits_bytes(np.ones((5, 4), np.float32))), np.ones((1, 5, 4)))


def test_bytes_that_are_no_image_are_refused(picture):
    whole = encoded(picture)
    bomb = encoded(np.zeros((9000, 10), np.uint8), "PNG")
    lying = fits_bytes(np.ones((30, 30), np.float32))[:3000]
    for data in (
        b"",
        b"<html>no such layer</html>",
        whole[: len(whole) // 2],
        bomb,
        lying,
        b"\xff\xd8\xff" + b"0" * 50,
    ):
        with pytest.raises(UndecodableImageError):
            decode(data)


def test_constant_images_are_told(picture):
    assert is_constant(np.full((4, 4, 3), 32, np.uint8))
    assert is_constant(np.full((1, 4, 4), np.nan))
    assert not is_constant(picture)


def test_recipes_crop_about_the_centre_and_keep_the_brightness_scale():
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[10:30, 10:30] = 200
    assert (apply_recipe(pixels, {**RECIPE, "crop_fraction": 0.5, "resample": "nearest"}) == 200).all()
    assert apply_recipe(pixels, {**RECIPE, "channels": 1}).shape == (16, 16, 1)


def test_fits_bands_become_red_green_blue_by_a_fixed_stretch():
    bands = np.zeros((3, 16, 16), np.float32)
    bands[2] = 5.0  # the reddest band comes last
    image = apply_recipe(bands, RECIPE)
    assert image[8, 8, 0] > 150 > image[8, 8, 2]
    brighter = bands.copy()
    brighter[:, :2] = 100.0
    # The stretch does not adapt: other pixels do not change.
    assert apply_recipe(brighter, {**RECIPE, "resample": "nearest"})[8, 8, 0] == image[8, 8, 0]


@pytest.fixture
def store(tmp_path):
    random = np.random.default_rng(1)
    arrays, ids = [], []
    for tile, n in enumerate((3, 0, 2)):
        arrays.append(tmp_path / "arrays" / f"tile{tile}.npy")
        ids.append(tmp_path / "arrays" / f"tile{tile}.parquet")
        write_array(arrays[-1], random.integers(0, 255, (n, 4, 4, 3), dtype=np.uint8))
        names = pd.Series([f"g{tile}{row}" for row in range(n)], dtype=str)
        pd.DataFrame({"source_id": names, "row": range(n)}).to_parquet(ids[-1])
    write_index(tmp_path / "arrays" / "index.parquet", arrays, ids)
    return tmp_path / "arrays" / "index.parquet"


def test_store_reads_galaxies_in_the_order_asked_for_also_after_the_folder_moved(store, tmp_path):
    moved = tmp_path / "moved"
    store.parent.rename(moved)
    images = ImageStore(moved / "index.parquet")
    assert (len(images), images.shape) == (5, (4, 4, 3))
    read = images.read(["g21", "g00"])
    np.testing.assert_array_equal(read[0], np.load(moved / "tile2.npy")[1])
    np.testing.assert_array_equal(read[1], np.load(moved / "tile0.npy")[0])
    assert isinstance(images.tile(0), np.memmap)


def test_store_says_how_many_images_are_missing(store):
    with pytest.raises(InputError, match="2 of 3 galaxies have no image, the first is x"):
        ImageStore(store).read(["g00", "x", "y"])


def test_index_refuses_an_array_that_does_not_fit_its_list(store, tmp_path):
    folder = store.parent
    write_array(folder / "tile0.npy", np.zeros((1, 4, 4, 3), np.uint8))
    with pytest.raises(InputError, match="has 1 images, expected 3"):
        write_index(store, [folder / "tile0.npy"], [folder / "tile0.parquet"])
