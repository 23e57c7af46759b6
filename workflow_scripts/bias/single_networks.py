"""Every network by itself, beyond the paper-style numbers: regressions on the sky, thresholds, errors, calibration.

One run at a time, so that memory does not grow with their number. Galaxies are the unit: the numbers hold for the given
networks; their means over training sets (`arm_means`) and the tests between arms have the run as the unit.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.bias.annotations import Annotations
from workflow_scripts.bias.imaging_templates import REGRESSION_ORDER, REGRESSION_PIXELS, Imaging
from workflow_scripts.bias.quantities import components, dipole_keys
from workflow_scripts.bias.sky_maps import cell_means, cells_of
from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.statistics.sky.dipole import Dipole, dipole
from workflow_scripts.statistics.sky.regression import sky_glm
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PositionSums, ValueSums
from workflow_scripts.statistics.sky.template_regression import regressed_dipole
from workflow_scripts.statistics.truth.error_dipoles import ErrorSums, decompose_dipole
from workflow_scripts.statistics.truth.prediction_powered import prediction_powered_dipole, prediction_powered_mean
from workflow_scripts.statistics.truth.score_calibration import (
    ResidualSums,
    ScoreCells,
    calibration_dipole,
    calibration_error,
)
from workflow_scripts.statistics.truth.thresholds import CutSums, prevalence_matched_threshold, sweep_cuts

log = logging.getLogger(__name__)

_CALIBRATION_DRAWINGS = 999


@dataclass(frozen=True)
class SingleNetworks:
    """`columns`: one row a run, in the order of the runs; `cuts`: a row a run and cut; `unannotated`: mean map."""

    columns: pd.DataFrame
    cuts: pd.DataFrame
    unannotated: NDArray[np.float64]


def single_networks(annotations: Annotations, imaging: Imaging | None, settings: Mapping[str, Any]) -> SingleNetworks:
    """Measure every run.

    Returns
    -------
    SingleNetworks
        `columns` holds the numbers of `_SkyRegression`, `_Thresholds` (with the largest cut) and `_ReferenceChecks`;
        unknown ones are NaN. `cuts` has every cut. `unannotated` is the share that the largest cut leaves out in each
        cell of `sky_maps`, mean over the runs.
    """
    regression = _SkyRegression.of(annotations, imaging)
    thresholds = _Thresholds.of(annotations, settings["confidence_cuts"])
    checks = _ReferenceChecks.of(annotations, settings["seed"])
    rows, cuts = [], []
    reasons: dict[str, list[str]] = {}
    left_out = np.zeros(annotations.n)
    for number, labels in enumerate(annotations.labels):
        scores, run_id = annotations.scores(number), str(annotations.runs["run_id"].iloc[number])
        row: dict[str, float] = {}
        parts: list[Callable[[], Mapping[str, float]]] = [
            partial(regression.alone, labels),
            partial(regression.with_templates, labels),
            partial(thresholds.matched, scores),
        ]
        if checks is not None:
            parts += [partial(checks.errors, labels), partial(checks.calibration, scores)]
            parts.append(partial(checks.prediction_powered, scores))
        for part in parts:
            try:
                row |= part()
            except ValueError as error:
                reasons.setdefault(str(error), []).append(run_id)
        swept = thresholds.swept(scores)
        cuts += [{"run_id": run_id, **cut} for cut in swept]
        left_out += thresholds.unannotated(scores)
        rows.append(row | {key: value for key, value in swept[-1].items() if key != "cut"})
    for reason, run_ids in reasons.items():
        log.warning("%d of %d runs, such as %s: %s", len(run_ids), len(rows), run_ids[0], reason)
    cell = cells_of(annotations)
    means = cell_means(cell, left_out / len(annotations.runs))
    return SingleNetworks(pd.DataFrame(rows), pd.DataFrame(cuts), means)


@dataclass(frozen=True)
class _SkyRegression:
    """What the regressions of all runs share: the galaxies in pixels (n,), and their imaging where it is known."""

    pixels: NDArray[np.int64]
    positions: PixelPositions
    imaging: Imaging | None

    @classmethod
    def of(cls, annotations: Annotations, imaging: Imaging | None) -> "_SkyRegression":
        """For the galaxies of these annotations."""
        pixels = tile_of(annotations.ra, annotations.dec, REGRESSION_ORDER)
        return cls(pixels, PixelPositions.of(annotations.vectors, pixels, REGRESSION_PIXELS), imaging)

    def alone(self, labels: NDArray[np.int8]) -> dict[str, float]:
        """Binomial regression on dipole and quadrupole, in log odds; `ValueError` where it has no maximum."""
        fit = sky_glm(self.positions, np.bincount(self.pixels, weights=labels, minlength=REGRESSION_PIXELS))
        assert fit.quadrupole is not None
        assert fit.dipole_given_quadrupole is not None
        columns = dipole_keys("glm_dipole", fit.beta, fit.beta_covariance, fit.dipole.p)
        columns |= {"glm_quadrupole": float(np.linalg.norm(fit.theta)), "glm_quadrupole_p": fit.quadrupole.p}
        columns["glm_dipole_given_quadrupole_p"] = fit.dipole_given_quadrupole.p
        return columns | {"glm_dispersion": fit.dispersion}

    def with_templates(self, labels: NDArray[np.int8]) -> dict[str, float]:
        """The same beside templates, and the dipole of what templates fitted in other patches of sky leave."""
        if self.imaging is None:
            return {}
        chosen = labels[self.imaging.templates.rows].astype(float)
        positives = np.bincount(self.imaging.pixels, weights=chosen, minlength=REGRESSION_PIXELS)
        fit = sky_glm(self.imaging.positions, positives, self.imaging.pixel_means)
        assert fit.dipole_given_quadrupole is not None
        columns = {"glm_dipole_given_templates_p": fit.dipole.p}
        columns["glm_dipole_given_quadrupole_and_templates_p"] = fit.dipole_given_quadrupole.p
        cleaned = regressed_dipole(self.imaging.cross_fit, chosen)
        columns |= dipole_keys("cleaned_dipole", cleaned.beta, cleaned.covariance, cleaned.p)
        return columns | {"templates_explain": cleaned.explained_variance}


@dataclass(frozen=True)
class _Thresholds:
    """What the thresholds of all runs share.

    `known` are the rows with a reference label, or all where none has one; `against` what labels are compared with
    there, `target` the fraction that every run's threshold is made to give.
    """

    known: NDArray[np.int64] | slice
    against: NDArray[np.float64]
    vectors: NDArray[np.float64]
    all_vectors: NDArray[np.float64]
    positions: PositionSums
    cuts: tuple[float, ...]

    @classmethod
    def of(cls, annotations: Annotations, cuts: list[float]) -> "_Thresholds":
        """For the galaxies of these annotations; without reference labels the mean over runs stands in for them."""
        labelled = np.isfinite(annotations.reference)
        known = np.flatnonzero(labelled) if labelled.any() and not labelled.all() else slice(None)
        against = (annotations.reference if labelled.any() else annotations.positive_share())[known]
        vectors = annotations.vectors[known]
        return cls(known, against, vectors, annotations.vectors, PositionSums.of(vectors), tuple(sorted(cuts)))

    def matched(self, scores: NDArray[np.float32]) -> dict[str, float]:
        """Labels at the threshold that gives the reference's fraction: what differs between runs is only the pattern.

        `matched_dipole_*` is of prediction minus reference, as `dipole_*` of a `run_table`.
        """
        chosen = scores[self.known]
        found = prevalence_matched_threshold(chosen, float(self.against.mean()))
        values = (chosen > found.threshold) - self.against
        columns = {"matched_threshold": found.threshold, "matched_fraction": found.achieved}
        if not values.any():
            # Never wrong at this threshold: nothing varies over the sky, and nothing scatters.
            return columns | dipole_keys("matched_dipole", np.zeros(3), np.zeros((3, 3)), 1.0)
        return columns | _dipole_or_nan("matched_dipole", dipole(self.positions, ValueSums.of(values, self.vectors)))

    def swept(self, scores: NDArray[np.float32]) -> list[dict[str, Any]]:
        """A row a cut: annotated share, fraction, and the dipoles of labels and of being left out."""
        rows = []
        for found in sweep_cuts(CutSums.of(scores, self.all_vectors, self.cuts)):
            row: dict[str, Any] = {"cut": found.cut, "unannotated_fraction": found.unannotated_fraction}
            row["confident_fraction"] = found.fraction
            for name, one in (("confident_dipole", found.labels), ("unannotated_dipole", found.unannotated)):
                row |= _dipole_or_nan(name, one)
            rows.append(row)
        return rows

    def unannotated(self, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Galaxies (n,) that the largest cut leaves out."""
        return np.abs(scores.astype(float) - 0.5) <= self.cuts[-1]


