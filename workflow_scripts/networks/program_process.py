"""Run a program of the user's: its environment, what it prints, and how it ended."""

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from workflow_scripts.errors import InputError, JobError

log = logging.getLogger(__name__)

_GUARD = Path(__file__).with_name("program_guard.py")
# The libraries that count threads read one of these each.
_THREAD_VARIABLES = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS", "LOKY_MAX_CPU_COUNT"),
)
# As `pip freeze` prints them.
_VERSION = re.compile(r"([A-Za-z0-9][\w.-]{0,80})==([\w.+!-]{1,80})")
_MOST_VERSIONS = 1000
_LONGEST_LINE = 2000
# A progress bar can print for hours; more than this is not copied into the log.
_LOGGED_LINES = 5000
_LAST_LINES = 3


def program_environment(threads: int, temporary: Path, interpreter: str | None) -> dict[str, str]:
    """The variables that a program is run with: those of this process, without what only skybias's own steps need.

    Parameters
    ----------
    threads
        what OpenMP and the linear algebra libraries may use
    temporary
        folder for its temporary files
    interpreter
        path of a Python, whose folder comes first in PATH; None where the program brings its own
    """
    checkout = Path(__file__).resolve().parents[2]
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONSAFEPATH", "PYTHONHOME")}
    paths = [path for path in variables.pop("PYTHONPATH", "").split(os.pathsep) if path and Path(path) != checkout]
    if paths:
        variables["PYTHONPATH"] = os.pathsep.join(paths)
    if interpreter and "/" in interpreter:
        folder = str(Path(interpreter).absolute().parent)
        variables["PATH"] = os.pathsep.join([folder, variables.get("PATH", os.defpath)])
    # The order of sets must not differ from run to run.
    variables |= {"PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1", "TMPDIR": str(temporary)}
    return variables | dict.fromkeys(_THREAD_VARIABLES, str(threads))


def run_program(name: str, step: str, arguments: Sequence[str], environment: dict[str, str]) -> dict[str, str]:
    """Run the program of network `name` for a step; give the versions that it printed (lines `package==version`).

    What it prints goes to the log. It ends, with all that it started, when this process does.

    Raises
    ------
    InputError
        where there is no such program.
    JobError
        where its exit status is not 0; the sentence has its last lines.
    """
    where = f"networks.{name}"
    if shutil.which(arguments[0], path=environment.get("PATH")) is None:
        raise InputError(f"{where}: '{arguments[0]}' cannot be run, expected a program in PATH or an executable file")
    log.info("%s: %s", where, " ".join(map(repr, arguments)))
    versions: dict[str, str] = {}
    last: deque[str] = deque(maxlen=_LAST_LINES)
    printed = 0
    guarded = [sys.executable, "-I", "-S", str(_GUARD), *arguments]
    with subprocess.Popen(
        guarded,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        for raw in iter(lambda: process.stdout.readline(_LONGEST_LINE), b""):  # type: ignore[union-attr]
            # Of a bar that is drawn over itself, the last state; without the codes of terminals.
            text = raw.decode("utf-8", errors="replace").rstrip("\r\n").rpartition("\r")[2]
            line = "".join(character if character.isprintable() else " " for character in text).strip()
            if not line:
                continue
            last.append(line)
            printed += 1
            if printed <= _LOGGED_LINES:
                log.info("| %s", line)
            if (version := _VERSION.fullmatch(line)) and len(versions) < _MOST_VERSIONS:
                versions[version.group(1)] = version.group(2)
        status = process.wait()
    if printed > _LOGGED_LINES:
        log.warning("%s: %d further lines of the program were not copied", where, printed - _LOGGED_LINES)
    if status:
        how = f"signal {signal.Signals(status - 128).name}" if status - 128 in _signals() else f"status {status}"
        said = f"its last lines: {' | '.join(text[:300] for text in last)}" if last else "it printed nothing"
        raise JobError(f"{where}: the program of command.{step} ended with {how}, expected status 0; {said}")
    return versions


def _signals() -> set[int]:
    return {int(number) for number in signal.valid_signals()} & {int(known) for known in signal.Signals}
