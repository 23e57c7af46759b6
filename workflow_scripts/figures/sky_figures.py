"""Sky maps of one experiment, and its footprints."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from mocpy import MOC
from numpy.typing import NDArray

from workflow_scripts.figures.field_map import field_with_bar
from workflow_scripts.figures.mollweide import colour_range, draw_map, map_with_bar, mark
from workflow_scripts.figures.style import DOUBLE, SINGLE, explain_empty, new_figure
from workflow_scripts.sky.footprints import contains
from workflow_scripts.sky.tiles import number_of_tiles, tile_centres, tile_of
from workflow_scripts.statistics.sky.constrained_components import FIELD

Maps = Mapping[str, NDArray]
_FOOTPRINT_ORDER = 6
_NO_SCAN = "The galaxies do not constrain all of a dipole: there is no scan over all axes."


def sky_figures(
    summary: Mapping[str, Any], runs: pd.DataFrame, maps: Maps, catalog: pd.DataFrame, settings: Mapping[str, Any]
) -> dict[str, Figure]:
    """The figures of `draw_sky_maps`, from summary.json, runs.csv, sky_maps.npz and the catalog."""
    experiment, field = summary["provenance"]["config"], summary["sky_kind"] == FIELD
    positive, cut = experiment["classes"][1], max(experiment["tests"]["confidence_cuts"])
    return {
        "difference_map": _difference_maps(maps, positive, field, settings),
        "sigma_map": _sigma_maps(maps, runs, settings),
        "fraction_map": _fraction_map(maps, positive, field, settings),
        "unannotated_map": _unannotated_map(maps, cut, field, settings),
        "seeing_map": _seeing_map(catalog, field, settings),
    }


def _fraction_map(maps: Maps, positive: str, field: bool, settings: Mapping[str, Any]) -> Figure:
    # Fraction of the positive class, mean over all runs.
    low, high = colour_range(maps["smooth:fraction"], 1e-3)
    label = f"{positive} fraction, mean over all runs (smoothed)"
    return _one_map(maps["smooth:fraction"], settings["sequential_map"], low, high, label, field)


def _difference_maps(maps: Maps, positive: str, field: bool, settings: Mapping[str, Any]) -> Figure:
    # Difference of the fraction between opposite footprints, on a scale symmetric about zero.
    names = [name for name in maps if name.startswith("difference:")]
    if not names:
        return _nothing("The experiment names no opposite footprints, so there is no difference to map.")
    largest = max(np.nanpercentile(np.abs(maps[f"smooth:{name}"]), 98) for name in names)
    figure, axes = _map_axes(len(names), field)
    for panel, name in zip(axes, names, strict=True):
        _, first, second = name.split(":")
        label = f"{positive} fraction: {first} minus {second} (smoothed)"
        _draw_with_bar(field)(panel, maps[f"smooth:{name}"], settings["diverging_map"], -largest, largest, label)
    return figure


def _sigma_maps(maps: Maps, runs: pd.DataFrame, settings: Mapping[str, Any]) -> Figure:
    # Paper-style dipole sigma of one network a footprint, with its best axis.
    names = [name for name in maps if name.startswith("sigma:")]
    if not names:
        return _nothing(_NO_SCAN)
    largest = max(np.nanmax(np.abs(maps[name])) for name in names)
    figure, axes = _map_axes(len(names), field=False)
    for panel, name in zip(axes, names, strict=True):
        footprint = name.split(":")[1]
        run = runs[runs["footprint"] == footprint].iloc[0]
        label = "paper-style sigma (uncentred, one network)"
        map_with_bar(panel, maps[name], settings["diverging_map"], -largest, largest, label)
        mark(panel, run["paper_axis_ra"], run["paper_axis_dec"], "")
        panel.set_title(
            f"trained on {footprint}\nmaximum {run['paper_max_sigma']:.1f} at ({run['paper_axis_ra']:.0f}°,"
            f" {run['paper_axis_dec']:+.0f}°), global p = {run['paper_global_p']:.1g}",
            fontsize=7,
        )
    return figure


def _unannotated_map(maps: Maps, cut: float, field: bool, settings: Mapping[str, Any]) -> Figure:
    # Share of galaxies whose score is within `cut` of 1/2, mean over all runs.
    if np.isnan(maps["unannotated"]).all():
        return _nothing("The annotations have no scores.")
    low, high = colour_range(maps["unannotated"], 1e-6)
    label = f"share of galaxies with a score within {cut:g} of 1/2, mean over all runs"
    return _one_map(maps["unannotated"], settings["sequential_map"], low, high, label, field)


def _seeing_map(catalog: pd.DataFrame, field: bool, settings: Mapping[str, Any]) -> Figure:
    # Mean PSF FWHM of the catalog's galaxies in cells of 7.3 degrees, on a field of 0.9.
    if "psf_fwhm_arcsec" not in catalog or catalog["psf_fwhm_arcsec"].isna().all():
        return _nothing("The catalog has no column psf_fwhm_arcsec, so the seeing cannot be mapped.")
    known = catalog[catalog["psf_fwhm_arcsec"].notna()]
    order = 6 if field else 3
    cell, cells = tile_of(known["ra"], known["dec"], order), number_of_tiles(order)
    n = np.bincount(cell, minlength=cells)
    with np.errstate(invalid="ignore"):
        seeing = np.bincount(cell, weights=known["psf_fwhm_arcsec"], minlength=cells) / np.where(n > 0, n, np.nan)
    low, high = np.nanmin(seeing), np.nanmax(seeing)
    if high - low < 1e-6:
        low, high = low - 0.1, high + 0.1
    label = "PSF FWHM (arcsec)" + (", as injected in the simulation" if settings["simulated"] else "")
    return _one_map(seeing, settings["sequential_map"], low, high, label, field)


def _one_map(values: NDArray, colour_map: str, low: float, high: float, label: str, field: bool) -> Figure:
    figure, axes = _map_axes(1, field)
    _draw_with_bar(field)(axes[0], values, colour_map, low, high, label)
    return figure


def _draw_with_bar(field: bool) -> Callable[..., None]:
    return field_with_bar if field else map_with_bar


def _map_axes(panels: int, field: bool) -> tuple[Figure, list[Any]]:
    columns = min(panels, 2)
    rows = -(-panels // columns)
    width = SINGLE * 1.3 if columns == 1 else DOUBLE
    projection = {} if field else {"subplot_kw": {"projection": "mollweide"}}
    height = ((0.88 if field else 0.76) * width / columns + 0.25) * rows
    figure, axes = new_figure(width, height, nrows=rows, ncols=columns, **projection)
    axes = list(np.atleast_1d(axes).ravel())
    for spare in axes[panels:]:
        spare.set_visible(False)
    return figure, axes[:panels]


def _nothing(sentence: str) -> Figure:
    figure, axes = new_figure(SINGLE, 1.5)
    explain_empty(axes, sentence)
    return figure


def footprint_maps(mocs: Mapping[str, MOC], settings: Mapping[str, Any]) -> Figure:
    """One small sky map a footprint."""
    columns = min(4, len(mocs))
    rows = -(-len(mocs) // columns)
    figure, axes = new_figure(
        DOUBLE, DOUBLE / columns * 0.62 * rows, nrows=rows, ncols=columns, squeeze=False,
        subplot_kw={"projection": "mollweide"},
    )  # fmt: skip
    ra, dec = tile_centres(_FOOTPRINT_ORDER)
    colour = ListedColormap(["0.93", settings["colours"][0]])
    for panel, (name, moc) in zip(axes.ravel(), mocs.items(), strict=False):
        draw_map(panel, contains(moc, ra, dec).astype(float), colour, 0, 1)
        panel.set_title(f"{name} ({100 * moc.sky_fraction:.1f} % of the sky)", fontsize=6, pad=6)
        panel.set_xticklabels([])
        panel.set_yticklabels([])
    for spare in axes.ravel()[len(mocs) :]:
        spare.set_visible(False)
    return figure
