"""The tutorial, from top to bottom: its commands in an empty folder, with the files that it says to save."""

import filecmp
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

TUTORIAL = Path("docs", "tutorial.md")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SAVED_AS = re.compile(r"Save this as `([\w.]+)`")


def steps(text: str) -> list[tuple[str, str]]:
    """(file, its text) of what is to be saved, ("", commands) of what is to be typed, in order."""
    found, end = [], 0
    for fence in FENCE.finditer(text):
        names = SAVED_AS.findall(text[end : fence.start()])
        found.append((names[0] if fence.group(1) == "yaml" else "", fence.group(2)))
        end = fence.end()
    return found


@pytest.mark.long
def test_every_command_of_the_tutorial_works(repository, tmp_path):
    pins = repository / "requirements.txt", repository / ".venv" / "requirements.txt"
    if not pins[1].is_file() or not filecmp.cmp(*pins, shallow=False):
        # `make environment` would put another one in the place of that which runs this test, and perhaps others.
        pytest.skip("the environment in .venv is not that of requirements.txt: `make environment` first")
    text = (repository / TUTORIAL).read_text(encoding="utf-8")
    assert set(re.findall(r"^```(\w+)", text, re.MULTILINE)) == {"sh", "yaml"}, "a block that nobody runs"
    (tmp_path / "skybias").symlink_to(repository)
    others = ("PYTHON", "SNAKEMAKE", "MAKE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    script, headlines = "set -e\n", []
    for name, content in steps(text):
        if name:
            (tmp_path / name).write_text(content, encoding="utf-8")
            continue
        # One shell for all commands, as one terminal: each block repeats the lines that set its environment.
        script += "".join(line for line in content.splitlines(True) if line.startswith("export "))
        commands = "".join(line for line in content.splitlines(True) if not line.startswith("export "))
        run = subprocess.run(
            ["bash", "-c", script + commands],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=1500,
        )
        assert run.returncode == 0, f"{commands}\n{run.stdout[-3000:]}\n{run.stderr[-3000:]}"
        headlines += re.findall(r'^ *"headline": (".*"),$', run.stdout, re.MULTILINE)
        if "plan --configfile first.yaml narrower.yaml" in commands:
            done = {line.split()[0]: line.split()[1:3] for line in run.stdout.splitlines() if len(line.split()) >= 3}
            assert done["cutouts"][1] == done["images"][1] == "0", run.stdout
            assert done["inference"] == ["6", "6"], run.stdout
            assert "parameters" in run.stdout
    assert len(headlines) == 3
    assert all(json.loads(headline) for headline in headlines)
    assert (tmp_path / "results" / "report" / "first" / "verdict.html").is_file()
