"""What failed in a run of the workflow: its sentences are printed last, and what is wrong for all ends the run.

Under `keep-going`, Snakemake runs on whatever failed. A mistake in the configuration or a table (`InputError`) makes
all that follows worthless, so no further job is started; what failed for one job alone (`JobError`, a bug) holds up no
other.
"""

import atexit
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from snakemake.logging import LogEvent

from workflow_scripts.cluster.slurm import refusal_advice
from workflow_scripts.step import FOR_ALL, FOR_ONE

# More are in the logs.
_LISTED = 10
_CHECK = "check_design"


class FailedJobs(logging.Handler):
    """Listens to Snakemake's log events for jobs that fail.

    Parameters
    ----------
    stop
        makes Snakemake start no further job; called in a thread of its own, because Snakemake may hold its locks here.
    """

    def __init__(self, stop: Callable[[], None]):
        super().__init__()
        self.stop = stop
        # Rule and logs by job, and the folder that the logs are relative to: at the end, Snakemake has left it.
        self.logs: dict[int, tuple[str, list[str]]] = {}
        self.folder = Path.cwd()
        self.stopped = False
        self.advice: str | None = None
        atexit.register(self.print_sentences)

    def emit(self, record: logging.LogRecord) -> None:
        """Note a job that failed, or that went well in the end."""
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_FINISHED:
            self.logs.pop(record.__dict__["job_id"], None)
        elif event == LogEvent.JOB_ERROR:
            job = record.__dict__
            self.logs[job["jobid"]] = job["rule_name"], list(job["log"])
            self.folder = Path.cwd()
            kind, sentence = _failure(self.folder, job["log"])
            if kind == FOR_ALL and not self.stopped:
                self.stopped = True
                print(
                    f"\n{FOR_ALL}: {sentence}\nThis is wrong for all: no further job is started, and those that run are"
                    " waited for (Ctrl-C ends them; what they have is kept).\n",
                    file=sys.stderr,
                    flush=True,
                )
                threading.Thread(target=self.stop, daemon=True).start()

    def sentences(self) -> Iterator[str]:
        """A line for each different failure, those that are wrong for all at the end, that of a design last."""
        where: dict[tuple[str, str], list[str]] = {}
        # A training set that cannot be drawn fails beside the check, which names all of them and what would fit.
        for rule, logs in sorted(self.logs.values(), key=lambda failed: failed[0] == _CHECK):
            kind, sentence = _failure(self.folder, logs)
            sentence = sentence or f"{rule} ended without a message"
            where.setdefault((kind, sentence), []).append(logs[0] if logs else rule)
        for (kind, sentence), logs in sorted(where.items(), key=lambda item: item[0][0] == FOR_ALL):
            others = f" and {len(logs) - 1} more" if len(logs) > 1 else ""
            yield f"{kind}: {sentence} ({logs[0]}{others})"

    def print_sentences(self) -> None:
        """Print them, and what helps where SLURM refused a job."""
        lines = list(self.sentences())
        if len(lines) > _LISTED:
            lines = [f"{len(lines) - _LISTED} more failures: see the logs", *lines[-_LISTED:]]
        if self.advice:
            lines.append(f"{FOR_ALL}: {self.advice}")
        if lines:
            print("\n".join(["", *lines]), file=sys.stderr, flush=True)

    def advise(self, logs: Iterable[str]) -> None:
        """Take from Snakemake's own logs what helps where SLURM refused a job; it is printed at the very end."""
        self.advice = refusal_advice("".join(Path(name).read_text(errors="replace") for name in logs))


def _failure(folder: Path, logs: Iterable[str]) -> tuple[str, str]:
    """Whether a failure is for all or for one job, and its sentence: the last line of the step's log."""
    for log in logs:
        try:
            lines = (folder / log).read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            continue
        for line in reversed(lines):
            if line.strip():
                match = re.match(f"({FOR_ALL}|{FOR_ONE}): (.+)", line)
                return (match.group(1), match.group(2)) if match else (FOR_ONE, line.strip())
    return FOR_ONE, ""
