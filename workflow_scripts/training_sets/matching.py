"""Training sets matched to one reference, so that the footprint is the only difference between them.

Coarsened exact matching (Iacus, King & Porro 2012, Political Analysis 20, 1): every training set gets as many galaxies
of each cell of class and binned covariates as follow from the whole pool, whatever other footprints there are.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.sky.footprints import contains, region_moc
from workflow_scripts.training_sets.imaging_strata import divided_by_strata
from workflow_scripts.training_sets.matching_cells import Cells, cell_quotas, matching_cells
from workflow_scripts.training_sets.sharing import FREE, share_out
from workflow_scripts.training_sets.sky_cells import SkyCells, divided_by_sky, spread_quotas
from workflow_scripts.training_sets.split import hash_fractions


def draw_training_set(
    pool: pd.DataFrame, footprint: Mapping[str, Any], resample: int, class_names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Draw the training set of a footprint from the training pool.

    With `disjoint`, the members of a family have no galaxy in common: each resample shares the pool out anew, by a hash
    of the galaxies' ids. A footprint that is not in a family then has no galaxy in common with its other resamples,
    which take one after the other from one shuffled list; footprints with `turns` take from one list in turn, so that
    they have none in common either. Without `disjoint` every draw is independent.

    Parameters
    ----------
    pool
        labelled galaxies of the training pool that have an image, in any order: `source_id, ra, dec` (ICRS degrees),
        `label` and covariates.
    footprint
        `name`, `region`, `matching` (`per_class`, `bins`, `shortfall`, `disjoint`), `family` or None, and perhaps
        `turns`: the `name` of the list, and which `member` this is, from 0, of how many (`of`). With `stratified`, the
        nside of cells of the sky, as many galaxies of a class come from each cell as from any other. With `stratum`
        (`number`, and `columns` of the imaging; `strata` of the family has the number of each member), they are those
        of the region in one stratum of the imaging, and fewer (`divided_by_strata`).
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
        where a class or, with `shortfall: error`, a cell has too few galaxies: how many there are, how many are
        required; for a pool with fewer than two classes or with an id twice; and for covariates that it does not have.
    """
    name, matching = footprint["name"], footprint["matching"]
    redistribute = matching["shortfall"] == "redistribute"
    family = footprint["family"] if matching["disjoint"] else None
    pool = pool.sort_values("source_id", ignore_index=True)
    _check_pool(pool, name, class_names or [])
    cells = matching_cells(pool, matching["bins"], name)
    ra, dec = pool["ra"].to_numpy(float), pool["dec"].to_numpy(float)
    spread = divided_by_sky(cells, ra, dec, nside) if (nside := footprint.get("stratified")) else None
    used = spread.cells if spread else cells
    labels = pool["label"].to_numpy(np.int64)
    classes = np.unique(labels)
    names = dict(enumerate(class_names or []))
    who = {label: f"footprints.{name}, class {names.get(label, label)}, resample {resample}" for label in classes}
    regions, member = (family["regions"], family["member"]) if family else ([footprint["region"]], 0)
    # The members of a family may have one region: each is covered once.
    texts = [json.dumps(region, sort_keys=True) for region in regions]
    inside_of = {text: contains(region_moc(json.loads(text), name=name), ra, dec) for text in dict.fromkeys(texts)}
    covered: NDArray[np.bool_] = np.stack([inside_of[text] for text in texts])
    sizes: NDArray[np.int64] = np.full(len(covered), matching["per_class"])
    if stratum := footprint.get("stratum"):
        numbers = family["strata"] if family else [stratum["number"]]
        covered, sizes = divided_by_strata(pool, covered, numbers, footprint)
    per_class = int(sizes[member])
    if not per_class:
        raise InputError(f"footprints.{name}: no galaxies of some class are in the stratum, expected at least one")
    available = np.array([[np.sum(inside & (labels == label)) for label in classes] for inside in covered])
    # Without a common galaxy, for which earlier resamples are drawn first and set aside.
    consecutive = matching["disjoint"] and family is None
    turns = footprint.get("turns") or {"name": name, "member": 0, "of": 1}
    sets = resample * turns["of"] + turns["member"] + 1 if consecutive else 1
    for label, number in zip(classes, available[member], strict=True):
        if number < sets * per_class:
            apart = f" ({sets} training sets of {per_class} without a common galaxy)" if sets > 1 else ""
            raise InputError(
                f"{who[label]}: {number} galaxies of the training pool are in the region,"
                f" {sets * per_class} are required{apart} (matchings, per_class)"
            )
    # A member that can never be filled raises its own error; it must not take galaxies from those that can.
    covered &= np.all(available >= sizes[:, None], axis=1, keepdims=True)

    shuffle = f"{turns['name']} draw" if consecutive else f"{family['name'] if family else name} draw {resample}"
    chosen = []
    for label in classes:
        of_class = np.flatnonzero(labels == label)
        inside = covered[:, of_class]
        whole = np.bincount(cells.number[of_class], minlength=len(cells.bins))
        quotas = np.stack([cell_quotas(whole, size) for size in sizes.tolist()])
        cells_of_class = used._replace(number=used.number[of_class])
        ids = pool["source_id"].iloc[of_class].tolist()
        order, chance = np.argsort(hash_fractions(ids, shuffle), kind="stable"), hash_fractions(ids, f"{shuffle} claim")
        free = np.ones(len(ids), bool)
        for _ in range(sets):
            places = _over_the_sky(quotas, spread, inside & free, cells_of_class, shuffle) if spread else quotas
            share = share_out(inside & free, cells_of_class, places, chance, order, redistribute)
            free &= share.owner == FREE
        got = int(np.sum(share.owner == member))
        if got != per_class and family and redistribute:
            raise InputError(f"{who[label]}: {_too_few_for_the_family(inside, member, got, per_class, family['name'])}")
        if got != per_class:
            raise InputError(f"{who[label]}: {_too_few_in_cells(share.missing[member], used, got, per_class)}")
        chosen.append(of_class[share.owner == member])
    columns = dict.fromkeys(["source_id", "ra", "dec", "label", *cells.covariates])
    drawn = pool.iloc[np.sort(np.concatenate(chosen))][list(columns)]
    return drawn.reset_index(drop=True).astype({"label": np.int8})


