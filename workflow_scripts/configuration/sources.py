"""Where the configuration comes from: files, the command line's `--config`, another workflow that imports this one.

Snakemake merges them; what it loses on the way is mended or refused here, and messages name the source of a mistake.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from workflow_scripts.errors import InputError

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Source:
    """A part of the configuration that is no file, by the name that messages have for it."""

    name: str
    content: Mapping[str, Any]


ConfigSources = Sequence[str | Path | Source]


def dotted(path: KeyPath) -> str:
    """A key path as people write it, `footprints.north.region.polygon[2]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class ConfigError(InputError):
    """A mistake in the configuration: the key, what is wrong with it, and the key that its source has, if another."""

    def __init__(self, path: KeyPath, problem: str, at: KeyPath = ()):
        self.at = at or path
        self.sentence = f"{dotted(path)} {problem}" if path else problem
        super().__init__(f"configuration: {self.sentence}")


@contextmanager
def named_sources(sources: ConfigSources) -> Iterator[None]:
    """Let mistakes name the source that sets their key, or most of the way to it; the last one, as in merging."""
    try:
        yield
    except ConfigError as mistake:
        raise InputError(f"{source_of_key(mistake.at, sources)}: {mistake.sentence}") from None


def source_of_key(path: KeyPath, sources: ConfigSources) -> str:
    """The name of the last source that sets the key, or most of the way to it; `configuration` without sources."""
    if not sources:
        return "configuration"
    source = max(reversed(sources), key=lambda source: _depth(path, source))
    return source.name if isinstance(source, Source) else str(source)


def last_source(path: KeyPath, sources: ConfigSources) -> int:
    """Number of the last source that sets the key, in the order of merging; -1 where none does."""
    return max((number for number, source in enumerate(sources) if _depth(path, source) == len(path)), default=-1)


def _depth(path: KeyPath, source: str | Path | Source) -> int:
    """How many parts of a key path a source has."""
    node: Any = source.content if isinstance(source, Source) else _content(source)
    for depth, part in enumerate(path):
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return depth
    return len(path)


def _content(file: str | Path) -> Any:
    return yaml.safe_load(Path(file).read_text(encoding="utf-8"))


def all_sources(
    config: Mapping[str, Any], files: Sequence[str | Path], options: Sequence[str] | None, module: str | None = None
) -> tuple[dict[str, Any], ConfigSources]:
    """The configuration with the types of `--config`, and its sources in the order of merging.

    Snakemake reads `--config 'gpu={enabled: true}'` as YAML whose values are all text.

    Parameters
    ----------
    config
        as Snakemake merged it.
    files
        in the order of merging.
    options
        the arguments of `--config`, each `KEY=VALUE`.
    module
        name under which another workflow imports this one; what it gives overlays the default, the only one of `files`.
    """
    typed, given = dict(config), {}
    for key, _, text in (argument.partition("=") for argument in options or ()):
        if key not in config:
            continue
        given[key] = config[key]
        if isinstance(config[key], dict | list):
            try:
                as_text, value = yaml.load(text, Loader=yaml.BaseLoader), yaml.safe_load(text)
            except yaml.YAMLError:
                continue
            given[key] = value
            # A module may have a configuration that `--config` does not reach.
            if overlay(config[key], as_text) == config[key]:
                typed[key] = overlay(config[key], value)
    if module is not None:
        return overlay(_content(files[0]), typed), [files[0], Source(f"config of module {module}", typed)]
    return typed, [*files, *([Source("--config", given)] if given else [])]


def overlay(below: Any, above: Any) -> Any:
    """`above` laid over `below` as Snakemake lays one configuration file over another: mappings are joined, all else
    is replaced.
    """
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    return {**below, **{key: overlay(below[key], value) if key in below else value for key, value in above.items()}}


def refuse_repeated_options(arguments: Sequence[str]) -> None:
    """Raise `InputError` where a command line gives `--configfile` or `--config` twice: the last would win alone."""
    for names, example in (
        (("--configfile", "--configfiles"), "FIRST.yaml SECOND.yaml"),
        (("--config", "-C"), "KEY=VALUE KEY=VALUE"),
    ):
        if sum(argument.partition("=")[0] in names for argument in arguments) > 1:
            raise InputError(
                f"{names[0]} is given twice, and Snakemake would silently forget the first; expected it once,"
                f" with all that belongs to it: {names[0]} {example}"
            )


def check_repeated_keys(sources: ConfigSources) -> None:
    """Raise `InputError` for the first key that a file gives twice in one mapping: YAML would take the last."""
    for file in sources:
        if isinstance(file, Source):
            continue
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
