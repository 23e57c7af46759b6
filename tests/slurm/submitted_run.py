"""A copy of the workflow that runs through profiles/slurm on a private cluster."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.slurm.private_cluster import PrivateCluster
from tests.workflow_copy import WorkflowCopy, heed_interrupts

# The profile's waits are for a real cluster; only the time of the first look at jobs is shortened here.
IN_A_HURRY = ("--slurm-init-seconds-before-status-checks", "2", "--max-status-checks-per-second", "1")
# Many more than there is memory for at once would only swap.
AT_ONCE = ("--jobs", "6", "--local-cores", "1", "--latency-wait", "10", "--max-jobs-per-second", "10")


class SubmittedRun(WorkflowCopy):
    """A checkout and its analysis folder, and the one Snakemake that may be running there."""

    def __init__(self, cluster: PrivateCluster, repository: Path, folder: Path):
        super().__init__(repository, folder)
        self.cluster = cluster
        self.environment = cluster.environment
        self.log = folder / "snakemake.log"
        self.process: subprocess.Popen | None = None
        self._earlier = len(cluster.jobs())

    def command(self, *arguments: str) -> list[str]:
        """The command line; --cores, which is for one machine, is not part of it."""
        command = super().command()
        place = command.index("--cores")
        command[place : place + 2] = ["--profile", str(self.root / "profiles" / "slurm"), *IN_A_HURRY, *AT_ONCE]
        return [*command, *arguments]

    def start(self, *arguments: str) -> None:
        """Start Snakemake, without waiting for its end."""
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                self.command(*arguments),
                cwd=self.root,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=heed_interrupts,
            )

    def wait(self, seconds: float = 1500) -> int:
        """Exit status of the Snakemake that was started."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"snakemake did not end:\n{self.printed()[-3000:]}") from None

    def run(self, *arguments: str) -> int:
        """Start Snakemake and wait for its end."""
        self.start(*arguments)
        return self.wait()

    def printed(self) -> str:
        """All that Snakemake printed here so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def jobs(self, rule: str = "") -> list[dict[str, str]]:
        """What the scheduler recorded of this run, of one rule or of all."""
        return [job for job in self.cluster.jobs()[self._earlier :] if not rule or job["rule"] == rule]

    def cancel_orphans(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run the command that finds and cancels this folder's orphans."""
        command = [sys.executable, "-m", "workflow_scripts.cancel_orphans", "--directory", str(self.analysis)]
        return subprocess.run(
            [*command, *arguments], cwd=self.root, env=self.environment, capture_output=True, text=True
        )

    def active_jobs(self) -> list[dict[str, str]]:
        """This run's jobs that have not ended."""
        return [job for job in self.cluster.active_jobs() if job in self.jobs()]

    def wait_for_running(self, rule: str) -> dict[str, str]:
        """Wait until a job of a rule runs on the node, and give its record."""
        end = time.monotonic() + 240
        while time.monotonic() < end:
            for job in self.jobs(rule):
                if job["state"] == "RUNNING":
                    return job
            if self.process.poll() is not None:
                raise AssertionError(f"snakemake ended before a job of {rule} ran:\n{self.printed()[-3000:]}")
            time.sleep(0.2)
        raise AssertionError(f"no job of {rule} ran:\n{self.printed()[-3000:]}")

    def end(self) -> None:
        """Leave nothing behind, also where a test failed."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if left := [job["id"] for job in self.active_jobs()]:
            self.cluster.run("scancel", *left, check=False)
