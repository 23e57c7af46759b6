"""The command `skybias`, as `make` installs it, from other folders and after the checkout has moved."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy
from workflow_scripts.__main__ import program

NORTH = json.dumps({"name": "north", "region": {"hemisphere": {"ra": 0.0, "dec": 90.0}}})


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run a command in a folder, without the paths of this test run."""
    # Not the flags of the `make test` that these tests may run in.
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    variables |= {"PYTHONPATH": "", **environment}
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def checkout(repository, tmp_path_factory) -> Path:
    """A checkout that moved after `make environment`; its environment finds the packages of the one that runs tests."""
    folder = tmp_path_factory.mktemp("moves")
    built = WorkflowCopy(repository, folder).root
    for name in ("Makefile", "requirements.txt"):
        shutil.copy2(repository / name, built)
    environment = built / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True, timeout=60)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    shutil.copy2(built / "requirements.txt", environment)
    made = run("make", "environment", cwd=built)
    assert made.returncode == 0, made.stderr
    assert run("make", "environment", cwd=built).stdout == ""
    return built.rename(folder / "moved here")


def test_cuda_is_installed_on_request_and_kept_as_pinned(repository, tmp_path):
    """`make environment` with a Python that only writes down what it is called with."""
    for name in ("Makefile", "requirements.txt"):
        shutil.copy2(repository / name, tmp_path)
    (tmp_path / "workflow_scripts").mkdir()
    shutil.copy2(repository / "workflow_scripts" / "skybias.sh", tmp_path / "workflow_scripts")
    cuda = tmp_path / "requirements-gpu.txt"
    cuda.write_text("nvidia-one==1\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$@" >> called\n')
    python.chmod(0o755)
    shutil.copy2(tmp_path / "requirements.txt", tmp_path / ".venv")

    def installed(*given: str) -> list[str]:
        (tmp_path / "called").write_text("")
        made = run("make", "environment", *given, cwd=tmp_path, GPU="")
        assert made.returncode == 0, made.stderr
        return [line for line in (tmp_path / "called").read_text().splitlines() if "pip install" in line]

    with_cuda = ["-m pip install --require-hashes --requirement requirements-gpu.txt"]
    assert installed() == []
    assert installed("GPU=1") == with_cuda
    assert installed() == installed("GPU=1") == []
    cuda.write_text("nvidia-one==2\n")
    assert installed() == with_cuda


@pytest.fixture
def skybias(checkout, tmp_path):
    """Run the command in a folder of the user."""
    return lambda *arguments, **options: run(
        checkout / ".venv" / "bin" / "skybias", *arguments, **{"cwd": tmp_path, **options}
    )


def test_help_lists_every_step_on_a_line(skybias, checkout):
    shown = skybias("--help", COLUMNS="100")
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    assert all(len(line) <= 100 for line in lines)
    listed = [line.split()[0] for line in lines if re.match(r"  \w", line)]
    steps = {path.stem for path in (checkout / "workflow_scripts").glob("*.py") if "__doc__" in path.read_text()}
    assert len(listed) == len(set(listed))
    assert set(listed) == {"run"} | steps - {"__main__"}
    assert listed[:7] == ["run", "plan", "audit", "correct_audit", "apply_bias", "archive_experiment", "cancel_orphans"]
    assert "  draw_footprints       Draw the footprints of an experiment on the sky." in lines
    bare = skybias()
    assert (bare.returncode, bare.stdout) == (2, "")
    assert bare.stderr.startswith("usage: skybias COMMAND")


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_that_of_the_citation_file(skybias, repository, option):
    citation = yaml.safe_load((repository / "CITATION.cff").read_text())
    shown = skybias(option)
    assert (shown.returncode, shown.stdout) == (0, f"skybias {citation['version']}\n")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("adit", "; did you mean 'audit'"),
        ("make_catalogs", "; did you mean 'make_catalog'"),
        ("rnu", "; did you mean 'run'"),
        # Modules that are no steps.
        ("tables", ""),
        ("../audit", "; did you mean 'audit'"),
        ("sky.footprints", ""),
        ("", ""),
    ],
)
def test_a_name_that_is_no_command_is_one_sentence(skybias, name, hint):
    refused = skybias(name)
    assert (refused.returncode, refused.stdout) == (2, "")
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"error: skybias has no command '{name}'")
    assert hint in line
    assert line.endswith("(`skybias --help` lists them all)")


