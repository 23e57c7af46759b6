"""The requirements pin everything once, with hashes; the conda environments have the same versions and suffice."""

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from workflow_scripts.code_closure import closure

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
CONDA_NAMES = {"matplotlib-base": "matplotlib"}
# Distribution of an import, where the names differ.
DISTRIBUTIONS = {"PIL": "pillow", "yaml": "pyyaml", "astropy_healpix": "astropy-healpix"}
VALIDATOR = "tests/unit/crates/validator/"
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"


def pins(file: str = "requirements.txt") -> dict[str, str]:
    found = re.findall(rf"^({NAME})==([^\s;]+)", (ROOT / file).read_text(), re.MULTILINE)
    return {name.lower(): version for name, version in found}


def wanted() -> set[str]:
    lines = (ROOT / "requirements.in").read_text().splitlines()
    return {re.match(NAME, line).group().lower() for line in lines if line and not line.startswith("#")}


def third_party(module: str) -> set[str]:
    """Distributions that a module and all it imports from this project import."""
    found = set()
    for name in closure(module, ROOT):
        base = ROOT.joinpath(*name.split("."))
        path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add((node.module or "").split(".")[0])
    found -= set(sys.stdlib_module_names) | {"workflow_scripts"}
    return {DISTRIBUTIONS.get(name, name) for name in found}


def packages_of(environment: Path) -> dict[str, str]:
    listed = yaml.safe_load(environment.read_text())["dependencies"]
    assert listed[0] == "python>=3.11,<3.14"
    pairs = [entry.split("=") for entry in listed[1:]]
    return {CONDA_NAMES.get(name, name): version for name, version in pairs}


def test_all_that_is_wanted_is_pinned():
    assert wanted() - set(pins()) == set()
    assert len(wanted()) > 15


@pytest.mark.parametrize(
    ("name", "at_least"),
    [("requirements.txt", 60), ("requirements-gpu.txt", 10), (f"{VALIDATOR}requirements.txt", 20)],
)
def test_every_pin_has_hashes(name, at_least):
    text = (ROOT / name).read_text().replace("\\\n", " ")
    pinned = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert len(pinned) >= at_least
    assert [line[:60] for line in pinned if not re.search(r"==\S+.* --hash=sha256:[0-9a-f]{64}", line)] == []


@pytest.mark.parametrize(
    "name",
    [f"{place}requirements.{end}" for place in ("", "examples/", "website/", VALIDATOR) for end in ("in", "txt")]
    + ["requirements-gpu.txt"],
)
def test_requirements_name_no_place(name):
    text = (ROOT / name).read_text()
    assert re.findall(r"://|--(?:extra-)?index|--find-links|--trusted", text) == []


def test_cuda_is_what_the_pinned_tensorflow_wants_in_addition():
    assert importlib.metadata.version("tensorflow") == pins()["tensorflow"]
    wanted = [Requirement(line) for line in importlib.metadata.requires("tensorflow") or []]
    cuda = {of.name: of.specifier for of in wanted if of.marker and of.marker.evaluate({"extra": "and-cuda"})}
    cuda = {name: versions for name, versions in cuda.items() if name.startswith("nvidia-")}
    pinned = pins("requirements-gpu.txt")
    assert len(cuda) > 5
    assert set(cuda) - set(pinned) == set()
    assert {name: pinned[name] for name, versions in cuda.items() if pinned[name] not in versions} == {}
    assert set(pinned) & set(pins()) == set()


def test_every_import_is_wanted():
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "workflow_scripts").rglob("*.py")
    ]
    imported = set().union(*(third_party(module) for module in modules))
    # keras comes with tensorflow, at the version that it requires.
    assert imported - wanted() - {"keras"} == set()


@pytest.mark.parametrize(
    ("folder", "wanted_there"),
    [("examples", {"scikit-learn", "joblib", "numpy"}), ("website", {"sphinx", "furo", "myst-parser", "latex2mathml"})],
)
def test_other_environments_have_the_pinned_versions_with_hashes(folder, wanted_there):
    """What two environments have is of one version."""
    text = (ROOT / folder / "requirements.txt").read_text().replace("\\\n", " ")
    pinned = dict(re.findall(rf"^({NAME})==([^\s;]+)[^\n]* --hash=sha256:[0-9a-f]{{64}}", text, re.MULTILINE))
    assert wanted_there <= set(pinned)
    assert set(pinned) == set(re.findall(rf"^({NAME})==", text, re.MULTILINE))
    assert {name: version for name, version in pinned.items() if pins().get(name, version) != version} == {}


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_environments_have_the_pinned_versions(environment):
    packages = packages_of(environment)
    assert packages
    assert {name: pins().get(name) for name in packages} == packages


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_environments_suffice_for_their_steps(environment):
    """An environment has what the steps of its rules import."""
    needed: dict[str, set[str]] = {}
    for path in sorted((ROOT / "rules").glob("*.smk")):
        for block in re.split(r"^rule ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            if f"../envs/{environment.name}" in block:
                for step in re.findall(r"python -m (workflow_scripts\.\w+)", block):
                    needed[step] = third_party(step)
    assert needed, f"no rule uses envs/{environment.name}"
    lacking = {step: names - set(packages_of(environment)) for step, names in needed.items()}
    assert {step: names for step, names in lacking.items() if names} == {}
