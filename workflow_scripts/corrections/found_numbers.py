"""What a correction found, as entries of its summary and its sentence."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workflow_scripts.answers.corrected_dipole import TAKEN_OUT, undetermined_along
from workflow_scripts.answers.wording import place_in_words, with_points
from workflow_scripts.corrections.corrected_galaxies import IMAGING, CorrectedGalaxies
from workflow_scripts.sky.unit_vectors import right_ascension_declination
from workflow_scripts.statistics.log_p import p_in_words
from workflow_scripts.statistics.runs.lengths import vector_length
from workflow_scripts.statistics.sky.constrained_components import ConstrainedComponents
from workflow_scripts.statistics.sky.debiased_fraction import DebiasedFraction, FractionCorrection
from workflow_scripts.statistics.sky.dipole import chi_square_test
from workflow_scripts.statistics.sky.dipole_region import DipoleRegion, training_covariance
from workflow_scripts.statistics.truth.annotation_rates import MeanRates


def correction_sentence(
    method: str,
    galaxies: CorrectedGalaxies,
    dipole: dict[str, Any] | None,
    reason: str,
    sky: ConstrainedComponents,
    undetermined: NDArray[np.float64],
) -> str:
    """What was corrected, the dipole that is left, and what is not known of it."""
    sets = f" of {galaxies.training_sets} training sets" if galaxies.arm else ""
    first = f"Without {TAKEN_OUT[method]}, the annotations{sets}"
    if dipole is None:
        return f"{first} have no dipole that can be stated: {reason.removesuffix('.')}."
    # A vector that is no longer than its noise has no direction.
    where = f" towards {place_in_words(dipole['ra'], dipole['dec'])}" if dipole["size"] > 0 else ""
    found = (
        f"{first} have a dipole of {with_points(dipole['size'], dipole['size_ci95'])}{where}"
        f" (p = {p_in_words(dipole['p'])})."
    )
    if (widths := dipole["half_widths_95"]).max() > sky.largest:
        found += f" Its error is up to {widths.max():.2f}, more than any dipole can be: nothing is known of it."
    for axis in undetermined:
        found += f" {undetermined_along(direction_entry(axis))}"
    return found


def direction_entry(axis: NDArray[np.float64]) -> dict[str, float]:
    """Right ascension and declination (ICRS degrees) of a vector (3,)."""
    ra, dec = right_ascension_declination(axis)
    return {"ra": float(ra), "dec": float(dec)}


def dipole_entry(region: DipoleRegion, axes: NDArray[np.float64]) -> dict[str, Any]:
    """A dipole with its region; `axes` (d, 3) are those along which it has components.

    `size` is its length with the noise's share taken off, with its 95 % interval and one-sided limit
    (`lengths.vector_length`).
    """
    vector = region.beta @ axes
    length = vector_length(region.beta, region.covariance, region.dof)
    return {
        **vector_entry(vector),
        "size": length.size,
        "size_ci95": length.ci95,
        "limit95": length.limit95,
        "covariance": axes.T @ region.covariance @ axes,
        "degrees_of_freedom": region.dof,
        "components": axes,
        "along_components": region.beta,
        "half_widths_95": region.half_widths(),
        "t2_limit_95": region.limit(),
        "p": region.p,
    }


def vector_entry(vector: NDArray[np.float64]) -> dict[str, Any]:
    """A vector (3,) with its length and direction."""
    return {"vector": vector, "amplitude": float(np.linalg.norm(vector)), **direction_entry(vector)}


def rates_entry(
    galaxies: CorrectedGalaxies, share: NDArray[np.float64], region: DipoleRegion | None, axes: NDArray[np.float64]
) -> dict[str, Any] | None:
    """Mean error rates, and the dipole of the truth that an annotated one stands for; None without a reference."""
    try:
        rates = MeanRates.of(share, galaxies.truth)
    except ValueError:
        return None
    entry: dict[str, Any] = {
        "true_positive_rate": rates.true_positive_rate,
        "false_positive_rate": rates.false_positive_rate,
        "youden": rates.youden,
        "youden_se": float(np.sqrt(rates.youden_variance)),
    }
    if region:
        try:
            beta, covariance = rates.undiluted(region.beta, region.covariance)
        except ValueError as error:
            return entry | {"no_dipole_because": str(error)}
        entry["dipole_of_truth"] = {**vector_entry(beta @ axes), "covariance": axes.T @ covariance @ axes}
        entry["dipole_of_truth"]["p_normal"] = chi_square_test(beta, covariance)[1]
    return entry


def coefficient_rows(
    method: str,
    galaxies: CorrectedGalaxies,
    found: DebiasedFraction,
    correction: FractionCorrection,
    names: tuple[str, ...],
    d: int,
) -> list[dict[str, Any]]:
    """A row a template: the change of the fraction for one standard deviation, with its errors from sky and training.

    Of a prediction-powered correction also rows of the monopole and of each component: what is added.
    """
    called = list(names) if method == IMAGING else ["monopole", *(f"component{i + 1}" for i in range(d)), *names]
    sets = np.array([correction.corrected(one).coefficients for one in galaxies.shares()])
    of_training = np.diag(training_covariance(sets))
    of_sky = np.diag(found.covariance)[1 + d :]
    rows = []
    for number, name in enumerate(called):
        se = float(np.sqrt(of_sky[number] + of_training[number]))
        dof = found.effective_blocks - 1
        if galaxies.training_sets > 1:
            shares = of_sky[number] ** 2 / dof + of_training[number] ** 2 / (galaxies.training_sets - 1)
            dof = se**4 / shares
        half = float(stats.t.ppf(0.975, dof)) * se
        value = float(found.coefficients[number])
        errors = {"se_sky": float(np.sqrt(of_sky[number])), "se_training": float(np.sqrt(of_training[number]))}
        rows.append({"term": name, "coefficient": value, "low_95": value - half, "high_95": value + half, **errors})
    return rows
