"""Where the configuration comes from: files, the command line's `--config`, another workflow that imports this one.

Snakemake merges them; what it loses on the way is mended or refused here, and messages name the source of a mistake.
"""

from collections.abc import Iterator, Mapping, Sequence
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


def source_with(path: KeyPath, sources: ConfigSources) -> str | None:
    """The source that sets the key, or most of the way to it; the last one wins as it does in merging."""
    depths = [_depth(path, source) for source in sources]
    for source, depth in zip(reversed(sources), reversed(depths), strict=True):
        if depth == max(depths):
            return source.name if isinstance(source, Source) else str(source)
    return None


def last_source(path: KeyPath, sources: ConfigSources) -> int:
    """Number of the last source that sets the key, in the order of merging; -1 where none does."""
    return max((number for number, source in enumerate(sources) if _depth(path, source) == len(path)), default=-1)


def _depth(path: KeyPath, source: str | Path | Source) -> int:
    """How many parts of a key path a source has."""
    node: Any = source.content if isinstance(source, Source) else _content(Path(source))
    for depth, part in enumerate(path):
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return depth
    return len(path)


def _content(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def all_sources(
    config: Mapping[str, Any], files: Sequence[str | Path], options: Sequence[str] | None, module: str | None = None
) -> tuple[dict[str, Any], ConfigSources]:
    """The configuration with the types of `--config` (`options`), and its sources in the order of merging.

    What `module` gets from the workflow that imports it overlays the default, the only one of its `files`, like a file
    of `--configfile`.
    """
    typed, from_options = with_types(config, options or ())
    if module is None:
        return typed, [*files, *from_options]
    return overlaid(files[0], typed), [files[0], Source(f"config of module {module}", typed)]


def overlaid(file: str | Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration file with `config` laid over it: mappings are joined, all else is replaced."""
    return _joined(yaml.safe_load(Path(file).read_text(encoding="utf-8")), config)


def _joined(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    joined = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(joined.get(key), Mapping)
        joined[key] = _joined(joined[key], value) if both else value
    return joined


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


def with_types(config: Mapping[str, Any], given: Sequence[str]) -> tuple[dict[str, Any], list[Source]]:
    """The configuration with numbers, true, false and null where `--config` has them within mappings and lists.

    Snakemake reads `--config 'gpu={enabled: true}'` as YAML whose values are all text.

    Parameters
    ----------
    config
        the merged configuration.
    given
        the arguments of `--config`, each `KEY=VALUE`.

    Returns
    -------
    The configuration, and what `--config` set as a source, if anything.
    """
    typed, content = dict(config), {}
    for key, _, text in (argument.partition("=") for argument in given):
        if key not in config:
            continue
        content[key] = config[key]
        if isinstance(config[key], dict | list):
            try:
                as_text, value = yaml.load(text, Loader=yaml.BaseLoader), yaml.safe_load(text)
            except yaml.YAMLError:
                continue
            content[key] = value
            typed[key] = _retyped(config[key], as_text, value)
    return typed, [Source("--config", content)] if content else []


def _retyped(merged: Any, as_text: Any, value: Any) -> Any:
    """`merged` with the typed `value` in every place that still holds its text."""
    if isinstance(merged, Mapping) and isinstance(value, Mapping):
        # The same mapping read twice has its keys in the same order, whatever their types.
        pairs = dict(zip(as_text, value.items(), strict=True)) if isinstance(as_text, Mapping) else {}
        retyped = {}
        for key, old in merged.items():
            name, item = pairs.get(key, (key, None))
            retyped[name] = _retyped(old, as_text[key], item) if key in pairs else old
        return retyped
    return value if merged == as_text else merged


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
