"""Which correction a set of galaxies allows, and what it finds: numbers, and the columns that its files hold."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.corrections.corrected_galaxies import IMAGING, CorrectedGalaxies, chosen_method
from workflow_scripts.corrections.found_numbers import (
    coefficient_rows,
    correction_sentence,
    dipole_entry,
    direction_entry,
    rates_entry,
    vector_entry,
)
from workflow_scripts.errors import InputError
from workflow_scripts.sky.tiles import FINE_ORDER, tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.constrained_components import (
    FIELD,
    ConstrainedComponents,
    constrained_of_fraction,
    tested_axes,
)
from workflow_scripts.statistics.sky.debiased_fraction import (
    DebiasedFraction,
    FractionCorrection,
    ImagingCorrection,
    LabelledCorrection,
)
from workflow_scripts.statistics.sky.dipole_region import DipoleRegion, dipole_region, training_covariance
from workflow_scripts.statistics.sky.field_trend import field_axes
from workflow_scripts.statistics.sky.sky_blocks import correction_blocks
from workflow_scripts.statistics.sky.sky_sums import PositionSums
from workflow_scripts.statistics.sky.template_regression import TemplateCrossFit, over_correction
from workflow_scripts.statistics.truth.annotation_rates import inverse_fraction_weights

# Below this, the same regression on templates alone takes a dipole away whole.
_LEAST_RETAINED = 0.1
_POSITION = ("MONOPOLE", "X", "Y", "Z")


@dataclass(frozen=True)
class MeasuredCorrection:
    """A correction of n galaxies, and its numbers.

    `axes` (d, 3) are the directions along which position enters, `terms` names the columns (n, m) of `term_values`
    that carry errors shared by places, with their `term_covariance` (m, m): monopole, dipole and templates. `weights`
    (n, 2) are of positive and negative galaxies.
    """

    method: str
    galaxies: CorrectedGalaxies
    vectors: NDArray[np.float64]
    axes: NDArray[np.float64]
    sky: ConstrainedComponents
    found: DebiasedFraction
    share: NDArray[np.float64]
    terms: tuple[str, ...]
    term_values: NDArray[np.float64]
    term_covariance: NDArray[np.float64]
    weights: NDArray[np.float64]
    summary: dict[str, Any]
    coefficients: list[dict[str, Any]]


def measured_correction(
    galaxies: CorrectedGalaxies, wanted: str, labelled_at_random: bool, seed: int
) -> MeasuredCorrection:
    """Correct the mean share of positive labels of all training sets.

    Raises `InputError` as `chosen_method`, and where the galaxies leave the correction undetermined.
    """
    known = galaxies.truth, galaxies.templates, galaxies.without_templates
    method, complete = chosen_method(*known, wanted, labelled_at_random), galaxies.with_templates()
    try:
        try:
            return _measured(complete, method, seed)
        except ValueError:
            if method == IMAGING or galaxies.templates is None:
                raise
            # By position alone, where templates follow it.
            return _measured(galaxies.without_imaging(), method, seed)
    except ValueError as error:
        raise InputError(f"correction: {error}") from None


def _measured(galaxies: CorrectedGalaxies, method: str, seed: int) -> MeasuredCorrection:
    vectors, share, templates = unit_vectors(galaxies.ra, galaxies.dec), galaxies.share(), galaxies.templates
    positions = PositionSums.of(vectors)
    sky = constrained_of_fraction(positions, float(np.clip(share.mean(), 1 / len(share), 1 - 1 / len(share))))
    if sky.kind == FIELD:
        axes = field_axes(positions)
    else:
        kept = tested_axes(sky)
        axes = np.eye(3) if kept is None else kept
    before = _plain(vectors @ axes.T, share) @ axes
    blocks, patches = correction_blocks(tile_of(galaxies.ra, galaxies.dec, FINE_ORDER), FINE_ORDER)
    values = templates.values if templates else None
    correction: FractionCorrection
    kept_back: dict[str, Any] = {}
    undetermined = np.empty((0, 3))
    if method == IMAGING:
        assert values is not None
        imaging, axes, undetermined = _imaging(vectors, axes, values, blocks, patches, seed)
        correction, kept_back = imaging, _over_correction(imaging, values, patches, seed)
    else:
        correction = LabelledCorrection.of(vectors @ axes.T, values, blocks, galaxies.truth)
    found = correction.corrected(share)
    of_sets = np.array([correction.position_of(one) for one in galaxies.shares()])
    scatter = training_covariance(of_sets)
    names = templates.called if templates else ()
    terms, term_values, covariance = _terms(method, found, scatter, vectors, axes, values, names)
    # Of a direction that imaging takes all of, nothing is known but what fractions allow.
    covariance[1:4, 1:4] += sky.largest**2 * undetermined.T @ undetermined
    positive, negative, cut = inverse_fraction_weights(found.expected, found.correction)
    region, reason = _region(found, scatter, galaxies.training_sets, sky)
    coefficients = coefficient_rows(method, galaxies, found, correction, names, len(axes))
    dipole = dipole_entry(region, axes) if region else None
    summary = {
        "sentence": correction_sentence(method, galaxies, dipole, reason, sky, undetermined),
        "method": method,
        "arm": galaxies.arm,
        "n": len(share),
        "runs": list(galaxies.runs),
        "training_sets": galaxies.training_sets,
        "sky_kind": sky.kind,
        "largest_possible": sky.largest,
        "fraction": float(share.mean()),
        "debiased_fraction": float(found.values.mean()),
        "dipole": dipole,
        "no_dipole_because": reason,
        "dipole_undetermined_along": [direction_entry(axis) for axis in undetermined],
        "dipole_before_correction": vector_entry(before),
        "rates": rates_entry(galaxies, share, region if method == IMAGING else None, axes),
        "over_correction": kept_back,
        "templates": templates.as_dict() if templates else None,
        "variance_of_a_galaxy": found.variance,
        "excess_of_clustering": found.excess,
        "effective_blocks": found.effective_blocks,
        "coefficients": coefficients,
        "terms": list(terms),
        "term_covariance": covariance,
        "weights_cut": cut,
    }
    return MeasuredCorrection(
        method=method,
        galaxies=galaxies,
        vectors=vectors,
        axes=axes,
        sky=sky,
        found=found,
        share=share,
        terms=terms,
        term_values=term_values,
        term_covariance=covariance,
        weights=np.column_stack([positive, negative]),
        summary=summary,
        coefficients=coefficients,
    )


def _imaging(
    vectors: NDArray[np.float64],
    axes: NDArray[np.float64],
    values: NDArray[np.float64],
    blocks: NDArray[np.int64],
    patches: NDArray[np.int64],
    seed: int,
) -> tuple[ImagingCorrection, NDArray[np.float64], NDArray[np.float64]]:
    """The regression on templates beside a dipole, the axes (d, 3) of that, and those along which it has none.

    Where templates are the same as a dipole along an axis, they take all of it. Raises `ValueError` where none is left.
    """
    undetermined: list[NDArray[np.float64]] = []
    while True:
        try:
            found = ImagingCorrection.of(vectors @ axes.T, values, blocks, patches, seed=seed)
            return found, axes, np.array(undetermined).reshape(-1, 3)
        except ValueError:
            if len(axes) == 1:
                raise
            worst = over_correction(TemplateCrossFit.of(vectors @ axes.T, values, patches, seed=seed))
            if worst.worst_share > _LEAST_RETAINED:
                raise
            undetermined.append(worst.worst_axis @ axes)
            # The directions across it.
            axes = np.linalg.svd(worst.worst_axis[None])[2][1:] @ axes


def _plain(along: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The least-squares dipole (d,) of values."""
    centred = along - along.mean(axis=0)
    return np.linalg.solve(centred.T @ centred, centred.T @ values)


