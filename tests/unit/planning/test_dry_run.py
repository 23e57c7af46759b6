"""What is wrong with the command line of the preview, in one sentence each."""

import pytest

from workflow_scripts.errors import InputError
from workflow_scripts.planning.dry_run import dry_run


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
    assert run.settings.catalog("simulated_sky")["sample"] == 100
    assert {job.why for job in run.jobs} == {("new",)}
    by_number = {job.number: job for job in run.jobs}
    train = next(job for job in run.jobs if job.rule == "train")
    assert train.stage == "training"
    assert {by_number[number].rule for number in train.needs} == {"draw_training_set", "index_images"}
    assert run.target_rules == 1
    assert not any(job.rule == "all" for job in run.jobs)
