"""Why a job runs, in a word or more, and which keys of its parameters changed, from Snakemake's records."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_DIGEST = re.compile(r"'[0-9a-f]{16}'")
_ABSENT = object()
# A list or mapping that changed as a whole is not spelt out: a plan is a page.
_LONGEST = 40


def why_it_runs(reason: Any) -> tuple[str, ...]:
    """The words for a reason of Snakemake (docs/planning.md lists them); a job that only follows others `follows`."""
    changed = reason.params_changed.only_old | reason.params_changed.only_new
    # The digest of a step's code (`code_digest`) is a parameter, too.
    code = {text for text in changed if _DIGEST.fullmatch(text)}
    holds = {
        "forced": reason.forced,
        "interrupted": reason._incomplete_output,
        "parameters": changed - code,
        "code": reason.code_changed or code,
        "input": reason._updated_input or reason.input_changed,
        "software": reason.software_stack_changed,
    }
    return tuple(word for word in holds if holds[word]) or ("new" if reason._missing_output else "follows",)


def changed_parameters(changed: Any) -> tuple[str, ...]:
    """The differences, each as `epochs: 20 -> 25`, where both sides hold one JSON mapping; else nothing.

    `changed` has the parameters of a job as Snakemake records them (`repr`) that are only on one side: `only_old` and
    `only_new`.
    """
    sides = (changed.only_old, changed.only_new)
    old, new = ([found for text in side if (found := _mapping(text)) is not None] for side in sides)
    return tuple(sorted(_differences("", old[0], new[0]))) if len(old) == len(new) == 1 else ()


def _mapping(recorded: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(ast.literal_eval(recorded))
    except (ValueError, SyntaxError, TypeError):
        return None
    return found if isinstance(found, dict) else None


def _differences(path: str, before: Any, now: Any) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in before.keys() | now.keys():
            yield from _differences(f"{path}.{key}".lstrip("."), before.get(key, _ABSENT), now.get(key, _ABSENT))
    elif before != now:
        yield f"{path}: {_shown(before)} -> {_shown(now)}"


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
