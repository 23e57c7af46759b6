"""Imaging templates: properties of the images from the catalog, and what the labels of every run make of them.

The coefficient of y_A - y_B on a template is the difference of the coefficients of A and B, so that these are compared
between arms like any other number of a run: the interaction of template and footprint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from workflow_scripts.answers.wording import place_in_words
from workflow_scripts.bias.annotations import Annotations
from workflow_scripts.bias.quantities import TEMPLATE_ALONE, TEMPLATE_BESIDE
from workflow_scripts.sky.tiles import number_of_tiles, tile_of
from workflow_scripts.sky.unit_vectors import right_ascension_declination
from workflow_scripts.statistics.sky.constrained_components import tested_axes
from workflow_scripts.statistics.sky.dipole import DipoleEstimate
from workflow_scripts.statistics.sky.mediation import TemplateRegression, run_mediation
from workflow_scripts.statistics.sky.sky_blocks import coarser_pixels
from workflow_scripts.statistics.sky.sky_sums import PixelPositions
from workflow_scripts.statistics.sky.template_regression import TemplateCrossFit, over_correction, rotated_templates

# Nside 32: pixels of 1.8 degrees, small against a quadrupole.
REGRESSION_ORDER = 5
REGRESSION_PIXELS = number_of_tiles(REGRESSION_ORDER)
# Patches of some 50 square degrees, which get their regression from the others.
_PATCH_NSIDE = 8
# Below this, templates follow the positions so closely that what they leave of a dipole is noise.
_LEAST_RETAINED = 0.1
_OF_MEDIATION = ("raw", "adjusted", "share", "share_ci95", "share_along", "share_along_ci95", "n_blocks")


@dataclass(frozen=True)
class Templates:
    """Properties of the images of the m annotated galaxies that have all of them.

    `names` (j,) are columns of the catalog, `left_out` others and why; `rows` those galaxies: their numbers (m,), or a
    slice where they are all. `values` (m, k) are templates after `rotated_templates`, `called` (k,) what each of them
    is called, `loadings` (j, k) of the standardised properties, `mean` and `spread` (j,) those of the properties.
    """

    names: tuple[str, ...]
    left_out: dict[str, str]
    rows: NDArray[np.int64] | slice
    values: NDArray[np.float64]
    called: tuple[str, ...]
    loadings: NDArray[np.float64]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]

    def as_dict(self) -> dict[str, Any]:
        """For summary.json."""
        weights = [dict(zip(self.names, column, strict=True)) for column in self.loadings.T]
        loadings = dict(zip(self.called, weights, strict=True))
        return {"properties": list(self.names), "left_out": self.left_out, "n": len(self.values), "loadings": loadings}


@dataclass(frozen=True)
class Imaging:
    """Regressions on sky and `templates` of their m galaxies, shared by all runs.

    `patches` (m,) are of sky, `cross_fit` is the regression without an outcome, `positions` the galaxies in pixels and
    `pixel_means` (p, k) the templates there. Positions have the components along `axes` (d, 3), which the sky
    constrains; `retained` is the share of a true dipole that the regression leaves along its worst axis.
    """

    templates: Templates
    patches: NDArray[np.int64]
    pixels: NDArray[np.int64]
    cross_fit: TemplateCrossFit
    positions: PixelPositions
    pixel_means: NDArray[np.float64]
    axes: NDArray[np.float64]
    retained: float

    def whole(self, found: DipoleEstimate) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A dipole of the regression as a vector (3,), and its covariance (3, 3)."""
        return found.beta @ self.axes, self.axes.T @ found.covariance @ self.axes

    @property
    def vectors(self) -> NDArray[np.float64]:
        """Components (m, d) of the positions of the galaxies."""
        return self.cross_fit.centred + self.cross_fit.mean

    def as_dict(self) -> dict[str, Any]:
        """For summary.json."""
        return {
            "templates": list(self.templates.names),
            "left_out": self.templates.left_out,
            "n": len(self.templates.values),
            "retained_worst_share": self.retained,
        }


