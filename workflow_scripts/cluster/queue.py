"""The jobs of one analysis folder in SLURM's queue."""

import getpass
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.errors import InputError

# As in profiles/slurm: `slurm-jobname-prefix`, and the plugin's number of a run.
JOB_NAME = re.compile(r"skybias_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STATES = "PENDING,CONFIGURING,RUNNING,SUSPENDED,COMPLETING,REQUEUED,RESIZING"
# What a controller under load may take to answer, and a job to die.
ANSWER_SECONDS = 120
END_SECONDS = 180


@dataclass(frozen=True)
class QueuedJob:
    """A job of SLURM that waits or runs; `what` is its rule and wildcards."""

    number: str
    state: str
    what: str


def jobs_of_folder(folder: str | Path) -> list[QueuedJob]:
    """This user's jobs of this workflow whose results go to `folder`.

    Snakemake submits from the folder of the results (`--directory`, or where it was started).

    Raises
    ------
    InputError
        where SLURM is not installed or does not answer.
    """
    wanted = Path(folder).resolve()
    columns = ["squeue", "--noheader", f"--user={getpass.getuser()}", f"--states={STATES}", "--format=%i|%T|%j|%k|%Z"]
    found = []
    for line in _answer(columns).splitlines():
        number, state, name, what, submitted_from = line.split("|", 4)
        if JOB_NAME.fullmatch(name) and Path(submitted_from).resolve() == wanted:
            found.append(QueuedJob(number, state, what.removeprefix("rule_").replace("_wildcards_", " ")))
    return found


def cancel(jobs: Sequence[QueuedJob]) -> None:
    """Cancel jobs and wait until no process of theirs is left; raise `InputError` if some do not end."""
    if not jobs:
        return
    numbers = [job.number for job in jobs]
    _answer(["scancel", *numbers])
    listing = ["squeue", "--noheader", f"--states={STATES}", f"--jobs={','.join(numbers)}", "--format=%i"]
    end = time.monotonic() + END_SECONDS
    # It may fail: SLURM forgets jobs.
    while left := _answer(listing, may_fail=True).split():
        if time.monotonic() > end:
            raise InputError(f"SLURM jobs {', '.join(left)}: still there after {END_SECONDS} s, expected to end")
        time.sleep(1)


def _answer(command: list[str], may_fail: bool = False) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS)
    except FileNotFoundError:
        raise InputError(f"{command[0]}: not found, expected SLURM's commands: run this on a login node") from None
    except subprocess.TimeoutExpired:
        raise InputError(f"{command[0]}: no answer in {ANSWER_SECONDS} s, expected a controller that answers") from None
    if done.returncode and not may_fail:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise InputError(f"{command[0]}: {said[0] if said else 'failed'}")
    return done.stdout
