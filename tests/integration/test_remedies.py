"""Remedies of a small experiment, from their footprints and networks to the answers and the page."""

import copy
import json
from dataclasses import dataclass

import pandas as pd
import pytest

from tests.planned import planned
from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy
from workflow_scripts.pages.figure_findings import figure_findings

pytestmark = [pytest.mark.slow, pytest.mark.long]

SUMMARY, PAGE = "results/bias/first/summary.json", "results/report/first/verdict.html"
COMPARED = "results/remedies/first"
# The networks of `whole` that are trained anew: aligned ones with sets of unlabelled galaxies, strata two for each run.
RETRAINED = ["mixed_sky", "matched_imaging", "homogenised", "degraded", "aligned", "strata"]


@dataclass(frozen=True)
class Remedied:
    """An experiment that has run with some remedies, and again with a last one."""

    workflow: WorkflowCopy
    remedies: list[str]
    # What the preview had to do by stage for all but the last, and the rules that ran for the last with their outputs.
    first: dict[str, int]
    added: set[tuple[str, str]]

    def read(self, path: str) -> dict:
        return json.loads((self.workflow.analysis / path).read_text())


# All of them, with the fewest training sets that have a scatter; and those that train nothing, with enough for answers.
WHOLE = (2, [*RETRAINED, "ensemble", "templates", "equivariant"])
UNTRAINED = (4, ["equivariant", "templates", "ensemble"])


@pytest.fixture(scope="module", params=[UNTRAINED, WHOLE], ids=["untrained", "whole"])
def remedied(request, repository, tmp_path_factory) -> Remedied:
    """Halves of a sky whose seeing differs between them: run to the page, and again with one remedy more."""
    sets, remedies = request.param
    workflow = WorkflowCopy(repository, tmp_path_factory.mktemp("remedied"))
    config = copy.deepcopy(CONFIG)
    config["catalogs"]["sky"] |= {"n_galaxies": 2400, "imaging": {"seeing": {"dipole": {"amplitude": 0.6, "dec": 90}}}}
    config["matchings"] = {"loose": {**config["matchings"]["loose"], "per_class": 60, "disjoint": True}}
    halves = {"south": [-90, 0], "north": [0, 90]}
    config["footprints"] = {
        name: {"region": {"dec_range": ends}, "matching": "loose"} for name, ends in halves.items()
    }
    config["networks"]["net"] |= {"epochs": 20, "batch_size": 16}
    first = config["experiments"]["first"]
    first["arms"] = {"halves": {"footprints": ["south", "north"], "networks": ["net"], "replicates": sets}}
    first |= {"opposite": [["south", "north"]], "allow_unanswerable": sets < 4, "remedies": remedies[:-1]}
    first["tests"] = {"permutations": 1000, "alpha": 0.05, "primary": ["fraction_contrast"]}
    workflow.write_config(config)
    (stages,) = planned(workflow)["groups"].values()
    workflow.snakemake(SUMMARY, PAGE)
    first["remedies"] = remedies
    workflow.write_config(config)
    added = workflow.would_run()
    workflow.snakemake(SUMMARY, PAGE)
    return Remedied(workflow, remedies, {stage: one["to_do"] for stage, one in stages.items()}, added)
