"""What is asked of a survey: the galaxies of a catalog that lie in one tile."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.sky.tiles import number_of_tiles, tile_of


def requests_of_tile(catalog: str | Path, tile: int, order: int) -> pd.DataFrame:
    """Rows of a catalog in a nested HEALPix pixel of an order, in the catalog's order and with all its columns.

    Raises
    ------
    InputError
        where there is no such tile, the file is no catalog, a position is not one, or a galaxy is listed twice.
    """
    if not 0 <= tile < number_of_tiles(order):
        raise InputError(f"tile {tile}: expected 0 to {number_of_tiles(order) - 1} at tile_order {order}")
    try:
        galaxies = pq.read_table(catalog)
    except FileNotFoundError:
        raise InputError(f"{catalog}: the catalog does not exist") from None
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{catalog}: expected a catalog (Parquet), but it cannot be read: {reason}") from None
    for column in ("source_id", "ra", "dec"):
        if column not in galaxies.column_names:
            raise InputError(f"{catalog}: has no column '{column}', expected a catalog as make_catalog writes it")
    ra, dec = (_as_numbers(galaxies[column]) for column in ("ra", "dec"))
    if not (np.isfinite(ra) & (np.abs(dec) <= 90)).all():
        raise InputError(f"{catalog}: has rows without a position, expected ra and dec in ICRS degrees")
    # Filtered before pandas makes objects of it: the rows of one tile are few among many.
    requests = galaxies.filter(pa.array(tile_of(ra, dec, order) == tile)).to_pandas()
    requests["source_id"] = requests["source_id"].astype(str)
    repeated = requests["source_id"].duplicated()
    if repeated.any():
        first = requests.loc[repeated, "source_id"].iloc[0]
        raise InputError(f"{catalog}: source_id {first} is there more than once, expected every galaxy once")
    return requests


def _as_numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return pd.to_numeric(column.to_pandas(), errors="coerce").to_numpy(np.float64)
