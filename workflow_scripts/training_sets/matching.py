"""Training sets matched to one reference, so that the footprint is the only difference between them.

Coarsened exact matching (Iacus, King & Porro 2012, Political Analysis 20, 1): galaxies fall into cells of class and
binned covariates, and every training set gets the same number from each cell. The numbers follow the class-wise
distribution of the whole training pool, not of the other footprints, so that adding a footprint changes no other
training set.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.sky.footprints import contains, region_moc
from workflow_scripts.training_sets.matching_cells import Cells, cell_quotas, matching_cells
from workflow_scripts.training_sets.sharing import FREE, Share, share_out
from workflow_scripts.training_sets.split import hash_fractions


def draw_training_set(
    pool: pd.DataFrame, footprint: Mapping[str, Any], resample: int, class_names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Draw the training set of a footprint from the training pool.

    With `disjoint`, the members of a family have no galaxy in common: each resample shares the pool out anew, by a hash
    of the galaxies' ids. A footprint that is not in a family then has no galaxy in common with its other resamples,
    which take one after the other from one shuffled list. Without `disjoint` every draw is independent.

    Parameters
    ----------
    pool
        labelled galaxies of the training pool that have an image, in any order: `source_id, ra, dec` (ICRS degrees),
        `label` and covariates.
    footprint
        `name`, `region`, `matching` (`per_class`, `bins`, `shortfall`, `disjoint`) and `family` or None.
    resample
        number of the draw, from 0.
    class_names
        what the labels are called in messages.

    Returns
    -------
    pandas.DataFrame
        `source_id, ra, dec, label` (int8) and the matched covariates of exactly `per_class` galaxies of every class,
        sorted by `source_id`.

    Raises
    ------
    InputError
        where a class or, with `shortfall: error`, a cell has too few galaxies: how many there are, how many were asked
        for; for a pool with fewer than two classes or with an id twice; and for covariates that it does not have.
    """
    name, matching = footprint["name"], footprint["matching"]
    footprint = {**footprint, "class_names": dict(enumerate(class_names or []))}
    pool = pool.sort_values("source_id", ignore_index=True)
    _check_pool(pool, name)
    cells = matching_cells(pool, matching["bins"], name)
    labels = pool["label"].to_numpy(np.int64)
    family = footprint["family"] if matching["disjoint"] else None
    covered, member = _coverage(pool, footprint, family)
    _check_enough(covered[member], labels, footprint, resample)
    # A member that can never be filled raises its own error; it must not take galaxies from those that can.
    enough = [
        all(np.sum(inside[labels == label]) >= matching["per_class"] for label in set(labels)) for inside in covered
    ]
    covered &= np.array(enough)[:, None]

    chosen = []
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        share = _share_of_class(
            pool.iloc[of_class], covered[:, of_class], _subset(cells, of_class), footprint, resample
        )
        _check_share(share, member, covered[:, of_class], int(label), cells, footprint, resample)
        chosen.append(of_class[share.owner == member])
    columns = dict.fromkeys(["source_id", "ra", "dec", "label", *cells.covariates])
    drawn = pool.iloc[np.sort(np.concatenate(chosen))][list(columns)]
    return drawn.reset_index(drop=True).astype({"label": np.int8})


def _subset(cells: Cells, galaxies: NDArray[np.int64]) -> Cells:
    return cells._replace(number=cells.number[galaxies])


def _coverage(
    pool: pd.DataFrame, footprint: Mapping[str, Any], family: Mapping[str, Any] | None
) -> tuple[NDArray[np.bool_], int]:
    """Which regions contain which galaxies (members, n), and which of the members the footprint is."""
    regions = [footprint["region"]] if family is None else family["regions"]
    ra, dec = pool["ra"].to_numpy(float), pool["dec"].to_numpy(float)
    covered = np.stack([contains(region_moc(region, name=footprint["name"]), ra, dec) for region in regions])
    return covered, 0 if family is None else family["member"]


