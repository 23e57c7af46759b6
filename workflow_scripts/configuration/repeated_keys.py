"""Keys given twice in a configuration file: YAML forbids them, and its reader takes the last without a word."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from workflow_scripts.configuration.validation import KeyPath, dotted
from workflow_scripts.errors import InputError


def check_repeated_keys(files: Sequence[str | Path]) -> None:
    """Raise `InputError` for the first key that a file gives twice in one mapping."""
    for file in files:
        with open(file, encoding="utf-8") as text:
            document = yaml.compose(text, Loader=yaml.SafeLoader)
        for path, line, first in _repeated(document, ()):
            raise InputError(f"{file}: {dotted(path)} is given twice, in lines {first} and {line}; expected once")


def _repeated(node: yaml.Node | None, path: KeyPath) -> Iterator[tuple[KeyPath, int, int]]:
    """(key path, line, line of the first) of every repeated key below a node, in the order of the file."""
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _repeated(item, (*path, index))
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in lines and isinstance(key.value, str):
                yield (*path, key.value), line, lines[key.value]
            lines.setdefault(str(key.value), line)
            yield from _repeated(value, (*path, str(key.value)))