def _dipole_or_nan(name: str, found: Dipole | None) -> dict[str, float]:
    if found is None:
        return dict.fromkeys(components(name), float("nan"))
    return dipole_keys(name, found.beta, found.covariance, found.p)


@dataclass(frozen=True)
class _ReferenceChecks:
    """What the checks of all runs share: rows with a reference label, the labels and vectors of these, and a seed.

    `some` is whether other galaxies have none: then, and only then, labels can correct the scores of all.
    """

    known: NDArray[np.int64] | slice
    truth: NDArray[np.float64]
    vectors: NDArray[np.float64]
    annotations: Annotations
    some: bool
    seed: int

    @classmethod
    def of(cls, annotations: Annotations, seed: int) -> "_ReferenceChecks | None":
        """For the galaxies of these annotations; None where none has a reference label."""
        labelled = np.isfinite(annotations.reference)
        if not labelled.any():
            return None
        known = slice(None) if labelled.all() else np.flatnonzero(labelled)
        truth, vectors = annotations.reference[known], annotations.vectors[known]
        return cls(known, truth, vectors, annotations, not labelled.all(), seed)

    def errors(self, labels: NDArray[np.int8]) -> dict[str, float]:
        """The dipole of the labels as a sum: the galaxies' own, missed positives, false alarms."""
        found = decompose_dipole(ErrorSums.of(labels[self.known], self.truth, self.vectors))
        columns = {"true_positive_rate": found.true_positive_rate, "false_positive_rate": found.false_positive_rate}
        for name, term in (
            ("truth_dipole", found.truth),
            ("sensitivity_dipole", found.sensitivity),
            ("false_alarm_dipole", found.false_alarms),
        ):
            columns |= dipole_keys(name, term.beta, term.covariance, term.p)
        # The galaxies' own dipole has one p, the same for all runs: it does not depend on the network.
        del columns["truth_dipole_p"]
        return columns

    def calibration(self, scores: NDArray[np.float32]) -> dict[str, float]:
        """Mean, dipole and expected error of reference minus score."""
        s = scores[self.known].astype(float)
        cells = calibration_error(ScoreCells.of(s, self.truth), _CALIBRATION_DRAWINGS, self.seed)
        columns = {"calibration_error": float(cells.debiased[0]), "calibration_error_p": float(cells.p[0])}
        columns |= {"calibration_error_plain": float(cells.ece[0])}
        columns["calibration_error_if_calibrated"] = float(cells.ece_if_calibrated[0])
        found = calibration_dipole(ResidualSums.of(s, self.truth, self.vectors))
        columns |= {"calibration_mean": found.residuals.dipole.mean, "calibration_mean_p": found.mean_p}
        residuals = found.residuals
        return columns | dipole_keys("calibration_dipole", residuals.dipole.beta, residuals.covariance, residuals.p)

    def prediction_powered(self, scores: NDArray[np.float32]) -> dict[str, float]:
        """Fraction and dipole of the true labels of all galaxies, if the labelled ones are a random part of them."""
        if not self.some:
            return {}
        labelled = np.isfinite(self.annotations.reference)
        given = scores.astype(float), self.annotations.reference, labelled
        mean = prediction_powered_mean(*given)
        columns = {"powered_fraction": mean.estimate, "powered_fraction_se": mean.se}
        found = prediction_powered_dipole(*given, self.annotations.vectors)
        return columns | dipole_keys("powered_dipole", found.beta, found.covariance, found.p)
