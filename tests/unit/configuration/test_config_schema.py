"""The schema: valid, with a description of every key and defaults that it accepts itself; and its rendered page."""

from collections.abc import Iterator

from jsonschema import Draft202012Validator

from workflow_scripts.configuration import key_table
from workflow_scripts.configuration.schema import config_schema


def keys(schema: object, path: str = "#") -> Iterator[tuple[str, dict]]:
    """(path, schema) of every key that the schema describes."""
    if isinstance(schema, dict):
        for name, part in schema.items():
            if name in ("properties", "region_kinds") and isinstance(part, dict):
                yield from ((f"{path}/{name}/{key}", entry) for key, entry in part.items())
            if name != "if":
                yield from keys(part, f"{path}/{name}")
    elif isinstance(schema, list):
        for index, part in enumerate(schema):
            yield from keys(part, f"{path}/{index}")


def test_schema_is_valid():
    Draft202012Validator.check_schema(config_schema())


def test_every_key_has_a_description():
    bare = [
        path
        for path, entry in keys(config_schema())
        if "description" not in key_table.resolved(entry) and set(entry) != {"const"}
    ]
    assert bare == []


def test_every_mapping_is_closed():
    """Unknown keys are refused everywhere: a mapping has fixed keys or typed entries."""
    found = []

    def visit(schema, path):
        if isinstance(schema, dict):
            if "properties" in schema and not ({"if", "then", "allOf"} & set(schema)) and not path.endswith("/if"):
                found.append((path, schema.get("additionalProperties")))
            for name, part in schema.items():
                visit(part, f"{path}/{name}")
        elif isinstance(schema, list):
            for index, part in enumerate(schema):
                visit(part, f"{path}/{index}")

    visit(config_schema(), "#")
    assert len(found) > 15
    assert [path for path, extra in found if extra is not False] == []


def test_defaults_are_valid():
    root = config_schema()
    checked = 0
    for path, entry in keys(root):
        full = key_table.resolved(entry)
        if "default" in full:
            schema = {**full, "$defs": root["$defs"]}
            errors = list(Draft202012Validator(schema).iter_errors(full["default"]))
            assert errors == [], path
            checked += 1
    assert checked > 40


def test_page_is_the_rendered_schema():
    assert key_table.DOCUMENT.read_text(encoding="utf-8") == key_table.render(), "run `make docs`"


def test_page_lists_keys_of_every_branch():
    page = key_table.render()
    for expected in (
        "### `catalogs.NAME` with `source: file`",
        "### `surveys.NAME` with `kind: local`",
        "| `columns` |",
        "| `optimizer.learning_rate` |",
        "| `arms.NAME.seeds` |",
        "| `region.random_sky.area_fraction` |",
    ):
        assert expected in page
