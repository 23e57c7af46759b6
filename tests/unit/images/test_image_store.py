"""Arrays, their index, and the store that reads them."""

import json
import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from workflow_scripts.errors import InputError
from workflow_scripts.images.arrays import ImageStore, write_images, write_index
from workflow_scripts.tables import write_table

# Galaxies a tile; one tile is empty.
COUNTS = (5, 0, 8)
SHAPE = (6, 6, 3)


def pixels_of(source_id: str) -> np.ndarray:
    """The image of a galaxy, determined by its id."""
    return np.random.default_rng(int(source_id[1:])).integers(0, 256, SHAPE, dtype=np.uint8)


def write_tile(folder, tile, source_ids, record=None, shape=SHAPE):
    """Array and ids of a tile; gives their paths."""
    array, ids = folder / f"tile{tile}.npy", folder / f"tile{tile}.parquet"
    images = [pixels_of(source_id)[: shape[0], : shape[1]] for source_id in source_ids]
    write_images(array, (len(source_ids), *shape), images)
    table = pd.DataFrame({"source_id": pd.Series(source_ids, dtype=str)})
    write_table(ids, table.assign(row=np.arange(len(source_ids), dtype=np.int32)), record)
    return array, ids


@pytest.fixture
def survey(tmp_path):
    """Folder with the arrays of three tiles and their index."""
    folder = tmp_path / "survey"
    number = iter(range(100))
    tiles = [
        write_tile(folder, tile, [f"g{next(number)}" for _ in range(count)], {"config": {"size_px": 6}})
        for tile, count in enumerate(COUNTS)
    ]
    write_index(folder / "index.parquet", *zip(*tiles, strict=True))
    return folder


def test_index_has_the_place_of_every_image(survey):
    index = pq.read_table(survey / "index.parquet")
    assert {field.name: str(field.type) for field in index.schema} == {
        "source_id": "string",
        "tile": "int32",
        "row": "int32",
    }
    assert index["tile"].to_pylist() == [0] * 5 + [2] * 8
    assert index["row"].to_pylist() == [*range(5), *range(8)]
    metadata = json.loads(index.schema.metadata[b"skybias"])
    assert metadata["shape"] == list(SHAPE)
    assert metadata["recipe"] == {"size_px": 6}
    assert [file["path"] for file in metadata["arrays"]] == ["tile0.npy", "tile1.npy", "tile2.npy"]
    assert all(len(file["sha256"]) == 64 for file in metadata["arrays"])


def test_images_come_back_in_the_requested_order(survey):
    store = ImageStore(survey / "index.parquet")
    assert len(store) == 13
    wanted = ["g12", "g0", "g7", "g4", "g0"]
    images = store.read(wanted)
    assert images.dtype == np.uint8
    for source_id, image in zip(wanted, images, strict=True):
        np.testing.assert_array_equal(image, pixels_of(source_id))
    assert store.rows(np.array(wanted, dtype=object)).to_numpy().tolist() == [[2, 7], [0, 0], [2, 2], [0, 4], [0, 0]]
    assert store.read([]).shape == (0, *SHAPE)


def test_tiles_are_memory_maps(survey):
    images = ImageStore(survey / "index.parquet").tile(2)
    assert isinstance(images, np.memmap)
    np.testing.assert_array_equal(images[-1], pixels_of("g12"))


def test_results_can_be_moved(survey, tmp_path, monkeypatch):
    shutil.move(survey, tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "elsewhere")
    np.testing.assert_array_equal(ImageStore("index.parquet").read(["g7"])[0], pixels_of("g7"))


def test_galaxies_without_image_are_counted(survey):
    with pytest.raises(InputError, match=r"index\.parquet: 2 of 3 galaxies have no image, the first is lost1"):
        ImageStore(survey / "index.parquet").read(["g1", "lost1", "lost2"])


def test_array_that_was_replaced_is_noticed(survey):
    np.save(survey / "tile2.npy", np.zeros((3, *SHAPE), np.uint8))
    store = ImageStore(survey / "index.parquet")
    store.read(["g0"])
    with pytest.raises(InputError, match=r"tile2\.npy: has shape \(3, 6, 6, 3\), expected \(8, 6, 6, 3\)"):
        store.read(["g6"])
    (survey / "tile2.npy").unlink()
    with pytest.raises(InputError, match=r"tile2\.npy: does not exist"):
        store.read(["g6"])