def test_paths_are_those_of_the_users_folder(skybias, tmp_path):
    done = skybias("map-footprint", "--footprint", NORTH, "--moc", "north.fits", "--summary", "made/north.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "made" / "north.json").read_text())["axis"] == [0.0, 90.0]
    assert {path.name for path in tmp_path.iterdir()} == {"north.fits", "made"}


def test_a_step_shows_its_own_help_and_gives_its_exit_status(skybias, tmp_path):
    assert skybias("audit", "--help").stdout.startswith("usage: skybias audit [-h]")
    missing = skybias("audit", "nowhere.csv", "--output", "out")
    assert missing.returncode == 2
    assert missing.stderr.splitlines()[-1].startswith("error: nowhere.csv: ")
    wrong = skybias("audit", "--outptu", "out")
    assert wrong.returncode == 2
    assert "skybias audit: error: " in wrong.stderr
    assert list(tmp_path.iterdir()) == []


def test_modules_of_the_users_folder_and_of_other_checkouts_are_not_taken(skybias, tmp_path):
    trap = "raise SystemExit('the wrong module')\n"
    other = tmp_path / "other"
    for folder in (tmp_path, other):
        (folder / "workflow_scripts").mkdir(parents=True)
        (folder / "workflow_scripts" / "__init__.py").write_text(trap)
    for name in ("numpy.py", "argparse.py"):
        (tmp_path / name).write_text(trap)
    shown = skybias("audit", "--help", PYTHONPATH=str(other))
    assert (shown.returncode, shown.stderr) == (0, "")


def test_the_command_is_found_by_path_by_link_and_from_its_own_folder(checkout, tmp_path):
    programs = checkout / ".venv" / "bin"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "skybias").symlink_to(programs / "skybias")
    # The environment of one checkout used by another one, as worktrees do.
    worktree = tmp_path / "worktree"
    shutil.copytree(checkout / "workflow_scripts", worktree / "workflow_scripts")
    (worktree / ".venv").symlink_to(checkout / ".venv")
    (worktree / "workflow_scripts" / "own_step.py").write_text('"""Own."""\n\nif 1:\n    run_step(main, parser)\n')
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    for command, folder in (("skybias", "/"), (tmp_path / "bin" / "skybias", "/"), ("./skybias", programs)):
        shown = run(command, "--help", cwd=Path(folder), PATH=path)
        assert shown.returncode == 0, shown.stderr
        assert "own_step" not in shown.stdout
    assert "own_step" in run(worktree / ".venv" / "bin" / "skybias", "--help", cwd=tmp_path).stdout
    assert "own_step" in run(".venv/bin/skybias", "--help", cwd=worktree).stdout


def test_the_module_form_works_from_any_folder(checkout, tmp_path):
    python = checkout / ".venv" / "bin" / "python"
    shown = run(python, "-m", "workflow_scripts.cancel_orphans", "--help", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert run(python, "-m", "workflow_scripts", "adit", cwd=tmp_path).returncode == 2


def test_a_plan_is_of_the_folder_one_is_in_unless_another_is_named(skybias, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (here / "mine.yaml").write_text(json.dumps(CONFIG))
    for options, folder in (([], here), (["--directory", "../there"], there)):
        planned = skybias("plan", "--configfile", "mine.yaml", "--json", *options, cwd=here)
        assert planned.returncode == 0, planned.stderr
        assert json.loads(planned.stdout)["directory"] == str(folder)


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_configuration_file_that_is_missing_is_one_sentence(skybias, tmp_path, command):
    refused = skybias(command, "--configfile", "mine.yaml", "--cores", "1")
    assert refused.returncode == 2
    assert refused.stderr == "error: mine.yaml: does not exist, expected a configuration file\n"


@pytest.mark.parametrize(
    ("arguments", "all_cores"),
    [
        ([], True),
        (["-n", "images", "--configfile", __file__], True),
        (["--config", "cores=3"], True),
        (["-npj4"], False),
        (["-c", "1"], False),
        (["--cores=1"], False),
        (["--jobs", "9"], False),
        (["--profile", "profiles/slurm"], False),
        (["--workflow-profile", "none"], True),
        (["-e", "slurm"], False),
    ],
)
def test_run_takes_all_cores_where_nothing_else_is_said(arguments, all_cores):
    module, *options = program("run", arguments)
    assert module == "snakemake"
    assert options[-len(arguments) :] == arguments or not arguments
    assert (options[2:4] == ["--cores", "all"]) is all_cores


def test_run_is_snakemake_with_results_in_the_users_folder(skybias, tmp_path):
    (tmp_path / "mine.yaml").write_text(json.dumps(CONFIG))
    target = "results/catalog/sky/catalog.parquet"
    done = skybias("run", target, "--configfile", "mine.yaml")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / target).is_file()
    assert "Provided cores: 1 " in skybias("run", "-j1", "--force", target, "--configfile", "mine.yaml").stderr
    assert skybias("run", "--dry-run", "no_target").returncode == 1
