"""Whether the training pool has the galaxies that an experiment's training sets need, before any of them is drawn."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from workflow_scripts.answers.designs import region_in_design
from workflow_scripts.runs import runs_of_experiment
from workflow_scripts.sky.footprints import contains, region_moc
from workflow_scripts.tables import read_table, recorded_config
from workflow_scripts.training_sets.imaging_strata import divided_by_strata
from workflow_scripts.training_sets.matching_cells import Cells, cell_quotas, matching_cells
from workflow_scripts.training_sets.split import training_pool

# Fewer galaxies than this share in other cells than they should be in are no more than rounding.
NOTED_SHARE = 0.05


@dataclass(frozen=True)
class Availability:
    """Galaxies of one class for the training sets of a footprint, or of a family whose members share them out.

    `members` footprints draw `sets` training sets each, of `per_class` galaxies that no two of them have in common;
    `available` galaxies of the training pool lie in their regions (of a family: in any of them). `largest_per_class` is
    the largest size that fits. Of the `cells` in which galaxies are matched, `cells_short` have fewer galaxies than the
    footprint's sets need (of a family: than a member needs), `worst_cell` the fewest, by `worst_missing`; together they
    lack `missing`, which other cells give where the matching redistributes.
    """

    name: str
    class_name: str
    members: int
    sets: int
    per_class: int
    available: int
    largest_per_class: int
    cells: int
    cells_short: int
    worst_cell: str
    worst_missing: int
    missing: int

    @property
    def fits(self) -> bool:
        """Whether all training sets can be drawn."""
        return self.largest_per_class >= self.per_class

    @property
    def note(self) -> str:
        """What share of the galaxies has to come from other cells than it should, where it is not small; or nothing."""
        share = self.missing / (self.sets * self.per_class)
        if share < NOTED_SHARE or not self.fits:
            return ""
        return (
            f"footprints.{self.name}, class {self.class_name}: {share:.0%} of the galaxies come from other cells than"
            f" they should: {self.cells_short} of {self.cells} cells have too few, most of all {self.worst_cell}"
        )

    @property
    def sentence(self) -> str:
        """How many galaxies there are, how many are needed, and what would fit."""
        number = self.members * self.sets
        region, need = "region", "a training set needs"
        if number > 1:
            need = f"{number} training sets without a common galaxy need {number} x"
        if self.members > 1:
            region = f"regions of its {self.members} members"
        fits = f"a per_class of {self.largest_per_class} fits" if self.largest_per_class else "no per_class fits"
        enough = self.available >= number * self.per_class
        short = f", and {self.cells_short} of {self.cells} cells have too few, most of all {self.worst_cell}"
        return (
            f"footprints.{self.name}, class {self.class_name}: {self.available} galaxies of the training pool are in"
            f" the {region}, {need} {self.per_class}{short if enough and self.cells_short else ''} (matchings: {fits})"
        )


def galaxies_of_design(
    design: Mapping[str, Any], galaxies: Mapping[str, Sequence[str]], ledger_path: str | Path
) -> list[Availability]:
    """A row for each footprint or family of a design and each class.

    `design` is `Configuration.design_parameter` of an experiment, `galaxies` names the footprints that are drawn from
    each file of galaxies. Raises `InputError` as `availability` does, and for damaged files.
    """
    ledger = read_table(ledger_path, ["source_id", "outcome"])
    # Numbers of resamples are those of draws one after the other: the largest counts.
    sets: dict[str, int] = {}
    for run in runs_of_experiment(design):
        sets[run.footprint] = max(sets.get(run.footprint, 0), run.resample + 1)
    sets |= {name: sets[entry["own"]] for name, entry in design.get("drawn", {}).items()}
    rows = []
    for path, names in galaxies.items():
        table = read_table(path)
        classes = recorded_config(path).get("classes") or design["classes"]
        rows += availability(training_pool(table, ledger), [_drawn_from(design, name) for name in names], sets, classes)
    return rows


def _drawn_from(design: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A footprint as `draw_training_set` takes it."""
    if further := design.get("drawn", {}).get(name):
        design = {**design, "footprints": {name: further}}
    entry = design["footprints"][name]
    family = entry["family"] and {**entry["family"], "regions": design["families"][entry["family"]["name"]]}
    region = region_in_design(design, name)
    kept = {key: entry[key] for key in ("stratum", "turns") if key in entry}
    return {"name": name, "region": region, "matching": entry["matching"], "family": family, **kept}