def _share_of_class(
    galaxies: pd.DataFrame, covered: NDArray[np.bool_], cells: Cells, footprint: Mapping[str, Any], resample: int
) -> Share:
    matching = footprint["matching"]
    family = footprint["family"] if matching["disjoint"] else None
    counts = np.bincount(cells.number, minlength=len(cells.bins))
    quotas = cell_quotas(counts, matching["per_class"])
    consecutive = matching["disjoint"] and family is None
    shuffle = f"{family['name'] if family else footprint['name']} draw"
    if not consecutive:
        shuffle += f" {resample}"
    ids = galaxies["source_id"].tolist()
    order = np.argsort(hash_fractions(ids, shuffle), kind="stable")
    chance = hash_fractions(ids, f"{shuffle} claim")
    free = np.ones(len(ids), bool)
    # Earlier resamples are drawn first and set aside: a resample is the same whether or not the others are made.
    for _ in range(resample if consecutive else 0):
        earlier = share_out(covered & free, cells, quotas, chance, order, matching["shortfall"] == "redistribute")
        free &= earlier.owner == FREE
    return share_out(covered & free, cells, quotas, chance, order, matching["shortfall"] == "redistribute")


def _check_pool(pool: pd.DataFrame, name: str) -> None:
    classes = sorted(pool["label"].unique())
    if len(classes) < 2:
        found = f"class {classes[0]} only" if classes else "no galaxies"
        raise InputError(
            f"footprints.{name}: the training pool (galaxies with a label and a delivered cutout) has {found},"
            " expected galaxies of two classes"
        )
    twice = pool.loc[pool["source_id"].duplicated(), "source_id"]
    if len(twice):
        raise InputError(f"footprints.{name}: the training pool has source_id '{twice.iloc[0]}' twice, expected once")


def _check_enough(
    inside: NDArray[np.bool_], labels: NDArray[np.int64], footprint: Mapping[str, Any], resample: int
) -> None:
    per_class, family = footprint["matching"]["per_class"], footprint["family"]
    sets = resample + 1 if footprint["matching"]["disjoint"] and family is None else 1
    for label in np.unique(labels):
        available = int(np.sum(inside[labels == label]))
        if available < sets * per_class:
            apart = f" ({sets} training sets of {per_class} without a common galaxy)" if sets > 1 else ""
            raise InputError(
                f"{_who(footprint, label, resample)}: {available} galaxies of the training pool are in the region,"
                f" {sets * per_class} were asked for{apart} (matchings, per_class)"
            )


def _check_share(
    share: Share,
    member: int,
    covered: NDArray[np.bool_],
    label: int,
    cells: Cells,
    footprint: Mapping[str, Any],
    resample: int,
) -> None:
    per_class, family = footprint["matching"]["per_class"], footprint["family"]
    got = int(np.sum(share.owner == member))
    if got == per_class:
        return
    who = _who(footprint, label, resample)
    if footprint["matching"]["shortfall"] == "redistribute":
        competing = covered[covered.any(axis=1)]
        shared = np.sum(competing.any(axis=0))
        raise InputError(
            f"{who}: {got} galaxies of the training pool are available, {per_class} were asked for"
            f" ({np.sum(covered[member])} are in the region, but other members of {family['name']} need them too:"
            f" {len(competing)} share {shared} galaxies and ask for {len(competing) * per_class}; a per_class of"
            f" {shared // len(competing)} or less may fit)"
        )
    short = np.flatnonzero(share.missing[member])
    worst = short[np.argmax(share.missing[member, short])]
    raise InputError(
        f"{who}: {got} galaxies are available in the cells asked for, {per_class} were asked for; {len(short)} cells"
        f" have too few, most of all {cells.describe(worst)} by {share.missing[member, worst]}"
        " (wider bins, a smaller per_class, or shortfall: redistribute)"
    )


def _who(footprint: Mapping[str, Any], label: int, resample: int) -> str:
    return f"footprints.{footprint['name']}, class {footprint['class_names'].get(label, label)}, resample {resample}"
