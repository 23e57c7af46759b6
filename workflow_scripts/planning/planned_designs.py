"""What is known of the designs whose networks are to be trained, for the preview."""

import contextlib
from collections.abc import Mapping
from dataclasses import asdict
from math import sqrt
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.answers.design_report import TESTED, Pilot, design_report
from workflow_scripts.answers.designs import planned_tests
from workflow_scripts.bias.pilot_scatter import scatter_of_footprints, scatter_of_training_sets
from workflow_scripts.bias.quantities import DIPOLE
from workflow_scripts.errors import InputError
from workflow_scripts.planning.dry_run import DryRun
from workflow_scripts.statistics.runs.decision_power import ONE_NUMBER
from workflow_scripts.training_sets.availability import galaxies_of_design

# Until these are done, the galaxies are those of an earlier catalog, or of none.
_BEFORE_GALAXIES_COUNT = ("catalog", "cutouts")


def planned_designs(run: DryRun, groups: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The report of every active experiment of which something is to be trained, by its name.

    `groups` are those of `estimated_plan`. A report is a `DesignReport` as a dict, with `galaxies`: sentences on
    training sets that cannot be filled, None before the catalog and the cutouts are there.
    """
    found = {}
    for design in run.designs:
        stages = groups.get(f"experiment {design['name']}", {})
        if not stages.get("training", {}).get("to_do"):
            continue
        # Paths in the configuration are relative to where the results are.
        with contextlib.chdir(run.directory):
            lacking = None
            if not any(stages.get(stage, {}).get("to_do") for stage in _BEFORE_GALAXIES_COUNT):
                rows = galaxies_of_design(design, *run.galaxies[design["name"]])
                lacking = [row.sentence for row in rows if not row.fits]
            report = design_report(design, pilots_of_design(design, Path("results/bias") / design["name"]))
        found[design["name"]] = {**asdict(report), "galaxies": lacking}
    return found


def pilots_of_design(design: Mapping[str, Any], folder: Path) -> dict[tuple[str, str], Pilot]:
    """The scatter of an experiment's earlier runs, by the name of each primary test and its network.

    It is taken from `runs.csv` in the `folder` of its results, for tests whose footprints all have runs there, and
    scaled to the planned numbers of galaxies and training sets. Raises `InputError` for damaged files.
    """
    path, pilots = folder / "runs.csv", {}
    if not path.exists():
        return {}
    with _reading(path):
        runs = pd.read_csv(path)
        per_class = pd.read_csv(folder / "balance.csv").groupby("footprint")["n"].min()
        for test in planned_tests(design):
            own = runs[runs["network"] == test.network]
            if test.name not in TESTED or not set(test.footprints) <= set(own["footprint"]) & set(per_class.index):
                continue
            columns = ["fraction"] if TESTED[test.name][0] == ONE_NUMBER else DIPOLE
            scatter = scatter_of_footprints if test.rotating else scatter_of_training_sets
            found = scatter(own, test.footprints, columns)
            if found.known:
                planned = min(design["footprints"][name]["matching"]["per_class"] for name in test.footprints)
                larger = sqrt(planned / float(per_class[list(test.footprints)].min()))
                sd = found.of_units(min(test.sets) if test.rotating else 1) / larger
                pilots[test.name, test.network] = Pilot(sd, path.as_posix())
    return pilots


@contextlib.contextmanager
def _reading(path: Path) -> Any:
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: cannot be read together with balance.csv beside it ({error}); what Snakemake made, it makes"
            " again when you delete it"
        ) from None
