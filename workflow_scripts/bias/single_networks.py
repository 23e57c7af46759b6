"""Every run by itself, beyond the paper-style numbers: regressions on sky and imaging, thresholds, errors, calibration.

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
from workflow_scripts.bias.imaging_templates import Imaging
from workflow_scripts.bias.reference_checks import ReferenceChecks
from workflow_scripts.bias.score_thresholds import Thresholds
from workflow_scripts.bias.sky_maps import cell_means, cells_of
from workflow_scripts.bias.sky_regression import SkyRegression

log = logging.getLogger(__name__)


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
        `columns` holds the numbers of `SkyRegression`, `Thresholds` (with the largest cut) and `ReferenceChecks`; those
        that cannot be had are NaN. `cuts` has every cut. `unannotated` is the share that the largest cut leaves out in
        each cell of `sky_maps`, mean over the runs.
    """
    regression = SkyRegression.of(annotations, imaging)
    thresholds = Thresholds.of(annotations, settings["confidence_cuts"])
    checks = ReferenceChecks.of(annotations, settings["seed"])
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
