"""The map of a correction as a page shows it: in cells of a few degrees, without what is noise."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.corrections.imaging_map import MAP_FILE, read_imaging_map
from workflow_scripts.errors import InputError
from workflow_scripts.sky.tiles import number_of_tiles, side_of_tile, tile_centres
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.constrained_components import FIELD
from workflow_scripts.statistics.sky.map_cells import in_cells, map_order, smoothed_cells

# Cells of 7.3 degrees on the sky, as in the other maps of a page; on a field as small as 0.23 degrees.
_SKY_ORDER, _FINEST_OF_FIELD = 3, 8
ANNOTATED, DEBIASED = "FRACTION", "DEBIASED"


Maps = dict[str, dict[str, NDArray[np.float64]]]


def read_correction(folder: Path) -> tuple[dict[str, Any], Maps]:
    """The content of `correction.json`, and the maps of the fraction as annotated and debiased (`shown_maps`).

    Raises `InputError` where the folder is not that of a correction.
    """
    path = folder / "correction.json"
    try:
        correction = json.loads(path.read_text(encoding="utf-8"))
        field = correction["sky_kind"] == FIELD
    except (OSError, ValueError, TypeError, KeyError):
        raise InputError(f"{path}: expected what correct_bias or correct_audit writes (JSON)") from None
    return correction, shown_maps(folder / "maps" / MAP_FILE, field)


def shown_maps(path: Path, field: bool) -> Maps:
    """The fraction as annotated and debiased, by column, each as maps `n`, `fraction` and `smooth:fraction`.

    `path` is the map that `write_map` made; raises `InputError` as `read_imaging_map`.
    """
    read = read_imaging_map(str(path), [ANNOTATED, DEBIASED, "VARIANCE", "N"])
    n = _whole(read.values["N"], read.pixels, read.order)
    order = min(read.order, _FINEST_OF_FIELD if field else _SKY_ORDER)
    if field:
        order = map_order(n, order)
    counts = in_cells(n, order)

    def means(values: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):
            summed = in_cells(_whole(values * read.values["N"], read.pixels, read.order), order)
            return summed / np.where(counts > 0, counts, np.nan)

    # The variance of a pixel is one number over its galaxies.
    with np.errstate(divide="ignore", invalid="ignore"):
        se = np.sqrt(np.nanmedian(read.values["VARIANCE"] * read.values["N"]) / counts)
    centres, width = unit_vectors(*tile_centres(order)), side_of_tile(order)
    found = {}
    for name in (ANNOTATED, DEBIASED):
        fraction = means(read.values[name])
        smooth = smoothed_cells(fraction, se, counts, centres, width)
        found[name] = {"n": counts, "fraction": fraction, "smooth:fraction": smooth}
    return found


def _whole(values: NDArray[np.float64], pixels: NDArray[np.int64], order: int) -> NDArray[np.float64]:
    """Values of pixels on a map of the whole sky, 0 elsewhere."""
    return np.bincount(pixels, values, number_of_tiles(order)).astype(float)
