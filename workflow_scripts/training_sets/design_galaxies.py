"""The galaxies that the training sets of a whole design need, and those that there are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.answers.designs import region_in_design
from workflow_scripts.runs import runs_of_experiment
from workflow_scripts.tables import read_table, recorded_config
from workflow_scripts.training_sets.availability import Availability, availability
from workflow_scripts.training_sets.split import training_pool


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
