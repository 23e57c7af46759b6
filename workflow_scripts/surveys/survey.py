"""What every survey implements: galaxies of one tile in; for each of them image bytes or the reason why not, out."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.image_checks.acceptance import Outcome
from workflow_scripts.sky.tiles import equal_tile_of, number_of_tiles, tile_of
from workflow_scripts.tables import reading_parquet

OUTCOMES: tuple[str, ...] = get_args(Outcome)
# What no further request would better; what failed or was rejected may come another day.
SETTLED = ("delivered", "no_coverage")


@dataclass(frozen=True)
class CutoutResult:
    """What came of one request.

    `image` holds the bytes exactly as received and is None unless the outcome is `delivered`. `no_coverage` is
    permanent and no fault; `rejected` means that bytes came which are not the requested image; `failed`
    means that nothing usable came. `origin` is where the bytes are from (a URL, a member of an archive).

    `stretch` is how brightness became pixel values: `fixed` (the same over the whole sky), `per_image`, `none` (they
    are physical units), `stack_counts` (they become such units by the FITS header of each image), or empty where that
    is unknown. `checked_sha256` is the digest of bytes that have passed the checks of the survey's own client; the
    archive does not decode them again.
    """

    source_id: str
    outcome: Outcome
    reason: str
    image: bytes | None = None
    image_format: str = ""
    origin: str = ""
    attempts: int = 0
    fetched_at: datetime | None = None
    pixel_scale_arcsec: float = math.nan
    stretch: str = ""
    checked_sha256: str = ""


class Survey(Protocol):
    """Where pixels come from."""

    def cutouts(self, requests: pd.DataFrame) -> Iterator[CutoutResult]:
        """One result for every request, in any order.

        `requests` are catalog rows: `source_id`, `ra`, `dec` (ICRS degrees) and every other column of the catalog.
        """
        ...


def requests_of_tile(catalog: str | Path, tile: int, order: int, equal_tiles: int | None = None) -> pd.DataFrame:
    """Rows of a catalog in a nested HEALPix pixel of an order, in the catalog's order and with all its columns.

    With `equal_tiles`, the tile is one of that many with equal numbers of galaxies, and the order plays no part.

    Raises
    ------
    InputError
        where there is no such tile, the file is no catalog, a position is not one, or a galaxy is listed twice.
    """
    count, key = (equal_tiles, "equal_tiles") if equal_tiles else (number_of_tiles(order), f"tile_order {order}")
    if not 0 <= tile < count:
        raise InputError(f"tile {tile}: expected 0 to {count - 1} at {key}")
    with reading_parquet(catalog, "a catalog"), pq.ParquetFile(catalog) as galaxies:
        ra, dec = _positions(galaxies, catalog)
        tiles = equal_tile_of(ra, dec, equal_tiles) if equal_tiles else tile_of(ra, dec, order)
        requests = _chosen_rows(galaxies, tiles == tile).to_pandas()
    requests["source_id"] = requests["source_id"].astype(str)
    repeated = requests["source_id"].duplicated()
    if repeated.any():
        first = requests.loc[repeated, "source_id"].iloc[0]
        raise InputError(f"{catalog}: source_id {first} is there more than once, expected every galaxy once")
    return requests


def _positions(galaxies: pq.ParquetFile, catalog: str | Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    for column in ("source_id", "ra", "dec"):
        if column not in galaxies.schema_arrow.names:
            raise InputError(f"{catalog}: has no column '{column}', expected a catalog as make_catalog writes it")
    positions = galaxies.read(columns=["ra", "dec"]).to_pandas()
    ra, dec = (pd.to_numeric(positions[axis], errors="coerce").to_numpy(np.float64) for axis in ("ra", "dec"))
    if not (np.isfinite(ra) & (np.abs(dec) <= 90)).all():
        raise InputError(f"{catalog}: has rows without a position, expected ra and dec in ICRS degrees")
    return ra, dec


def _chosen_rows(galaxies: pq.ParquetFile, chosen: NDArray[np.bool_]) -> pa.Table:
    """The chosen rows (n,) with all columns; the rows of one tile lie together, so few groups of rows are read."""
    parts, start = [galaxies.schema_arrow.empty_table()], 0
    for group in range(galaxies.num_row_groups):
        here = chosen[start : start + galaxies.metadata.row_group(group).num_rows]
        start += len(here)
        if here.any():
            parts.append(galaxies.read_row_group(group).filter(pa.array(here)))
    return pa.concat_tables(parts)
