"""Paths of the user's that name a file for each run: what stands in braces, and what it is replaced by."""

import re
from collections.abc import Iterable, Mapping
from string import Formatter
from typing import Any

from workflow_scripts.configuration.sources import ConfigError, KeyPath
from workflow_scripts.configuration.validation import suggestion
from workflow_scripts.runs import Run

_PLACEHOLDERS = ("footprint", "network", "resample", "seed")
# Of a number: `{seed:02d}`.
_WIDTH = re.compile(r"0?\d{1,2}d?")


def is_pattern(path: str | None) -> bool:
    """Whether a path names a file for each run."""
    return "{" in (path or "")


def check_pattern(path: KeyPath, pattern: str) -> None:
    """Raise `ConfigError` for a brace that is alone, or for what stands in braces and is no part of a run."""
    try:
        parts = list(Formatter().parse(pattern))
    except ValueError as error:
        raise ConfigError(path, f"is '{pattern}', which has a lone brace ({error})") from None
    for _, name, width, conversion in parts:
        if name is None:
            continue
        if name not in _PLACEHOLDERS:
            raise ConfigError(path, f"has '{{{name}}}'{suggestion(name, _PLACEHOLDERS)}")
        if conversion or (width and not (name in ("resample", "seed") and _WIDTH.fullmatch(width))):
            shown = f"{name}{'!' + conversion if conversion else ''}{':' + width if width else ''}"
            raise ConfigError(path, f"has '{{{shown}}}', expected '{{{name}}}', or for a number '{{seed:02d}}'")


def file_of_run(pattern: str, run: Mapping[str, Any]) -> str:
    """The file of a run: `footprint`, `network`, `resample` and `seed`, the latter two as numbers or text."""
    numbers = {key: int(run[key]) for key in ("resample", "seed")}
    return pattern.format(footprint=run["footprint"], network=run["network"], **numbers)


def files_of_runs_by_pattern(path: KeyPath, pattern: str, runs: Iterable[Run]) -> list[str]:
    """The file of each run, in their order; `ConfigError` where two runs have one, and would be no replicates."""
    files: dict[str, Run] = {}
    for run in runs:
        file = file_of_run(pattern, vars(run))
        if other := files.get(file):
            differs = next(key for key in _PLACEHOLDERS if getattr(run, key) != getattr(other, key))
            problem = f"gives {other.run_id} and {run.run_id} one file, '{file}', expected '{{{differs}}}' in it"
            raise ConfigError(path, problem)
        files[file] = run
    return list(files)
