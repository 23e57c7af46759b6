"""Render docs/commands.md from the parsers of the steps that people start: `python -m website.command_lines`."""

import argparse
import importlib
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

from workflow_scripts.step import step_parser
from workflow_scripts.whole_file import whole_file

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
# Each after those whose options it shares.
STEPS = ("plan", "audit", "correct_audit", "apply_bias", "archive_experiment", "cancel_orphans")

_HEAD = """\
# Command lines

Rendered from the parsers by `make docs`; edit the parsers, not this page.

`skybias COMMAND --help` prints the same, `skybias --version` the version. Paths are relative to the folder you are in.
`skybias --help` also lists the steps that the workflow starts by itself; each is a command line, too. What is wrong
with an input is printed as one sentence, with exit status 2; `--debug` shows where it was found, and `--log-level`
limits what a step reports.

## skybias run

Runs the workflow: `snakemake --snakefile path/to/skybias/Snakefile --cores all`, followed by what is given. All options
and targets of Snakemake may be given; targets stand before `--configfile`, which takes all words after it for files.

| argument | meaning |
| --- | --- |
| `--configfile FILE ...` | files that overlay `config.yaml`, the later over the earlier ([keys](configuration.md)) |
| `--config KEY=VALUE ...` | single keys |
| `--directory DIR` | where `results/` is, or will be; default: here |
| `--cores N` | jobs at once; default: all cores |
| `--dry-run` | list the jobs and run none |
| `--until RULE` | stop after this rule |
| `images` (a target) | make the arrays of images again, after `make clean-images` |
| `calibration` (a target) | measure the tests on mock skies ([calibration.md](calibration.md)) |
"""


def rendered_page() -> str:
    """The whole page as Markdown, the same with every Python version."""
    parts = [_HEAD.rstrip("\n")]
    # The options that all steps have are in the head.
    known = dict.fromkeys(map(_row, step_parser(None)._actions), "")
    for step in STEPS:
        parser = importlib.import_module(f"workflow_scripts.{step}").parser
        parts += [f"## skybias {step}", *_described(step, parser, known)]
    return "\n\n".join(parts) + "\n"


def _described(step: str, parser: argparse.ArgumentParser, known: dict[str, str]) -> Iterator[str]:
    """Paragraphs on a step; `known` has the step that each row was given for, and gets those of this one."""
    yield " ".join((parser.description or "").split())
    rows = [_row(action) for action in parser._actions]
    if also := list(dict.fromkeys(known[row] for row in rows if known.get(row))):
        yield f"It has the options of {', '.join(f'[skybias {other}](#skybias-{other})' for other in also)}, and these:"
    first, second, *groups = parser._action_groups
    yield from _table([*first._group_actions, *second._group_actions], known)
    for group in groups:
        if table := list(_table(group._group_actions, known)):
            title = f"**{(group.title or '')[:1].upper()}{(group.title or '')[1:]}**"
            yield f"{title}: {group.description}" if group.description else title
            yield from table
    known |= {row: step for row in rows if row not in known}
    if parser.epilog:
        yield " ".join(parser.epilog.split())


def _table(actions: Sequence[argparse.Action], known: Container[str]) -> Iterator[str]:
    if new := [row for row in map(_row, actions) if row not in known]:
        yield "\n".join(["| argument | meaning |", "| --- | --- |", *new])


def _row(action: argparse.Action) -> str:
    choices = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else ""
    value = "" if action.nargs == 0 else choices or action.metavar or action.dest.upper()
    if action.nargs in ("+", "*") and action.option_strings:
        value = f"{value} ..." if action.nargs == "+" else f"[{value} ...]"
    name = f"{', '.join(action.option_strings)} {value}".strip() if action.option_strings else str(value or action.dest)
    meaning = (action.help or "") % {**vars(action), "prog": ""}
    needed = "required; " if action.option_strings and action.required else ""
    return f"| `{name}` | {needed}{meaning} |".replace("| |", "| - |")


if __name__ == "__main__":
    with whole_file(DOCUMENT) as temporary:
        temporary.write_text(rendered_page(), encoding="utf-8")
