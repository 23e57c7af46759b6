"""The held-out galaxies of a pair of footprints, and on which side each lies."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from workflow_scripts.errors import InputError
from workflow_scripts.networks.galaxies_of_runs import annotation_rows
from workflow_scripts.sky.footprints import contains, region_moc
from workflow_scripts.tables import read_columns

# The error of an AUC of so many is 0.0026.
MOST_HELD_OUT = 50_000
# The class of galaxies without a label.
UNLABELLED = -1


def held_out_rows(catalog: str | Path, index: str | Path, training_sets: Sequence[str | Path] = ()) -> pd.DataFrame:
    """The annotation galaxies with an image, in the order of the index.

    Gives `source_id, ra, dec` (ICRS degrees), `label` (`UNLABELLED` where there is none), and `tile, row` of the image.
    Raises `InputError` as `annotation_rows`.
    """
    rows = annotation_rows(catalog, index)
    for training_set in training_sets:
        annotation_rows(catalog, index, training_set)
    known = read_columns(catalog, ["source_id", "label"])
    labels = known["label"].take(pc.index_in(rows["source_id"], value_set=known["source_id"].combine_chunks()))
    table = rows.append_column("label", pc.fill_null(labels, UNLABELLED)).to_pandas()
    return table.astype({"label": "int8"})


def enough_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, or `MOST_HELD_OUT` of them chosen at random (always the same ones), in their order."""
    if len(rows) <= MOST_HELD_OUT:
        return rows
    chosen = np.random.default_rng(0).choice(len(rows), MOST_HELD_OUT, replace=False)
    return rows.iloc[np.sort(chosen)].reset_index(drop=True)


def held_out_sides(rows: pd.DataFrame, first: Mapping[str, Any], second: Mapping[str, Any]) -> pd.DataFrame:
    """The galaxies that lie in one of two footprints (`{"name", "region"}`) and not in the other, with their `side`.

    `side` is 1 in the first. Raises `InputError` where a footprint has none for itself.
    """
    inside = [contains(region_moc(one["region"], name=one["name"]), rows["ra"], rows["dec"]) for one in (first, second)]
    alone = inside[0] != inside[1]
    found = rows[alone].assign(side=inside[0][alone].astype(np.int8)).reset_index(drop=True)
    for side, footprint in ((1, first), (0, second)):
        if not (found["side"] == side).any():
            raise InputError(f"footprints.{footprint['name']}: no galaxy of the annotation set lies in it alone")
    return found
