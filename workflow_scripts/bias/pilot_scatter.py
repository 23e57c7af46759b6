"""How much the runs that there are scatter, in the units that more of them would be planned in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workflow_scripts.bias.replicates import footprint_axes, of_footprints, of_training_sets
from workflow_scripts.sky.unit_vectors import unit_vectors


@dataclass(frozen=True)
class PilotScatter:
    """Standard deviation `sd` between units of `sets` training sets, with `dof` degrees of freedom.

    Of a vector, the root mean square over its components. NaN where `dof` is 0.
    """

    sd: float
    dof: int
    sets: int

    @property
    def known(self) -> bool:
        """Whether the units scatter, and by a finite number."""
        return 0 < self.sd < np.inf

    def of_units(self, sets: int) -> float:
        """The standard deviation between units of another number of training sets, which share no galaxy."""
        return self.sd * float(np.sqrt(self.sets / sets))


def scatter_of_training_sets(runs: pd.DataFrame, footprints: Sequence[str], columns: Sequence[str]) -> PilotScatter:
    """Of training sets about the mean of their footprint, pooled; `runs` are those of one network."""
    sides = [of_training_sets(runs[runs["footprint"] == name]).reindex(columns=list(columns)) for name in footprints]
    dof = sum(len(side) - 1 for side in sides if len(side) > 1)
    about = pd.concat([side - side.mean() for side in sides]).to_numpy()
    return PilotScatter(_rms(about, dof), dof, 1)


def scatter_of_footprints(runs: pd.DataFrame, footprints: Sequence[str], columns: Sequence[str]) -> PilotScatter:
    """Of rotating footprints about what their axes explain; `runs` are those of one network."""
    members = runs[runs["footprint"].isin(footprints)]
    axes = unit_vectors(*footprint_axes(members).to_numpy().T)
    values = of_footprints(members).reindex(columns=list(columns)).dropna(axis=1, how="all").to_numpy()
    design = np.column_stack([np.ones(len(axes)), axes])
    residual = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    dof = max(0, len(axes) - 4)
    return PilotScatter(_rms(residual, dof), dof, int(members.groupby("footprint")["resample"].nunique().min()))


def _rms(about: np.ndarray, dof: int) -> float:
    """Root mean square of residuals (units, d), over the components that the sky constrains; NaN where that is none."""
    about = about[:, np.isfinite(about).all(axis=0)]
    # A vector of what a strip constrains lies in a plane.
    components = int(np.linalg.matrix_rank(about)) if about.size else 0
    return float(np.sqrt((about**2).sum() / dof / components)) if dof and components else float("nan")