def availability(
    pool: pd.DataFrame, footprints: Sequence[Mapping[str, Any]], sets: Mapping[str, int], class_names: Sequence[str]
) -> list[Availability]:
    """Count what `draw_training_set` will need, for all footprints of an experiment at once.

    Members of a family that share out the pool (`disjoint`) are counted together: no two have a galaxy in common, which
    a maximum flow from galaxies to members decides (Ford & Fulkerson 1956, Can. J. Math. 8, 399).

    Parameters
    ----------
    pool
        galaxies of the training pool: `source_id, ra, dec, label` and the covariates that are matched.
    footprints
        as for `draw_training_set`.
    sets
        training sets that a footprint draws one after the other, by its name: the largest number of a resample plus 1.
        Footprints with `turns` draw those of the others, too.
    class_names
        what the labels 0, 1, ... are called.

    Returns
    -------
    list of Availability
        a row for each footprint or family and class, in the order of the footprints.

    Raises
    ------
    InputError
        for an empty region, or a covariate that the pool has not.
    """
    labels = pool["label"].to_numpy(np.int64)
    ra, dec = pool["ra"].to_numpy(float), pool["dec"].to_numpy(float)
    found: dict[str, list[Availability]] = {}
    # Remedies draw from the same regions.
    inside_of: dict[str, NDArray[np.bool_]] = {}
    for footprint in footprints:
        matching, family = footprint["matching"], footprint["family"]
        # The strata of a family are counted one by one: each gets a part of what its footprint can have.
        shared = bool(matching["disjoint"] and family and "stratum" not in footprint)
        name = family["name"] if shared else footprint["name"]
        if name in found:
            continue
        regions = family["regions"] if shared else [footprint["region"]]
        texts = [json.dumps(region, sort_keys=True) for region in regions]
        for text, region in zip(texts, regions, strict=True):
            if text not in inside_of:
                inside_of[text] = contains(region_moc(region, name=name), ra, dec)
        covered: NDArray[np.bool_] = np.stack([inside_of[text] for text in texts])
        cells = matching_cells(pool, matching["bins"], name)
        # A family shares the pool out anew for each resample; other footprints draw one set after the other.
        consecutive = sets[footprint["name"]] if matching["disjoint"] and not family else 1
        if turns := footprint.get("turns"):
            consecutive *= turns["of"]
        if stratum := footprint.get("stratum"):
            covered, (size,) = divided_by_strata(pool, covered, [stratum["number"]], footprint)
            # A set of no galaxies fits, but is of no use.
            matching = {**matching, "per_class": max(1, int(size))}
        found[name] = [
            _of_class(name, class_name, covered[:, chosen], _of_galaxies(cells, chosen), matching, consecutive)
            for label, class_name in enumerate(class_names)
            for chosen in [labels == label]
        ]
    return [one for rows in found.values() for one in rows]


def _of_galaxies(cells: Cells, chosen: NDArray[np.bool_]) -> Cells:
    return cells._replace(number=cells.number[chosen])


def _of_class(
    name: str, class_name: str, covered: NDArray[np.bool_], cells: Cells, matching: Mapping[str, Any], sets: int
) -> Availability:
    """The row of one class; `covered` (members, n) of its galaxies."""
    per_class, size = matching["per_class"], len(cells.bins)
    whole = np.bincount(cells.number, minlength=size)
    inside = np.stack([np.bincount(cells.number[member], minlength=size) for member in covered])
    fewest = inside.min(axis=0)
    needed = sets * cell_quotas(whole, per_class) if whole.any() else np.zeros(size, np.int64)
    missing = np.maximum(needed - fewest, 0)
    most = int(covered.sum(axis=1).min()) // sets
    if not most:
        largest = 0
    elif matching["shortfall"] == "redistribute":
        largest = _most_for_each(covered) // sets
    else:
        of_cell = np.array([_most_for_each(covered[:, cells.number == cell]) // sets for cell in range(size)])
        # Rounding of quotas may give a cell one place less in a larger set, so that this is the largest but for that.
        largest = _largest(lambda size: bool((cell_quotas(whole, size) <= of_cell).all()), most)
        if largest < per_class <= most and (cell_quotas(whole, per_class) <= of_cell).all():
            largest = per_class
    return Availability(
        name=name,
        class_name=class_name,
        members=len(covered),
        sets=sets,
        per_class=per_class,
        available=int(covered.any(axis=0).sum()),
        largest_per_class=largest,
        cells=int((needed > 0).sum()),
        cells_short=int((missing > 0).sum()),
        worst_cell=cells.describe(int(np.argmax(missing))) if missing.any() else "",
        worst_missing=int(missing.max(initial=0)),
        missing=int(missing.sum()),
    )


def _most_for_each(covered: NDArray[np.bool_]) -> int:
    """The most galaxies that every member can have, no galaxy for two of them; `covered` (members, n)."""
    if len(covered) == 1:
        return int(covered.sum())
    # Galaxies in the same regions are alike.
    patterns, counts = np.unique(covered[:, covered.any(axis=0)], axis=1, return_counts=True)
    members, kinds = patterns.shape
    # Nodes: the source, the patterns, the members, the sink.
    pattern, member = 1 + np.arange(kinds), 1 + kinds + np.arange(members)
    receiver, giver = np.nonzero(patterns)
    start = np.concatenate([np.zeros(kinds, np.int64), pattern[giver], member])
    end = np.concatenate([pattern, member[receiver], np.full(members, 1 + kinds + members)])
    nodes = 2 + kinds + members

    def fits(size: int) -> bool:
        capacity = np.concatenate([counts, counts[giver], np.full(members, size)]).astype(np.int32)
        graph = csr_array((capacity, (start, end)), shape=(nodes, nodes))
        return bool(maximum_flow(graph, 0, nodes - 1).flow_value == members * size)

    return _largest(fits, int(min(covered.sum(axis=1).min(), counts.sum() // members)))


def _largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest number from 0 to `most` that fits, where all smaller ones do."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
