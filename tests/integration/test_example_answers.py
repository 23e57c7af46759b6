"""docs/example_answers.md quotes what the program gives: its audits, run as it says."""

import json
import re
import shlex
import subprocess
import sys

import pytest

from tests.example_catalogs import CATALOGS, write_catalogs

EXAMPLE = re.compile(r"^((?:> .*\n)+)\n`skybias (audit (\w+)\.csv .*?)`", re.MULTILINE)


@pytest.mark.long
def test_headlines_are_those_that_audits_give(repository, tmp_path):
    text = (repository / "docs" / "example_answers.md").read_text(encoding="utf-8")
    examples = EXAMPLE.findall(text)
    assert [name for _, _, name in examples] == list(CATALOGS)
    write_catalogs(tmp_path)
    quoted, given = {}, {}
    for headline, command, name in examples:
        subprocess.run(
            [sys.executable, repository / "workflow_scripts" / "__main__.py", *shlex.split(command)],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            timeout=300,
        )
        summary = json.loads((tmp_path / name / "summary.json").read_text(encoding="utf-8"))
        quoted[name], given[name] = headline.removeprefix("> ").replace("\n> ", " ").strip(), summary["headline"]
    assert quoted == given
