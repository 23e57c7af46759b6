"""The line that is alive on a terminal: on a terminal of its own, and not in a log."""

import io
import logging
import os
import pty
import re
import subprocess
import threading
from types import SimpleNamespace

import pytest

from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy
from workflow_scripts.running_line import RunningLine, TerminalLine


def printed_on_a_terminal(workflow: WorkflowCopy, *arguments: str) -> tuple[int, str]:
    """Exit status of a run of Snakemake on a pseudo terminal, and what it printed."""
    ours, theirs = pty.openpty()
    printed = io.BytesIO()

    def read() -> None:
        # The end of a pseudo terminal is an error on Linux.
        try:
            while text := os.read(ours, 4096):
                printed.write(text)
        except OSError:
            pass

    reader = threading.Thread(target=read)
    reader.start()
    environment = workflow.environment | {"TERM": "xterm"}
    command = workflow.command(*arguments)
    done = subprocess.run(
        command,
        cwd=workflow.root,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        timeout=300,
        check=False,
    )
    os.close(theirs)
    reader.join(10)
    os.close(ours)
    return done.returncode, printed.getvalue().decode().replace("\r\n", "\n")


def seen(printed: str) -> str:
    """What stands on the terminal in the end, without colours."""
    lines = re.sub(r"\x1b\[\d*m", "", printed).split("\n")
    return "\n".join(line.rpartition("\r\x1b[K")[2] for line in lines)


@pytest.fixture(scope="module")
def workflow(repository, tmp_path_factory) -> WorkflowCopy:
    workflow = WorkflowCopy(repository, tmp_path_factory.mktemp("terminal"))
    workflow.write_config(CONFIG)
    return workflow


@pytest.mark.slow
def test_a_terminal_has_one_line_and_a_log_has_none(workflow):
    catalog = "results/catalog/sky/catalog.parquet"
    status, printed = printed_on_a_terminal(workflow, catalog)
    assert status == 0, printed
    assert re.search(r"\r\x1b\[Kcatalog  [01] of 2 jobs  less than a minute left", printed)
    assert "Finished jobid" not in printed
    assert "steps" not in printed
    assert "Complete log" in seen(printed)
    assert "of 2 jobs" not in seen(printed)
    (log,) = (workflow.analysis / ".snakemake" / "log").glob("*.log")
    assert "2 of 2 steps (100%) done" in log.read_text()
    # What a job that fails leaves is read as before.
    (workflow.analysis / catalog).unlink()
    script = workflow.root / "workflow_scripts" / "make_catalog.py"
    script.write_text(
        script.read_text().replace("def main(", "def main(*_):\n    raise ValueError('as planned')\n\n\ndef _(")
    )
    status, printed = printed_on_a_terminal(workflow, catalog)
    assert status != 0
    assert "Error in rule make_catalog" in seen(printed)
    assert seen(printed).rstrip().splitlines()[-1].startswith("failed: ValueError: as planned")
    piped = workflow.snakemake(catalog, check=False)
    assert "\r" not in piped.stdout + piped.stderr
    assert "Job " in piped.stderr
    assert "of 1 jobs" not in piped.stderr


def test_what_is_printed_stands_above_the_line():
    stream = io.StringIO()
    terminal = TerminalLine(stream)
    terminal.show("1 of 2")
    terminal.write("an error, ")
    terminal.show("2 of 2")
    terminal.write("in two parts\n")
    terminal.show("")
    assert seen(stream.getvalue()) == "an error, in two parts\n"
    assert stream.getvalue().endswith("parts\n\r\x1b[K2 of 2\r\x1b[K")


def test_the_time_left_is_of_the_records_until_the_pace_is_known():
    settings = SimpleNamespace(cores=2, nodes=None)
    workflow = SimpleNamespace(resource_settings=settings, dag=[0] * 186, dryrun=False)
    line = RunningLine(workflow, logging.StreamHandler(io.StringIO()))
    line._stage, line._done, line._started = "training", 61, 1000.0
    line._jobs = dict.fromkeys(range(100), ("training", 10.0))
    line._left = dict.fromkeys(range(98), 10.0)
    assert line.line(1001.0) == "training  61 of 186 jobs  about 8 min left"
    # A quarter of the work in ten minutes, and half of one job.
    line._left = dict.fromkeys(range(75), 10.0)
    assert line.line(1600.0) == "training  61 of 186 jobs  about 30 min left"
    line._begun, line._failed = {0: 1595.0}, 2
    assert line.line(1600.0) == "training  61 of 186 jobs  2 failed  about 29 min left"
