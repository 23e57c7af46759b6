"""What replicates what: runs grouped into training sets, footprints and arms, and the means over them."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from workflow_scripts.bias.quantities import DESCRIBED, template_quantities
from workflow_scripts.sky.unit_vectors import unit_vectors

FEWEST_FOOTPRINTS = 5
# Of one number a footprint, with a test: x_0, three components of k, and two degrees of freedom.
FEWEST_FOR_RESPONSE = 6
# Axes whose mean is shorter than this cancel: what all networks share is then none of their footprints' doing.
_AXES_CANCEL = 0.05
# Runs of a training set share its galaxies, and those of a footprint its sky: only these are independent.
_TRAINING_SET = ["footprint", "resample"]


def rotating_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs whose footprint is a hemisphere of a family."""
    return runs[runs["axis_ra"].notna() & runs["family"].notna()]


def footprint_axes(runs: pd.DataFrame) -> pd.DataFrame:
    """`axis_ra` and `axis_dec` of each footprint."""
    return runs.groupby("footprint", sort=True)[["axis_ra", "axis_dec"]].first()


def fitted_families(runs: pd.DataFrame) -> list[pd.DataFrame]:
    """The runs of each network and family of hemispheres that is large enough for a response, its axes in space."""
    groups = rotating_runs(runs).groupby(["network", "family"], sort=False)
    return [members for _, members in groups if _spans_space(footprint_axes(members))]


def _spans_space(axes: pd.DataFrame) -> bool:
    vectors = unit_vectors(*axes.to_numpy().T)
    return len(axes) >= FEWEST_FOR_RESPONSE and np.linalg.matrix_rank(vectors - vectors.mean(axis=0), tol=1e-9) == 3


def arm_sizes(runs: pd.DataFrame, pair: Sequence[str]) -> list[int]:
    """Training sets of each of two footprints, of the network that has most of them."""
    return [
        int(members.groupby("network")["resample"].nunique().max()) if len(members) else 0
        for members in (runs[runs["footprint"] == name] for name in pair)
    ]


def of_training_sets(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a training set (footprint, resample): means over its seeds, which are not independent."""
    return _means(runs, _TRAINING_SET)


def of_footprints(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a footprint: its axis, and means of all quantities over its runs, which share training galaxies."""
    return _means(runs, ["footprint"])


def independent_units(runs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, str, bool]:
    """The runs whose mean stands for all, their means by independent unit, its name, and whether their axes cancel."""
    rotating = rotating_runs(runs)
    axes = footprint_axes(rotating)
    cancel = len(axes) > 0 and np.linalg.norm(unit_vectors(*axes.to_numpy().T).mean(axis=0)) < _AXES_CANCEL
    used = rotating if cancel else runs
    if used["footprint"].nunique() >= FEWEST_FOOTPRINTS:
        return used, of_footprints(used), "footprints", bool(cancel)
    return used, of_training_sets(used), "training sets", bool(cancel)


def _means(runs: pd.DataFrame, unit: list[str]) -> pd.DataFrame:
    known = [name for one in DESCRIBED for name in (*one.columns, *one.level_columns)]
    known += [name for one in template_quantities(runs) for name in one.columns]
    wanted = [name for name in dict.fromkeys(["axis_ra", "axis_dec", *known]) if name in runs]
    return runs.groupby(unit if len(unit) > 1 else unit[0], sort=True)[wanted].mean()


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
    rows = [
        {"network": network, "arm": arm, "quantity": quantity.name, "component": column}
        | _mean(sets[column], members.get(f"{column}_se"))
        for network, of_network in runs.groupby("network", sort=False)
        for arm, members in arms(of_network, opposite)
        for sets in [of_training_sets(members)]
        for quantity in (*DESCRIBED, *template_quantities(sets))
        for column in quantity.level_columns
        if column in sets
    ]
    return pd.DataFrame(rows)


def arm_fractions(runs: pd.DataFrame, fractions: pd.DataFrame, opposite: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Fractions by bin of right ascension, over the training sets of each arm as in `arm_means`.

    `fractions` are those of `run_table.fractions_of_runs`.

    Returns
    -------
    pandas.DataFrame
        `network, arm, low_deg, high_deg, n, training_sets, mean, se, low, high`, a row for each bin that holds
        galaxies. The 95 % interval is of each bin by itself.
    """
    bins = fractions[(fractions["grouping"] == "ra_bin") & (fractions["n"] > 0)]
    by_run = bins.pivot(index="run_id", columns=["low_deg", "high_deg", "n"], values="fraction")
    rows = []
    for network, of_network in runs.groupby("network", sort=False):
        for arm, members in arms(of_network, opposite):
            units = [members[name].to_numpy() for name in _TRAINING_SET]
            sets = by_run.loc[members["run_id"]].groupby(units).mean()
            for (low_deg, high_deg, n), values in sets.items():
                place = {"network": network, "arm": arm, "low_deg": low_deg, "high_deg": high_deg, "n": int(n)}
                measured = _mean(values, None)
                del measured["galaxy_se"]
                rows.append(place | measured)
    return pd.DataFrame(rows)


def _mean(values: pd.Series, galaxies: pd.Series | None) -> dict[str, float]:
    n, mean = len(values), values.mean(skipna=False)
    # Of a single training set, both are NaN.
    se = values.std(ddof=1, skipna=False) / np.sqrt(n)
    half = stats.t.ppf(0.975, n - 1) * se
    shared = galaxies.median() if galaxies is not None else np.nan
    return {"training_sets": n, "mean": mean, "se": se, "low": mean - half, "high": mean + half, "galaxy_se": shared}
