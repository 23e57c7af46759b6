"""Which sentences of failed jobs are printed, and when the run ends."""

import logging
import threading

import pytest
from snakemake.logging import LogEvent

from workflow_scripts import step
from workflow_scripts.errors import InputError, JobError
from workflow_scripts.failed_jobs import FailedJobs


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run that fails as it is given: (handler, fail, finish, stopped)."""
    monkeypatch.setattr("atexit.register", lambda *arguments, **more: None)
    stopped = threading.Event()
    jobs = FailedJobs(stop=stopped.set)
    logger = logging.Logger("test")
    logger.addHandler(jobs)

    def fail(number, text, rule="train"):
        log = tmp_path / f"{number}.log"
        if text is not None:
            log.write_text(text)
        more = {"event": LogEvent.JOB_ERROR, "jobid": number, "rule_name": rule, "log": [str(log)]}
        logger.error("Error in rule", extra=more)

    def finish(number):
        logger.info("Finished", extra={"event": LogEvent.JOB_FINISHED, "job_id": number})

    return jobs, fail, finish, stopped


def test_what_is_wrong_for_all_ends_the_run(run, capsys):
    jobs, fail, _, stopped = run
    fail(1, "12:00:00 INFO works\nerror: table.csv: has no column 'ra'\n")
    assert stopped.wait(5)
    assert "error: table.csv: has no column 'ra'\nThis is wrong for all" in capsys.readouterr().err
    assert [line.partition(" (")[0] for line in jobs.sentences()] == ["error: table.csv: has no column 'ra'"]


def test_the_check_of_a_design_has_the_last_word_however_late_a_training_set_fails(run):
    jobs, fail, _, _ = run
    fail(1, "error: per_class: all that is wrong, and what would fit\n", rule="check_design")
    fail(2, "error: one class lacks galaxies\n", rule="draw_training_set")
    assert [line.partition(":")[2].split()[0] for line in jobs.sentences()] == ["one", "per_class:"]


def test_what_fails_for_one_does_not(run, capsys):
    jobs, fail, finish, stopped = run
    fail(1, "failed: tile 3: 40 % failed\n")
    fail(2, "failed: tile 3: 40 % failed\n")
    fail(3, "Traceback (most recent call last):\n  File\nValueError: a bug\n")
    fail(4, "")
    fail(5, None)
    fail(6, "failed: the service is down\n")
    finish(6)
    assert not stopped.wait(0.2)
    assert [line.split(" (")[0] for line in jobs.sentences()] == [
        "failed: tile 3: 40 % failed",
        "failed: ValueError: a bug",
        "failed: train ended without a message",
    ]
    assert " and 1 more)" in next(jobs.sentences())
    jobs.print_sentences()
    assert capsys.readouterr().err.endswith("4.log and 1 more)\n")


def test_a_page_of_failures_is_shortened_and_what_is_for_all_stays_last(run, capsys):
    jobs, fail, _, _ = run
    fail(0, "error: the design is wrong\n")
    for number in range(1, 15):
        fail(number, f"failed: tile {number}\n")
    capsys.readouterr()
    jobs.print_sentences()
    first, *_, last = capsys.readouterr().err.strip().splitlines()
    assert first == "5 more failures: see the logs"
    assert last.startswith("error: the design is wrong (")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("a table is wrong"), "error: a table is wrong"),
        (JobError("a tile failed"), "failed: a tile failed"),
        (OSError(28, "No space left on device", "x.npy"), "failed: x.npy: No space left on device"),
    ],
)
def test_a_step_ends_in_its_sentence(error, line, capsys):
    def main(arguments):
        raise error

    with pytest.raises(SystemExit) as ended:
        step.run_step(main, step.step_parser(None), [])
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"{line}\n"


def test_the_sentences_are_found_after_the_folder_was_left(run, tmp_path, monkeypatch):
    jobs, _, _, _ = run
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "train.log").write_text("failed: it diverged\n")
    more = {"event": LogEvent.JOB_ERROR, "jobid": 1, "rule_name": "train", "log": ["logs/train.log"]}
    with monkeypatch.context() as inside:
        inside.chdir(tmp_path)
        jobs.emit(logging.makeLogRecord(more))
    assert list(jobs.sentences()) == ["failed: it diverged (logs/train.log)"]


def test_what_helps_where_slurm_refuses_is_the_last_line(run, tmp_path, capsys):
    jobs, fail, _, _ = run
    fail(1, "failed: tile 3: the service is down\n")
    log = tmp_path / "snakemake.log"
    log.write_text("sbatch: error: No partition specified or system default partition\n")
    jobs.advise([log])
    jobs.print_sentences()
    *_, sentence, last = capsys.readouterr().err.strip().splitlines()
    assert sentence.startswith("failed: tile 3")
    assert last.startswith("error: SLURM refused a job: this site has no default partition")
