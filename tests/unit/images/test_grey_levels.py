"""Images that show nothing after the recipe stop the stage, a few of them do not."""

import io
import json
import logging

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from PIL import Image

from tests.unit.surveys.archived import write_tile
from workflow_scripts import index_images, prepare_images
from workflow_scripts.errors import InputError
from workflow_scripts.images.grey_levels import are_flat, level_shares, levels_of
from workflow_scripts.surveys.survey import CutoutResult

RECIPE = {"size_px": 16, "crop_fraction": 1.0, "channels": 1, "resample": "lanczos"}


def galaxy(seed: int) -> np.ndarray:
    y, x = np.mgrid[:32, :32] - 15.5
    return np.exp(-np.hypot(x, y) / 4) * 200 + np.random.default_rng(seed).normal(12, 3, (32, 32))


def as_fits(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    fits.PrimaryHDU(pixels.astype(np.float32), fits.Header({"BUNIT": "nmgy/arcsec2"})).writeto(buffer)
    return buffer.getvalue()


def as_png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


KINDS = {
    "counts": lambda seed: as_fits(galaxy(seed) * 20 + 1000),
    "jansky": lambda seed: as_fits(galaxy(seed) * 1e-8),
    "zero": lambda seed: as_fits(-galaxy(seed) - 1),
    "12 bits": lambda seed: as_png((galaxy(seed).clip(0, 255) * 4 + 1000).astype(np.uint16)),
    "nanomaggies": lambda seed: as_fits(galaxy(seed) / 20),
    "png": lambda seed: as_png(galaxy(seed).clip(0, 255).astype(np.uint8)),
    "two values": lambda seed: as_png(np.where(galaxy(seed) > 100, 200, 0).astype(np.uint8).repeat(4, 0).repeat(4, 1)),
}


def prepared(folder, kinds, recipe=RECIPE, tile=0):
    class Given:
        def cutouts(self, requests):
            for seed, (source_id, kind) in enumerate(zip(requests["source_id"], kinds, strict=True)):
                yield CutoutResult(source_id, "delivered", "", KINDS[kind](seed), "", "", 1)

    requests = pd.DataFrame({"source_id": [f"{tile}-{n}" for n in range(len(kinds))], "ra": 1.0, "dec": 1.0})
    write_tile(folder / f"cutouts{tile}.parquet", Given(), requests, None)
    arguments = ["--recipe", json.dumps(recipe), "--cutouts", str(folder / f"cutouts{tile}.parquet")]
    arguments += ["--array", str(folder / f"tile{tile}.npy"), "--ids", str(folder / f"tile{tile}.parquet")]
    prepare_images.main(prepare_images.parser.parse_args(arguments))


@pytest.mark.parametrize(
    ("kind", "recipe", "message"),
    [
        ("counts", {}, r"that of 0-0 \(all 255\); most of its values are 1\.\d+e\+03 to .*\(-0\.25\)"),
        ("jansky", {}, r"\(all 44\).* set stretch.unit to that of the files, .* \(recipes, stretch\)"),
        ("zero", {}, r"\(all 0\).*stretch\.white \(9\)"),
        ("12 bits", {}, r"has no more \(in a picture of 16 bits, .* \(recipes, stretch\)"),
        ("nanomaggies", {"stretch": {"black": -3e6, "white": 3e6, "softening": 3e6, "weights": None,
                         "keep_colours": False}}, r"\(all 128\).*stretch\.black \(-3e\+06\)"),
        ("png", {"crop_fraction": 0.001}, r"its file has more: set crop_fraction"),
    ],
)  # fmt: skip
def test_images_that_show_nothing_stop_with_the_key_to_change(tmp_path, kind, recipe, message):
    with pytest.raises(InputError, match=message) as caught:
        prepared(tmp_path, [kind] * 9, RECIPE | recipe)
    assert "cutouts0.parquet: 9 of 9 images have fewer than 8 grey levels after the recipe, such as" in str(
        caught.value
    )
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["cutouts0.parquet"]


@pytest.mark.parametrize("good", ["nanomaggies", "png"])
@pytest.mark.parametrize("bad", ["counts", "12 bits"])
def test_a_few_among_good_ones_are_named_in_the_log(tmp_path, good, bad, caplog):
    caplog.set_level(logging.WARNING)
    prepared(tmp_path, [bad] * 4 + [good] * 5)
    assert "4 of 9 images have fewer than 8 grey levels" in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    levels = pd.read_parquet(tmp_path / "tile0.parquet")["levels"]
    assert (levels < 8).tolist() == [True] * 4 + [False] * 5
    with pytest.raises(InputError, match="5 of 9 images"):
        prepared(tmp_path, [bad] * 5 + [good] * 4)


def test_whole_images_are_no_matter_of_the_log(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    prepared(tmp_path, ["png", "nanomaggies"] * 5)
    assert caplog.text == ""


def test_tiles_of_few_images_are_judged_together(tmp_path):
    for tile in range(3):
        prepared(tmp_path, ["counts"] * 3 + ["png"], tile=tile)
    arguments = ["--arrays", *(str(tmp_path / f"tile{tile}.npy") for tile in range(3))]
    arguments += ["--ids", *(str(tmp_path / f"tile{tile}.parquet") for tile in range(3))]
    arguments += ["--output", str(tmp_path / "index.parquet")]
    with pytest.raises(InputError, match=r"most of 12 images have fewer than 8 grey levels .* \(recipes, stretch\)"):
        index_images.main(index_images.parser.parse_args(arguments))
    assert not (tmp_path / "index.parquet").exists()
    prepared(tmp_path, ["png"] * 8, tile=2)
    index_images.main(index_images.parser.parse_args(arguments))


def test_levels():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert levels_of(grey) == 256
    assert levels_of(np.full((4, 4, 3), (1, 2, 3), np.uint8)) == 1
    assert levels_of(np.dstack([np.zeros((16, 16), np.uint8), grey[..., 0], grey[..., 0]])) == 256
    assert not are_flat([])
    assert not are_flat([1, 200])
    assert are_flat([1, 1, 200])


def test_shares_of_levels():
    images = np.zeros((2, 4, 4, 3), np.uint8)
    images[0, ..., 1] = 255
    images[1, 0, 0, 2] = 7
    shares = level_shares(images)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (shares[1, 0], shares[1, 255], shares[2, 7]) == (0.5, 0.5, 1 / 32)
    assert level_shares(images[:0]).sum() == 0
