"""What a correction is made of, the labels of training sets or of a finished catalog, and which one that allows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.audits.galaxy_pieces import check_rows_lost, galaxies, joined_reports, overview
from workflow_scripts.audits.suite import meanings_of
from workflow_scripts.audits.table_pieces import TableSource
from workflow_scripts.bias.annotations import read_annotations
from workflow_scripts.bias.imaging_templates import Templates, read_templates, templates_among
from workflow_scripts.errors import InputError
from workflow_scripts.tables import read_table

AUTO, IMAGING, LABELLED = METHODS = "auto", "imaging", "prediction_powered"
# What is known of a run, as in the list of runs.
_TRAINING_SET = ["network", "footprint", "resample"]


@dataclass(frozen=True)
class CorrectedGalaxies:
    """n galaxies and what annotates them.

    `runs` names each annotation, `labels` (runs, n) are 0 or 1, `training_set` (runs,) numbers the training set of
    each from 0. `truth` (n,) is 0 or 1, NaN where there is no reference label. `templates` are None, and
    `without_templates` says why, where nothing is known of the images. `arm` is that of the runs, empty for a catalog.
    """

    runs: tuple[str, ...]
    labels: NDArray[np.int8]
    training_set: NDArray[np.int64]
    source_id: NDArray[np.object_]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    truth: NDArray[np.float64]
    templates: Templates | None
    without_templates: str = ""
    arm: str = ""

    @property
    def training_sets(self) -> int:
        """Their number."""
        return int(self.training_set.max()) + 1

    def shares(self) -> Iterator[NDArray[np.float64]]:
        """Of each training set, the share (n,) of its runs that call a galaxy positive."""
        for number in range(self.training_sets):
            yield self.labels[self.training_set == number].mean(axis=0)

    def share(self) -> NDArray[np.float64]:
        """The mean over training sets (n,)."""
        return np.sum(list(self.shares()), axis=0) / self.training_sets

    def with_templates(self) -> "CorrectedGalaxies":
        """Those galaxies of which all properties of the images are known; all of them without templates."""
        if self.templates is None or isinstance(self.templates.rows, slice):
            return self
        rows = self.templates.rows
        return replace(
            self,
            labels=self.labels[:, rows],
            source_id=self.source_id[rows],
            ra=self.ra[rows],
            dec=self.dec[rows],
            truth=self.truth[rows],
            templates=replace(self.templates, rows=slice(None)),
        )

    def without_imaging(self) -> "CorrectedGalaxies":
        """All galaxies, as if nothing were known of their images."""
        return replace(self, templates=None)


def chosen_arm(experiment: Mapping[str, Any], listed: Sequence[Mapping[str, Any]], arm: str | None) -> str:
    """The arm that is corrected: the one that is named, else that with most training sets, then runs, then by name.

    Raises `InputError` where there is no arm of that name.
    """
    sets: dict[str, list] = {}
    for run in listed:
        sets.setdefault(run["arm"], []).append(tuple(run[key] for key in _TRAINING_SET))
    if arm is None:
        return min(sets, key=lambda name: (-len(set(sets[name])), -len(sets[name]), name))
    if arm not in sets:
        raise InputError(
            f"experiment {experiment['name']}: correction, arm is '{arm}', expected one of {', '.join(sorted(sets))}"
        )
    return arm


def galaxies_of_experiment_arm(
    experiment: Mapping[str, Any],
    listed: Sequence[Mapping[str, Any]],
    files: Sequence[str],
    catalog: str,
    arm: str | None,
) -> CorrectedGalaxies:
    """The annotations of one arm of a finished experiment; `InputError` as `read_annotations` and `chosen_arm`."""
    arm = chosen_arm(experiment, listed, arm)
    own = [(run, file) for run, file in zip(listed, files, strict=True) if run["arm"] == arm]
    runs, paths = [run for run, _ in own], [file for _, file in own]
    annotations = read_annotations(experiment, runs, paths, catalog)
    templates, reason = _templates_of(catalog, experiment["tests"]["templates"], annotations.catalog_rows)
    return CorrectedGalaxies(
        runs=tuple(annotations.runs["run_id"]),
        labels=annotations.labels,
        training_set=annotations.runs.groupby(_TRAINING_SET).ngroup().to_numpy(np.int64),
        source_id=read_table(paths[0], ["source_id"])["source_id"].to_numpy(object),
        ra=annotations.ra,
        dec=annotations.dec,
        truth=annotations.reference,
        templates=templates,
        without_templates=reason,
        arm=arm,
    )


def check_correction(catalog: str | Path, wanted: str, templates: Sequence[str], labelled_at_random: bool) -> None:
    """Raise `InputError`, as `chosen_method`, where no galaxy of a `catalog` can be corrected, whatever annotates it.

    `wanted` is the method, `templates` are the columns of the imaging.
    """
    labels = read_table(catalog, ["label"])["label"].to_numpy(float, na_value=np.nan)
    found, reason = _templates_of(catalog, templates, slice(None))
    chosen_method(labels, found, reason, wanted, labelled_at_random)


def chosen_method(
    truth: NDArray[np.float64],
    templates: Templates | None,
    without_templates: str,
    wanted: str,
    labelled_at_random: bool,
) -> str:
    """`imaging` or `prediction_powered`: what is `wanted`, else (`auto`) what the galaxies allow.

    Reference labels `truth` (n,) of a random part, declared as such, correct whatever the cause; without them imaging
    does. Those of all galaxies, which are a random part of themselves, may follow imaging as well, and serve where they
    are asked for. Raises `InputError` where neither is there, or what is wanted is not.
    """
    known = np.isfinite(truth)
    declared = labelled_at_random and bool(known.any())
    if wanted == LABELLED and not (declared or known.all()):
        reason = "there are none" if not known.any() else "it is not declared that they are (labelled_at_random)"
        raise InputError(f"correction: method prediction_powered needs reference labels of a random part: {reason}")
    if wanted == LABELLED or (wanted == AUTO and declared and (not known.all() or templates is None)):
        return LABELLED
    if templates is None:
        also = "" if wanted == IMAGING else ", and reference labels of a random part (labelled_at_random) neither"
        raise InputError(f"correction: {without_templates}{also}: there is nothing to correct with")
    return IMAGING


def _templates_of(
    catalog: str | Path, wanted: Sequence[str], rows: NDArray[np.int64] | slice
) -> tuple[Templates | None, str]:
    try:
        return read_templates(catalog, wanted, rows), ""
    except ValueError as reason:
        return None, str(reason)


def galaxies_of_catalog(source: TableSource) -> CorrectedGalaxies:
    """The first column of labels of an audited catalog, as an audit cleans it.

    Raises `InputError` as an audit does, for weights, which these corrections do not use, and where no label is left.
    """
    if source.columns.weight:
        raise InputError(f"{source.path}: column '{source.columns.weight}' (--weight): corrections do not use weights")
    found = overview(source)
    meanings = meanings_of(source, found.classes)
    pieces, reports = [], []
    for piece, report in galaxies(source, found):
        reports.append(report)
        kept = pd.DataFrame({name: piece[name] for name in ("source_id", "ra", "dec")})
        kept["label"] = meanings["annotation0"].zeros_and_ones(piece["annotation0"])
        known = "reference" in source.label_columns
        kept["truth"] = meanings["reference"].zeros_and_ones(piece["reference"]) if known else np.nan
        for name in source.columns.covariates:
            kept[name] = piece[f"covariate:{name}"].to_numpy(float)
        pieces.append(kept[kept["label"].notna()])
    check_rows_lost(joined_reports(reports), source)
    table = pd.concat(pieces, ignore_index=True)
    if not len(table):
        raise InputError(f"{source.path}: no galaxy has a label that is counted, expected some to correct")
    templates, reason = None, "no covariates are named"
    if source.columns.covariates:
        try:
            columns = {name: table[name].to_numpy(float) for name in source.columns.covariates}
            templates, reason = templates_among(columns, {}), ""
        except ValueError as error:
            reason = str(error)
    return CorrectedGalaxies(
        runs=(source.columns.labels[0],),
        labels=table["label"].to_numpy(np.int8)[None],
        training_set=np.zeros(1, np.int64),
        source_id=table["source_id"].to_numpy(object),
        ra=table["ra"].to_numpy(float),
        dec=table["dec"].to_numpy(float),
        truth=table["truth"].to_numpy(float),
        templates=templates,
        without_templates=reason,
    )
