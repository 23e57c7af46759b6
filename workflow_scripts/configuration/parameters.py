"""How an entry of the configuration reaches a step."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def as_parameter(entry: Any) -> str:
    """`entry` as one line of JSON with sorted keys.

    Snakemake compares loose parameters as a set without names, and does not track objects at all; one string with a
    fixed order of keys is compared whole.
    """
    return json.dumps(entry, sort_keys=True, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def readable(entry: Any) -> str:
    """`entry` in words, for messages: `epochs 25, optimizer.name adam`; keys without a value are left out."""
    return ", ".join(f"{path} {text}".strip() for path, text in _leaves("", entry))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _leaves(f"{path}.{key}".lstrip("."), value[key])
    elif value is not None and value != []:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
