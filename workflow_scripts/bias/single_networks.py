"""Every network by itself, beyond the paper-style numbers: regressions on the sky, thresholds, errors, calibration.

One run at a time, so that memory does not grow with their number. Galaxies are the unit: the numbers hold for the given
networks; their means over training sets (`arm_means`) and the tests between arms have the run as the unit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.bias.annotations import Annotations
from workflow_scripts.bias.constrained_columns import dipole_or_empty
from workflow_scripts.bias.imaging_templates import REGRESSION_ORDER, REGRESSION_PIXELS, Imaging
from workflow_scripts.bias.quantities import dipole_keys
from workflow_scripts.bias.sky_maps import cells_of
from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.statistics.sky.constrained_components import (
    FIELD,
    SKY,
    ConstrainedComponents,
    constrained_dipole,
    tested_axes,
)
from workflow_scripts.statistics.sky.dipole import DipoleEstimate
from workflow_scripts.statistics.sky.map_cells import cell_means
from workflow_scripts.statistics.sky.regression import sky_glm
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, ValueSums
from workflow_scripts.statistics.sky.template_regression import regressed_dipole
from workflow_scripts.statistics.truth.error_dipoles import ErrorSums, decompose_dipole
from workflow_scripts.statistics.truth.prediction_powered import prediction_powered_dipole, prediction_powered_mean
from workflow_scripts.statistics.truth.score_calibration import (
    ResidualSums,
    ScoreCells,
    calibration_dipole,
    calibration_error,
    calibration_mean_test,
)
from workflow_scripts.statistics.truth.thresholds import labels_above, prevalence_matched_threshold, sweep_cuts

_CALIBRATION_DRAWINGS = 999


@dataclass(frozen=True)
class SingleNetworks:
    """`columns`: one row a run, in the order of the runs; `cuts`: a row a run and cut; `unannotated`: mean map.

    `refused` are sentences on what could not be computed, of how many networks, and why.
    """

    columns: pd.DataFrame
    cuts: pd.DataFrame
    unannotated: NDArray[np.float64]
    refused: list[str]


def single_networks(annotations: Annotations, imaging: Imaging | None, settings: Mapping[str, Any]) -> SingleNetworks:
    """Measure every run.

    Returns
    -------
    SingleNetworks
        `columns` holds regressions on the sky, numbers at other thresholds (with the largest cut) and, of galaxies with
        a reference label, errors and calibration; unknown ones are NaN. `cuts` has every cut. `unannotated` is the
        share that the largest cut leaves out in each cell of `sky_maps`, mean over the runs.
    """
    pixels = tile_of(annotations.ra, annotations.dec, REGRESSION_ORDER)
    positions = PixelPositions.of(annotations.vectors, pixels, REGRESSION_PIXELS)
    confidence_cuts = sorted(settings["confidence_cuts"])
    rows, cuts = [], []
    reasons: dict[tuple[str, str], int] = {}
    left_out = np.zeros(annotations.n)
    for number, labels in enumerate(annotations.labels):
        scores = annotations.scores(number) if annotations.scored else None
        run_id = str(annotations.runs["run_id"].iloc[number])
        row: dict[str, float] = {}
        # Each part by itself: what one of them refuses takes no other away.
        for what, part, result in _parts(annotations, imaging, settings, positions, pixels, labels, scores):
            if result in row:
                continue
            try:
                row |= part()
            except ValueError as error:
                reasons[what, str(error)] = reasons.get((what, str(error)), 0) + 1
        rows.append(row)
        if scores is None:
            continue
        swept = _swept(annotations, scores, confidence_cuts)
        cuts += [{"run_id": run_id, **cut} for cut in swept]
        left_out += np.abs(scores.astype(float) - 0.5) <= confidence_cuts[-1]
        row |= {key: value for key, value in swept[-1].items() if key != "cut"}
    if not annotations.scored:
        left_out[:] = np.nan
    refused = [f"{what}, of {n} of {len(rows)} networks: {reason}." for (what, reason), n in reasons.items()]
    cell, cells = cells_of(annotations)
    means = cell_means(cell, left_out / len(annotations.runs), cells)
    columns = ["run_id", "cut"] if not cuts else None
    return SingleNetworks(pd.DataFrame(rows), pd.DataFrame(cuts, columns=columns), means, refused)


def _parts(
    annotations: Annotations,
    imaging: Imaging | None,
    settings: Mapping[str, Any],
    positions: PixelPositions,
    pixels: NDArray[np.int64],
    labels: NDArray[np.int8],
    scores: NDArray[np.float32] | None,
) -> list[tuple[str, Callable[[], dict[str, float]], str]]:
    """What is computed of a network: its name in words, a function that gives columns, and one of these columns.

    A part whose column another one gave already, beside a quadrupole, is not computed alone.
    """
    constrained = annotations.sky.constrained
    sky = partial(_on_the_sky, positions, pixels, labels, constrained)
    beside, both = "glm_dipole_given_templates_p", "glm_dipole_given_quadrupole_and_templates"
    parts: list[tuple[str, Callable[[], dict[str, float]], str]] = []
    # A field has no dipole, and a strip no quadrupole that could be separated from one.
    if constrained.kind == SKY:
        parts.append(("Regression of the labels on dipole and quadrupole", partial(sky, 2), "glm_quadrupole_p"))
    if constrained.kind != FIELD:
        parts.append(("Regression of the labels on a dipole", partial(sky, 1), "glm_dipole_p"))
    if imaging is not None:
        regression, with_templates = partial(_beside_templates, imaging, labels), "Regression on templates and a dipole"
        if constrained.kind == SKY:
            parts.append((f"{with_templates}, and a quadrupole", partial(regression, 2), f"{both}_p"))
        parts += [
            (with_templates, partial(regression, 1), beside),
            ("Labels after templates fitted elsewhere", partial(_cleaned, imaging, labels), "cleaned_dipole_p"),
        ]
    if annotations.labelled.any():
        parts.append(("Rates of errors", partial(_rates, annotations, labels), "true_positive_rate"))
        if annotations.sky.labelled.kind != FIELD:
            parts.append(("Errors taken apart", partial(_errors, annotations, labels), "truth_dipole_x"))
    if scores is None:
        return parts
    matched = partial(_at_matched_threshold, annotations, scores)
    parts.append(("Labels at the matched threshold", matched, "matched_threshold"))
    if annotations.labelled.any():
        calibration = partial(_calibration, annotations, scores, settings["seed"])
        parts.append(("Calibration of the scores", calibration, "calibration_error"))
        # Labels correct the scores of other galaxies only where these differ from the labelled ones by chance alone.
        if not annotations.labelled.all() and settings["labelled_at_random"]:
            powered = partial(_prediction_powered, annotations, scores)
            parts.append(("Prediction-powered numbers", powered, "powered_fraction"))
    return parts


def _on_the_sky(
    positions: PixelPositions,
    pixels: NDArray[np.int64],
    labels: NDArray[np.int8],
    sky: ConstrainedComponents,
    lmax: int,
) -> dict[str, float]:
    """Binomial regression on the multipoles up to `lmax`, in log odds; `ValueError` where it has no maximum."""
    axes, positives = tested_axes(sky), np.bincount(pixels, weights=labels, minlength=REGRESSION_PIXELS)
    fit = sky_glm(positions if axes is None else positions.along(axes), positives, lmax=lmax)
    whole = np.eye(3) if axes is None else axes
    columns = dipole_keys("glm_dipole", fit.beta @ whole, whole.T @ fit.beta_covariance @ whole, fit.dipole.p)
    columns["glm_dispersion"] = fit.dispersion
    if fit.quadrupole and fit.dipole_given_quadrupole:
        columns |= {"glm_quadrupole": float(np.linalg.norm(fit.theta)), "glm_quadrupole_p": fit.quadrupole.p}
        columns["glm_dipole_given_quadrupole_p"] = fit.dipole_given_quadrupole.p
    return columns


def _beside_templates(imaging: Imaging, labels: NDArray[np.int8], lmax: int) -> dict[str, float]:
    """The same beside templates."""
    positives = np.bincount(imaging.pixels, weights=labels[imaging.templates.rows], minlength=REGRESSION_PIXELS)
    fit = sky_glm(imaging.positions, positives, imaging.pixel_means, lmax=lmax)
    columns = {"glm_dipole_given_templates_p": fit.dipole.p}
    if fit.dipole_given_quadrupole:
        columns["glm_dipole_given_quadrupole_and_templates_p"] = fit.dipole_given_quadrupole.p
    return columns


def _cleaned(imaging: Imaging, labels: NDArray[np.int8]) -> dict[str, float]:
    """The dipole of what templates fitted in other patches of sky leave."""
    cleaned = regressed_dipole(imaging.cross_fit, labels[imaging.templates.rows].astype(float))
    columns = dipole_keys("cleaned_dipole", *imaging.whole(cleaned), cleaned.p)
    return columns | {"templates_explain": cleaned.explained_variance}


def _at_matched_threshold(annotations: Annotations, scores: NDArray[np.float32]) -> dict[str, float]:
    """Labels at the threshold that gives the reference's fraction: what differs between runs is only the pattern.

    `matched_dipole_*` is of prediction minus reference, as `dipole_*` of a `run_table`.
    """
    chosen = scores[annotations.known]
    threshold, achieved = prevalence_matched_threshold(chosen, float(annotations.against.mean()))
    values = labels_above(chosen, threshold) - annotations.against
    columns = {"matched_threshold": threshold, "matched_fraction": achieved}
    sky, found = annotations.sky.labelled, None
    if not values.any():
        # Never wrong at this threshold: nothing varies over the sky, and nothing scatters.
        found = DipoleEstimate(np.zeros(3), np.zeros((3, 3)), 0.0, 1.0)
    elif sky.kind != FIELD:
        sums = ValueSums.of(values, annotations.known_vectors)
        found = constrained_dipole(annotations.known_positions, sums, sky)
    return columns | dipole_or_empty("matched_dipole", found, sky)


def _swept(annotations: Annotations, scores: NDArray[np.float32], cuts: list[float]) -> list[dict[str, Any]]:
    """A row a cut: annotated share, fraction, and the dipoles of labels and of being left out."""
    sky = annotations.sky.constrained
    return [
        {"cut": found.cut, "unannotated_fraction": found.unannotated_fraction, "confident_fraction": found.fraction}
        | dipole_or_empty("confident_dipole", found.labels, sky)
        | dipole_or_empty("unannotated_dipole", found.unannotated, sky)
        for found in sweep_cuts(scores, annotations.vectors, cuts)
    ]


def _rates(annotations: Annotations, labels: NDArray[np.int8]) -> dict[str, float]:
    """True- and false-positive rate over all galaxies with a reference label."""
    called = [labels[annotations.known][annotations.against == kind] for kind in (1, 0)]
    if not all(map(len, called)):
        raise ValueError("there are no galaxies of one of the true classes: its error rate is undefined")
    return {"true_positive_rate": float(called[0].mean()), "false_positive_rate": float(called[1].mean())}


def _errors(annotations: Annotations, labels: NDArray[np.int8]) -> dict[str, float]:
    """The dipole of the labels as a sum: the galaxies' own, missed positives, false alarms."""
    sums = ErrorSums.of(labels[annotations.known], annotations.against, annotations.known_vectors)
    found = decompose_dipole(sums)
    terms = {"truth_dipole": found.truth, "sensitivity_dipole": found.sensitivity}
    columns: dict[str, float] = {}
    for name, term in {**terms, "false_alarm_dipole": found.false_alarms}.items():
        columns |= dipole_or_empty(name, term, annotations.sky.labelled)
    # The galaxies' own dipole has one p, the same for all runs: it does not depend on the network.
    return {name: value for name, value in columns.items() if name != "truth_dipole_p"}


