"""Nothing is lost when things die: a small experiment under kills, full disks and damaged files.

The short version runs five kills; `make chaos` sets CHAOS_KILLS=50.
"""

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.compared_results import different_results
from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy, heed_interrupts

pytestmark = [pytest.mark.long, pytest.mark.longest]

KILLS = int(os.environ.get("CHAOS_KILLS", "5"))


def started(workflow: WorkflowCopy, log: Path) -> subprocess.Popen:
    with open(log, "a", encoding="utf-8") as file:
        return subprocess.Popen(
            workflow.command(),
            cwd=workflow.root,
            env=workflow.environment,
            stdout=file,
            stderr=file,
            preexec_fn=heed_interrupts,
        )


def descendants(process: subprocess.Popen) -> list[psutil.Process]:
    """Snakemake itself and all below it: shells, steps, their workers."""
    try:
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def what_it_is(process: psutil.Process) -> str:
    """The step that a process runs, or its program's name."""
    command = process.cmdline()
    steps = [word for word in command if word.startswith("workflow_scripts.")]
    return steps[0] if steps and process.name().startswith("python") else process.name()


@pytest.fixture
def copied(finished_run, tmp_path) -> WorkflowCopy:
    """The finished run in another folder, times kept, to be damaged."""
    return moved(finished_run, tmp_path / "moved", keep_times=True)


def moved(run: WorkflowCopy, folder: Path, keep_times: bool) -> WorkflowCopy:
    other = WorkflowCopy(run.root, folder)
    shutil.rmtree(other.analysis)
    shutil.copytree(run.analysis, other.analysis, copy_function=shutil.copy2 if keep_times else shutil.copyfile)
    return other


def finish(workflow: WorkflowCopy, finished_run: WorkflowCopy) -> None:
    """One more command ends in the complete and identical result."""
    workflow.snakemake()
    assert workflow.would_run() == set()
    assert different_results(finished_run.analysis / "results", workflow.analysis / "results") == []
    assert not list((workflow.analysis / "results").rglob("*.partial*"))


def first(workflow: WorkflowCopy, pattern: str) -> Path:
    return sorted((workflow.analysis / "results").glob(pattern))[0]


def test_random_kills_of_random_processes(finished_run, repository, tmp_path):
    """After every kill the rest of the run goes on by itself, or one more command starts it again."""
    chosen = random.Random(20260101)
    workflow = WorkflowCopy(repository, tmp_path)
    workflow.write_config(CONFIG)
    killed: dict[str, int] = {}
    starts = 0
    while sum(killed.values()) < KILLS:
        process = started(workflow, tmp_path / "snakemake.log")
        starts += 1
        wait = chosen.uniform(2, 15)
        while sum(killed.values()) < KILLS and process.poll() is None:
            time.sleep(wait)
            wait = chosen.uniform(0.5, 4)
            family = descendants(process)
            if not family:
                break
            # Snakemake itself one time in four, so that its jobs get their share.
            victim = family[0] if len(family) == 1 or chosen.random() < 0.25 else chosen.choice(family[1:])
            try:
                kind = "snakemake" if victim.pid == process.pid else what_it_is(victim)
                victim.kill()
            except psutil.NoSuchProcess:
                continue
            killed[kind] = killed.get(kind, 0) + 1
            if kind == "snakemake":
                # Its jobs go on without it: ended here, as a machine that loses power ends them.
                for orphan in family[1:]:
                    if orphan.is_running():
                        orphan.kill()
                psutil.wait_procs(family[1:], timeout=30)
        if sum(killed.values()) >= KILLS and process.poll() is None:
            process.wait(300)
        process.wait(300)
        if process.returncode < 0:
            workflow.snakemake("--unlock")
        elif process.returncode == 0 and sum(killed.values()) < KILLS:
            # Done too soon: some of it is made again.
            for stage in ("images", "training", "bias"):
                shutil.rmtree(workflow.analysis / "results" / stage)
    print(f"{sum(killed.values())} kills {killed} in {starts} starts")
    finish(workflow, finished_run)


