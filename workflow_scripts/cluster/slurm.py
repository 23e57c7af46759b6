"""SLURM as its user meets it: the jobs of one analysis folder in its queue, and what helps when it refuses a job."""

import getpass
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from workflow_scripts.errors import InputError

# As in profiles/slurm: `slurm-jobname-prefix`, and the plugin's number of a run.
JOB_NAME = re.compile(r"skybias_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STATES = "PENDING,CONFIGURING,RUNNING,SUSPENDED,COMPLETING,REQUEUED,RESIZING"
# What a controller under load may take to respond, and a job to die.
RESPONSE_SECONDS = 120
END_SECONDS = 180

_SHARED = "slurm_partition=NAME mem_mb=1000 runtime=30"
# What sbatch prints, and what its user can do; the first that fits.
REFUSALS = {
    r"No partition specified": f"this site has no default partition: add --default-resources {_SHARED}"
    " (`sinfo -s` lists the partitions)",
    r"[Ii]nvalid partition": "this site has no partition of that name: `sinfo -s` lists them",
    r"[Ii]nvalid account|account[^\n]*required|[Mm]issing account": "this site wants an account that you may charge:"
    f" add --default-resources slurm_account=NAME {_SHARED} (`sacctmgr show associations user=$USER` lists yours)",
    r"[Ii]nvalid qos": "this site wants a quality of service: add --slurm-qos NAME",
    r"[Tt]ime limit|Memory (?:specification|required)|[Nn]ode configuration is not available|More processors": "the"
    " partition has no node for that: name a larger one with --set-resources RULE:slurm_partition=NAME, or request"
    " less with --set-resources RULE:mem_mb=N RULE:runtime=MINUTES",
    r"Unable to contact slurm controller": "SLURM does not respond: wait, and run the same command again",
    r"QOS|[Ll]imit": "this is over your limits here: fewer jobs at once (--jobs 20), or less for each",
}


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
        where SLURM is not installed or does not respond.
    """
    wanted = Path(folder).resolve()
    columns = ["squeue", "--noheader", f"--user={getpass.getuser()}", f"--states={STATES}", "--format=%i|%T|%j|%k|%Z"]
    found = []
    for line in _output(columns).splitlines():
        number, state, name, what, submitted_from = line.split("|", 4)
        if JOB_NAME.fullmatch(name) and Path(submitted_from).resolve() == wanted:
            found.append(QueuedJob(number, state, what.removeprefix("rule_").replace("_wildcards_", " ")))
    return found


def cancel(jobs: Sequence[QueuedJob]) -> None:
    """Cancel jobs and wait until no process of theirs is left; raise `InputError` if some do not end."""
    if not jobs:
        return
    numbers = [job.number for job in jobs]
    _output(["scancel", *numbers])
    listing = ["squeue", "--noheader", f"--states={STATES}", f"--jobs={','.join(numbers)}", "--format=%i"]
    end = time.monotonic() + END_SECONDS
    # It may fail: SLURM forgets jobs.
    while left := _output(listing, may_fail=True).split():
        if time.monotonic() > end:
            raise InputError(f"SLURM jobs {', '.join(left)}: still there after {END_SECONDS} s, expected to end")
        time.sleep(1)


def snakemakes_in(folder: str | Path) -> list[int]:
    """Process numbers of Snakemakes on this machine whose working directory is `folder`; others' cannot be seen into.

    The Snakemakes inside jobs, which may run on this machine too, have a `--mode` and do not count.
    """
    wanted = str(Path(folder).resolve())
    found = []
    # What belongs to someone else comes as None.
    for process in psutil.process_iter(["cmdline", "cwd"]):
        command = process.info["cmdline"] or []
        is_snakemake = any("snakemake" in Path(word).name for word in command[:3])
        if is_snakemake and "--mode" not in command and process.info["cwd"] == wanted:
            found.append(process.pid)
    return found


def refusal_advice(printed: str) -> str | None:
    """One sentence for the first refusal in a log of Snakemake; None where sbatch refused nothing."""
    refusal = re.search(r"sbatch: error: [^\n]*", printed) or re.search(r"SLURM sbatch failed[^\n]*", printed)
    if refusal is None:
        return None
    for pattern, help_ in REFUSALS.items():
        if re.search(pattern, refusal.group()):
            return f"SLURM refused a job: {help_}; docs/cluster.md has more"
    return "SLURM refused a job, for the reason above; docs/cluster.md lists what sites want"


def _output(command: list[str], may_fail: bool = False) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RESPONSE_SECONDS)
    except FileNotFoundError:
        raise InputError(f"{command[0]}: not found, expected SLURM's commands: run this on a login node") from None
    except subprocess.TimeoutExpired:
        raise InputError(
            f"{command[0]}: no response in {RESPONSE_SECONDS} s, expected a controller that responds"
        ) from None
    if done.returncode and not may_fail:
        printed = (done.stderr or done.stdout).strip().splitlines()
        raise InputError(f"{command[0]}: {printed[0] if printed else 'failed'}")
    return done.stdout