def read_templates(catalog: str | Path, wanted: Sequence[str], rows: NDArray[np.int64] | slice) -> Templates:
    """The templates among the columns `wanted` of a catalog, for the galaxies in these `rows` of it.

    Columns that the catalog lacks, that are no numbers, unknown for every galaxy, or the same everywhere are left out.
    Templates that follow each other are rotated. Raises `ValueError` where none is left.
    """
    present = set(pq.read_schema(catalog).names)
    table = pd.read_parquet(catalog, columns=[name for name in wanted if name in present])
    left_out = {name: "not in the catalog" for name in wanted if name not in present}
    read = {}
    for name in map(str, table):
        if pd.api.types.is_numeric_dtype(table[name]):
            read[name] = table[name].to_numpy(float, na_value=np.nan)[rows]
        else:
            left_out[name] = "no numbers"
    return templates_among(read, left_out)


def templates_among(read: Mapping[str, NDArray[np.float64]], left_out: dict[str, str]) -> Templates:
    """The templates among columns (n,) of properties, NaN where one is unknown, of all galaxies that have each.

    Columns that are unknown for every galaxy, or the same everywhere, join those that were `left_out`. Raises
    `ValueError` where none is left.
    """
    columns: dict[str, NDArray[np.float64]] = {}
    for name, values in read.items():
        known = values[np.isfinite(values)]
        if not len(known):
            left_out[name] = "unknown for every galaxy"
        elif not known.std() > 1e-9 * max(1.0, float(np.abs(known).mean())):
            left_out[name] = "the same everywhere"
        else:
            columns[name] = values
    if not columns:
        reasons = ", ".join(f"{name}: {reason}" for name, reason in left_out.items()) or "none is named"
        raise ValueError(f"the catalog has no imaging templates ({reasons})")
    stacked = np.column_stack(list(columns.values()))
    complete = np.isfinite(stacked).all(axis=1)
    rows: NDArray[np.int64] | slice = slice(None) if complete.all() else np.flatnonzero(complete)
    stacked, names = stacked[rows], tuple(columns)
    values, loadings = rotated_templates(stacked)
    called, mean, spread = _called(names, loadings), stacked.mean(axis=0), stacked.std(axis=0)
    return Templates(names, left_out, rows, values, called, loadings, mean, spread)


def imaging_of(templates: Templates, annotations: Annotations, seed: int) -> Imaging:
    """What regressions on sky and templates together share.

    Raises `ValueError` where templates leave a regression undetermined, or where they have a dipole themselves that no
    other one could be separated from.
    """
    rows, rotated = templates.rows, templates.values
    axes = _axes_of(annotations)
    vectors = annotations.vectors[rows] @ axes.T
    pixels = tile_of(annotations.ra[rows], annotations.dec[rows], REGRESSION_ORDER)
    patches = patches_of(pixels)
    cross = TemplateCrossFit.of(vectors, rotated, patches, seed=seed)
    kept = over_correction(cross)
    if kept.worst_share < _LEAST_RETAINED:
        ra, dec = map(float, right_ascension_declination(kept.worst_axis @ axes))
        raise ValueError(
            f"{', '.join(templates.names)} have a dipole themselves: a regression on them leaves"
            f" {max(0.0, kept.worst_share):.0%} of a true dipole along ({place_in_words(ra, dec)}), so the two cannot"
            " be distinguished"
        )
    positions = PixelPositions.of(vectors, pixels, REGRESSION_PIXELS)
    sums = [np.bincount(pixels, weights=column, minlength=REGRESSION_PIXELS) for column in rotated.T]
    return Imaging(
        templates=templates,
        patches=patches,
        pixels=pixels,
        cross_fit=cross,
        positions=positions,
        pixel_means=np.column_stack(sums) / np.maximum(positions.counts, 1)[:, None],
        axes=axes,
        retained=kept.worst_share,
    )


def _axes_of(annotations: Annotations) -> NDArray[np.float64]:
    """The axes (d, 3) along which these galaxies constrain a dipole; `ValueError` on a field."""
    axes = tested_axes(annotations.sky.constrained)
    return np.eye(3) if axes is None else axes


