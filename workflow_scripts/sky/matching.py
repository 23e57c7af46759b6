"""Training sets matched to one reference, so that the footprint is the only difference between them.

Coarsened exact matching (Iacus, King & Porro 2012, Political Analysis 20, 1): galaxies fall into cells of class and
binned covariates, and every training set gets the same number from each cell. The numbers follow the class-wise
distribution of the whole training pool, not of the other footprints, so that adding a footprint changes no other
training set.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from mocpy import MOC
from numpy.typing import NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.sky.footprints import contains, region_moc
from workflow_scripts.sky.split import hash_fractions


def draw_training_set(pool: pd.DataFrame, footprint: Mapping[str, Any], resample: int) -> pd.DataFrame:
    """Draw the training set of a footprint from the training pool.

    With `disjoint`, no two members of a family share a galaxy, nor do two resamples of one footprint: each galaxy of
    the pool belongs to exactly one of the members that contain it, and resamples take consecutive slices of one
    shuffled list.

    Parameters
    ----------
    pool
        labelled galaxies of the training pool that have an image: `source_id, ra, dec, label` and covariates.
    footprint
        `name`, `region`, `matching` (`per_class`, `bins`, `shortfall`, `disjoint`) and `family` or None.
    resample
        number of the draw, from 0.

    Returns
    -------
    pandas.DataFrame
        `per_class` galaxies of every class, sorted by `source_id`: its id, position, label and matched covariates.

    Raises
    ------
    InputError
        where a class or, with `shortfall: error`, a cell has too few galaxies: how many there are, how many were asked.
    """
    matching = footprint["matching"]
    pool = pool.assign(cell=cells(pool, matching["bins"]))
    quotas = cell_quotas(pool, matching["per_class"])
    inside = pool[_members(pool, footprint, resample)].copy()
    shuffle = f"{footprint['name']} draw" if matching["disjoint"] else f"{footprint['name']} draw {resample}"
    inside["rank"] = hash_fractions(inside["source_id"], shuffle)
    inside = inside.sort_values(["rank", "source_id"])
    chosen = []
    for label, quota in quotas.groupby(level="label"):
        wanted = quota.droplevel("label")
        chosen.append(_draw_class(inside[inside["label"] == label], wanted, int(label), footprint, resample))
    columns = ["source_id", "ra", "dec", "label", *(matching["bins"] or {})]
    drawn = pd.concat(chosen)[columns].sort_values("source_id", ignore_index=True)
    return drawn.astype({"label": np.int8})


def cells(galaxies: pd.DataFrame, bins: Mapping[str, Any]) -> pd.Series:
    """The matching cell of every galaxy: one text a row, like `magnitude:33|redshift:-`, where `-` is not known.

    `bins` maps a covariate to the width of its bins, or to `{log10: width}`. Raises `InputError` for a covariate that
    the catalog does not have.
    """
    cell = pd.Series("", index=galaxies.index)
    for column, width in (bins or {}).items():
        if column not in galaxies:
            known = ", ".join(c for c in galaxies if c not in ("source_id", "ra", "dec", "label", "split", "cell"))
            raise InputError(f"matchings: the catalog has no column '{column}' to match on; it has {known or 'none'}")
        values = galaxies[column].to_numpy(float)
        with np.errstate(divide="ignore", invalid="ignore"):
            binned = np.floor(np.log10(values) / width["log10"] if isinstance(width, Mapping) else values / width)
        text = [f"{int(number)}" if np.isfinite(number) else "-" for number in binned]
        cell += "|" + column + ":" + pd.Series(text, index=galaxies.index)
    return cell.str.removeprefix("|")


def cell_quotas(pool: pd.DataFrame, per_class: int) -> pd.Series:
    """How many galaxies of each (label, cell) a training set gets: `per_class` of every class, by largest remainder."""
    quotas = []
    for label, galaxies in pool.groupby("label"):
        counts = galaxies["cell"].value_counts().sort_index()
        shares = counts / counts.sum() * per_class
        quota = np.floor(shares).astype(int)
        # Ties are broken by the name of the cell, so the order of the rows plays no part.
        remainder = (shares - quota).sort_index().sort_values(ascending=False, kind="stable")
        quota[remainder.index[: per_class - quota.sum()]] += 1
        quotas.append(pd.concat({label: quota[quota > 0]}, names=["label", "cell"]))
    if not quotas:
        raise InputError("training set: no galaxy of the training pool has a label and an image")
    return pd.concat(quotas)


def _members(pool: pd.DataFrame, footprint: Mapping[str, Any], resample: int) -> NDArray[np.bool_]:
    """Which galaxies of the pool the footprint may draw from."""
    ra, dec = pool["ra"].to_numpy(), pool["dec"].to_numpy()
    family = footprint["family"]
    if family is None or not footprint["matching"]["disjoint"]:
        return contains(region_moc(footprint["region"], footprint["name"]), ra, dec)
    mocs: list[MOC] = [region_moc(region, footprint["name"]) for region in family["regions"]]
    covered = np.stack([contains(moc, ra, dec) for moc in mocs])
    return share_out(pool, covered, family["name"])[footprint["family"]["member"]]


def share_out(pool: pd.DataFrame, covered: NDArray[np.bool_], family: str) -> NDArray[np.bool_]:
    """Give every galaxy to one of the members that cover it; the members get nearly equal numbers of each cell.

    Within a (label, cell), galaxies are dealt out in a fixed random order, each to the covering member that has the
    fewest so far (ties by a hash of the galaxy and the member).

    Parameters
    ----------
    covered
        (members, galaxies): which member's region contains which galaxy.
    """
    order = np.lexsort((pool["source_id"].to_numpy(), hash_fractions(pool["source_id"], f"{family} share")))
    keys = pd.factorize(pool["label"].astype(str) + "/" + pool["cell"], sort=True)[0]
    tie = hash_fractions(pool["source_id"], f"{family} tie")
    n_members = len(covered)
    dealt = np.zeros((keys.max() + 1, n_members))
    total = np.zeros((pool["label"].astype(int).max() + 1, n_members))
    labels = pool["label"].to_numpy(int)
    owned = np.zeros_like(covered)
    for galaxy in order:
        members = np.flatnonzero(covered[:, galaxy])
        if not members.size:
            continue
        # First the cell's balance, then the class's, then chance.
        chance = (tie[galaxy] * n_members + members) % n_members / n_members
        load = dealt[keys[galaxy], members] * 1e6 + total[labels[galaxy], members] + chance
        member = members[np.argmin(load)]
        owned[member, galaxy] = True
        dealt[keys[galaxy], member] += 1
        total[labels[galaxy], member] += 1
    return owned


def _draw_class(
    candidates: pd.DataFrame, wanted: pd.Series, label: int, footprint: Mapping[str, Any], resample: int
) -> pd.DataFrame:
    matching = footprint["matching"]
    who = f"footprints.{footprint['name']}, class {label}, resample {resample}"
    slices = resample + 1 if matching["disjoint"] else 1
    per_class = int(wanted.sum())
    if len(candidates) < slices * per_class:
        raise InputError(
            f"{who}: {len(candidates)} galaxies are available, expected at least {slices * per_class}"
            f" ({slices} training sets without a common galaxy, {per_class} each)"
            if slices > 1
            else f"{who}: {len(candidates)} galaxies are available, expected at least {per_class}"
        )
    free = candidates
    drawn = pd.DataFrame()
    # Earlier slices are drawn first and set aside: resample r is then the same whether or not the others are made.
    for _ in range(slices):
        drawn = _fill(free, wanted, matching["shortfall"], who)
        free = free.drop(drawn.index)
    return drawn


def _fill(candidates: pd.DataFrame, wanted: pd.Series, shortfall: str, who: str) -> pd.DataFrame:
    """Take the quota of every cell in the order of `candidates`; make up for empty cells from the nearest ones."""
    position = candidates.groupby("cell").cumcount()
    quota = candidates["cell"].map(wanted).fillna(0)
    taken = candidates[position < quota]
    missing = wanted - taken["cell"].value_counts().reindex(wanted.index, fill_value=0)
    missing = missing[missing > 0]
    if missing.empty:
        return taken
    if shortfall == "error":
        cell, short = next(iter(missing.items()))
        raise InputError(
            f"{who}: cell {cell} has {int(wanted[cell] - short)} galaxies, expected {int(wanted[cell])} (too few in"
            f" {len(missing)} cells; use wider bins, a smaller per_class, or shortfall: redistribute)"
        )
    rest = candidates.drop(taken.index)
    extra = []
    for cell, short in missing.items():
        distance = rest["cell"].map(_distances(rest["cell"].unique(), str(cell)))
        nearest = distance.sort_values(kind="stable").index[: int(short)]
        extra.append(rest.loc[nearest])
        rest = rest.drop(nearest)
    return pd.concat([taken, *extra])


def _distances(others: NDArray[np.object_], cell: str) -> dict[str, float]:
    """Squared distance, in bins, of other cells from one; a covariate that only one of them knows counts as 100."""
    here = _coordinates(cell)
    return {
        other: float(
            sum(
                100.0 if (a is None) != (b is None) else 0.0 if a is None or b is None else (a - b) ** 2
                for a, b in zip(here, _coordinates(other), strict=True)
            )
        )
        for other in others
    }


def _coordinates(cell: str) -> list[int | None]:
    if not cell:
        return []
    numbers = [part.rsplit(":", 1)[1] for part in cell.split("|")]
    return [None if number == "-" else int(number) for number in numbers]
