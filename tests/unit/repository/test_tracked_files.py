"""What is in the repository, and what must not be."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from snakemake.cli import get_argument_parser

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """Every file that is tracked, or would be with `git add .`."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file()]


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="ignore")


def test_no_file_is_large(files):
    assert [path.name for path in files if path.stat().st_size > 1_000_000] == []


def test_results_are_not_tracked(files):
    inside = [path.name for path in files if path.is_relative_to(ROOT / "results")]
    assert inside == [".gitkeep"]


def test_no_source_file_needs_a_table_of_contents(files):
    sources = [path for path in files if path.suffix in (".py", ".smk") or path.name == "Snakefile"]
    assert len(sources) > 20
    assert [str(path.relative_to(ROOT)) for path in sources if len(text_of(path).splitlines()) > 400] == []


def test_no_place_of_one_machine_is_named(files):
    # Written with brackets, so that this file does not contain what it looks for.
    hosts = r"p[y]pi\.o|p[y]thonhosted|d[e]b\.debian|registry\.n[p]m"
    folders = r"(?:^|[^.\w])/(?:w[o]rk|f[a]rm|r[o]ot|h[o]me)/"
    found = [
        (str(path.relative_to(ROOT)), match.group())
        for path in files
        for match in re.finditer(f"{hosts}|{folders}", text_of(path), re.MULTILINE | re.IGNORECASE)
    ]
    assert found == []


def test_license_and_citation():
    license_text = text_of(ROOT / "LICENSE")
    assert license_text.startswith("BSD 3-Clause License")
    assert "skybias developers" in license_text
    citation = yaml.safe_load(text_of(ROOT / "CITATION.cff"))
    assert citation["license"] == "BSD-3-Clause"
    assert citation["references"][0]["identifiers"][0]["value"] == "arXiv:2201.03131"


def test_ci_runs_the_tests_and_the_checks():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    makefile = text_of(ROOT / "Makefile")
    script = re.sub(r"^#.*", "", text_of(ROOT / ".ci" / "run"), flags=re.MULTILINE)
    commands = re.findall(r"(?<!\S)make (?:--\S+ )*([a-z-]+(?: [a-z-]+)*)", script)
    targets = {target for command in commands for target in command.split()}
    assert {"test", "lint"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("profile", sorted((ROOT / "profiles").glob("*/*.yaml")), ids=lambda path: path.parent.name)
def test_profiles_explain_every_line_and_are_understood(profile):
    lines = text_of(profile).splitlines()
    options = {option for action in get_argument_parser()._actions for option in action.option_strings}
    keys = [index for index, line in enumerate(lines) if re.match(r"[a-z]", line)]
    assert keys
    for index in keys:
        assert lines[index - 1].startswith("# "), lines[index]
        assert f"--{lines[index].split(':')[0]}" in options, lines[index]


def test_default_profile_limits_the_graphics_card_of_this_machine_only():
    """Four trainings on one card is what the limit is against; jobs sent to a cluster must not count against it."""
    profile = yaml.safe_load(text_of(ROOT / "profiles" / "default" / "config.yaml"))
    assert "gpu=1" in profile["resources"]
    assert profile["set-resource-scopes"] == ["gpu=local"]