def patches_of(pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The patch of sky of galaxies, from their pixels (m,)."""
    return coarser_pixels(REGRESSION_PIXELS, 12 * _PATCH_NSIDE**2)[pixels]


def _called(names: Sequence[str], loadings: NDArray[np.float64]) -> tuple[str, ...]:
    """A template of one property is called as that; components of several are numbered."""
    called: list[str] = []
    for column in loadings.T:
        members = "_and_".join(name for name, loading in zip(names, column, strict=True) if loading)
        number = sum(name.startswith(f"{members}_component") for name in called) + 1
        called.append(members if np.count_nonzero(column) == 1 else f"{members}_component{number}")
    return tuple(called)


def mean_training_templates(balance: pd.DataFrame, templates: Templates) -> pd.DataFrame:
    """Mean template of the galaxies of each training set, in standard deviations of the annotated galaxies.

    `balance` is the table of all training sets (`footprint, resample, covariate, n, mean`, a row a class). A row of the
    result is a training set (footprint, resample), a column a template as `Templates.called`; NaN where a property is
    not in the table.
    """
    if not {"covariate", "n", "mean"} <= set(balance):
        return pd.DataFrame(columns=list(templates.called), dtype=float)
    known = balance[balance["covariate"].isin(templates.names) & balance["n"].gt(0)]
    sums = known.assign(total=known["n"] * known["mean"]).groupby(["footprint", "resample", "covariate"])
    totals = sums[["total", "n"]].sum()
    means = (totals["total"] / totals["n"]).unstack("covariate").reindex(columns=list(templates.names))
    standard = (means - templates.mean) / templates.spread
    # Of its own properties only: one that is not known leaves the other templates as they are.
    columns = {
        name: standard.loc[:, loadings != 0].to_numpy() @ loadings[loadings != 0]
        for name, loadings in zip(templates.called, templates.loadings.T, strict=True)
    }
    return pd.DataFrame(columns, index=means.index)


@dataclass(frozen=True)
class TemplateCoefficients:
    """`columns`: one row a run, `TEMPLATE_ALONE` and, where a dipole can be separated from them, `TEMPLATE_BESIDE`.

    `products` (runs, blocks, 4 + k) are of the runs' labels, for the `regression`.
    """

    columns: pd.DataFrame
    regression: TemplateRegression
    products: NDArray[np.float64]


def template_coefficients(
    annotations: Annotations, templates: Templates, beside_dipole: bool
) -> TemplateCoefficients | None:
    """Regress the labels of every run on the templates; None where they leave a coefficient undetermined.

    A coefficient is the change of the label, 0 or 1, for one standard deviation of a template. Alone, a template that
    has a dipole also takes what a dipole of the sky does to the labels; between two networks on the same galaxies, that
    much is the same only where both see the classes equally well.
    """
    rows = templates.rows
    patches = patches_of(tile_of(annotations.ra[rows], annotations.dec[rows], REGRESSION_ORDER))
    vectors = annotations.vectors[rows]
    if beside_dipole:
        vectors = vectors @ _axes_of(annotations).T
    try:
        regression = TemplateRegression.of(vectors, templates.values, patches)
    except ValueError:
        return None
    designs = [(TEMPLATE_ALONE, False)]
    designs += [(TEMPLATE_BESIDE, True)] if beside_dipole and regression.beside_dipole else []
    products = np.array([regression.outcome_products(labels[rows]) for labels in annotations.labels])
    entries = [
        {
            start + name: float(value)
            for start, beside in designs
            for name, value in zip(templates.called, regression.coefficients(sums, beside), strict=True)
        }
        for sums in products
    ]
    return TemplateCoefficients(pd.DataFrame(entries), regression, products)


def mediation_of_contrasts(
    annotations: Annotations, found: TemplateCoefficients, opposite: Sequence[Sequence[str]], seed: int
) -> list[dict[str, Any]]:
    """How much of the dipole between opposite footprints goes away beside templates, resampled over runs and sky.

    One entry a network and pair: `network, footprints, contrast, training_sets` of both, `raw` and `adjusted` dipole
    (x y z), `share, share_ci95, share_along, share_along_ci95` as in `Mediation`, or `reason`, why there are none.
    """
    # A training set is the mean over its seeds.
    numbers = sorted(annotations.runs.groupby(["network", "footprint", "resample"]).indices.items())
    entries = []
    for network in dict.fromkeys(annotations.runs["network"]):
        for pair in opposite:
            arms = [
                [found.products[rows].mean(axis=0) for key, rows in numbers if key[:2] == (network, footprint)]
                for footprint in pair
            ]
            entry: dict[str, Any] = {"network": str(network), "footprints": list(pair), "contrast": " - ".join(pair)}
            entry["training_sets"] = [len(arm) for arm in arms]
            try:
                share = run_mediation(found.regression, arms[0], arms[1], seed=seed)
                entry |= {name: getattr(share, name) for name in _OF_MEDIATION}
                axes = _axes_of(annotations)
                entry |= {"raw": share.raw @ axes, "adjusted": share.adjusted @ axes}
            except ValueError as error:
                entry["reason"] = str(error)
            entries.append(entry)
    return entries
