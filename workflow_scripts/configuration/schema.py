"""The JSON Schema of the configuration, and the defaults that it holds."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import yaml

from workflow_scripts.catalogs.formats import FORMAT_NAMES, POSITION_FRAMES, POSITION_UNITS

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "rules" / "schemas" / "config.schema.yaml"
# libyaml where PyYAML was built with it: ten times faster, and the schema is read by every Snakemake process.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Schema = Mapping[str, Any]
# Registries whose entries are of several kinds: the key that names the kind, and how the blocks of the kinds begin.
KEY_OF_KINDS = {"catalogs": ("source", "catalog_"), "surveys": ("kind", "survey_")}
# Levels of keys that `places_of` looks through.
_DEEPEST = 5


@cache
def config_schema() -> dict[str, Any]:
    """The schema of rules/schemas/config.schema.yaml, with the kinds of entries and the formats of tables filled in."""
    with open(SCHEMA_FILE, encoding="utf-8") as file:
        schema = yaml.load(file, Loader=_LOADER)
    schema["$defs"]["table_format"]["enum"] = [*FORMAT_NAMES, None]
    schema["$defs"]["position_unit"]["enum"] = [*POSITION_UNITS, None]
    schema["$defs"]["position_frame"]["enum"] = [*POSITION_FRAMES, None]
    for registry, (key, prefix) in KEY_OF_KINDS.items():
        blocks = [name for name in schema["$defs"] if name.startswith(prefix)]
        entry = schema["properties"][registry]["additionalProperties"]
        entry["properties"][key]["enum"] = [name.removeprefix(prefix) for name in blocks]
        entry["allOf"] = []
        for name in blocks:
            is_this = {key: {"const": name.removeprefix(prefix)}}
            block = schema["$defs"][name]
            block["properties"] = {**is_this, **block["properties"]}
            entry["allOf"].append(
                {"if": {"required": [key], "properties": is_this}, "then": {"$ref": f"#/$defs/{name}"}}
            )
    return schema


def registries() -> dict[str, Schema]:
    """The parts of the configuration that hold named entries, by key."""
    return {key: part for key, part in config_schema()["properties"].items() if part.get("$ref") == "#/$defs/registry"}


def applicable_schemas(schema: Schema, value: Any) -> Iterator[Schema]:
    """The schemas that apply to `value` together: the schema's own keys first, then what its `$ref`, `allOf` and
    `if`/`then` bring in.
    """
    yield schema
    if "$ref" in schema:
        yield from applicable_schemas(resolve(schema["$ref"]), value)
    for part in schema.get("allOf", ()):
        yield from applicable_schemas(part, value)
    # An `if` of this schema requires constants.
    wanted = schema["if"]["properties"] if "if" in schema and isinstance(value, Mapping) else {}
    if wanted and all(value.get(key) == part["const"] for key, part in wanted.items()):
        yield from applicable_schemas(schema["then"], value)


def keys_of(applied: Iterable[Schema]) -> dict[str, Schema]:
    """The keys that schemas of one mapping describe, each with all its descriptions; the first schema comes first."""
    found: dict[str, list[Schema]] = {}
    for schema in applied:
        for key, described in schema.get("properties", {}).items():
            found.setdefault(key, []).append(described)
    return {key: parts[0] if len(parts) == 1 else {"allOf": parts} for key, parts in found.items()}


def resolve(reference: str) -> dict[str, Any]:
    """The schema that a `$ref` of the form `#/a/b` points to."""
    found = config_schema()
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def places_of(key: str) -> list[str]:
    """Where the configuration has a key, as `experiments.NAME.figures`, the shallowest places first."""
    found: list[str] = []
    waiting: list[tuple[str, Schema]] = [("", config_schema())]
    while waiting:
        path, schema = waiting.pop(0)
        # A region of the sky may hold regions.
        if path.count(".") > _DEEPEST:
            continue
        if "$ref" in schema:
            waiting.append((path, resolve(schema["$ref"])))
        waiting += [(path, part) for part in schema.get("allOf", ())]
        waiting += [(path, schema["then"])] if "then" in schema else []
        for name, part in schema.get("properties", {}).items():
            place = f"{path}.{name}".removeprefix(".")
            if name == key and place not in found:
                found.append(place)
            waiting.append((place, part))
        if isinstance(schema.get("additionalProperties"), Mapping):
            waiting.append((f"{path}.NAME", schema["additionalProperties"]))
    return found


def complete(value: Any, schema: Schema) -> Any:
    """A copy of a valid `value` with the defaults of absent keys and with numbers in the schema's type.

    An integer where the schema has a number becomes a float (and 2.0 where it has an integer an int), so that `10` and
    `10.0` are the same parameter.
    """
    applied = list(applicable_schemas(schema, value))
    if isinstance(value, Mapping):
        return _complete_mapping(value, applied)
    if isinstance(value, list):
        prefix: list[Schema] = next((layer["prefixItems"] for layer in applied if "prefixItems" in layer), [])
        items: Schema = next((layer["items"] for layer in applied if "items" in layer), {})
        return [complete(item, described) for item, described in zip(value, chain(prefix, repeat(items)), strict=False)]
    if isinstance(value, int | float) and not isinstance(value, bool):
        if any("number" in layer.get("type", ()) for layer in applied):
            return float(value)
        if any("integer" in layer.get("type", ()) for layer in applied):
            return int(value)
    return value


def _complete_mapping(value: Mapping[str, Any], applied: list[Schema]) -> dict[str, Any]:
    completed = {}
    for key, schema in keys_of(applied).items():
        if key in value:
            completed[key] = complete(value[key], schema)
        else:
            defaults = [part["default"] for part in applicable_schemas(schema, None) if "default" in part]
            if defaults:
                completed[key] = complete(defaults[0], schema)
    for layer in applied:
        if isinstance(entries := layer.get("additionalProperties"), Mapping):
            others = {key: complete(value[key], entries) for key in value if key not in completed}
            completed |= others
    return completed
