"""Which galaxies of a clean table a catalog has, and in which order: alike for every step that needs to know."""

import numpy as np
import pandas as pd

from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.training_sets.split import hash_fractions

SORTING_ORDER = 12


def take_sample(galaxies: pd.DataFrame, sample: int | None) -> pd.DataFrame:
    """So many galaxies, chosen by a hash of source_id; all where `sample` is None or not less."""
    if not sample or len(galaxies) <= sample:
        return galaxies
    chosen = np.argsort(hash_fractions(galaxies["source_id"], "sample"), kind="stable")[:sample]
    return galaxies.iloc[np.sort(chosen)]


def in_order(galaxies: pd.DataFrame) -> pd.DataFrame:
    """Galaxies by nested HEALPix pixel, and by id within one."""
    place = tile_of(galaxies["ra"], galaxies["dec"], SORTING_ORDER)
    return galaxies.iloc[np.lexsort((galaxies["source_id"].to_numpy(str), place))]


def with_ids(galaxies: pd.DataFrame) -> pd.DataFrame:
    """A table without ids gets row numbers, so that every galaxy can be named."""
    if "source_id" not in galaxies:
        galaxies.insert(0, "source_id", [f"row{number}" for number in range(len(galaxies))])
    return galaxies
