"""Columns of dipoles as far as the sky constrains them: what it does not is empty, and a sentence says so."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from workflow_scripts.bias.annotations import Sky
from workflow_scripts.bias.quantities import VECTORS_OF_LABELLED, components, dipole_keys
from workflow_scripts.statistics.sky.constrained_components import (
    FIELD,
    SKY,
    ConstrainedComponents,
    constrained_vector,
)
from workflow_scripts.statistics.sky.dipole import DipoleEstimate

_AXES = dict(zip("xyz", np.eye(3), strict=True))


def dipole_or_empty(
    name: str, found: DipoleEstimate | None, sky: ConstrainedComponents, further: Mapping[str, float] | None = None
) -> dict[str, float]:
    """`dipole_keys` of what the sky constrains of a dipole (3,); NaN where there is none, or on a field."""
    if found is None or sky.kind == FIELD:
        return dict.fromkeys(components(name), float("nan"))
    kept = constrained_vector(found, sky)
    return dipole_keys(name, kept.beta, kept.covariance, kept.p, further)


def measured_components(table: pd.DataFrame, sky: Sky) -> pd.DataFrame:
    """A table for a file: components of dipoles along x, y and z that the sky does not constrain are NaN.

    In memory they are those of the part that it constrains, which tests need as a whole.
    """
    empty = []
    for column in map(str, table):
        name, _, axis = column.removesuffix("_se").rpartition("_")
        if axis in _AXES and set(components(name)) <= set(table):
            own = sky.labelled if name in VECTORS_OF_LABELLED else sky.constrained
            if own.kind == FIELD or (own.kind != SKY and not own.holds(_AXES[axis])):
                empty.append(column)
    return table.assign(**dict.fromkeys(empty, np.nan))


def unmeasured(sky: Sky) -> list[str]:
    """Sentences on what these galaxies leave unmeasured; none where they constrain the whole of a dipole."""
    sentences = []
    for whose, own in (("annotated", sky.constrained), ("labelled", sky.labelled)):
        if own.kind == SKY or (whose == "labelled" and own.unconstrained == sky.constrained.unconstrained):
            continue
        if own.kind == FIELD:
            sentences.append(
                f"No dipole, quadrupole, scan over all axes or cosine in right ascension is given: the {whose} galaxies"
                " lie in a field too small for a dipole."
            )
            continue
        cosine = all(own.holds(_AXES[axis]) for axis in "xy")
        scans = "quadrupole or scan over all axes" if cosine else "quadrupole, scan over all axes or cosine in RA"
        sentences.append(
            f"The {whose} galaxies do not constrain a dipole along {' and '.join(own.unconstrained)}: dipoles are"
            f" tested along the other directions alone, and no {scans} is given."
        )
    return sentences