def _terms(
    method: str,
    found: DebiasedFraction,
    scatter: NDArray[np.float64],
    vectors: NDArray[np.float64],
    axes: NDArray[np.float64],
    values: NDArray[np.float64] | None,
    names: tuple[str, ...],
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    """Columns that carry shared errors, and their covariance: of the correction, and between training sets."""
    d, k = len(axes), len(names)
    lift = np.zeros((4 + k, 1 + d + k))
    lift[0, 0] = 1
    lift[1:4, 1 : 1 + d] = axes.T
    lift[4:, 1 + d :] = np.eye(k)
    own = np.zeros((1 + d + k, 1 + d + k))
    own[: 1 + d, : 1 + d] = scatter
    of_terms = found.covariance[1 + d :, 1 + d :]
    if method == IMAGING:
        own[1 + d :, 1 + d :] += of_terms
    else:
        own += of_terms
    columns = [np.ones((len(vectors), 1)), vectors]
    if values is not None:
        # In standard deviations, as in the fit.
        columns.append((values - values.mean(axis=0)) / values.std(axis=0))
    return (*_POSITION, *names), np.hstack(columns), lift @ own @ lift.T


def _over_correction(
    correction: ImagingCorrection, values: NDArray[np.float64], patches: NDArray[np.int64], seed: int
) -> dict[str, float | None]:
    """Shares of true patterns that are left, and what the regression beside a dipole costs.

    Linear in the values, so no mocks are needed: values with a dipole alone are put through the correction.
    """
    along = correction.regression.vectors
    left = np.array([correction.position_of(column)[1:] for column in along.T])
    alone = None
    quadrupole = None
    if along.shape[1] == 3:
        alone = over_correction(TemplateCrossFit.of(along, values, patches, seed=seed)).worst_share
        quadrupole = correction.retained_quadrupole()
    return {
        "dipole_retained": float(np.linalg.eigvalsh((left + left.T) / 2)[0]),
        "dipole_retained_by_templates_alone": alone,
        "quadrupole_retained": quadrupole,
        "error_inflation": correction.error_inflation(),
    }


def _region(
    found: DebiasedFraction, scatter: NDArray[np.float64], training_sets: int, sky: ConstrainedComponents
) -> tuple[DipoleRegion | None, str]:
    """The region of the corrected dipole, or why there is none."""
    if sky.kind == FIELD:
        return None, sky.sentence
    d = len(found.position) - 1
    inside = slice(1, 1 + d)
    try:
        parts = found.covariance[inside, inside], scatter[inside, inside]
        return dipole_region(found.position[1:], parts[0], found.effective_blocks, parts[1], training_sets), ""
    except ValueError as error:
        return None, str(error)