def _over_the_sky(
    quotas: NDArray[np.int64], spread: SkyCells, free: NDArray[np.bool_], cells: Cells, shuffle: str
) -> NDArray[np.int64]:
    """Quotas (members, cells of the sky) of members that have `free` (members, n) galaxies, and share them alike."""
    names = [f"{base} {sky}" for base, sky in zip(spread.base.tolist(), spread.sky.tolist(), strict=True)]
    found = []
    for number, (wanted, inside) in enumerate(zip(quotas, free, strict=True)):
        share = np.bincount(cells.number[inside], minlength=len(names)) / len(quotas)
        # Parts of a galaxy are rounded at random, so that members together count on what there is.
        rounded = np.floor(share + hash_fractions(names, f"{shuffle} share {number}")).astype(np.int64)
        found.append(spread_quotas(wanted, spread, rounded, hash_fractions(names, f"{shuffle} place {number}")))
    return np.stack(found)


def _check_pool(pool: pd.DataFrame, name: str, class_names: Sequence[str]) -> None:
    classes = sorted(pool["label"].unique())
    if lacking := [one for number, one in enumerate(class_names) if len(classes) > 1 and number not in classes]:
        raise InputError(
            f"footprints.{name}: the training pool (galaxies with a label and a delivered cutout) has no galaxy of"
            f" class {lacking[0]}, expected some of each of {len(class_names)} classes"
        )
    if len(classes) < 2:
        found = f"class {classes[0]} only" if classes else "no galaxies"
        raise InputError(
            f"footprints.{name}: the training pool (galaxies with a label and a delivered cutout) has {found},"
            " expected galaxies of two classes"
        )
    twice = pool.loc[pool["source_id"].duplicated(), "source_id"]
    if len(twice):
        raise InputError(f"footprints.{name}: the training pool has source_id '{twice.iloc[0]}' twice, expected once")


def _too_few_for_the_family(inside: NDArray[np.bool_], member: int, got: int, per_class: int, family: str) -> str:
    competing = inside[inside.any(axis=1)]
    shared = np.sum(competing.any(axis=0))
    return (
        f"{got} galaxies of the training pool are available, {per_class} are required"
        f" ({np.sum(inside[member])} are in the region, but other members of {family} need them too:"
        f" {len(competing)} share {shared} galaxies and need {len(competing) * per_class}; a per_class of"
        f" {shared // len(competing)} or less may fit)"
    )


def _too_few_in_cells(missing: NDArray[np.int64], cells: Cells, got: int, per_class: int) -> str:
    short = np.flatnonzero(missing)
    worst = short[np.argmax(missing[short])]
    return (
        f"{got} galaxies are available in the required cells, {per_class} are required; {len(short)} cells"
        f" have too few, most of all {cells.describe(worst)} by {missing[worst]}"
        " (wider bins, a smaller per_class, or shortfall: redistribute)"
    )
