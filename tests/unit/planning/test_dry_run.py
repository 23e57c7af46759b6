"""What is wrong with the command line of the preview, in one sentence each."""

import os
from unittest import mock

import pytest
import yaml

from tests.small_experiment import CONFIG
from workflow_scripts.errors import InputError
from workflow_scripts.planning.cluster_requests import Work, shipped_cost
from workflow_scripts.planning.dry_run import dry_run


@pytest.fixture(autouse=True)
def the_environment_stays_as_it_was():
    """Snakemake reads the rules in this process, and they set the environment of the steps."""
    with mock.patch.dict(os.environ):
        yield


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--configfile", "none.yaml"], "^none.yaml: does not exist, expected a configuration file$"),
        (["--configfile", "broken.yaml"], "^broken.yaml: Config file is not valid JSON or YAML"),
        (["--config", "sample"], "^--config: Invalid config definition"),
        (["--config", "sampel=3"], "unknown key 'sampel'; did you mean 'sample'"),
        (["--cores", "many"], "^snakemake: Error parsing number of cores"),
        (["--no-such-option"], "^snakemake: unrecognized arguments: --no-such-option$"),
        (["--profile", "nowhere"], "^snakemake: profile directory given"),
        (["no_such_target"], "^No rule to produce no_such_target"),
    ],
)
def test_mistakes(tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.yaml").write_text("active_experiments: [x")
    with pytest.raises(InputError, match=sentence) as refused:
        dry_run(arguments)
    assert "\n" not in str(refused.value)


def test_a_dry_run_lists_jobs_and_what_they_need(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = dry_run(["--cores", "3", "--directory", "analysis", "--config", "sample=100"])
    assert (run.cores, run.slots, run.limits["gpu"]) == (3, None, 1)
    assert run.directory == (tmp_path / "analysis").resolve()
    assert {job.work.size for job in run.jobs if job.rule == "make_catalog"} == {100}
    assert {job.why for job in run.jobs} == {("new",)}
    by_number = {job.number: job for job in run.jobs}
    train = next(job for job in run.jobs if job.rule == "train")
    assert train.stage == "training"
    assert {by_number[number].rule for number in train.needs} == {
        "confirm_designs",
        "draw_training_set",
        "index_images",
        "list_galaxies",
    }
    assert run.target_rules == 1
    assert not any(job.rule == "all" for job in run.jobs)


def test_every_rule_states_its_work_and_has_a_shipped_cost(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(CONFIG))
    run = dry_run(["--configfile", "small.yaml"])
    works = {job.rule: job.work for job in run.jobs}
    expected = {
        "simulate_sky": Work("simulate_sky", 240),
        "make_catalog": Work("make_catalog", 240),
        "list_positions": Work("list_positions", 240),
        "fetch_cutouts": Work("fetch_cutouts simulated", 80, written=80 * 32 * 32),
        "collect_ledger": Work("collect_ledger", 240),
        "prepare_images": Work("prepare_images", 80, written=80 * 32 * 32 * 3),
        "index_images": Work("index_images", 240),
        "map_footprint": Work("map_footprint"),
        "check_design": Work("check_design", 240),
        "confirm_designs": Work("confirm_designs"),
        "draw_training_set": Work("draw_training_set", 240),
        "train": Work("train lenet5", 16 * 1 * 32 * 32 * 3),
        "annotate": Work("annotate lenet5", 96 * 32 * 32 * 3),
        "measure_bias": Work("measure_bias", 3 * 96),
        "write_verdict": Work("write_verdict"),
        "draw_runs": Work("draw_runs", 3),
        "draw_sky_maps": Work("draw_sky_maps", 240),
        "draw_galaxies": Work("draw_galaxies", 3 * 96),
        "draw_footprints": Work("draw_footprints", 3),
    }
    assert {rule: works[rule] for rule in expected} == expected
    assert [rule for rule in run.outputs if shipped_cost(rule) is shipped_cost("other") and run.outputs[rule]] == []
    assert run.outputs["fetch_cutouts"] == ["results/cutouts/{survey}/tile{tile}.parquet"]
