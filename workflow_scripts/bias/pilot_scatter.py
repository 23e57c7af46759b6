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
    squares = sum(float(((side - side.mean()) ** 2).to_numpy().sum()) for side in sides)
    return PilotScatter(float(np.sqrt(squares / dof / len(columns))) if dof else float("nan"), dof, 1)


def scatter_of_footprints(runs: pd.DataFrame, footprints: Sequence[str], columns: Sequence[str]) -> PilotScatter:
    """Of rotating footprints about what their axes explain; `runs` are those of one network."""
    members = runs[runs["footprint"].isin(footprints)]
    axes = unit_vectors(*footprint_axes(members).to_numpy().T)
    values = of_footprints(members).reindex(columns=list(columns)).to_numpy()
    design = np.column_stack([np.ones(len(axes)), axes])
    residual = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    dof = max(0, len(axes) - 4)
    sd = float(np.sqrt((residual**2).sum() / dof / len(columns))) if dof else float("nan")
    return PilotScatter(sd, dof, int(members.groupby("footprint")["resample"].nunique().min()))
