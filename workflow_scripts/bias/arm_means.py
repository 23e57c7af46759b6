"""What the networks of an arm have in common: means over training sets, with the scatter of these as error."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from workflow_scripts.bias.collected_tests import REFERENCE_DIPOLE
from workflow_scripts.bias.opposite_footprints import of_training_sets
from workflow_scripts.bias.quantities import ALL, Quantity, template_quantities

# The dipole against the reference, not against the mean of the runs: what all runs share is what is wanted here.
_QUANTITIES = (
    Quantity("dipole", tuple(REFERENCE_DIPOLE), "dipole of prediction - reference"),
    *(quantity for quantity in ALL if quantity.name != "dipole"),
)


def arm_means(runs: pd.DataFrame, opposite: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Means of all quantities over the training sets of each arm; opposite footprints are arms of their own.

    Returns
    -------
    pandas.DataFrame
        `network, arm, quantity, component, training_sets, mean, se, low, high, galaxy_se`. `se` and the 95 % interval
        (Student's t) are from the scatter of training sets: they hold for other training sets, and the same annotated
        galaxies. `galaxy_se` is what other galaxies would change, median over the runs, NaN where it is not known; all
        runs share it, so means over more runs do not lower it. Seeds of a training set are averaged first.
    """
    rows = []
    for network, of_network in runs.groupby("network", sort=False):
        for arm, members in arms(of_network, opposite):
            sets = of_training_sets(members)
            sets[REFERENCE_DIPOLE] = members.groupby(["footprint", "resample"], sort=True)[REFERENCE_DIPOLE].mean()
            for quantity in (*_QUANTITIES, *template_quantities(sets)):
                for column in quantity.columns:
                    if column in sets:
                        row = {"network": network, "arm": arm, "quantity": quantity.name, "component": column}
                        rows.append(row | _mean(sets[column], members.get(f"{column}_se")))
    columns = ["network", "arm", "quantity", "component", "training_sets", "mean", "se", "low", "high", "galaxy_se"]
    return pd.DataFrame(rows, columns=columns)


def arms(runs: pd.DataFrame, opposite: Sequence[Sequence[str]]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Name and runs of each arm, with each footprint that has an opposite one by itself."""
    alone = list(dict.fromkeys(name for pair in opposite for name in pair))
    for arm, group in runs.groupby("arm", sort=False):
        for name in alone:
            if (group["footprint"] == name).any():
                yield name, group[group["footprint"] == name]
        others = group[~group["footprint"].isin(alone)]
        if len(others):
            yield str(arm), others


def _mean(values: pd.Series, galaxies: pd.Series | None) -> dict[str, float]:
    n, mean = len(values), float(values.mean(skipna=False))
    se = float(values.std(ddof=1, skipna=False) / np.sqrt(n)) if n > 1 else float("nan")
    half = float(stats.t.ppf(0.975, n - 1)) * se if n > 1 else float("nan")
    shared = float(galaxies.median()) if galaxies is not None else float("nan")
    return {"training_sets": n, "mean": mean, "se": se, "low": mean - half, "high": mean + half, "galaxy_se": shared}