def _calibration(annotations: Annotations, scores: NDArray[np.float32], seed: int) -> dict[str, float]:
    """Mean, dipole and expected error of reference minus score."""
    s, truth = scores[annotations.known].astype(float), annotations.against
    cells = calibration_error(ScoreCells.of(s, truth), _CALIBRATION_DRAWINGS, seed)
    columns = {"calibration_error": float(cells.debiased[0]), "calibration_error_p": float(cells.p[0])}
    columns |= {"calibration_error_plain": float(cells.ece[0])}
    columns["calibration_error_if_calibrated"] = float(cells.ece_if_calibrated[0])
    sky, sums = annotations.sky.labelled, ResidualSums.of(s, truth, annotations.known_vectors)
    columns |= {"calibration_mean": float((truth - s).mean()), "calibration_mean_p": calibration_mean_test(sums)[1]}
    residuals = None if sky.kind == FIELD else calibration_dipole(sums).residuals
    return columns | dipole_or_empty("calibration_dipole", residuals, sky)


def _prediction_powered(annotations: Annotations, scores: NDArray[np.float32]) -> dict[str, float]:
    """Fraction and dipole of the true labels of all galaxies, if the labelled ones are a random part of them."""
    given = scores.astype(float), annotations.reference, annotations.labelled
    fraction, se = prediction_powered_mean(*given)
    sky = annotations.sky.constrained
    found = None if sky.kind == FIELD else prediction_powered_dipole(*given, annotations.vectors)
    columns = {"powered_fraction": fraction, "powered_fraction_se": se}
    return columns | dipole_or_empty("powered_dipole", found, sky)
