"""The galaxies of an audit by where they come from (labeller, camera, merged catalog): a row a group, and all together.

A dipole may be the merging: groups of other fractions on other parts of the sky.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.audits.audit_findings import (
    AuditFinding,
    AuditSettings,
    Findings,
    GalaxySample,
    axis_keys,
    with_limit,
)
from workflow_scripts.errors import InputError
from workflow_scripts.statistics.fractions import wilson_interval
from workflow_scripts.statistics.sky.constrained_components import (
    constrained_of_fraction,
    constrained_part,
    tested_axes,
    whole_dipole,
)
from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.sky_sums import Additive, PositionSums, ValueSums
from workflow_scripts.statistics.sky.stratified_dipole import merging_dipole, within_groups
from workflow_scripts.statistics.sky.weighted_dipole import WeightedMoments, weighted_dipole, weighted_fraction

MOST_GROUPS = 50
REFUSED_OF_GROUPS = dict.fromkeys(
    ("dipole_within_groups", "dipole_between_groups"), "its variance within groups is that of galaxies that count alike"
)
WITHOUT = "(none)"


@dataclass(frozen=True)
class GroupSums(Additive):
    """Labels of one group: how many are `positives`, and `moments` over unit vectors, weights being 1 without any."""

    positives: int
    moments: WeightedMoments


def group_names(column: pd.Series) -> NDArray[np.object_]:
    """Name of each row's group (a categorical of texts); `WITHOUT` where there is none."""
    names = np.array([*column.cat.categories, WITHOUT], object)
    return names[column.cat.codes.to_numpy()]


def groups_of(
    column: pd.Series, labels: NDArray[np.float64], weights: NDArray[np.float64] | None, vectors: NDArray[np.float64]
) -> dict[str, GroupSums]:
    """The sums of the groups in a piece: labels (n,) of 0 and 1, weights (n,), unit vectors (n, 3)."""
    names, found = group_names(column), {}
    for name in pd.unique(names):
        rows = names == name
        own = np.ones(int(rows.sum())) if weights is None else weights[rows]
        moments = WeightedMoments.of(labels[rows], own, vectors[rows])
        found[str(name)] = GroupSums(int(labels[rows].sum()), moments)
    return found


def check_number_of_groups(names: Mapping[str, int], where: str) -> None:
    """Raise `InputError` for more than `MOST_GROUPS` groups; `where` is the column."""
    if len(names) > MOST_GROUPS:
        shown = ", ".join(list(names)[:5])
        raise InputError(
            f"{where} has more than {MOST_GROUPS} values ({shown}, ...), expected a column of few groups of galaxies"
        )


def merging_tests(groups: Mapping[str, GroupSums], column: str, settings: AuditSettings, findings: Findings) -> None:
    """Make the tests of the dipole within the groups, and of the one that merging them makes; without weights."""
    sums = [_plain_sums(group.moments) for _, group in sorted(groups.items())]
    n, labels = sum(positions.n for positions, _ in sums), sum(values.total for _, values in sums)
    extra = {"group_by": column, "smaller_share": min(labels, n - labels) / n}

    def within() -> AuditFinding:
        found = within_groups(sums)
        sky = constrained_of_fraction(found.positions, labels / n)
        part = constrained_part(found.within, sky)
        values = with_limit(
            part.beta,
            part.covariance,
            settings,
            extra | {"groups": found.groups, "sky_kind": sky.kind, "largest_possible": sky.largest},
        )
        if sky.sentence:
            values["notes"] = [sky.sentence]
        return GalaxySample(found.positions.n).dipole(
            "dipole_within_groups",
            "the fraction does not depend on position within any group",
            "amplitude of the dipole that groups have in common, each about its own fraction and centre",
            whole_dipole(part.beta, sky),
            part.q,
            part.p,
            dof=len(part.beta),
            **values,
        )

    def between() -> AuditFinding:
        positions = sum((own for own, _ in sums[1:]), sums[0][0])
        sky = constrained_of_fraction(positions, labels / n)
        axes = tested_axes(sky)
        found = merging_dipole(sums if axes is None else [(own.along(axes), of.along(axes)) for own, of in sums])
        return GalaxySample(n).dipole(
            "dipole_between_groups",
            "all groups have the same fraction",
            "amplitude of the dipole of the fraction of each group, given to its galaxies",
            whole_dipole(found.beta, sky),
            found.q,
            found.p,
            extra | {"sky_kind": sky.kind},
            dof=found.dof,
            notes=[sky.sentence] if sky.sentence else [],
        )

    findings.attempt("dipole_within_groups", within)
    findings.attempt("dipole_between_groups", between)


def _plain_sums(moments: WeightedMoments) -> tuple[PositionSums, ValueSums]:
    """The sums of galaxies without weights."""
    matrix = moments.weights
    return (
        PositionSums(moments.n, matrix[0, 1:], matrix[1:, 1:]),
        ValueSums(float(moments.values[0]), float(moments.squared[2, 0, 0]), moments.values[1:]),
    )


def group_rows(groups: Mapping[str, GroupSums], weighted: bool) -> list[dict[str, Any]]:
    """A row a group, the largest first: `group, n, positive, fraction, ci95, amplitude, se, axis_ra, ...`.

    The fraction has Wilson's interval (with weights: of as many equal galaxies as are as good), and the dipole within
    the group is that of the components that its galaxies constrain, tested as `dipole_score` by its closed form.
    `reason` says why there is none.
    """
    ordered = sorted(groups.items(), key=lambda item: (-item[1].moments.n, item[0]))
    return [_row(name, sums, weighted) for name, sums in ordered]


def _row(name: str, sums: GroupSums, weighted: bool) -> dict[str, Any]:
    moments = sums.moments
    if weighted:
        part = [moments.weights[0, 0], moments.values[0], *moments.squared[:, 0, 0]]
        fraction, number = weighted_fraction(part)
    else:
        fraction, number = sums.positives / moments.n, float(moments.n)
    low, high = wilson_interval(fraction * number, number)
    row: dict[str, Any] = {"group": name, "n": moments.n, "positive": sums.positives, "fraction": fraction}
    row |= {"ci95": [float(low), float(high)]}
    row |= dict.fromkeys(("amplitude", "se", "axis_ra", "axis_dec", "statistic", "p", "reason"))
    if weighted:
        row["effective_n"] = moments.effective_n
    total = moments.weights[0, 0] / moments.n
    positions = PositionSums(moments.n, moments.weights[0, 1:] / total, moments.weights[1:, 1:] / total)
    try:
        sky = constrained_of_fraction(positions, fraction, moments.n / number)
        if sky.invalid:
            raise ValueError(sky.invalid)
        # Without weights, sums of the same galaxies that the test of the whole catalog has.
        found = constrained_part(weighted_dipole(moments) if weighted else dipole(*_plain_sums(moments)), sky)
    except ValueError as reason:
        return row | {"reason": str(reason)}
    amplitude = float(np.linalg.norm(found.beta))
    se = float(np.sqrt(found.beta @ found.covariance @ found.beta)) / amplitude if amplitude else None
    axis = axis_keys(whole_dipole(found.beta, sky))
    return row | {"amplitude": amplitude, "se": se, **axis, "statistic": found.q, "p": found.p}
