"""Remedies of a small experiment, from their footprints and networks to the answers and the page."""

import copy
import html
import json
from dataclasses import dataclass

import pandas as pd
import pytest

from tests.planned import planned
from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy

pytestmark = [pytest.mark.slow, pytest.mark.long]

SUMMARY, PAGE = "results/bias/first/summary.json", "results/report/first/verdict.html"
COMPARED = "results/remedies/first"
TESTS = ["fraction_contrast south - north", "common_dipole"]
# The networks of `whole` that are trained anew: aligned ones with sets of unlabelled galaxies, strata two for each run.
RETRAINED = ["mixed_sky", "matched_imaging", "homogenised", "degraded", "aligned", "strata"]


@dataclass(frozen=True)
class Remedied:
    """An experiment that has run with some remedies, and again with a last one."""

    workflow: WorkflowCopy
    runs: int
    remedies: list[str]
    # What the preview had to do by stage for all but the last, and the rules that ran for the last with their outputs.
    first: dict[str, int]
    added: set[tuple[str, str]]

    def read(self, path: str) -> dict:
        return json.loads((self.workflow.analysis / path).read_text())


# Training sets of a side, and remedies: all of them, with too few sets for an answer; those that train nothing, with
# enough of them for the common dipole.
WHOLE = (1, [*RETRAINED, "ensemble", "templates", "equivariant"])
UNTRAINED = (3, ["equivariant", "templates", "ensemble"])


@pytest.fixture(
    scope="module", params=[UNTRAINED, pytest.param(WHOLE, marks=pytest.mark.longest)], ids=["untrained", "whole"]
)
def remedied(request, repository, tmp_path_factory) -> Remedied:
    """Halves of a sky whose seeing differs between them: run to the page, and again with one remedy more."""
    sets, remedies = request.param
    workflow = WorkflowCopy(repository, tmp_path_factory.mktemp("remedied"))
    config = copy.deepcopy(CONFIG)
    config["catalogs"]["sky"] |= {"n_galaxies": 2400, "imaging": {"seeing": {"dipole": {"amplitude": 0.6, "dec": 50}}}}
    config["matchings"] = {"loose": {**config["matchings"]["loose"], "per_class": 60, "disjoint": True}}
    halves = {"south": [-90, 0], "north": [0, 90]}
    config["footprints"] = {name: {"region": {"dec_range": ends}, "matching": "loose"} for name, ends in halves.items()}
    config["networks"]["net"] |= {"epochs": 20, "batch_size": 16}
    first = config["experiments"]["first"]
    first["arms"] = {"halves": {"footprints": ["south", "north"], "networks": ["net"], "replicates": sets}}
    first |= {"opposite": [["south", "north"]], "allow_unanswerable": True, "remedies": remedies[:-1]}
    first["tests"] = {"permutations": 1000, "alpha": 0.05, "primary": ["fraction_contrast"]}
    workflow.write_config(config)
    (stages,) = planned(workflow)["groups"].values()
    workflow.snakemake(SUMMARY)
    first["remedies"] = remedies
    workflow.write_config(config)
    added = workflow.would_run()
    workflow.snakemake(SUMMARY, PAGE)
    return Remedied(workflow, 2 * sets, remedies, {stage: one["to_do"] for stage, one in stages.items()}, added)


def test_only_what_a_remedy_needs_is_trained(remedied):
    runs = remedied.runs
    trained = [one for one in remedied.remedies if one in RETRAINED]
    # A run, its training set; the footprints' maps and the check of the design. Strata train two networks for a run.
    networks = runs * (len(trained) + ("strata" in trained))
    own_sets = {"homogenised", "degraded"} & set(trained)
    sets = networks - runs * len(own_sets)
    assert remedied.first["training"] == 2 * runs + 3 + networks + sets
    orientations = runs * ("equivariant" in remedied.remedies[:-1])
    assert remedied.first["inference"] == runs + networks + orientations
    # A score of each, and what compares them.
    assert remedied.first["remedies"] == len(remedied.remedies[:-1]) + 1


def test_a_remedy_that_is_added_trains_nothing_and_repeats_no_score(remedied):
    last = remedied.remedies[-1]
    rules = {rule for rule, _ in remedied.added}
    assert {"score_remedy", "compare_remedies", "measure_bias", "draw_remedies", "write_verdict"} <= rules
    assert [output for rule, output in remedied.added if rule == "score_remedy"] == [f"{COMPARED}/{last}/score.json"]
    assert not {"train", "draw_training_set", "fetch_cutouts", "prepare_images"} & rules
    annotated = [output for rule, output in remedied.added if rule == "annotate"]
    assert len(annotated) == (remedied.runs if last == "equivariant" else 0)
    assert all("/net_orientations/" in output for output in annotated)


def test_a_finished_run_has_nothing_to_do(remedied):
    printed = remedied.workflow.snakemake("--dry-run", SUMMARY, PAGE)
    assert "Nothing to be done" in printed.stdout + printed.stderr


def test_every_remedy_has_its_score_and_they_are_ranked_by_price(remedied):
    compared = remedied.read(f"{COMPARED}/comparison.json")
    prices = [one["core_s"] for one in compared["remedies"]]
    assert prices == sorted(prices)
    assert {one["remedy"] for one in compared["remedies"]} == set(remedied.remedies)
    for one in compared["remedies"]:
        score = remedied.read(f"{COMPARED}/{one['remedy']}/score.json")
        assert [effect["test"] for effect in score["effects"]] == TESTS
        for effect in score["effects"]:
            known = effect["untreated"]["value"] is not None and effect["remaining"]["value"] is not None
            assert known or remedied.runs == 2
        assert score["signal"]["treated"]["value"] > 0
    table = pd.read_csv(remedied.workflow.analysis / COMPARED / "remedies.csv")
    assert list(table["remedy"].unique()) == [one["remedy"] for one in compared["remedies"]]
    assert len(table) == 2 * len(remedied.remedies)


def test_the_answers_and_the_figure_are_on_the_page(remedied):
    summary = remedied.read(SUMMARY)
    answers = {one["test"]: one for one in summary["answers"]}
    cheapest = answers["cheapest_remedy"]
    others = [one for one in summary["answers"] if one["test"].startswith("remedy_")]
    # Without an effect there is nothing to remedy.
    effect = "yes" in (answers[test]["answer"] for test in TESTS)
    assert effect or remedied.runs == 2
    assert {one["test"] for one in others} == ({f"remedy_{name}" for name in remedied.remedies} if effect else set())
    assert summary["answers"][-len(others) - 1 :] == [cheapest, *others]
    page = (remedied.workflow.analysis / PAGE).read_text()
    assert not effect or f'alt="{cheapest["statement"].rstrip(".")}.' in html.unescape(page)
    why = page.partition('<section id="why">')[2].partition("</section>")[0]
    for one in (cheapest, *others):
        assert one["question"] in why
