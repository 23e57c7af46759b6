"""Coefficients of the templates by group: does one labeller or camera follow the imaging, and another not?"""

from collections.abc import Iterator

import numpy as np

from workflow_scripts.audits.audit_findings import AuditFinding, GalaxySample
from workflow_scripts.audits.binning import Covariates
from workflow_scripts.audits.groups import WITHOUT
from workflow_scripts.statistics.sky.group_coefficients import coefficients_by_group


def template_by_group(covariates: Covariates, column: str) -> Iterator[AuditFinding]:
    """A test of each template; raises `ValueError` where fewer than two groups have enough galaxies.

    `slopes`, `difference` and `limit95` are in fractions for a standard deviation of the template: log odds times
    f (1 - f).
    """
    assert covariates.groups is not None
    # Galaxies without a group are no group: what they have in common is not known.
    grouped = covariates.groups.astype(str) != WITHOUT
    names, numbers = np.unique(covariates.groups.astype(str)[grouped], return_inverse=True)
    labels = covariates.labels[0][grouped]
    found = coefficients_by_group(covariates.vectors[grouped], labels, covariates.templates[grouped], numbers)
    fitted = [str(names[number]) for number in found.groups]
    left = sorted(set(map(str, names)) - set(fitted))
    notes = [f"too few galaxies for a coefficient in {', '.join(left)}"] if left else []
    if without := int((~grouped).sum()):
        notes.append(f"{without} galaxies without a group are left out")
    fraction = float(labels[np.isin(numbers, found.groups)].mean())
    scale = fraction * (1 - fraction)
    differences, limits = found.clearest_difference()
    for place, name in enumerate(covariates.names):
        of_template = {
            "template": name,
            "slopes": (scale * found.gamma[:, place]).tolist(),
            "difference": float(scale * differences[place]),
            "limit95": float(scale * limits[place]),
            "largest_possible": min(fraction, 1 - fraction),
        }
        yield GalaxySample(int(np.isin(numbers, found.groups).sum())).finding(
            f"template_by_group {name}",
            "the fraction follows the template in the same way in all groups",
            f"change of the log odds for a standard deviation of {name}, beside a dipole, by {column}",
            {"groups": fitted, "group_by": column, **of_template},
            estimate=found.gamma[:, place].tolist(),
            se=found.se[:, place].tolist(),
            statistic=float(found.q[place]),
            dof=found.dof,
            p=float(found.p[place]),
            notes=notes,
        )
