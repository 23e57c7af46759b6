"""Render docs/configuration.md from the schema: `python -m workflow_scripts.configuration.key_table`.

A block of the schema with a title is described once, in a section of its own, and linked from where it is used.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.configuration.schema import (
    KEY_OF_KINDS,
    Schema,
    applicable_schemas,
    config_schema,
    keys_of,
    registries,
    resolve,
)
from workflow_scripts.whole_file import whole_file

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"

_HEAD = """\
# Configuration keys

Rendered from `rules/schemas/config.schema.yaml` by `make docs`; edit the schema, not this page.

`config.yaml` holds the defaults of the project; a file given with `--configfile` overlays it key by key, and
`--config key=value` overlays both (`--config 'networks={lenet5: {epochs: 10}}'` for a key within). The registries
(`catalogs`, `surveys`, ...) hold named entries that refer to each other by name; a name is a letter followed by
letters, digits or `_`. Entries that nothing uses are checked all the same. A key that is not listed here is an error.

An entry with the key `like` has everything that the named entry of its registry has, overlaid by its own keys:
`experiments: {deeper: {like: default, survey: deep}}` is the experiment `default` on another survey. Mappings
are merged and lists replaced; an arm cannot be removed so.
"""
_TABLE_HEAD = "| key | values | default | meaning |\n| --- | --- | --- | --- |"
_TYPES = {
    "object": "mapping",
    "array": "list",
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "true, false",
    "null": "null",
}


def rendered_page() -> str:
    """The whole page as Markdown: a table for the top level, for every kind of entry, and for every shared block."""
    schema = config_schema()
    plain = {key: part for key, part in schema["properties"].items() if key not in registries()}
    page = _Page()
    parts = [_HEAD.rstrip("\n"), "## Top level", *page.table({"properties": plain, "required": schema["required"]})]
    for registry, part in registries().items():
        parts += [f"## {registry}", part["description"], *page.entries(registry, part["additionalProperties"])]
    return "\n\n".join([*parts, "## Blocks that several keys hold", *page.shared_blocks()]) + "\n"


class _Page:
    """Paragraphs of the page; `blocks` collects the blocks with a title that keys refer to."""

    def __init__(self) -> None:
        self.blocks: dict[str, Schema] = {}

    def entries(self, registry: str, entry: Schema) -> Iterator[str]:
        """The keys of a registry's entries: of each kind, then what several kinds are based on."""
        yield from self.table(entry)
        if registry not in KEY_OF_KINDS:
            return
        key, prefix = KEY_OF_KINDS[registry]
        bases: dict[str, Schema] = {}
        for kind in entry["properties"][key]["enum"]:
            block = resolve(f"#/$defs/{prefix}{kind}")
            yield f"### `{registry}.NAME` with `{key}: {kind}`"
            yield from self.described(block)
            _, base = _inlined(block)
            while base is not None:
                bases[base["title"]] = base
                _, base = _inlined(base)
        for title, shared in bases.items():
            yield f"### {title.capitalize()}"
            yield from self.described(shared)

    def shared_blocks(self) -> Iterator[str]:
        """The blocks that keys refer to, those that such blocks refer to among them."""
        shown: set[str] = set()
        while waiting := [title for title in self.blocks if title not in shown]:
            shown.add(waiting[0])
            yield f"### {waiting[0].capitalize()}"
            yield from self.described(self.blocks[waiting[0]])

    def described(self, block: Schema) -> Iterator[str]:
        """A block's description, the keys that it adds to its base, and the name of that base."""
        yield block["description"]
        yield from self.table(block)
        _, base = _inlined(block)
        if base is not None:
            yield f"It also has the keys of {_link(base)}."

    def table(self, block: Schema) -> Iterator[str]:
        """The keys that a block itself describes, as a table."""
        rows = [row for row in self._rows(block, "") if row]
        if rows:
            yield "\n".join([_TABLE_HEAD, *rows])

    def _rows(self, block: Schema, prefix: str) -> Iterator[str]:
        own, _ = _inlined(block)
        everything = keys_of(applicable_schemas(block, None))
        required = {key for layer in applicable_schemas(block, None) for key in layer.get("required", ())}
        for key, schema in own.get("properties", {}).items():
            # That an entry is of a kind stands in its heading.
            if set(schema) != {"const"}:
                yield from self._key(f"{prefix}{key}", schema, everything[key], key in required)

    def _key(self, path: str, own: Schema, everything: Schema, required: bool) -> Iterator[str]:
        """The row of a key, and of the keys in it; `own` is what the block at hand adds to `everything` about it."""
        if "properties" in own and not {"type", "$ref"} & set(own):
            inner = keys_of(applicable_schemas(everything, None))
            for key, schema in own["properties"].items():
                yield from self._key(f"{path}.{key}", schema, inner[key], False)
            return
        merged: dict[str, Any] = {}
        for layer in reversed(list(applicable_schemas(everything, None))):
            merged.update(layer)
        inlined, base = _inlined(own)
        values = _values(merged)
        if base is not None:
            self.blocks[base["title"]] = base
            values = f"{_link(base)} with more keys" if "properties" in inlined else _link(base)
        default = "required" if required else f"`{_yaml(merged['default'])}`" if "default" in merged else ""
        if "items" in merged and (item := _inlined(merged["items"])[1]):
            self.blocks[item["title"]] = item
            values = f"list: {_link(item)}"
        yield f"| `{path}` | {values} | {default} | {merged.get('description', '').replace('|', chr(92) + '|')} |"
        yield from self._rows(own, f"{path}.")
        entries = merged.get("additionalProperties")
        if (
            isinstance(entries, Mapping)
            and "properties" in (entry := _inlined(entries)[0])
            and entry["type"] == "object"
        ):
            yield from self._rows(entries, f"{path}.NAME.")


def _inlined(schema: Schema) -> tuple[dict[str, Any], Schema | None]:
    """A schema with its references inlined up to the first block with a title, and that block or None."""
    own = {key: value for key, value in schema.items() if key != "$ref"}
    if "$ref" not in schema:
        return own, None
    target = resolve(schema["$ref"])
    if "title" in target and "properties" in target:
        return own, target
    inner, base = _inlined(target)
    return {**inner, **own}, base


def _link(block: Schema) -> str:
    """A link to the section of a block, with the anchor that GitHub and Sphinx give it."""
    return f"[{block['title']}](#{block['title'].replace(' ', '-')})"


def _values(schema: Schema) -> str:
    if "title" in schema:
        return schema["title"]
    if "title" in (item := _inlined(schema.get("items", {}))[0]):
        return f"list of {item['title']}s"
    if "const" in schema:
        return f"`{_yaml(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{_yaml(choice)}`" for choice in schema["enum"])
    types = schema.get("type", "object")
    named = [types] if isinstance(types, str) else list(types)
    text = " or ".join(_TYPES[name] for name in named)
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


if __name__ == "__main__":
    with whole_file(DOCUMENT) as temporary:
        temporary.write_text(rendered_page(), encoding="utf-8")
