"""The command of a network that is a program of the user's: its words, its placeholders and the files it is made of.

A command is split into words once, as a shell would, and the placeholders are then filled in word by word: no shell
reads the result.
"""

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from string import Formatter
from typing import Any

from workflow_scripts.catalogs.formats import matching_files

_GIVEN = ("images", "ids", "seed", "threads", "positive", "resume")
PLACEHOLDERS = {"train": (*_GIVEN, "labels", "model"), "annotate": (*_GIVEN, "model", "scores")}
_NEEDED = {"train": ("images", "labels", "model"), "annotate": ("images", "model", "scores")}
SCORE_FORMATS = (".npy", ".csv", ".parquet")
_SCORES = re.compile(rf"\{{scores\}}(?:{'|'.join(map(re.escape, SCORE_FORMATS))})$")
_OF_PARENT = re.compile(r"(^|[/=])\.\.(/|$)")


def check_command(step: str, command: str) -> None:
    """Raise `ValueError` with a sentence unless `command` can be split and has the placeholders of `train` or
    `annotate`, each a part of the job's own folder.
    """
    used = []
    for word in _words(command):
        names = [name for _, name in _parts(word) if name is not None]
        for name in names:
            if name not in PLACEHOLDERS[step]:
                raise ValueError(f"has the placeholder {{{name}}}{_instead(name, step)}")
        if names and _OF_PARENT.search(word):
            raise ValueError(f"has '{word}', which leaves the folder of the run; expected no .. beside a placeholder")
        if "scores" in names and not _SCORES.search(word):
            formats = ", ".join(f"{{scores}}{suffix}" for suffix in SCORE_FORMATS)
            raise ValueError(f"has '{word}', expected the format at its end: one of {formats}")
        used += names
    for name in _NEEDED[step]:
        if name not in used:
            raise ValueError(f"lacks {{{name}}}, expected all of {', '.join(f'{{{one}}}' for one in _NEEDED[step])}")


def filled_words(command: str, values: Mapping[str, str]) -> list[str]:
    """The words of a checked command, with `values` for its placeholders."""
    parts = [_parts(word) for word in _words(command)]
    return ["".join(literal + ("" if name is None else values[name]) for literal, name in word) for word in parts]


def argument_list(network: Mapping[str, Any], step: str, values: Mapping[str, str]) -> list[str]:
    """What is run for a step (`train`, `annotate`) of a network: the program, or the interpreter or conda before it.

    `conda` is the folder of an environment where it has a slash, else the name of one.
    """
    words = filled_words(network["command"][step], values)
    if python := network.get("python"):
        return [python, *words]
    if conda := network.get("conda"):
        chosen = "--prefix" if "/" in conda else "--name"
        return [os.environ.get("CONDA_EXE", "conda"), "run", "--no-capture-output", chosen, conda, *words]
    return words


def program_scripts(network: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(step, path) of the script that each command begins with, where `python` runs one and no module (`-m`)."""
    for step, command in network["command"].items():
        first = _words(command)[0]
        if network.get("python") and not first.startswith("-"):
            yield step, first


def program_files(network: Mapping[str, Any]) -> list[str]:
    """The files that a network's program is made of, sorted: scripts, other words that are files, and `files`.

    Folders stand for all files in them, but for hidden ones and compiled Python. Paths are relative to the working
    directory.
    """
    found = {path for _, path in program_scripts(network)}
    for command in network["command"].values():
        found |= {word for word in _words(command) if "{" not in word and Path(word).is_file()}
    for given in network.get("files", []):
        if Path(given).is_dir():
            found |= {str(path) for path in Path(given).rglob("*") if path.is_file() and _is_source(path, given)}
        else:
            found |= set(matching_files(given) or [given])
    return sorted(found)


def _is_source(path: Path, folder: str) -> bool:
    return not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(folder).parts)


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ValueError(f"cannot be split into words ({str(error).lower()}), expected paired quotes") from None
    if not words:
        raise ValueError("is empty, expected a command")
    return words


def _parts(word: str) -> list[tuple[str, str | None]]:
    """(literal text, name of the placeholder after it or None); braces that are doubled are literal."""
    try:
        parts = list(Formatter().parse(word))
    except ValueError:
        raise ValueError(f"has '{word}', expected placeholders in braces; write {{{{ or }}}} for a brace") from None
    for _, name, layout, conversion in parts:
        if name is not None and (layout or conversion or not name.isidentifier()):
            raise ValueError(f"has '{word}', expected names alone in braces; write {{{{ or }}}} for a brace")
    return [(literal, name) for literal, name, _, _ in parts]


def _instead(name: str, step: str) -> str:
    close = get_close_matches(name.lower(), PLACEHOLDERS[step], n=1, cutoff=0.6)
    if close:
        return f"; did you mean {{{close[0]}}}?"
    return f", expected one of {', '.join(f'{{{one}}}' for one in sorted(PLACEHOLDERS[step]))}"
