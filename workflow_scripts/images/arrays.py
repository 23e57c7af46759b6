"""Image arrays on disk: one memory-mapped .npy a tile, and one index that says which galaxy is in which row."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.provenance import sha256, write_table
from workflow_scripts.whole_file import whole_file


def write_array(path: str | Path, images: NDArray[np.uint8]) -> None:
    """Write images (n, H, W, C) as a C-ordered .npy file."""
    with whole_file(path) as temporary:
        np.save(temporary, np.ascontiguousarray(images), allow_pickle=False)


def write_index(path: str | Path, arrays: Sequence[str | Path], ids: Sequence[str | Path]) -> None:
    """Write the index of the arrays of all tiles.

    `arrays[k]` holds the images of the galaxies listed in `ids[k]` (columns `source_id, row`). The index has
    `source_id, tile, row`, sorted by tile and row; its metadata names the array files (relative to the index), their
    digests and the shape of one image.

    Raises
    ------
    InputError
        where an array and its list disagree, or images differ in shape.
    """
    folder = Path(path).resolve().parent
    tables, files, shapes = [], [], set()
    for tile, (array_path, ids_path) in enumerate(zip(arrays, ids, strict=True)):
        table = pd.read_parquet(ids_path)
        array = np.load(array_path, mmap_mode="r", allow_pickle=False)
        if len(array) != len(table):
            raise InputError(f"{array_path}: has {len(array)} images, expected {len(table)} as listed in {ids_path}")
        shapes.add(array.shape[1:])
        files.append({"path": os.path.relpath(Path(array_path).resolve(), folder), "sha256": sha256(array_path)})
        tables.append(table.assign(tile=np.int32(tile))[["source_id", "tile", "row"]])
    if len(shapes) != 1:
        raise InputError(f"{path}: images of different shapes {sorted(shapes)}, expected one recipe")
    index = pd.concat(tables, ignore_index=True).sort_values(["tile", "row"], kind="stable")
    write_table(path, index.astype({"source_id": str}), {"arrays": files, "shape": list(shapes.pop())})


class ImageStore:
    """The images of a survey in one recipe, read through memory maps."""

    def __init__(self, index: str | Path):
        self.path = Path(index)
        table = pq.read_table(self.path)
        description: dict[str, Any] = json.loads(table.schema.metadata[b"skybias"])
        self.shape: tuple[int, int, int] = tuple(description["shape"])
        self._files = [self.path.parent / file["path"] for file in description["arrays"]]
        self._index = table.to_pandas()
        self._places: pd.DataFrame | None = None

    def __len__(self) -> int:
        return len(self._index)

    @property
    def source_ids(self) -> NDArray[np.object_]:
        """Ids of all galaxies with an image, by tile and row."""
        return self._index["source_id"].to_numpy()

    def rows(self, source_ids: Sequence[str]) -> pd.DataFrame:
        """`tile` and `row` of galaxies, in their order; `InputError` where some have no image."""
        if self._places is None:
            self._places = self._index.set_index("source_id")
        places = self._places.reindex(source_ids)
        missing = int(places["row"].isna().sum())
        if missing:
            first = places.index[places["row"].isna()][0]
            raise InputError(f"{self.path}: {missing} of {len(places)} galaxies have no image, the first is {first}")
        return places.astype(np.int64)

    def read(self, source_ids: Sequence[str]) -> NDArray[np.uint8]:
        """Images (n, H, W, C) of galaxies, in their order; raises as `rows`."""
        places = self.rows(source_ids)
        images = np.empty((len(places), *self.shape), np.uint8)
        tiles, rows = places["tile"].to_numpy(), places["row"].to_numpy()
        for tile in np.unique(tiles):
            here = np.flatnonzero(tiles == tile)
            images[here] = self.tile(int(tile))[rows[here]]
        return images

    def tile(self, tile: int) -> NDArray[np.uint8]:
        """The memory map (n, H, W, C) of a tile."""
        return np.load(self._files[tile], mmap_mode="r", allow_pickle=False)

    def tiles(self) -> Iterator[tuple[NDArray[np.object_], NDArray[np.uint8]]]:
        """(ids, memory map) of every tile that has images."""
        for tile, galaxies in self._index.groupby("tile", sort=True):
            yield galaxies["source_id"].to_numpy(), self.tile(int(tile))
