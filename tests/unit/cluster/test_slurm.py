"""Which jobs count as this folder's, with SLURM's commands played by small scripts, and what helps after refusals."""

import subprocess

import pytest

from workflow_scripts.cluster.slurm import QueuedJob, cancel, jobs_of_folder, refusal_advice, snakemakes_in
from workflow_scripts.errors import InputError

RUN = "skybias_6ff04ae2-a755-4559-abee-49ac42d65028"


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Put a program into PATH, which is empty otherwise but for the shell's own."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/bin")

    def put(name, text):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)

    return put


def test_jobs_of_this_folder_and_this_workflow_only(command, tmp_path):
    mine, other = tmp_path / "mine", tmp_path / "other"
    lines = [
        f"1|RUNNING|{RUN}|rule_train_wildcards_sky_east|{mine}",
        f"2|RUNNING|{RUN}|rule_train_wildcards_sky_east|{other}",
        f"3|RUNNING|skybias_notes|(null)|{mine}",
        f"4|PENDING|{RUN}|rule_measure_bias_wildcards_a|b|{mine}".replace("a|b", "first"),
    ]
    command("squeue", "\n".join(f"echo '{line}'" for line in lines))
    assert jobs_of_folder(mine) == [
        QueuedJob("1", "RUNNING", "train sky_east"),
        QueuedJob("4", "PENDING", "measure_bias first"),
    ]


def test_a_folder_reached_by_a_link_is_the_same_folder(command, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    command("squeue", f"echo '1|RUNNING|{RUN}|rule_train|{tmp_path / 'link'}'")
    assert [job.number for job in jobs_of_folder(tmp_path / "real")] == ["1"]


def test_a_machine_without_slurm_is_reported(command, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"^squeue: not found, expected SLURM's commands"):
        jobs_of_folder(tmp_path)


def test_a_controller_that_is_down_is_reported_and_nothing_is_cancelled(command, tmp_path):
    command("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(InputError, match="Unable to contact slurm controller"):
        jobs_of_folder(tmp_path)


def test_cancelling_waits_until_the_jobs_are_gone(command, tmp_path):
    command("scancel", f'echo "$@" > {tmp_path}/cancelled; touch {tmp_path}/going')
    # Seen once more after scancel, then gone.
    command("squeue", f"if [ -e {tmp_path}/going ]; then rm {tmp_path}/going; echo 7; fi")
    cancel([QueuedJob("7", "RUNNING", "train"), QueuedJob("8", "PENDING", "train")])
    assert (tmp_path / "cancelled").read_text() == "7 8\n"
    assert not (tmp_path / "going").exists()


@pytest.mark.parametrize(("options", "counts"), [(["--cores", "2"], True), (["--mode", "remote"], False)])
def test_a_snakemake_in_the_folder_is_seen_and_those_inside_jobs_do_not_count(tmp_path, options, counts):
    program = tmp_path / "snakemake"
    program.write_text("#!/bin/sh\nread answer\n")
    folder = tmp_path / "analysis"
    folder.mkdir()
    with subprocess.Popen(["/bin/sh", str(program), *options], cwd=folder, stdin=subprocess.PIPE) as process:
        assert snakemakes_in(folder) == ([process.pid] if counts else [])
        assert snakemakes_in(tmp_path) == []
        process.kill()


@pytest.mark.parametrize(
    ("printed", "helps"),
    [
        ("No partition specified or system default partition", "slurm_partition=NAME"),
        (
            "Batch job submission failed: Invalid account or account/partition combination",
            "slurm_account=NAME",
        ),
        ("invalid partition specified: gpu", "sinfo -s"),
        ("Batch job submission failed: Invalid qos specification", "--slurm-qos"),
        ("Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)", "runtime"),
        ("Memory specification can not be satisfied", "mem_mb"),
        ("Batch job submission failed: Job violates accounting/QOS policy", "--jobs"),
        ("something new", "docs/cluster.md"),
    ],
)
def test_a_refusal_comes_with_what_helps(printed, helps):
    log = f"SLURM sbatch failed. The error message was 'sbatch: error: {printed}'.\n    sbatch call:\n"
    assert helps in refusal_advice(log)


def test_an_error_of_another_kind_gets_no_advice():
    assert refusal_advice("Error in rule train: limit of memory") is None
