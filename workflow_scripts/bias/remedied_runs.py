"""The runs of an experiment under a remedy: the numbers of every run, each beside its untreated one.

Networks that were trained anew have annotations of their own; strata join those of two networks; templates, and labels
of some galaxies, correct the annotations that exist. Ensembles are in `bias.ensembles`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.bias.annotations import Annotations, read_annotations
from workflow_scripts.bias.imaging_templates import REGRESSION_ORDER, Templates, patches_of, read_templates
from workflow_scripts.bias.quantities import FRACTION, dipole_keys
from workflow_scripts.bias.versioned_effects import Version, annotated_version, described_runs, numbers_of_values
from workflow_scripts.class_against_rest import as_two_classes
from workflow_scripts.errors import InputError
from workflow_scripts.runs import parts_of_remedy, paths_in_version
from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.statistics.sky.constrained_components import SKY, tested_axes
from workflow_scripts.statistics.sky.template_regression import TemplateCrossFit
from workflow_scripts.statistics.truth.planted_signal import planted_change
from workflow_scripts.statistics.truth.prediction_powered import prediction_powered_dipole, prediction_powered_mean
from workflow_scripts.tables import read_table
from workflow_scripts.training_sets.imaging_strata import stratum_of
from workflow_scripts.training_sets.split import training_pool

BALANCED_ACCURACY = "balanced_accuracy"
# Entries of the matrix of `planted_change`, row by row.
PLANTED = [f"planted_{row}{column}" for row, column in product("xyz", repeat=2)]
_Rows = NDArray[np.int64]
_Values = NDArray[np.float64]
# Stratum, 1 or 2, of each annotated galaxy (n,), by the name of a footprint of the experiment.
Strata = Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True)
class PlantedSky:
    """Where a true dipole is planted: the galaxies with a reference label, along what they constrain.

    `of` has for its reference the true classes, where these are known. `axes` (k, 3) are None where no galaxy has a
    label, or they lie in a field.
    """

    of: Annotations
    axes: NDArray[np.float64] | None
    of_true_classes: bool = False

    @classmethod
    def of_annotations(cls, annotations: Annotations, true_classes: _Values | None = None) -> "PlantedSky":
        """The sky of the galaxies with a reference label, in place of which `true_classes` (n,) stand where known."""
        if true_classes is not None:
            annotations = replace(annotations, reference=np.where(annotations.labelled, true_classes, np.nan))
        try:
            axes = tested_axes(annotations.sky.labelled)
        except ValueError:
            return cls(annotations, None, true_classes is not None)
        kinds = np.unique(annotations.reference[annotations.labelled])
        axes = None if len(kinds) < 2 else np.eye(3) if axes is None else axes
        return cls(annotations, axes, true_classes is not None)

    def numbers(
        self, labels: NDArray[Any], values: _Values | None = None, remedy: Callable[[_Values], _Values] | None = None
    ) -> dict[str, float]:
        """`BALANCED_ACCURACY` of labels (n,), and `PLANTED` of values (n,), the labels where there are none."""
        if self.axes is None:
            return {}
        known, truth = self.of.known, self.of.against
        called = labels[known]
        accuracy = float(np.mean([(called[truth == kind] == kind).mean() for kind in (0, 1)]))
        used = called if values is None else values[known]
        change = planted_change(used, truth, self.of.known_vectors @ self.axes.T, remedy)
        whole = self.axes.T @ change @ self.axes
        return {BALANCED_ACCURACY: accuracy} | dict(zip(PLANTED, whole.ravel(), strict=True))


def true_classes_of(
    annotations: Annotations, catalog: str | Path, truth: str | Path, experiment: Mapping[str, Any]
) -> _Values:
    """The true classes (n,), 0 or 1, of annotated galaxies of a simulated sky.

    `truth` is the table of the sky that the catalog was made from. Raises `InputError` for a galaxy that it lacks.
    """
    source_id = read_table(catalog, ["source_id"])["source_id"].iloc[annotations.catalog_rows]
    table = read_table(truth, ["source_id", "true_class"])
    found = pd.Series(table["true_class"].to_numpy(), pd.Index(table["source_id"])).reindex(source_id)
    if found.isna().any():
        raise InputError(f"{truth}: lacks the galaxy {found.index[found.isna()][0]} of {catalog}")
    return np.asarray(as_two_classes(found.to_numpy(np.int64), experiment), float)


def with_planted(version: Version, annotations: Annotations, planted: PlantedSky) -> Version:
    """A version of labels with what becomes of a planted dipole, and its balanced accuracy."""
    further = pd.DataFrame([planted.numbers(labels) for labels in annotations.labels])
    return replace(version, numbers=pd.concat([version.numbers, further], axis=1))


def untreated_version(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """The runs of an experiment as a version of themselves."""
    networks = {network for arm in experiment["arms"].values() for network in arm["networks"]}
    return {"survey": experiment["survey"], "networks": {network: network for network in sorted(networks)}}


def retrained_runs(
    experiment: Mapping[str, Any],
    remedy: Mapping[str, Any],
    listed: Sequence[Mapping[str, Any]],
    pattern: str,
    catalog: str | Path,
    strata: Strata,
) -> Annotations:
    """Annotations of the runs that stand for the `listed` ones under a remedy, in their order.

    Where a remedy has `strata`, each galaxy has the label of the network of its own. Raises `InputError` as
    `read_annotations`.
    """
    named = {**experiment, "name": f"{experiment['name']}, remedy {remedy['remedy']}"}
    both = [
        read_annotations(named, listed, paths_in_version(pattern, listed, version), catalog)
        for version in parts_of_remedy(remedy)
    ]
    if len(both) == 1:
        return both[0]
    if not np.array_equal(both[0].catalog_rows, both[1].catalog_rows):
        raise InputError(f"{both[1].files[0]}: has other galaxies than {both[0].files[0]}, expected the same")
    second = np.array([strata[run["footprint"]] == 2 for run in listed])
    # Scores are of two files: nothing here needs them.
    return replace(both[0], labels=np.where(second, both[1].labels, both[0].labels), scored=False)


def imaging_strata_of(
    remedy: Mapping[str, Any], annotations: Annotations, catalog: str | Path, ledger: str | Path | None
) -> Strata:
    """The strata of a remedy that has some, by the propensities that its footprints were drawn by; else none.

    `ledger` (of the cutouts) says which galaxies of the training pool have an image. Raises `InputError` without it,
    and for a catalog without the columns of the imaging.
    """
    if "strata" not in remedy:
        return {}
    if ledger is None:
        raise InputError("the remedy strata needs the ledger of the cutouts, expected the option --ledger")
    galaxies = read_table(catalog)
    pool, annotated = training_pool(galaxies, read_table(ledger, ["source_id", "outcome"])), annotations.catalog_rows
    return {name: stratum_of(pool, remedy["propensities"][name], galaxies.iloc[annotated]) for name in remedy["strata"]}


def label_runs(annotations: Annotations, of: Annotations, planted: PlantedSky) -> Version:
    """The numbers of runs with labels of their own, on the galaxies `of` the untreated ones."""
    return with_planted(annotated_version(annotations, of), annotations, planted)


def template_runs(
    annotations: Annotations, catalog: str | Path, settings: Mapping[str, Any], planted: PlantedSky
) -> Version:
    """The labels of every run less what imaging templates predict from other patches of sky, as a catalog is cleaned.

    A true dipole along a template is taken away with the rest. Galaxies without templates keep their labels. Raises
    `ValueError` where the catalog has none, or they leave a regression undetermined.
    """
    templates = read_templates(catalog, settings["templates"], annotations.catalog_rows)
    cross = _cross_fit(annotations, templates, np.arange(annotations.n)[templates.rows], settings["seed"])

    def cleaned(values: _Values) -> _Values:
        own = values[templates.rows]
        result = values.copy()
        result[templates.rows] = cross.residuals(own) + own.mean()
        return result

    of_planted = _of_labelled(annotations, templates, settings["seed"]) if planted.axes is not None else None
    rows = []
    for labels in annotations.labels:
        values = cleaned(labels.astype(float))
        rows.append(numbers_of_values(values, annotations) | planted.numbers(labels, labels.astype(float), of_planted))

    def left(runs: _Rows) -> _Values:
        return cleaned(annotations.positive_share(runs))[annotations.known] - annotations.against

    return Version(described_runs(annotations.runs, rows), left)


def _cross_fit(annotations: Annotations, templates: Templates, rows: _Rows, seed: int) -> TemplateCrossFit:
    """The regression on templates of the galaxies in `rows` (m,), all of which have them."""
    place = np.full(annotations.n, -1)
    place[templates.rows] = np.arange(len(templates.values))
    patches = patches_of(tile_of(annotations.ra[rows], annotations.dec[rows], REGRESSION_ORDER))
    return TemplateCrossFit.of(annotations.vectors[rows], templates.values[place[rows]], patches, seed=seed)


def _of_labelled(annotations: Annotations, templates: Templates, seed: int) -> Callable[[_Values], _Values]:
    """What the regression does to values (m,) of the galaxies in `known`, those without templates left as they are."""
    known = np.arange(annotations.n)[annotations.known]
    has = np.zeros(annotations.n, bool)
    has[templates.rows] = True
    chosen = np.flatnonzero(has[known])
    cross = _cross_fit(annotations, templates, known[chosen], seed)

    def cleaned(values: _Values) -> _Values:
        result = values.copy()
        result[chosen] = cross.residuals(values[chosen])
        return result

    return cleaned


def powered_runs(annotations: Annotations, settings: Mapping[str, Any], planted: PlantedSky) -> Version:
    """Fraction and dipole of every run, corrected by the labels of some galaxies (`prediction_powered`).

    What a planted dipole changes is that of the labels, which these numbers are of. Raises `ValueError` where the
    labelled galaxies are not known to be a random part of all, or are all, and where there are no scores or a sky
    without all components.
    """
    if not settings["labelled_at_random"]:
        raise ValueError("it holds where the labelled galaxies are a random part of all, and the experiment says so")
    if annotations.labelled.all() or not annotations.labelled.any():
        raise ValueError("it needs some galaxies with a reference label, and others without")
    if not annotations.scored:
        raise ValueError("the annotations have no scores")
    if annotations.sky.labelled.kind != SKY or annotations.sky.constrained.kind != SKY:
        raise ValueError("the galaxies do not constrain all components of a dipole")
    reference, labelled, truth = annotations.reference, annotations.labelled, _labelled_dipole(annotations)
    rows = []
    for number, labels in enumerate(annotations.labels):
        scores = annotations.scores(number).astype(float)
        row = numbers_of_values(scores, annotations)
        fraction, se = prediction_powered_mean(scores, reference, labelled)
        found = prediction_powered_dipole(scores, reference, labelled, annotations.vectors)
        row |= {FRACTION.name: fraction, f"{FRACTION.name}_se": se}
        row |= dipole_keys("relative_dipole", found.beta, found.covariance, found.p)
        # Against the labels themselves: what their estimate differs from theirs by.
        row |= dipole_keys("dipole", found.beta - truth, found.covariance, found.p)
        rows.append(row | planted.numbers(labels, np.where(labelled, reference, 0.0)))

    def left(runs: _Rows) -> _Values:
        return -np.mean([annotations.scores(int(run))[annotations.known] for run in runs], axis=0, dtype=float)

    return Version(described_runs(annotations.runs, rows), left)


def _labelled_dipole(annotations: Annotations) -> _Values:
    """The dipole (3,) of the reference labels."""
    centred = annotations.known_vectors - annotations.known_vectors.mean(axis=0)
    return np.asarray(np.linalg.solve(centred.T @ centred, centred.T @ annotations.against), np.float64)
