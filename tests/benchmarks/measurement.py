"""Wall time, processor time and peak memory, as every benchmark of this folder states them.

Wall time means little on a machine that has other work; processor time hardly changes with it.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Cost:
    """Seconds by the clock, and seconds of processor time of all threads (and, of a command, of its children)."""

    wall: float = 0.0
    cpu: float = 0.0

    def __str__(self) -> str:
        return f"{self.wall:.1f} s ({self.cpu:.1f} s CPU)"


@contextmanager
def measured() -> Iterator[Cost]:
    """Give a `Cost` that is filled in at the end of the block."""
    cost, wall, cpu = Cost(), time.perf_counter(), time.process_time()
    yield cost
    cost.wall, cost.cpu = time.perf_counter() - wall, time.process_time() - cpu


def peak_mb() -> float:
    """Peak memory of this process until now, in MB; peaks never go down, so ask before the baseline runs."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_command(command: Sequence[str]) -> tuple[Cost, float]:
    """Cost and peak memory (MB) of a command of this Python: `["-m", "module", ...]`; its errors are shown.

    The peak is counted from this process's own size up: call it from one that holds no data.
    """
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:2])}: exit status {process.returncode}")
    return Cost(time.perf_counter() - started, used.ru_utime + used.ru_stime), used.ru_maxrss / 1024


def line(name: str, cost: Cost, peak: float, limits: tuple[float, float], baseline: str) -> str:
    """The one line that a benchmark prints; `limits` are seconds (wall) and GB."""
    within = "within" if cost.wall < limits[0] and peak < limits[1] * 1024 else "OVER"
    return f"{name}: {cost}, peak {peak:.0f} MB, {within} {limits[0]:g} s and {limits[1]:g} GB; {baseline}"
