"""Maps for the figures, nested HEALPix (ICRS): small arrays, so that drawing needs no galaxy."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.bias.annotations import Annotations
from workflow_scripts.sky.tiles import number_of_tiles, order_of, side_of_tile, tile_centres, tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.axis_scan import dipole_sigma
from workflow_scripts.statistics.sky.constrained_components import FIELD, SKY
from workflow_scripts.statistics.sky.map_cells import cell_means, map_order, se_of_cell_means, smoothed_cells
from workflow_scripts.statistics.sky.sky_sums import ValueSums

# Cells of 7.3 degrees on the sky; on a field as small as 0.23 degrees.
_SKY_ORDER, _FINEST_OF_FIELD = 3, 8


def maps_of_experiment(annotations: Annotations, experiment: Mapping[str, Any]) -> dict[str, NDArray]:
    """Maps of an experiment.

    Returns
    -------
    dict
        `n`: galaxies a cell (nside 8, smaller on a field); `fraction`: positive fraction, mean over all runs;
        `minus_reference`: prediction minus reference label, mean over all runs, where there are labels;
        `fraction:{footprint}`: mean over the footprint's runs, for opposite footprints; `difference:{a}:{b}`: their
        difference; `smooth:` of these, but for footprints alone: the same without what is noise (`smoothed_cells`);
        `sigma:{footprint}`: paper-style dipole sigma (nside `scan_nside`) of the footprint's first run, where the sky
        constrains all of a dipole. Cells without galaxies are NaN.
    """
    cell, cells = cells_of(annotations)

    maps: dict[str, NDArray] = {"n": np.bincount(cell, minlength=cells)}

    centres, width = unit_vectors(*tile_centres(order_of(cells))), side_of_tile(order_of(cells))

    def add(name: str, cell: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        n, maps[name] = np.bincount(cell, minlength=cells), cell_means(cell, values, cells)
        maps[f"smooth:{name}"] = smoothed_cells(maps[name], se_of_cell_means(cell, values, cells), n, centres, width)

    add("fraction", cell, annotations.positive_share())
    if annotations.labelled.any():
        known = annotations.known
        add("minus_reference", cell[known], annotations.positive_share()[known] - annotations.against)
    nside: int = experiment["tests"]["scan_nside"]
    axes = unit_vectors(*tile_centres(nside.bit_length() - 1))
    shown = list(dict.fromkeys(name for pair in experiment["opposite"] for name in pair))
    shares: dict[str, NDArray[np.float64]] = {}
    for footprint in shown or [annotations.runs["footprint"].iloc[0]]:
        rows = annotations.rows(footprint=footprint)
        shares[footprint] = annotations.positive_share(rows)
        maps[f"fraction:{footprint}"] = cell_means(cell, shares[footprint], cells)
        if annotations.sky.constrained.kind != SKY:
            continue
        signs = 2.0 * annotations.labels[rows[0]] - 1
        maps[f"sigma:{footprint}"] = dipole_sigma(axes, annotations.positions, ValueSums.of(signs, annotations.vectors))
    for a, b in experiment["opposite"]:
        add(f"difference:{a}:{b}", cell, shares[a] - shares[b])
    return maps


def cells_of(annotations: Annotations) -> tuple[NDArray[np.int64], int]:
    """Cell (n,) of each galaxy in the maps of fractions, and the number of cells on the sky."""
    order = _SKY_ORDER
    if annotations.sky.constrained.kind == FIELD:
        fine = tile_of(annotations.ra, annotations.dec, _FINEST_OF_FIELD)
        counts = np.bincount(fine, minlength=number_of_tiles(_FINEST_OF_FIELD)).astype(float)
        order = map_order(counts, _FINEST_OF_FIELD)
    return tile_of(annotations.ra, annotations.dec, order), number_of_tiles(order)