def test_a_full_disk_is_told_and_survived(finished_run, repository, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        workflow = WorkflowCopy(repository, tmp_path / "workflow")
        workflow.write_config(CONFIG)
        (workflow.analysis / "results").symlink_to(disk, target_is_directory=True)
        failed = workflow.snakemake(check=False)
        assert failed.returncode
        assert "No space left on device" in failed.stderr + failed.stdout
        subprocess.run(["mount", "-o", "remount,size=500m", str(disk)], check=True)
        finish(workflow, finished_run)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_results_folder_that_is_read_only_is_told(copied, finished_run):
    results = copied.analysis / "results"
    mounted = subprocess.run(["mount", "--bind", "-o", "ro", str(results), str(results)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no folder can be mounted read-only here: {mounted.stderr.decode().strip()}")
    try:
        failed = copied.snakemake("--forcerun", "make_catalog", check=False)
    finally:
        subprocess.run(["umount", str(results)], check=True)
    assert failed.returncode
    assert f"{results}: cannot be written to" in failed.stderr
    assert "Traceback" not in failed.stderr
    finish(copied, finished_run)


@pytest.mark.parametrize(
    ("pattern", "damage"),
    [
        ("images/*/*/tile0.npy", "truncated"),
        ("catalog/*/catalog.parquet", "truncated"),
        ("catalog/*/catalog.parquet", "footer"),
        ("training/*/east/resample0/training_set.parquet", "truncated"),
        ("training/*/east/resample0/training_set.parquet", "footer"),
    ],
)
def test_a_damaged_intermediate_is_named_by_what_reads_it_and_made_again(copied, finished_run, pattern, damage):
    # Half-way: what follows from intermediates is still to be made, so that they are missed.
    for stage in ("inference", "bias", "report"):
        shutil.rmtree(copied.analysis / "results" / stage)
    file = first(copied, pattern)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if damage == "truncated" else whole[:-8] + b"\0" * 8)
    failed = copied.snakemake(check=False)
    printed = failed.stdout + failed.stderr
    assert failed.returncode
    assert f"{file.name}" in printed
    assert "Traceback" not in printed
    # Snakemake cannot know that the file is bad; the sentence names the file to delete.
    file.unlink()
    finish(copied, finished_run)


@pytest.mark.parametrize("hours", [-48, 48])
def test_a_clock_that_was_set_reruns_nothing(copied, hours):
    """Dates of some files are far in the past or the future, as when the clock was set during the run."""
    shifted = time.time() + hours * 3600
    for pattern in ("images/*/*/*", "training/**/*.*", "catalog/*/*"):
        for path in (copied.analysis / "results").glob(pattern):
            os.utime(path, (shifted, shifted))
    assert copied.would_run() == set()


@pytest.mark.parametrize("keep_times", [True, False])
def test_results_moved_elsewhere_rerun_nothing(finished_run, tmp_path, keep_times):
    assert moved(finished_run, tmp_path / "elsewhere", keep_times).would_run() == set()


def test_two_snakemakes_in_one_folder(finished_run, repository, tmp_path):
    workflow = WorkflowCopy(repository, tmp_path)
    workflow.write_config(CONFIG)
    logs = [tmp_path / "first.log", tmp_path / "second.log"]
    both = [started(workflow, log) for log in logs]
    status = [process.wait(600) for process in both]
    assert sorted(map(bool, status)) == [False, True]
    refused = logs[[bool(one) for one in status].index(True)].read_text()
    assert "Directory cannot be locked" in refused
    finish(workflow, finished_run)


def test_a_signal_of_the_terminal_leaves_the_folder_unlocked(finished_run, repository, tmp_path):
    workflow = WorkflowCopy(repository, tmp_path)
    workflow.write_config(CONFIG)
    process = started(workflow, tmp_path / "snakemake.log")
    while process.poll() is None and not list(workflow.analysis.glob("logs/cutouts/**/*.log")):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(120) != 0
    finish(workflow, finished_run)
