"""Entries of the configuration as steps receive them: one JSON text, options of a command line, or words."""

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


def as_options(values: Mapping[str, Any]) -> list[str]:
    """Values as options of a command line: True is a switch, and what is null, false or empty is left out."""
    options = []
    for key, value in values.items():
        if value is None or value is False or value == []:
            continue
        option, items = f"--{key.replace('_', '-')}", value if isinstance(value, list) else [value]
        # As one would type it: 1.0 and 1 are the same class.
        texts = [str(int(item)) if isinstance(item, float) and item.is_integer() else str(item) for item in items]
        if value is True:
            options.append(option)
        elif any(text.startswith("-") for text in texts):
            # What begins so could be taken for an option.
            options += [f"{option}={text}" for text in texts]
        else:
            options += [option, *texts]
    return options
