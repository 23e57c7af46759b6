"""The command `skybias`: the workflow, its preview, an audit, or a single step, from any folder.

Only the standard library is imported, because `.venv/bin/skybias` (skybias.sh) runs this file by its path.
"""

import argparse
import ast
import os
import re
import shutil
import signal
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUN = "Run the workflow, with options and targets of snakemake; results/ is here or in --directory."
# People start these; the workflow starts the others.
_BY_HAND = ("run", "plan", "audit", "correct_audit", "apply_bias", "archive_experiment", "cancel_orphans")
_IS_STEP = re.compile(r"^    run_step\(main, parser\)$", re.MULTILINE)
# Options that say on what, or with how many cores, Snakemake runs jobs.
_CORES_CHOSEN = re.compile(r"-\w*[cje]|--(cores|jobs|executor|profile)\b")
_HEAD = """usage: skybias COMMAND [ARGUMENT ...]
       skybias --version

`skybias COMMAND --help` lists the arguments. Paths are relative to the folder you are in.
"""


def commands() -> dict[str, Path]:
    """File of every command by its name."""
    files = sorted(ROOT.joinpath("workflow_scripts").glob("*.py"))
    steps = {file.stem: file for file in files if _IS_STEP.search(file.read_text(encoding="utf-8"))}
    return {"run": ROOT / "Snakefile", **steps}


def help_text() -> str:
    """All commands with a line on each, those that people start first."""
    found = commands()
    by_workflow = [name for name in found if name not in _BY_HAND]
    width = max(map(len, found)) + 4
    first, then = ("\n".join(_described(names, found, width)) for names in (_BY_HAND, by_workflow))
    return f"{_HEAD}\n{first}\n\nSteps of the workflow, which `run` starts by itself:\n\n{then}"


def _described(names: Iterable[str], files: dict[str, Path], width: int) -> Iterator[str]:
    columns = min(shutil.get_terminal_size().columns, 120)
    for name in names:
        # Read, not imported: some steps take seconds to import.
        text = RUN if name == "run" else ast.get_docstring(ast.parse(files[name].read_bytes())) or ""
        first = textwrap.shorten(text.split("\n\n")[0], max(columns - width - 2, 30), placeholder=" ...")
        yield f"  {name}".ljust(width) + first


def version() -> str:
    """The version, of which CITATION.cff is the one place."""
    text = ROOT.joinpath("CITATION.cff").read_text(encoding="utf-8")
    return re.findall(r"^version: (.+)$", text, re.MULTILINE)[0]


def program(name: str, arguments: Sequence[str]) -> list[str]:
    """What `python -m` runs for a command, dashes being taken for underscores.

    Raises `ValueError` with a sentence where there is no such command, or a configuration file is missing.
    """
    known, name = commands(), name.replace("-", "_")
    if name == "run":
        return ["snakemake", "--snakefile", str(known["run"]), *_all_cores(arguments), *_checked(arguments)]
    if name in known:
        return [f"workflow_scripts.{name}", *arguments]
    near = " or ".join(f"'{other}'" for other in get_close_matches(name, known, n=2))
    hint = f"; did you mean {near}?" if near else ""
    raise ValueError(f"skybias has no command '{name}'{hint} (`skybias --help` lists them all)")


def _all_cores(arguments: Sequence[str]) -> list[str]:
    is_chosen = "SNAKEMAKE_PROFILE" in os.environ or any(map(_CORES_CHOSEN.match, arguments))
    return [] if is_chosen else ["--cores", "all"]


def _checked(arguments: Sequence[str]) -> Sequence[str]:
    """The arguments; Snakemake would answer a configuration file that is not there with a traceback."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--configfile", "--configfiles", nargs="*", action="extend", default=[])
    for file in parser.parse_known_args(arguments)[0].configfile:
        if not Path(file).is_file():
            raise ValueError(f"{file}: does not exist, expected a configuration file")
    return arguments


def main(argv: Sequence[str]) -> int:
    """Become the program of a command, or give the exit status of none."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        # `skybias --help | head` ends quietly.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        print(help_text(), file=sys.stdout if argv else sys.stderr)
        return 0 if argv else 2
    if argv[0] in ("-V", "--version"):
        print(f"skybias {version()}")
        return 0
    try:
        module = program(argv[0], argv[1:])
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    # This checkout's modules, not those of another one, nor a user's file that is called like one of the library.
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"}
    os.execve(sys.executable, [sys.executable, "-m", *module], environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
