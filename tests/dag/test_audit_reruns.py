"""What an audit has to do with the rest: its options concern it alone, and it concerns no experiment."""

import copy
import os
import shutil

import numpy as np
import pandas as pd
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long]

AUDIT = {"path": "finished.csv", "label": ["kind"], "positive": "s", "permutations": 99}
FILES = {
    *("summary.json", "audit.html", "fractions.csv", "sky_maps.npz", "figures"),
}


@pytest.fixture(scope="module")
def run_with_audit(finished_run):
    """The finished experiment, and beside it a finished audit of a table of the user's; with their configuration."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({"ra": random.uniform(0, 360, 200), "dec": np.degrees(np.arcsin(random.uniform(-1, 1, 200)))})
    table["kind"] = np.where(random.random(200) < 0.5, "s", "e")
    table.to_csv(finished_run.analysis / "finished.csv", index=False)
    before = finished_run.read_config()
    config = before | {"active_audits": ["mine"], "audits": {"mine": dict(AUDIT)}}
    finished_run.write_config(config)
    finished_run.snakemake("results/audit/mine/summary.json")
    assert finished_run.would_run() == set()
    yield finished_run, config
    shutil.rmtree(finished_run.analysis / "results" / "audit")
    finished_run.write_config(before)


@pytest.fixture
def audited(run_with_audit, workflow):
    """The same; what a test edits in checkout, table and configuration is put back afterwards."""
    _, config = run_with_audit
    workflow.write_config(copy.deepcopy(config))
    table = workflow.analysis / "finished.csv"
    content = table.read_bytes()
    yield workflow
    table.write_bytes(content)


def remade(workflow):
    """Rules that would run, and the files of the audit that they would make again."""
    outputs = workflow.would_run()
    names = {output.removeprefix("results/audit/mine/") for rule, output in outputs if rule == "audit"}
    return {rule for rule, _ in outputs}, names


def change(workflow, **options):
    config = workflow.read_config()
    config["audits"]["mine"].update(options)
    workflow.write_config(config)


def test_only_the_audit_depends_on_its_options_and_its_table(audited):
    # A touched table: its content counts.
    os.utime(audited.analysis / "finished.csv")
    assert audited.would_run() == set()
    # Options in another order.
    config = audited.read_config()
    config["audits"]["mine"] = dict(reversed(config["audits"]["mine"].items()))
    audited.write_config(config)
    assert audited.would_run() == set()
    change(audited, permutations=199)
    assert remade(audited) == ({"audit"}, FILES)
    change(audited, permutations=99)
    assert audited.would_run() == set()
    change(audited, positive="e")
    assert remade(audited) == ({"audit"}, FILES)
    change(audited, positive="s")
    table = audited.analysis / "finished.csv"
    table.write_text(table.read_text().replace(",s\n", ",e\n", 1))
    assert remade(audited) == ({"audit"}, FILES)


def test_a_correction_of_an_audit_repeats_the_audit(audited):
    change(audited, correction=True)
    assert remade(audited) == ({"correct_audit", "audit"}, FILES)


def test_an_experiment_and_an_audit_do_not_concern_each_other(audited):
    config = audited.read_config()
    config["experiments"]["first"]["tests"]["permutations"] = 200
    audited.write_config(config)
    rules, names = remade(audited)
    assert "audit" not in rules
    assert "measure_bias" in rules
    assert names == set()
    config["experiments"]["first"]["tests"]["permutations"] = 100
    audited.write_config(config)
    module = audited.root / "workflow_scripts" / "audits" / "audit_answers.py"
    module.write_text(module.read_text() + "\nANSWER = 42\n")
    assert remade(audited) == ({"audit"}, FILES)


def test_an_audit_runs_without_any_experiment(audited):
    config = audited.read_config()
    audited.write_config(
        config | {"active_experiments": [], "audits": {"other": dict(AUDIT)}, "active_audits": ["other"]}
    )
    assert {rule for rule, _ in audited.would_run()} == {"audit"}
