"""Findings on one dipole: of what the sky constrains, with blocks of sky, and, on a field, of a gradient instead."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.audits.audit_findings import (
    AuditFinding,
    AuditSettings,
    GalaxySample,
    MadeDipole,
    axis_keys,
    with_limit,
)
from workflow_scripts.audits.catalog_sums import AUDIT_PIXELS
from workflow_scripts.statistics.log_p import log10_p_chi2
from workflow_scripts.statistics.sky.block_dipole import (
    LARGEST_DETECTABLE_RATIO,
    LONGEST_CLUSTERING_DEG,
    block_dipole_test,
    clustering_across_borders,
)
from workflow_scripts.statistics.sky.constrained_components import FIELD, ConstrainedComponents, tested_axes
from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.dipole_amplitude import (
    axis_region,
    debiased_amplitude,
    isotropy_bayes_factor,
    uniform_amplitude_bayes_factor,
)
from workflow_scripts.statistics.sky.field_trend import SPENT, field_trend
from workflow_scripts.statistics.sky.mask_diagnostics import weak_axis_check
from workflow_scripts.statistics.sky.sky_blocks import ENOUGH_BLOCKS, chosen_blocks, coarser_pixels
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues

# Widths of the prior of a dipole's components, in fractions, for which odds are given.
_BAYES_TAUS = (0.01, 0.03, 0.1)
# The other prior: amplitude uniform from 0 to this, as Patel & Desmond (2024, MNRAS 534, 1553) have it, any axis.
_LARGEST_AMPLITUDE = 0.3
_WINDS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")

# A centred dipole along axes (k, 3), or of all three components for None, with the interval of its amplitude.
MakeDipole = Callable[[NDArray[np.float64] | None], MadeDipole]


def sky_keys(sky: ConstrainedComponents) -> dict[str, Any]:
    """What all findings say of the sky: `constrained` axes, `unconstrained` in words, `sky_kind`, `invalid`, ..."""
    return {
        "sky_kind": sky.kind,
        "constrained": [axis_keys(axis) for axis in sky.kept],
        "unconstrained": list(sky.unconstrained),
        "largest_possible": sky.largest,
        "smaller_share": sky.scale,
        "invalid": sky.invalid,
    }


def full_dipole(
    sample: GalaxySample,
    name: str,
    null: str,
    estimand: str,
    make: MakeDipole,
    sky: ConstrainedComponents,
    settings: AuditSettings,
    family: str,
) -> AuditFinding:
    """A centred dipole of the constrained components, with all that is known of it: odds, region and error of the axis.

    `beta` (3,) lies in their span; `covariance` (3, 3) has the errors of unconstrained components beside theirs. Raises
    `ValueError` on a field.
    """
    axes = tested_axes(sky)
    made = make(axes)
    found, interval = made.found, made.interval
    whole = np.eye(3) if axes is None else axes
    axis, covariance = found.axis @ whole, found.covariance if axes is None else sky.lifted(found.covariance)
    check = weak_axis_check(axis, sky)
    notes = ["the amplitude of a dipole is positive also where there is none: read the interval, and the p"]
    if check.suspicious:
        notes.append(f"the standard error along the axis is {check.se_inflation:.1f} times that of the full sky")
    notes += [sky.sentence] if sky.sentence else []
    limit = interval.upper_limit if interval.upper_limit < sky.largest else None
    if limit is None:
        notes.append(f"no limit: a dipole as large as there can be, {sky.largest:.3g}, is not excluded at 95 %")
    region = axis_region(found.beta, found.covariance) if axes is None else None
    odds = isotropy_bayes_factor(found.beta, found.covariance, _BAYES_TAUS)
    extra = axis_keys(axis) | {
        "beta": found.beta @ whole,
        "upper_limit_95": limit,
        "covariance": covariance,
        "mean": found.mean,
        "condition": found.condition,
        "axis_region_deg2": region.area_deg2 if region else None,
        "whole_sky_possible": region.whole_sky if region else None,
        "weak_axis_angle_deg": check.angle_deg,
        "weak_axis_suspicious": check.suspicious,
        "weak_axis_chance": check.chance,
        "se_inflation_along_axis": check.se_inflation,
        "ln_bayes_factor_isotropy": dict(zip(map(str, _BAYES_TAUS), odds.tolist(), strict=True)),
        "ln_bayes_factor_uniform_amplitude": uniform_amplitude_bayes_factor(
            found.beta, found.covariance, _LARGEST_AMPLITUDE
        ),
        "largest_amplitude_of_prior": _LARGEST_AMPLITUDE,
    }
    limits = [interval.low, interval.high]
    return sample.finding(
        name,
        null,
        estimand,
        extra | sky_keys(sky),
        family,
        estimate=found.amplitude,
        se=float(np.sqrt(found.beta @ found.covariance @ found.beta)) / max(found.amplitude, 1e-300),
        ci95=limits,
        statistic=found.q,
        dof=len(found.beta),
        p=found.p,
        log10_p=log10_p_chi2(found.q, len(found.beta)),
        p_permutation=found.p_permutation,
        p_smallest=1 / (made.most + 1),
        p_reliable=made.p_reliable,
        size=debiased_amplitude(found.beta, found.covariance),
        size_ci95=limits,
        notes=notes,
    )


def block_finding(
    sample: GalaxySample,
    name: str,
    nside: int | None,
    positions: PixelPositions,
    values: PixelValues,
    sky: ConstrainedComponents,
    settings: AuditSettings,
) -> AuditFinding:
    """The dipole of values with blocks of sky as the unit; `nside` None for the size that positions alone choose.

    `detectable_ratio` is the smallest dipole it finds over that of galaxies, and `has_power` whether it is evidence.
    `wider` is the standard error from leaving out blocks over that of independent galaxies, 1 at least; of the chosen
    size, `ci95` and `upper_limit_95` have errors that are so much wider than those of galaxies, along all axes. Raises
    `ValueError` on a field, and where no size leaves enough blocks.
    """
    axes = tested_axes(sky)
    blocks = coarser_pixels(AUDIT_PIXELS, 12 * nside**2) if nside else chosen_blocks(positions.counts)
    if blocks is None:
        raise ValueError(f"no size of blocks leaves {ENOUGH_BLOCKS:.0f} blocks of equal number")
    width = 58.6323 / np.sqrt((blocks.max() + 1) / 12)
    whole = np.eye(3) if axes is None else axes
    along, of_values = (positions, values) if axes is None else (positions.along(axes), values.along(axes))
    shared = clustering_across_borders(along, blocks, positions.mean_vectors())
    found = block_dipole_test(along, of_values, blocks, settings.permutations, settings.seed, shared)
    ratio = found.detectable_ratio(settings.power, settings.alpha)
    se = float(np.sqrt(found.axis @ found.covariance @ found.axis))
    wider = max(1.0, se * float(np.sqrt(found.shared_beside)) / sky.se_along(found.axis @ whole))
    known: dict[str, Any] = {}
    if nside is None:
        # Finite also where the galaxies do not spread along another axis at all.
        errors = wider * (whole @ sky.kept.T) * sky.se[sky.constrained]
        # Of the galaxies' own positions, not those of pixels.
        known = with_limit(dipole(along.sums, of_values.sums).beta, errors @ errors.T, settings)
        if not known["extra"]["upper_limit_95"] < sky.largest:
            known["extra"]["upper_limit_95"] = None
    notes = [
        f"{found.n_blocks} blocks with galaxies, as good as {found.effective_blocks:.0f} of equal number",
        f"holds for clustering of up to {LONGEST_CLUSTERING_DEG:.0f} degrees",
    ]
    return sample.dipole(
        name,
        "no dipole, whatever labels of one block of sky have in common",
        f"amplitude of the dipole, blocks of {width:.0f} degrees as the unit",
        found.beta @ whole,
        found.f,
        found.p,
        {
            "n_blocks": found.n_blocks,
            "effective_blocks": found.effective_blocks,
            "block_deg": width,
            "excess_variance": found.excess,
            "clustering_across_borders": found.shared,
            "detectable_ratio": ratio,
            "has_power": ratio <= LARGEST_DETECTABLE_RATIO,
            "wider": wider,
            "sky_kind": sky.kind,
            **known.pop("extra", {}),
        },
        **known,
        dof=list(found.dof),
        log10_p=found.log10_p,
        se=se,
        p_permutation=found.p_wild,
        p_smallest=settings.p_smallest,
        # F is cautious where blocks are unequal, and decides where no random signs reach it.
        p_reliable=0.0,
        notes=notes,
    )


def field_finding(
    sample: GalaxySample,
    name: str,
    what: str,
    positions: PixelPositions,
    values: PixelValues,
    sky: ConstrainedComponents,
    settings: AuditSettings,
    family: str,
) -> AuditFinding:
    """The gradient of values across a field, clustering of up to 3 degrees allowed for.

    `p` is None where `invalid` says why a trend cannot be distinguished from clustering; `p_galaxies` is that of
    independent galaxies. `limit95`, `change` and `largest_possible` are changes over the width of the field. Raises
    `ValueError` where the galaxies are not in a field.
    """
    if sky.kind != FIELD:
        raise ValueError("the galaxies are not in a field: their dipole is the question")
    found = field_trend(positions, values, settings.seed)
    notes = [f"p allows for clustering of up to {LONGEST_CLUSTERING_DEG:.0f} degrees, p_galaxies for none"]
    notes += [found.invalid] if found.invalid else []
    width, limits = found.width_deg, [found.interval.low, found.interval.high]
    keys = sky_keys(sky) | {
        "gradient": found.gradient,
        "position_angle_deg": found.position_angle_deg,
        "direction": _WINDS[round(found.position_angle_deg / 45) % 8],
        "p_galaxies": found.p_galaxies,
        "log10_p_galaxies": log10_p_chi2(found.q, 2),
        "width_deg": width,
        "change": found.size * width,
        "change_ci95": [limit * width for limit in limits],
        "limit95": found.limit95,
        "n_parts": found.n_parts,
        "clustering_sd_95": found.clustering,
        "detectable_ratio": found.detectable_ratio,
        "invalid": found.invalid,
    }
    return sample.finding(
        name,
        "the fraction does not change across the field, whatever neighbours within 3 degrees share",
        f"gradient of {what}, per degree",
        keys,
        family,
        estimate=found.size,
        se=found.se,
        ci95=limits,
        statistic=found.q,
        dof=2,
        p=found.p,
        p_smallest=SPENT,
        size=debiased_amplitude(found.gradient, found.covariance),
        size_ci95=limits,
        notes=notes,
    )
