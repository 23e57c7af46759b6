"""The effects of an experiment in several versions of its annotations, run by run: for shares, and for remedies.

The effects are those of the tests by the same name: of the training footprint on the fraction and on the false dipole,
and the dipole that all networks share. Every version has the same galaxies, and its runs in the same order: one
covariance between the units (training sets, footprints) holds what versions share, be it networks, training galaxies
or nothing but the footprint.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.bias.annotations import Annotations, Sky
from workflow_scripts.bias.quantities import DIPOLE, FRACTION, REFERENCE_DIPOLE, dipole_keys
from workflow_scripts.bias.replicates import (
    fitted_families,
    footprint_axes,
    independent_units,
    of_footprints,
    of_training_sets,
    rotating_runs,
)
from workflow_scripts.errors import InputError
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.runs.pattern_response import common_direction
from workflow_scripts.statistics.runs.response_kernels import position_root
from workflow_scripts.statistics.runs.shapley_shares import (
    VersionedEffect,
    contrast_of_units,
    mean_of_units,
    response_of_units,
)
from workflow_scripts.statistics.sky.constrained_components import FIELD, constrained_dipole, tested_axes
from workflow_scripts.statistics.sky.sky_sums import ValueSums

_GALAXIES_AT_A_TIME = 65_536
_Numbers = dict[str, float]


@dataclass(frozen=True)
class Version:
    """What effects are made of, in one version of the annotations.

    `numbers` are a row a run, by the names of a `run_table`; `left` gives, of the runs in some rows, the mean of what
    each galaxy with a reference label (m,) has beyond it.
    """

    numbers: pd.DataFrame
    left: Callable[[NDArray[np.int64]], NDArray[np.float64]]


def annotated_version(annotations: Annotations, of: Annotations | None = None) -> Version:
    """The version in which runs have their own labels, measured as the sky of the annotations `of` (theirs) allows.

    Raises `InputError` where the two have other galaxies.
    """
    first = of or annotations
    if not np.array_equal(annotations.catalog_rows, first.catalog_rows):
        raise InputError(
            f"{annotations.files[0]}: has other galaxies than {first.files[0]}, expected the same in all versions"
        )
    rows = [numbers_of_values(labels.astype(float), first) for labels in annotations.labels]

    def left(runs: NDArray[np.int64]) -> NDArray[np.float64]:
        return annotations.positive_share(runs)[first.known] - first.against

    return Version(described_runs(first.runs, rows), left)


def described_runs(runs: pd.DataFrame, rows: Sequence[Mapping[str, float]]) -> pd.DataFrame:
    """The numbers of runs, a row each, beside their description; dipoles without reference are about their mean."""
    axes = [axis or (np.nan, np.nan) for axis in runs["axis"]]
    numbers = pd.DataFrame(list(rows))
    # What `relative_dipole` is of a `run_table`: linear in the labels.
    numbers[DIPOLE] -= numbers[DIPOLE].mean()
    axes = pd.DataFrame(axes, columns=["axis_ra", "axis_dec"])
    return pd.concat([runs.drop(columns="axis").reset_index(drop=True), axes, numbers], axis=1)


def numbers_of_values(values: NDArray[np.float64], of: Annotations) -> _Numbers:
    """The numbers that effects are made of, of one run with `values` (n,): labels, or what a remedy makes of them."""
    fraction = float(values.mean())
    row = {FRACTION.name: fraction, f"{FRACTION.name}_se": float(values.std() / np.sqrt(of.n))}
    row |= {"n_reference": float(of.labelled.sum())}
    row |= _dipole("relative_dipole", of.positions, values, of.vectors, of.sky.constrained)
    if of.labelled.any():
        against = values[of.known] - of.against
        row |= _dipole("dipole", of.known_positions, against, of.known_vectors, of.sky.labelled)
    return row


def _dipole(name: str, positions: Any, values: NDArray, vectors: NDArray, constrained: Any) -> _Numbers:
    """Components and their errors, NaN where there is none."""
    try:
        found = constrained_dipole(positions, ValueSums.of(values, vectors), constrained)
    except ValueError:
        # A network without a single error: nothing varies over the sky, and nothing scatters.
        number = 0.0 if constrained.kind != FIELD and len(values) and np.ptp(values) == 0 else np.nan
        return dipole_keys(name, np.full(3, number), np.full((3, 3), abs(number)), 1.0)
    return dipole_keys(name, found.beta, found.covariance, found.p)


def versioned_effects(
    experiment: Mapping[str, Any], versions: Sequence[Version], of: Annotations
) -> Iterator[tuple[str, str, Callable[[], VersionedEffect]]]:
    """Name of the test, words, and a function that gives the effect, which raises `ValueError` where there is none.

    The first version is the effect itself; `of` are its annotations.
    """
    tables = [version.numbers for version in versions]
    positive = f"the fraction of {experiment['classes'][1]}"
    for network, group in tables[0].groupby("network", sort=False):
        label = f" [{network}]" if tables[0]["network"].nunique() > 1 else ""
        own = [table.loc[group.index] for table in tables]
        for pair in experiment["opposite"]:
            if set(pair) <= set(group["footprint"]):
                name = f"fraction_contrast {' - '.join(pair)}{label}"
                words = f"the difference of {positive} between networks of {' and '.join(pair)}"
                yield name, words, partial(_contrast, own, pair)
        for members in fitted_families(group):
            family = f" [{members['family'].iloc[0]}]" if rotating_runs(group)["family"].nunique() > 1 else ""
            rows = [table.loc[members.index] for table in own]
            words = f"the effect of the training footprint on {positive}"
            yield f"fraction_response{label}{family}", words, partial(_response, rows)
            words = "the effect of the training footprint on the false dipole"
            yield f"pattern_response{label}{family}", words, partial(_pattern, rows, versions, of)
        yield f"common_dipole{label}", "the common dipole", partial(_common, own, versions, of)


def _contrast(tables: Sequence[pd.DataFrame], pair: Sequence[str]) -> VersionedEffect:
    a, b = (
        _stacked([of_training_sets(table[table["footprint"] == name]) for table in tables], [FRACTION.name])[..., 0]
        for name in pair
    )
    return contrast_of_units(a, b)


def _response(tables: Sequence[pd.DataFrame]) -> VersionedEffect:
    axes = unit_vectors(*footprint_axes(tables[0]).to_numpy().T)
    return response_of_units(axes, _stacked([of_footprints(table) for table in tables], [FRACTION.name])[..., 0])


def _pattern(tables: Sequence[pd.DataFrame], versions: Sequence[Version], of: Annotations) -> VersionedEffect:
    """The curve of the dipole along the common one, by mu and mu^2 (`pattern_response.amplitude_curve`)."""
    sky = of.sky
    axes = _constrained(sky)
    means = [of_footprints(table) for table in tables]
    dipoles = _stacked(means, DIPOLE) @ axes.T
    common = _stacked(means[:1], REFERENCE_DIPOLE)[:, 0].mean(axis=0) @ axes.T
    own = dipoles[:, 0]
    noise = _noise_of_galaxies(versions[:1], of, tables[0].index.to_numpy(), axes)
    direction = common_direction(common, own - own.mean(axis=0), noise)
    weight = axes @ sky.positions @ axes.T @ direction
    mu = unit_vectors(*footprint_axes(tables[0]).to_numpy().T) @ (direction @ axes)
    return response_of_units(np.stack([mu, mu**2], axis=1), dipoles @ weight / (direction @ weight))


def _common(tables: Sequence[pd.DataFrame], versions: Sequence[Version], of: Annotations) -> VersionedEffect:
    """The mean dipole against the reference, each component as far as the sky measures it."""
    sky = of.sky
    axes = tested_axes(sky.labelled)
    axes = np.eye(3) if axes is None else axes
    used = independent_units(tables[0])[0].index
    units = [independent_units(table)[1] for table in tables]
    values = _stacked(units, REFERENCE_DIPOLE)
    root = position_root(axes @ sky.labelled_positions @ axes.T)
    shared = _noise_of_galaxies(versions, of, used.to_numpy(), axes)
    turn = np.kron(np.eye(len(versions)), root)
    return mean_of_units(values @ axes.T @ root, turn.T @ shared @ turn)


def _constrained(sky: Sky) -> NDArray[np.float64]:
    axes = tested_axes(sky.constrained)
    return np.eye(3) if axes is None else axes


def _stacked(means: Sequence[pd.DataFrame], columns: Sequence[str]) -> NDArray[np.float64]:
    """Numbers (units, versions, columns); `ValueError` where one is not known."""
    if not set(columns) <= set(means[0]):
        raise ValueError("no galaxy has a reference label")
    values = np.stack([table[list(columns)].to_numpy(float) for table in means], axis=1)
    if not np.isfinite(values).all():
        raise ValueError("not defined for every run")
    return values


def _noise_of_galaxies(
    versions: Sequence[Version], of: Annotations, rows: NDArray[np.int64], axes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Covariance (V k, V k) of the mean dipole over the runs in `rows`, components along `axes` (k, 3) of V versions.

    By what other galaxies of the same sky would change: the sum over galaxies of the products of what each adds.
    """
    vectors = of.known_vectors @ axes.T
    vectors = vectors - vectors.mean(axis=0)
    gain = np.linalg.inv(vectors.T @ vectors)
    left = np.stack([version.left(rows) for version in versions], axis=1)
    left = left - left.mean(axis=0)
    left = left - vectors @ (gain @ (vectors.T @ left))
    covariance = np.zeros((left.shape[1] * len(axes),) * 2)
    for start in range(0, len(left), _GALAXIES_AT_A_TIME):
        part = slice(start, start + _GALAXIES_AT_A_TIME)
        added = (left[part, :, None] * (vectors[part] @ gain)[:, None]).reshape(len(left[part]), -1)
        covariance += added.T @ added
    return covariance
