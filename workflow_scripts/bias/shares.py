"""What carries the effects of an experiment: its runs annotate versions of the images, in which properties are common.

The effects are those of the tests by the same name: of the training footprint on the fraction and on the false dipole,
and the dipole that all networks share. All are taken from the same runs on the same galaxies in every version.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.bias.annotations import Annotations, Sky, read_annotations
from workflow_scripts.bias.quantities import DIPOLE, FRACTION, REFERENCE_DIPOLE
from workflow_scripts.bias.replicates import (
    fitted_families,
    footprint_axes,
    independent_units,
    of_footprints,
    of_training_sets,
    rotating_runs,
)
from workflow_scripts.errors import InputError
from workflow_scripts.runs import listed_runs, paths_in_version
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.result import plain
from workflow_scripts.statistics.runs.pattern_response import common_direction
from workflow_scripts.statistics.runs.response_kernels import position_root
from workflow_scripts.statistics.runs.shapley_shares import (
    VersionedEffect,
    carried_shares,
    contrast_of_units,
    mean_of_units,
    response_of_units,
)
from workflow_scripts.statistics.sky.constrained_components import constrained_dipole, tested_axes
from workflow_scripts.statistics.sky.sky_sums import ValueSums

_GALAXIES_AT_A_TIME = 65_536
_Effects = Iterator[tuple[str, str, Callable[[], VersionedEffect]]]


def measured_shares(
    experiment: Mapping[str, Any], counterfactual: Mapping[str, Any], annotations: str, catalog: str
) -> dict[str, Any]:
    """Shares of every effect of an experiment.

    Parameters
    ----------
    experiment
        with its `name`, `arms`, `opposite` and `classes`, as its runs are measured with.
    counterfactual
        `properties`, `constant` and `versions` (`counterfactual_versions.counterfactual_of`).
    annotations
        pattern of the file of a run, with `{survey}` and `{run_id}`.
    catalog
        for the reference labels.

    Returns
    -------
    dict
        `properties`, `constant`, and `effects`: of each `test` (its name among the tests of the experiment), `effect`
        (in words), and either `p` and `shares` as `CarriedShares` has them or the `reason` why there are none.

    Raises
    ------
    InputError
        where versions have other galaxies, and as `read_annotations`.
    """
    listed = listed_runs(experiment)
    versions: list[Annotations] = []
    for version in counterfactual["versions"]:
        name = f"{experiment['name']}, {' and '.join(version['common']) or 'nothing'} in common"
        files = paths_in_version(annotations, listed, version)
        found = read_annotations({**experiment, "name": name}, listed, files, catalog)
        if versions and not np.array_equal(found.catalog_rows, versions[0].catalog_rows):
            raise InputError(
                f"{files[0]}: has other galaxies than {versions[0].files[0]}, expected the same in all versions"
            )
        versions.append(found)
    effects = []
    for test, words, effect in _effects(experiment, versions) if counterfactual["properties"] else ():
        entry: dict[str, Any] = {"test": test, "effect": words}
        try:
            entry |= asdict(carried_shares(counterfactual["properties"], effect()))
        except ValueError as error:
            entry["reason"] = str(error)
        effects.append(plain(entry))
    return {**{key: counterfactual[key] for key in ("properties", "constant")}, "effects": effects}


def _effects(experiment: Mapping[str, Any], versions: Sequence[Annotations]) -> _Effects:
    """Name of the test, words, and a function that gives the effect, which raises `ValueError` where there is none."""
    sky = versions[0].sky
    tables = [_numbers(version, sky) for version in versions]
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
            yield f"pattern_response{label}{family}", words, partial(_pattern, rows, versions, sky)
        yield f"common_dipole{label}", "the common dipole", partial(_common, own, versions, sky)


def _numbers(annotations: Annotations, sky: Sky) -> pd.DataFrame:
    """The numbers of every run that effects are made of, by the names of a `run_table`, in what `sky` constrains."""
    rows = []
    for given in annotations.labels:
        labels = given.astype(float)
        row = {FRACTION.name: labels.mean()}
        measured = [(DIPOLE, annotations.positions, labels, annotations.vectors, sky.constrained)]
        if annotations.labelled.any():
            against = labels[annotations.known] - annotations.against
            measured.append(
                (REFERENCE_DIPOLE, annotations.known_positions, against, annotations.known_vectors, sky.labelled)
            )
        for names, positions, values, vectors, constrained in measured:
            try:
                found = constrained_dipole(positions, ValueSums.of(values, vectors), constrained).beta
            except ValueError:
                found = np.full(3, np.nan)
            row |= dict(zip(names, found, strict=True))
        rows.append(row)
    axes = [axis or (np.nan, np.nan) for axis in annotations.runs["axis"]]
    description = pd.DataFrame(axes, columns=["axis_ra", "axis_dec"])
    return pd.concat([annotations.runs.drop(columns="axis"), description, pd.DataFrame(rows)], axis=1)


def _contrast(tables: Sequence[pd.DataFrame], pair: Sequence[str]) -> VersionedEffect:
    a, b = (
        _stacked([of_training_sets(table[table["footprint"] == name]) for table in tables], [FRACTION.name])[..., 0]
        for name in pair
    )
    return contrast_of_units(a, b)


def _response(tables: Sequence[pd.DataFrame]) -> VersionedEffect:
    axes = unit_vectors(*footprint_axes(tables[0]).to_numpy().T)
    return response_of_units(axes, _stacked([of_footprints(table) for table in tables], [FRACTION.name])[..., 0])


def _pattern(tables: Sequence[pd.DataFrame], versions: Sequence[Annotations], sky: Sky) -> VersionedEffect:
    """The curve of the dipole along the common one, by mu and mu^2 (`pattern_response.amplitude_curve`)."""
    axes = _constrained(sky)
    means = [of_footprints(table) for table in tables]
    dipoles = _stacked(means, DIPOLE) @ axes.T
    common = _stacked(means[:1], REFERENCE_DIPOLE)[:, 0].mean(axis=0) @ axes.T
    own = dipoles[:, 0]
    noise = _noise_of_galaxies(versions[:1], tables[0].index.to_numpy(), axes)
    direction = common_direction(common, own - own.mean(axis=0), noise)
    weight = axes @ sky.positions @ axes.T @ direction
    mu = unit_vectors(*footprint_axes(tables[0]).to_numpy().T) @ (direction @ axes)
    return response_of_units(np.stack([mu, mu**2], axis=1), dipoles @ weight / (direction @ weight))


def _common(tables: Sequence[pd.DataFrame], versions: Sequence[Annotations], sky: Sky) -> VersionedEffect:
    """The mean dipole against the reference, each component as far as the sky measures it."""
    axes = tested_axes(sky.labelled)
    axes = np.eye(3) if axes is None else axes
    used = independent_units(tables[0])[0].index
    units = [independent_units(table)[1] for table in tables]
    values = _stacked(units, REFERENCE_DIPOLE)
    root = position_root(axes @ sky.labelled_positions @ axes.T)
    shared = _noise_of_galaxies(versions, used.to_numpy(), axes)
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
    versions: Sequence[Annotations], rows: NDArray[np.int64], axes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Covariance (V k, V k) of the mean dipole over the runs in `rows`, components along `axes` (k, 3) of V versions.

    By what other galaxies of the same sky would change: the sum over galaxies of the products of what each adds.
    """
    first = versions[0]
    vectors = first.known_vectors @ axes.T
    vectors = vectors - vectors.mean(axis=0)
    gain = np.linalg.inv(vectors.T @ vectors)
    left = np.stack([version.positive_share(rows)[version.known] - first.against for version in versions], axis=1)
    left = left - left.mean(axis=0)
    left = left - vectors @ (gain @ (vectors.T @ left))
    covariance = np.zeros((left.shape[1] * len(axes),) * 2)
    for start in range(0, len(left), _GALAXIES_AT_A_TIME):
        part = slice(start, start + _GALAXIES_AT_A_TIME)
        added = (left[part, :, None] * (vectors[part] @ gain)[:, None]).reshape(len(left[part]), -1)
        covariance += added.T @ added
    return covariance
