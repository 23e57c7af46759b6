"""Every step is a command line, and the rule that runs it has its name."""

import re
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
STEPS = sorted(
    path.stem
    for path in (ROOT / "workflow_scripts").glob("*.py")
    if "run_step(main" in path.read_text(encoding="utf-8")
)
RULE = re.compile(r"^rule (\w+):\n(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


def rules() -> list[tuple[str, str, str]]:
    """(file's stem, rule, its text) of every rule that runs a step."""
    found = []
    for path in sorted((ROOT / "rules").glob("*.smk")):
        found += [(path.stem, name, body) for name, body in RULE.findall(path.read_text(encoding="utf-8"))]
    return [(stage, name, body) for stage, name, body in found if "workflow_scripts." in body]


def directive(body: str, name: str) -> str:
    match = re.search(rf"^    {name}:(.*?)(?=^    \w|\Z)", body, re.MULTILINE | re.DOTALL)
    return match.group(1) if match else ""


@pytest.mark.parametrize("step", STEPS)
def test_step_prints_its_help(step, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [step, "--help"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module(f"workflow_scripts.{step}", run_name="__main__")
    assert stopped.value.code == 0
    assert "--debug" in capsys.readouterr().out


def test_there_are_rules():
    assert len(rules()) >= 10


@pytest.mark.parametrize(("stage", "rule", "body"), rules(), ids=lambda value: value if len(value) < 40 else "")
def test_rule_step_and_log_share_a_name(stage, rule, body):
    (step,) = set(re.findall(r"python -m workflow_scripts\.([\w.]+)", body))
    assert step == rule
    assert f'code("{rule}")' in directive(body, "params"), "the rule does not follow its step's code"
    assert re.search(rf'"logs/{stage}/(.+/)?{rule}\.log"', directive(body, "log")), directive(body, "log")
    # The figures of a step are those of figures/figure_list.py.
    assert re.search(rf'"results/{stage}/|^\s+png=figures\("{rule}"\)', directive(body, "output"), re.MULTILINE)
    for name in ("conda", "message", "resources"):
        assert directive(body, name), f"{rule} lacks {name}"


def test_every_file_of_rules_states_what_it_needs_and_gives():
    for path in sorted((ROOT / "rules").glob("*.smk")):
        if path.stem == "common":
            continue
        head = path.read_text(encoding="utf-8").split("\n\n")[0]
        assert re.search(r"^#\s+needs:.*^#\s+gives:", head, re.MULTILINE | re.DOTALL), path.name
