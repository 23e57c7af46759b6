"""The measured bias of annotations as a model that can be put into a mock catalog, and its file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.corrections.measured_correction import MeasuredCorrection
from workflow_scripts.errors import InputError
from workflow_scripts.statistics.sky.debiased_fraction import template_coefficients_beside
from workflow_scripts.statistics.truth.annotation_rates import AnnotationRates, shifted_probabilities
from workflow_scripts.tables import write_json

RATES, SHIFT = "rates", "shift"
MEAN = "mean"
_LARGEST_FILE = 200_000_000


@dataclass(frozen=True)
class ModelTemplates:
    """How properties (j) of the images become templates (k): (value - mean) / spread @ loadings, within `low`, `high`.

    `called` (k) are their names. Outside of what was measured, a template is taken at its nearest value.
    """

    names: tuple[str, ...]
    called: tuple[str, ...]
    loadings: NDArray[np.float64]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def of(self, properties: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
        """Templates (n, k) of properties (n, j), and how many galaxies are outside of what was measured."""
        return self.within((properties - self.mean) / self.spread @ self.loadings)

    def within(self, templates: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
        """Templates (n, k) at the nearest values that were measured, and of how many galaxies one is another."""
        kept = np.clip(templates, self.low, self.high)
        return kept, int((kept != templates).any(axis=1).sum())


@dataclass(frozen=True)
class BiasModel:
    """By training run, coefficients on a design: of two rates, or (`shift`) of the fraction where no truth is known.

    The design of rates is 1, the components of position along `axes` (d, 3), and templates; that of shifts is
    templates alone, as a position without a truth has no bias that is known.
    """

    kind: str
    axes: NDArray[np.float64]
    templates: ModelTemplates | None
    runs: Mapping[str, Mapping[str, NDArray[np.float64]]]

    def coefficients(self, run: str) -> Mapping[str, NDArray[np.float64]]:
        """Those of a run, or their mean over all (`mean`); `InputError` for a run that is not there."""
        if run == MEAN:
            keys = next(iter(self.runs.values()))
            return {key: np.mean([one[key] for one in self.runs.values()], axis=0) for key in keys}
        if run not in self.runs:
            listed = ", ".join(list(self.runs)[:4])
            raise InputError(f"--run {run}: expected mean, draw or one of the {len(self.runs)} runs ({listed}, ...)")
        return self.runs[run]

    def probabilities(
        self,
        run: str,
        truth: NDArray[np.float64],
        vectors: NDArray[np.float64],
        templates: NDArray[np.float64] | None,
    ) -> NDArray[np.float64]:
        """Probability (n,) to be annotated as positive, of galaxies with a true label or probability (n,)."""
        found = self.coefficients(run)
        columns = [] if templates is None else [templates]
        if self.kind == SHIFT:
            return shifted_probabilities(truth, np.column_stack(columns) @ found["shift"])
        design = np.column_stack([np.ones(len(truth)), vectors @ self.axes.T, *columns])
        return AnnotationRates(found["true_positive"], found["false_positive"]).probabilities(truth, design)


def bias_model_of(measured: MeasuredCorrection) -> BiasModel:
    """The model of every run: rates where reference labels determine them, else shifts by imaging.

    Raises `InputError` where there are neither reference labels nor templates.
    """
    galaxies, axes = measured.galaxies, measured.axes
    templates, model = galaxies.templates, None
    along = measured.vectors @ axes.T
    values = np.empty((len(along), 0))
    if templates is not None:
        values = templates.values
        limits = values.min(axis=0), values.max(axis=0)
        parts = templates.loadings, templates.mean, templates.spread
        model = ModelTemplates(templates.names, templates.called, *parts, *limits)
    known = np.isfinite(galaxies.truth)
    design = np.column_stack([np.ones(len(along)), along, values])
    try:
        rates = [AnnotationRates.of(labels[known], galaxies.truth[known], design[known]) for labels in galaxies.labels]
        runs = {run: dict(vars(found)) for run, found in zip(galaxies.runs, rates, strict=True)}
        return BiasModel(RATES, axes, model, runs)
    except ValueError:
        if templates is None:
            raise InputError("correction: there are neither error rates nor imaging to make a model of") from None
    shifts = template_coefficients_beside(along, values, galaxies.labels)
    return BiasModel(SHIFT, axes, model, {run: {"shift": row} for run, row in zip(galaxies.runs, shifts, strict=True)})


def write_bias_model(path: str | Path, model: BiasModel, record: Mapping[str, Any]) -> None:
    """Write a model as JSON, with the record of what made it."""
    templates = dict(vars(model.templates)) if model.templates else None
    entry = {"kind": model.kind, "axes": model.axes, "templates": templates, "runs": dict(model.runs)}
    write_json(path, {**entry, "provenance": dict(record)})


def read_bias_model(path: str | Path) -> BiasModel:
    """Read what `write_bias_model` wrote; `InputError` for anything else."""
    expected = "expected bias.json of a correction"
    try:
        if Path(path).stat().st_size > _LARGEST_FILE:
            raise InputError(f"{path}: is larger than {_LARGEST_FILE // 10**6} MB, {expected}")
        entry = json.loads(Path(path).read_text(encoding="utf-8"))
        axes = _numbers(entry["axes"], (-1, 3))
        templates, k = None, 0
        if entry["templates"] is not None:
            given = entry["templates"]
            names, called = tuple(map(str, given["names"])), tuple(map(str, given["called"]))
            j, k = len(names), len(called)
            shapes = {"loadings": (j, k), "mean": (j,), "spread": (j,), "low": (k,), "high": (k,)}
            numbers = {key: _numbers(given[key], shape) for key, shape in shapes.items()}
            templates = ModelTemplates(names, called, **numbers)
        if entry["kind"] == SHIFT:
            sizes = {"shift": k}
        elif entry["kind"] == RATES:
            sizes = dict.fromkeys(("true_positive", "false_positive"), 1 + len(axes) + k)
        else:
            raise ValueError(f"kind is {entry['kind']}")
        runs = {
            str(run): {key: _numbers(one[key], (size,)) for key, size in sizes.items()}
            for run, one in entry["runs"].items()
        }
        if not runs or (entry["kind"] == SHIFT and not k):
            raise ValueError("it has no runs, or shifts without templates")
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist, {expected}") from None
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: {expected}, but it cannot be read: {str(error).splitlines()[0]}") from None
    return BiasModel(entry["kind"], axes, templates, runs)


def _numbers(given: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Finite numbers of a shape, -1 for any length; `ValueError` for others."""
    found = np.asarray(given, float)
    fits_shape = found.ndim == len(shape) and all(a in (-1, b) for a, b in zip(shape, found.shape, strict=True))
    if not fits_shape or not np.isfinite(found).all():
        raise ValueError(f"numbers of the shape {found.shape} stand where {shape} were expected")
    return found
