"""Render docs/configuration.md from the schema: `python -m workflow_scripts.configuration.key_table`."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workflow_scripts.configuration.schema import Schema, config_schema, resolve
from workflow_scripts.step import run_step
from workflow_scripts.whole_file import whole_file

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"

_HEAD = """\
# Configuration keys

Rendered from `rules/schemas/config.schema.yaml` by `make docs`; edit the schema, not this page.

`config.yaml` holds the defaults of the project; a file given with `--configfile` overlays it key by key, and
`--config key=value` overlays both. The registries (`catalogs`, `surveys`, ...) hold named entries that refer to each
other by name; a name is a letter followed by letters, digits or `_`. Entries that nothing uses are checked all the
same. A key that is not listed here is an error.
"""
_TABLE_HEAD = "| key | values | default | meaning |\n| --- | --- | --- | --- |"
_PLURAL_TYPES = {
    "object": "mapping",
    "array": "list",
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "true, false",
    "null": "null",
}

Row = tuple[str, str, str, str]


def render() -> str:
    """The whole page as Markdown: one table for the top level and one for every kind of entry."""
    schema = config_schema()
    registries = {key: entry for key, entry in schema["properties"].items() if entry.get("$ref") == "#/$defs/registry"}
    plain = {key: entry for key, entry in schema["properties"].items() if key not in registries}
    parts = [_HEAD, "## Top level\n", _table(_rows_of_properties(plain, set(schema["required"]), ""))]
    for registry, entry in registries.items():
        parts += [f"\n## {registry}\n", entry["description"] + "\n"]
        for title, merged in _kinds(entry["additionalProperties"]):
            required = set(merged.get("required", []))
            rows = _rows_of_properties(merged["properties"], required, "")
            parts += [f"### `{registry}.NAME`{title}\n", _table(rows) + "\n"]
        parts[-1] = parts[-1].rstrip("\n")
    return "\n".join(parts) + "\n"


def _kinds(entry: Schema) -> Iterator[tuple[str, dict[str, Any]]]:
    """The kinds of entry in a registry: (title, schema with all properties of that kind)."""
    base = resolved(entry)
    branches = [branch for branch in base.get("allOf", []) if "$ref" in branch.get("then", {})]
    if not branches:
        yield "", base
    for branch in branches:
        ((key, constant),) = branch["if"]["properties"].items()
        merged = resolved(branch["then"])
        described = {**merged["properties"], key: {**base["properties"][key], **merged["properties"][key]}}
        yield f" with `{key}: {constant['const']}`", {**merged, "properties": described}


def resolved(schema: Schema) -> dict[str, Any]:
    """A schema with its reference replaced; its own keys win over those of the target."""
    if "$ref" not in schema:
        return dict(schema)
    own = {key: value for key, value in schema.items() if key != "$ref"}
    return {**resolved(resolve(schema["$ref"])), **own}


def _rows_of_properties(properties: Schema, required: set[str], prefix: str) -> Iterator[Row]:
    for key, raw in properties.items():
        schema = resolved(raw)
        path = f"{prefix}{key}"
        default = f"`{_yaml(schema['default'])}`" if "default" in schema else ""
        if key in required:
            default = "required"
        yield path, _values(schema), default, schema.get("description", "")
        # A schema with a title is named where it is used and described once: a region holds regions.
        if "properties" in schema and "title" not in schema:
            yield from _rows_of_properties(schema["properties"], set(schema.get("required", [])), f"{path}.")
        entries = schema.get("additionalProperties")
        if isinstance(entries, dict) and "properties" in (entry := resolved(entries)) and entry["type"] == "object":
            yield from _rows_of_properties(entry["properties"], set(entry.get("required", [])), f"{path}.NAME.")


def _values(schema: Schema) -> str:
    if "title" in schema:
        return schema["title"]
    if "title" in (item := resolved(schema.get("items", {}))):
        return f"list of {item['title']}s"
    if "const" in schema:
        return f"`{_yaml(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{_yaml(choice)}`" for choice in schema["enum"])
    types = schema.get("type", "object")
    named = [types] if isinstance(types, str) else list(types)
    text = " or ".join(_PLURAL_TYPES[name] for name in named)
    limits = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    listed = [f"{sign} {_yaml(schema[key])}" for key, sign in limits.items() if key in schema]
    return f"{text} ({', '.join(listed)})" if listed else text


def _yaml(value: Any) -> str:
    """A value as one would write it in the file, on one line."""
    if isinstance(value, str):
        return value or '""'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_yaml(item) for item in value) + "]"
    return json.dumps(value)


def _table(rows: Iterator[Row]) -> str:
    lines = [f"| `{path}` | {values} | {default} | {_cell(text)} |" for path, values, default, text in rows]
    return "\n".join([_TABLE_HEAD, *lines])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def build_parser() -> argparse.ArgumentParser:
    """Command line of the page's renderer."""
    parser = argparse.ArgumentParser(prog="python -m workflow_scripts.configuration.key_table", description=__doc__)
    parser.add_argument("--output", type=Path, default=DOCUMENT, help="the page (default: docs/configuration.md)")
    return parser


def main(args: argparse.Namespace) -> None:
    """Write the page."""
    with whole_file(args.output) as temporary:
        temporary.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    run_step(main, build_parser())
