"""What is known of the designs whose networks are to be trained, for the preview."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from workflow_scripts.answers.design_report import design_report
from workflow_scripts.planning.dry_run import DryRun
from workflow_scripts.training_sets.design_galaxies import galaxies_of_design

# Until these are done, the galaxies are those of an earlier catalog, or of none.
_BEFORE_GALAXIES_COUNT = ("catalog", "cutouts")


def planned_designs(run: DryRun, groups: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The report of every active experiment of which something is to be trained, by its name.

    `groups` are those of `estimated_plan`. A report is a `DesignReport` as a dict, with `effect`, the change of the
    fraction that the power is for, and `galaxies`: sentences on training sets that cannot be filled, None before the
    catalog and the cutouts are there.
    """
    found = {}
    for design in run.designs:
        stages = groups.get(f"experiment {design['name']}", {})
        if not stages.get("training", {}).get("to_do"):
            continue
        lacking = None
        if not any(stages.get(stage, {}).get("to_do") for stage in _BEFORE_GALAXIES_COUNT):
            galaxies, ledger = run.galaxies[design["name"]]
            paths = {str(run.directory / path): names for path, names in galaxies.items()}
            rows = galaxies_of_design(design, paths, run.directory / ledger)
            lacking = [row.sentence for row in rows if not row.fits]
        report = asdict(design_report(design))
        found[design["name"]] = {**report, "effect": design["tests"]["effect"], "galaxies": lacking}
    return found
