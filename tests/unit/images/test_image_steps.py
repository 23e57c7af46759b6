"""From archived tiles to the index, by the steps themselves."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.unit.surveys.archived import write_tile
from workflow_scripts import index_images, prepare_images
from workflow_scripts.errors import InputError
from workflow_scripts.images.arrays import ImageStore
from workflow_scripts.images.decoding import decode
from workflow_scripts.images.recipes import apply_recipe
from workflow_scripts.surveys.archive import TILE_SCHEMA
from workflow_scripts.surveys.survey import CutoutResult

RECIPE = {"size_px": 10, "crop_fraction": 0.8, "channels": 3, "resample": "lanczos", "dtype": "uint8"}


def image_of(source_id: str) -> bytes:
    pixels = np.random.default_rng(int(source_id)).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


class EveryThirdMissing:
    """A survey whose galaxies 0, 3, 6, ... have no image."""

    def cutouts(self, requests):
        for source_id in requests["source_id"]:
            missing = int(source_id) % 3 == 0
            image = None if missing else image_of(source_id)
            yield CutoutResult(source_id, "failed" if missing else "delivered", "", image, "", "", 1)


def write_archive(path, numbers) -> None:
    requests = pd.DataFrame({"source_id": [str(number) for number in numbers], "ra": 1.0, "dec": 1.0})
    write_tile(path, EveryThirdMissing(), requests, 20)


def prepare(folder, tile, recipe=RECIPE):
    arguments = ["--recipe", json.dumps(recipe), "--cutouts", str(folder / f"cutouts{tile}.parquet")]
    arguments += ["--array", str(folder / f"tile{tile}.npy"), "--ids", str(folder / f"tile{tile}.parquet")]
    prepare_images.main(prepare_images.parser.parse_args(arguments))


def test_archive_to_store(tmp_path):
    # More than one group of rows in the first tile.
    tiles = [range(700), range(700, 703), []]
    for tile, numbers in enumerate(tiles):
        write_archive(tmp_path / f"cutouts{tile}.parquet", numbers)
        prepare(tmp_path, tile)
    arguments = ["--arrays", *(str(tmp_path / f"tile{tile}.npy") for tile in range(3))]
    arguments += ["--ids", *(str(tmp_path / f"tile{tile}.parquet") for tile in range(3))]
    index_images.main(index_images.parser.parse_args([*arguments, "--output", str(tmp_path / "index.parquet")]))
    store = ImageStore(tmp_path / "index.parquet")
    delivered = [str(number) for numbers in tiles for number in numbers if number % 3]
    assert pd.read_parquet(store.path)["source_id"].tolist() == delivered
    assert store.recipe == RECIPE
    for source_id in ("1", "400", "698", "701"):
        expected = apply_recipe(decode(image_of(source_id)), RECIPE)
        np.testing.assert_array_equal(store.read([source_id])[0], expected)


def test_same_archive_gives_the_same_bytes(tmp_path):
    write_archive(tmp_path / "cutouts0.parquet", range(20))
    prepare(tmp_path, 0)
    before = [(tmp_path / name).read_bytes() for name in ("tile0.npy", "tile0.parquet")]
    prepare(tmp_path, 0)
    assert [(tmp_path / name).read_bytes() for name in ("tile0.npy", "tile0.parquet")] == before


def test_an_image_that_the_recipe_cannot_use_is_named_and_nothing_is_left(tmp_path):
    write_archive(tmp_path / "cutouts0.parquet", [1, 2])
    archive = pd.read_parquet(tmp_path / "cutouts0.parquet")
    archive.at[1, "image"] = archive.at[1, "image"][:100]
    archive.to_parquet(tmp_path / "cutouts0.parquet", schema=TILE_SCHEMA)
    with pytest.raises(InputError, match=r"cutouts0\.parquet: the image of 2 cannot be used: .*[Tt]runcated"):
        prepare(tmp_path, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cutouts0.parquet"]


def test_a_file_that_is_no_archive(tmp_path):
    pd.DataFrame({"source_id": ["a"]}).to_parquet(tmp_path / "cutouts0.parquet")
    with pytest.raises(InputError, match=r"cutouts0\.parquet: expected a tile of cutouts.* no column 'ra'"):
        prepare(tmp_path, 0)
    (tmp_path / "cutouts0.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"cutouts0\.parquet: expected a tile of cutouts \(Parquet\)"):
        prepare(tmp_path, 0)
