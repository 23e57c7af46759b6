"""A SLURM of one's own on one machine: munged, slurmctld and slurmd below a folder, with graphics cards that are fake.

Nothing in /etc is read or written; neither systemd nor cgroups nor root are needed.
"""

import contextlib
import getpass
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
SEARCHED = os.pathsep.join(["/usr/sbin", "/usr/bin", "/sbin", "/bin"])
CPUS, MEMORY_MB = 8, 16000
# SLURM wants character devices, and without cgroups only counts them.
FAKE_CARDS = ("/dev/null", "/dev/zero")

SLURM_CONF = """
ClusterName=private
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
# Memory is watched without cgroups: every second, and a job over its limit is killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
# A request that no node can fill fails at once.
EnforcePartLimits=ALL
# Finished jobs stay in sight of squeue and scontrol: they are the tests' evidence.
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/finished_jobs.txt
MinJobAge=86400
ReturnToService=0
KillWait=2
SlurmctldTimeout=20
MessageTimeout=5
SlurmdTimeout=30
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 NodeHostname={host} CPUs={cpus} RealMemory={memory_mb} Gres=gpu:fake:{cards}
PartitionName=cpu Nodes={host} Default=YES MaxTime=120 State=UP
PartitionName=gpu Nodes={host} MaxTime=120 State=UP
"""


def missing_programs() -> list[str]:
    """Programs of SLURM that are not on this machine."""
    return [name for name in PROGRAMS if not shutil.which(name, path=SEARCHED)]


class PrivateCluster:
    """One node; `environment` is what its users have to have in theirs."""

    def __init__(self, folder: Path, stand_in_for_sacct: Path):
        """`folder` must be short (sockets have no room for long names). `stand_in_for_sacct` comes first in PATH."""
        self.folder = folder
        self.host = socket.gethostname().split(".")[0]
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "SNAKEMAKE_PROFILE"))}
        path = os.pathsep.join([str(folder / "bin"), str(stand_in_for_sacct), SEARCHED, kept.get("PATH", "")])
        self.environment = kept | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path, "PYTHONPATH": ""}

    def start(self) -> None:
        """Write the configuration and start the daemons; returns when the node takes jobs."""
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir()
        (self.folder / "munge.key").write_bytes(secrets.token_bytes(128))
        (self.folder / "munge.key").chmod(0o600)
        controller_port, node_port = _free_ports(2)
        text = SLURM_CONF.format(
            host=self.host,
            user=getpass.getuser(),
            folder=self.folder,
            controller_port=controller_port,
            node_port=node_port,
            cpus=CPUS,
            memory_mb=MEMORY_MB,
            cards=len(FAKE_CARDS),
        )
        (self.folder / "slurm.conf").write_text(text.lstrip(), encoding="utf-8")
        cards = [f"NodeName={self.host} Name=gpu Type=fake File={device}\n" for device in FAKE_CARDS]
        (self.folder / "gres.conf").write_text("".join(cards), encoding="utf-8")
        # Inside a job the plugin takes SLURM_CONF away from srun, which would then look into /etc.
        srun = self.folder / "bin" / "srun"
        real = shutil.which("srun", path=SEARCHED)
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {real} "$@"\n', encoding="utf-8")
        srun.chmod(0o755)
        munged = ["munged", "--force", f"--key-file={self.folder}/munge.key", f"--socket={self.folder}/munge.socket"]
        munged += [f"--pid-file={self.folder}/munged.pid", f"--seed-file={self.folder}/munge.seed"]
        self.run(*munged, f"--log-file={self.folder}/munged.log")
        self.start_controller()
        self.run("slurmd")
        self.wait_for(lambda: self.node_state() == "IDLE", 60, "the node never became idle")

    def stop(self) -> None:
        """Cancel all jobs and end the daemons."""
        with contextlib.suppress(subprocess.SubprocessError):
            self.run("scancel", f"--user={getpass.getuser()}", timeout=20)
            self.wait_for(lambda: not self.active_jobs(), 20, "jobs did not end")
        for name in ("slurmd", "slurmctld", "munged"):
            self.stop_daemon(name)

    def start_controller(self) -> None:
        """Start slurmctld, which takes up the jobs it knew."""
        self.run("slurmctld")
        self.wait_for(lambda: "UP" in self.run("scontrol", "ping", check=False), 60, "slurmctld does not respond")

    def stop_daemon(self, name: str) -> None:
        """End one of the daemons started here, by its own pid file."""
        try:
            pid = int((self.folder / f"{name}.pid").read_text())
            if Path(f"/proc/{pid}/comm").read_text().strip() != name:
                return
        except (OSError, ValueError):
            return
        for sent in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sent)
            for _ in range(100):
                if not Path(f"/proc/{pid}").exists():
                    return
                time.sleep(0.1)

    def run(self, *command: str, check: bool = True, timeout: float = 60) -> str:
        """Output of a command of this cluster."""
        program = shutil.which(command[0], path=self.environment["PATH"])
        done = subprocess.run(
            [program, *command[1:]], env=self.environment, capture_output=True, text=True, timeout=timeout
        )
        if check and done.returncode:
            raise subprocess.SubprocessError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def node_state(self) -> str:
        """State of the one node: IDLE, MIXED, DOWN..."""
        fields = self.run("scontrol", "--oneliner", "show", "node", self.host, check=False).split()
        return next((field.removeprefix("State=") for field in fields if field.startswith("State=")), "")

    def jobs(self) -> list[dict[str, str]]:
        """All jobs ever, as the scheduler recorded them, in the order of submission."""
        columns = {"id": "%i", "state": "%T", "cpus": "%C", "memory": "%m", "limit": "%l"}
        columns |= {"partition": "%P", "name": "%j", "folder": "%Z", "rule": "%k"}
        listed = self.run("squeue", "--noheader", "--states=all", "--sort=i", f"--format={'|'.join(columns.values())}")
        rows = [dict(zip(columns, line.split("|"), strict=True)) for line in listed.splitlines()]
        # squeue has no column for cards requested by the job.
        shown = self.run("scontrol", "--oneliner", "show", "jobs")
        cards = dict(re.findall(r"^JobId=(\d+) .*TresPerJob=gres:gpu:(\d+)", shown, re.MULTILINE))
        # The plugin's comment: rule_NAME_wildcards_VALUES.
        return [
            row
            | {"rule": row["rule"].removeprefix("rule_").split("_wildcards_")[0], "cards": cards.get(row["id"], "0")}
            for row in rows
        ]

    def active_jobs(self) -> list[dict[str, str]]:
        """Jobs that wait, run, or are about to end."""
        return [job for job in self.jobs() if job["state"] in ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING")]

    def wait_for(self, condition, seconds: float, otherwise: str) -> None:
        """Wait until a condition holds; raise `TimeoutError` after some seconds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{otherwise} in {seconds:.0f} s")
            time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
