"""Why a job runs, in a word or more, and which keys of its parameters changed, from Snakemake's records."""

import ast
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

_DIGEST = re.compile(r"'[0-9a-f]{16}'")
_ABSENT = object()
# A list or mapping that changed as a whole is not spelt out: a plan is a page.
_LONGEST = 40


def why_it_runs(reason: Any) -> tuple[str, ...]:
    """The words for a reason of Snakemake (docs/planning.md lists them); a job that only follows others `follows`."""
    why = []
    if reason.forced:
        why.append("forced")
    if reason._incomplete_output:
        why.append("interrupted")
    changed = reason.params_changed.only_old | reason.params_changed.only_new
    if any(not is_code_digest(text) for text in changed):
        why.append("parameters")
    if reason.code_changed or any(is_code_digest(text) for text in changed):
        why.append("code")
    if reason._updated_input or reason.input_changed:
        why.append("input")
    if reason.software_stack_changed:
        why.append("software")
    if not why and reason._missing_output:
        why.append("new")
    return tuple(why or ["follows"])


def is_code_digest(recorded: str) -> bool:
    """Whether a recorded parameter is the digest of a step's code (`code_digest`)."""
    return bool(_DIGEST.fullmatch(recorded))


def changed_parameters(before: Collection[str], now: Collection[str]) -> tuple[str, ...]:
    """The differences, each as `epochs: 20 -> 25`, where both sides hold one JSON mapping; else nothing.

    Parameters
    ----------
    before, now
        the parameters of a job as Snakemake records them (`repr`), only those that are not on both sides.
    """
    old, new = ([found for text in side if (found := _mapping(text)) is not None] for side in (before, now))
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