def test_array_is_what_numpy_would_have_written(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, *SHAPE), dtype=np.uint8)
    np.save(tmp_path / "numpy.npy", images)
    write_images(tmp_path / "ours.npy", images.shape, images[::-1][::-1])
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()
    write_images(tmp_path / "none.npy", (0, *SHAPE), [])
    assert np.load(tmp_path / "none.npy", mmap_mode="r").shape == (0, *SHAPE)


@pytest.mark.parametrize(
    "images",
    [
        [np.zeros(SHAPE, np.uint8)],
        [np.zeros(SHAPE, np.uint8)] * 3,
        [np.zeros(SHAPE, np.uint8), np.zeros((6, 6, 1), np.uint8)],
        [np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.float32)],
    ],
)
def test_array_that_is_not_as_announced_is_not_left(tmp_path, images):
    with pytest.raises(RuntimeError):
        write_images(tmp_path / "a.npy", (2, *SHAPE), iter(images))
    assert list(tmp_path.iterdir()) == []


def test_index_refuses_what_does_not_fit(tmp_path):
    first = write_tile(tmp_path, 0, ["g1", "g2"], {"config": {"size_px": 6}})

    def index(second, message):
        with pytest.raises(InputError, match=message):
            write_index(tmp_path / "index.parquet", *zip(first, second, strict=True))
        assert not (tmp_path / "index.parquet").exists()

    index(write_tile(tmp_path, 1, ["g3", "g2"], {"config": {"size_px": 6}}), "1 galaxies have two images.* g2")
    index(write_tile(tmp_path, 2, ["g3"], {"config": {"size_px": 5}}), r"tile2\.npy: .*recipe \{'size_px': 5\}")
    index(write_tile(tmp_path, 3, ["g3"], {"config": {"size_px": 6}}, (5, 5, 3)), r"tile3\.npy: images \(5, 5, 3\)")
    array, ids = write_tile(tmp_path, 4, ["g3"], {"config": {"size_px": 6}})
    other = write_tile(tmp_path, 5, ["g3", "g4"], {"config": {"size_px": 6}})
    index((array, other[1]), r"tile4\.npy: has 1 images, expected 2 as listed in .*tile5\.parquet")
    pd.DataFrame({"source_id": ["g3"], "row": [1]}).to_parquet(ids)
    index((array, ids), r"tile4\.parquet: column 'row' does not count")
    pd.DataFrame({"source_id": ["g3"]}).to_parquet(ids)
    index((array, ids), r"tile4\.parquet: .* expected source_id and row")
    index((array, tmp_path / "absent.parquet"), r"absent\.parquet: does not exist")
    with pytest.raises(InputError, match="2 arrays and 1 lists"):
        write_index(tmp_path / "index.parquet", [array, array], [ids])


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"rubbish" * 50, "truncated", "pickled", "float"])
def test_arrays_that_are_none(tmp_path, content):
    array, ids = write_tile(tmp_path, 0, ["g1", "g2"])
    if content == "truncated":
        array.write_bytes(array.read_bytes()[:-10])
    elif content == "pickled":
        np.save(array, np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    elif content == "float":
        np.save(array, np.zeros((2, *SHAPE)))
    else:
        array.write_bytes(content)
    with pytest.raises(InputError, match=r"tile0\.npy: expected a"):
        write_index(tmp_path / "index.parquet", [array], [ids])


def test_a_file_that_is_no_index(survey, tmp_path):
    with pytest.raises(InputError, match=r"tile0\.parquet: expected an index of images"):
        ImageStore(survey / "tile0.parquet")
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(InputError, match=r"text\.parquet: expected an index of images \(Parquet\), but"):
        ImageStore(tmp_path / "text.parquet")
    with pytest.raises(InputError, match=r"absent\.parquet: does not exist"):
        ImageStore(tmp_path / "absent.parquet")
