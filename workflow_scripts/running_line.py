"""While the workflow runs on a terminal, one line in the place of Snakemake's lines on every job.

`training  61 of 186 jobs  about 4 min left` is rewritten in place. Errors, warnings and whatever else is printed stand
above it. A log, `--quiet`, `--verbose` and `--printshellcmds` have Snakemake's own lines, and so has its log in
`.snakemake/log`.
"""

import atexit
import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from snakemake.logging import LogEvent

SECONDS_BETWEEN_DRAWINGS = 1.0
# Before so much of the work is done, the records alone say what is left.
_PACE_KNOWN = 0.05
_CLEARED = "\r\x1b[K"
_REPLACED = {
    *(LogEvent.JOB_INFO, LogEvent.JOB_STARTED, LogEvent.JOB_FINISHED, LogEvent.PROGRESS),
    *(LogEvent.GROUP_INFO, LogEvent.SHELLCMD, LogEvent.RESOURCES_INFO),
}
_SELECTION = "Select jobs to execute..."


class TerminalLine:
    """A stream whose last line is rewritten in place; what is written to the stream stands above it."""

    def __init__(self, stream: TextIO):
        self._stream = stream
        self._lock = threading.RLock()
        self._line = ""
        # Whether what was written ends with its line.
        self._ended = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write above the line."""
        with self._lock:
            if text:
                self._stream.write((_CLEARED if self._line and self._ended else "") + text)
                self._ended = text.endswith("\n")
                self._draw()
            return len(text)

    def show(self, line: str) -> None:
        """The line from now on; none if it is empty."""
        with self._lock:
            if self._line and self._ended and not line:
                self._stream.write(_CLEARED)
            self._line = line
            self._draw()
            self._stream.flush()

    def _draw(self) -> None:
        if self._line and self._ended:
            # At the right edge, a terminal would begin a new line.
            self._stream.write(_CLEARED + self._line[: self._columns() - 1])

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80


class RunningLine(logging.Handler):
    """Listens to Snakemake's log events, and draws the line every second from the first job on.

    Parameters
    ----------
    workflow
        Snakemake's, whose jobs are counted.
    handler
        writes Snakemake's log to a terminal, from now on without what the line says.
    """

    def __init__(self, workflow: Any, handler: logging.StreamHandler):
        super().__init__()
        self.workflow = workflow
        self.terminal = TerminalLine(handler.stream)
        handler.addFilter(self._is_shown)
        handler.setStream(self.terminal)  # type: ignore[arg-type]
        self._ended = threading.Event()
        self._started = 0.0
        # By the number of a job: its stage, and the core seconds that the records expect of it.
        self._jobs: dict[Any, tuple[str, float]] = {}
        self._left: dict[Any, float] = {}
        # When each of those that run began.
        self._begun: dict[Any, float] = {}
        self._done, self._failed, self._stage = 0, 0, ""

    def emit(self, record: logging.LogRecord) -> None:
        """Note what started, went well or failed."""
        event, noted = getattr(record, "event", None), record.__dict__
        if event == LogEvent.JOB_STARTED and not self.workflow.dryrun:
            first = not self._started
            if first:
                self._started = time.monotonic()
                self._jobs = expected_jobs(self.workflow)
                self._left = {number: cost for number, (_, cost) in self._jobs.items()}
            for number in noted["jobs"]:
                self._stage = self._jobs.get(number, (self._stage, 0.0))[0]
                self._begun[number] = time.monotonic()
            if first:
                threading.Thread(target=self._draw, daemon=True).start()
        elif event == LogEvent.JOB_FINISHED:
            self._begun.pop(noted["job_id"], None)
            self._left.pop(noted["job_id"], None)
        elif event == LogEvent.JOB_ERROR:
            self._begun.pop(noted["jobid"], None)
            self._failed += 1
        elif event == LogEvent.PROGRESS:
            self._done = noted["done"]

    def close(self) -> None:
        """Clear the line: the run has ended."""
        self._ended.set()
        self.terminal.show("")
        super().close()

    def line(self, now: float) -> str:
        """The line at a time of the monotonic clock."""
        parts = [self._stage, f"{self._done} of {len(self.workflow.dag)} jobs"]
        if self._failed:
            parts.append(f"{self._failed} failed")
        expected = sum(cost for _, cost in self._jobs.values())
        # A job that takes longer than it was expected to is about to end.
        running = (min(now - begun, self._left.get(number, 0.0)) for number, begun in self._begun.copy().items())
        left = sum(self._left.copy().values()) - sum(running)
        if left > 0:
            # The pace of what is done, where that is enough to know it; else that of the records in all places.
            settings = self.workflow.resource_settings
            pace = 1 / (settings.cores or settings.nodes or 1)
            if expected - left > _PACE_KNOWN * expected:
                pace = (now - self._started) / (expected - left)
            parts.append(f"{_about(left * pace)} left")
        return "  ".join(parts)

    def _draw(self) -> None:
        while not self._ended.is_set():
            self.terminal.show(self.line(time.monotonic()))
            self._ended.wait(SECONDS_BETWEEN_DRAWINGS)

    def _is_shown(self, record: logging.LogRecord) -> bool:
        if self.workflow.dryrun:
            return True
        return getattr(record, "event", None) not in _REPLACED and record.msg != _SELECTION


def expected_jobs(workflow: Any) -> dict[Any, tuple[str, float]]:
    """Stage and core seconds of each job that is to run, by its number; by this folder's records, or as shipped."""
    from workflow_scripts.planning.cluster_requests import stated_work
    from workflow_scripts.planning.costs import CostModel, read_records

    model = CostModel(read_records(Path(), {}))
    return {
        workflow.dag.jobid(job): (
            Path(job.rule.snakefile).stem,
            model.of(stated_work(job.rule.name, dict(job.resources.items()))).seconds * int(job.threads),
        )
        for job in workflow.dag.needrun_jobs()
        if not job.is_norun
    }


def show_running_line(workflow: Any, logger: logging.Logger) -> None:
    """Put the line in the place of Snakemake's lines on jobs, if they go to a terminal and no option wants them."""
    options = workflow.output_settings
    if os.environ.get("TERM") == "dumb" or options.quiet or options.verbose or options.printshellcmds:
        return
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream in (sys.stdout, sys.stderr):
            if handler.stream.isatty():
                line = RunningLine(workflow, handler)
                logger.addHandler(line)
                # What is printed beside the log.
                sys.stderr = line.terminal  # type: ignore[assignment]
                atexit.register(line.close)
            return


def _about(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    return f"about {minutes} min" if minutes < 90 else f"about {minutes // 60} h {minutes % 60} min"
