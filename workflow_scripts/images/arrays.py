"""Image arrays on disk: one memory-mapped .npy a tile, and one index of which galaxy is in which row."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.images.grey_levels import FEWEST_LEVELS, are_flat
from workflow_scripts.provenance import sha256
from workflow_scripts.tables import reading_parquet, write_table
from workflow_scripts.whole_file import whole_file


def write_images(path: str | Path, shape: tuple[int, ...], images: Iterable[NDArray[np.uint8]]) -> None:
    """Write images as a C-ordered uint8 .npy file of `shape` (n, H, W, C), holding one at a time.

    Raises `RuntimeError` where there are not n images of that shape.
    """
    header = {"descr": "|u1", "fortran_order": False, "shape": tuple(map(int, shape))}
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        written = 0
        for image in images:
            if image.shape != tuple(shape[1:]) or image.dtype != np.uint8:
                raise RuntimeError(f"{path}: image {written} is {image.dtype} {image.shape}, the array is {shape}")
            file.write(image.tobytes())
            written += 1
        if written != shape[0]:
            raise RuntimeError(f"{path}: {written} images, the array is {shape}")


def write_index(path: str | Path, arrays: Sequence[str | Path], ids: Sequence[str | Path]) -> None:
    """Write the index of the arrays of all tiles.

    `arrays[k]` holds the images of the galaxies listed in `ids[k]` (columns `source_id, row`). The index has
    `source_id, tile, row`, sorted by tile and row, tile being k; its metadata names the array files (relative to the
    index), their digests, the shape of one image and the recipe.

    Raises
    ------
    InputError
        where an array and its list disagree, a galaxy has two images, tiles differ in recipe or shape, or most of the
        images have too few grey levels (column `levels`, where the lists have it).
    """
    if len(arrays) != len(ids):
        raise InputError(f"{path}: {len(arrays)} arrays and {len(ids)} lists of galaxies, expected one for each")
    folder = Path(path).resolve().parent
    tables, files, kinds = [], [], []
    for tile, (array_path, ids_path) in enumerate(zip(arrays, ids, strict=True)):
        table, recipe = _read_ids(ids_path)
        array = _open_array(array_path)
        if len(array) != len(table):
            raise InputError(f"{array_path}: has {len(array)} images, expected {len(table)} as listed in {ids_path}")
        kinds.append((array.shape[1:], recipe))
        if kinds[-1] != kinds[0]:
            raise InputError(
                f"{array_path}: images {kinds[-1][0]} of recipe {recipe}, expected {kinds[0][0]} of {kinds[0][1]} as"
                f" in {arrays[0]}"
            )
        files.append({"path": os.path.relpath(Path(array_path).resolve(), folder), "sha256": sha256(array_path)})
        tables.append(table.assign(tile=np.int32(tile)))
    index = pd.concat(tables, ignore_index=True)
    repeated = index["source_id"].duplicated()
    if repeated.any():
        first = index.loc[repeated, "source_id"].iloc[0]
        raise InputError(f"{path}: {repeated.sum()} galaxies have two images, the first is {first}; expected one each")
    if "levels" in index and are_flat(index["levels"].dropna()):
        raise InputError(
            f"{path}: most of {len(index)} images have fewer than {FEWEST_LEVELS} grey levels after the recipe (see the"
            " logs of prepare_images for examples), expected files in the range of the recipe (recipes, stretch)"
        )
    columns = {"source_id": pa.string(), "tile": pa.int32(), "row": pa.int32()}
    shape, recipe = kinds[0]
    write_table(
        path,
        pa.Table.from_pandas(index[list(columns)], schema=pa.schema(columns), preserve_index=False),
        {"arrays": files, "shape": list(shape), "recipe": recipe},
    )


class ImageStore:
    """The images of a survey in one recipe, read through memory maps."""

    def __init__(self, index: str | Path):
        """Open an index; `InputError` where the file is not one."""
        self.path = Path(index)
        with reading_parquet(self.path, "an index of images"):
            schema = pq.read_schema(self.path)
        description: dict[str, Any] = json.loads((schema.metadata or {}).get(b"skybias", b"{}"))
        if "arrays" not in description or not {"source_id", "tile", "row"} <= set(schema.names):
            raise InputError(f"{self.path}: expected an index of images, as index_images writes it")
        self.shape: tuple[int, int, int] = tuple(description["shape"])
        self.recipe: Mapping[str, Any] | None = description.get("recipe")
        self._files = [self.path.parent / file["path"] for file in description["arrays"]]
        tiles = pq.read_table(self.path, columns=["tile"])["tile"].to_numpy()
        self._lengths = np.bincount(tiles, minlength=len(self._files))

    def __len__(self) -> int:
        return int(self._lengths.sum())

    @cached_property
    def _places(self) -> pd.DataFrame:
        """Read when first needed: a reader by tile and row need not hold a million ids."""
        return pq.read_table(self.path, columns=["source_id", "tile", "row"]).to_pandas().set_index("source_id")

    def rows(self, source_ids: Sequence[str] | NDArray) -> pd.DataFrame:
        """`tile` and `row` of galaxies, in their order; `InputError` where some have no image."""
        places = self._places.reindex(source_ids)
        missing = int(places["row"].isna().sum())
        if missing:
            first = places.index[places["row"].isna()][0]
            raise InputError(f"{self.path}: {missing} of {len(places)} galaxies have no image, the first is {first}")
        return places.astype(np.int64)

    def read(self, source_ids: Sequence[str] | NDArray) -> NDArray[np.uint8]:
        """Images (n, H, W, C) of galaxies, in their order; raises as `rows`."""
        places = self.rows(source_ids)
        images = np.empty((len(places), *self.shape), np.uint8)
        tiles, rows = places["tile"].to_numpy(), places["row"].to_numpy()
        for tile in np.unique(tiles):
            here = np.flatnonzero(tiles == tile)
            images[here] = self.tile(int(tile))[rows[here]]
        return images

    def sample(self, most: int) -> NDArray[np.uint8]:
        """Images (n, H, W, C) of at most so many galaxies, chosen at random; always the same ones."""
        n = len(self)
        chosen = np.sort(np.random.default_rng(0).choice(n, min(n, most), replace=False))
        return self.read(self._places.index[chosen].to_numpy())

    def tile(self, tile: int) -> NDArray[np.uint8]:
        """The memory map (n, H, W, C) of a tile; `InputError` where the array is not the one that was indexed."""
        array = _open_array(self._files[tile])
        expected = (int(self._lengths[tile]), *self.shape)
        if array.shape != expected:
            raise InputError(f"{self._files[tile]}: has shape {array.shape}, expected {expected} as in {self.path}")
        return array


def _open_array(path: str | Path) -> NDArray[np.uint8]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise InputError(
            f"{path}: does not exist, expected an array of images (.npy); `snakemake images` makes it again"
        ) from None
    except (ValueError, EOFError) as error:
        raise InputError(f"{path}: expected an array of images (.npy), but it cannot be read: {error}") from None
    if getattr(array, "ndim", 0) != 4 or array.dtype != np.uint8:
        raise InputError(f"{path}: expected a uint8 array of images (n, H, W, C)")
    return array


def _read_ids(path: str | Path) -> tuple[pd.DataFrame, Any]:
    """`source_id`, `row` (from 0) and, if there, `levels` of a tile's list, and the recipe in its metadata."""
    with reading_parquet(path, "a list of galaxies"):
        listed = pq.read_table(path)
    if not {"source_id", "row"} <= set(listed.column_names):
        raise InputError(f"{path}: has columns {', '.join(listed.column_names)}, expected source_id and row")
    table = listed.select([name for name in ("source_id", "row", "levels") if name in listed.column_names]).to_pandas()
    if not np.array_equal(table["row"], np.arange(len(table))):
        raise InputError(f"{path}: column 'row' does not count 0, 1, 2, ..., expected the order of the array")
    return table, json.loads((listed.schema.metadata or {}).get(b"skybias", b"{}")).get("config")
