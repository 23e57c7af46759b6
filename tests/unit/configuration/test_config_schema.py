"""The schema: valid, with a description of every key and defaults that it accepts itself; and its rendered page."""

from collections import Counter
from collections.abc import Iterator, Mapping

import pytest
from jsonschema import Draft202012Validator

from workflow_scripts.catalogs.formats import FORMAT_NAMES
from workflow_scripts.configuration import key_table
from workflow_scripts.configuration.schema import KEY_OF_KINDS, applicable_schemas, config_schema, keys_of, registries
from workflow_scripts.surveys.registry import KINDS

Places = Iterator[tuple[str, Mapping, list[Mapping]]]


def places(schema: Mapping, value: object = None, path: str = "#", depth: int = 0) -> Places:
    """(path, schema, all that applies there) of every place of the configuration; entries once for each kind."""
    applied = list(applicable_schemas(schema, value))
    yield path, schema, applied
    # A region of the sky may hold regions.
    if depth > 8:
        return
    for key, part in keys_of(applied).items():
        yield from places(part, None, f"{path}/{key}", depth + 1)
    for layer in applied:
        for nested in (layer.get("items"), layer.get("additionalProperties")):
            if isinstance(nested, Mapping):
                registry = path.rpartition("/")[2]
                key = KEY_OF_KINDS.get(registry, ("", ""))[0]
                kinds = nested["properties"][key]["enum"] if key else [None]
                for kind in kinds:
                    yield from places(nested, {key: kind}, f"{path}/{kind or '*'}", depth + 1)


def test_schema_is_valid():
    Draft202012Validator.check_schema(config_schema())


def test_every_key_has_a_description():
    bare = [
        path
        for path, _, applied in places(config_schema())
        if path.rpartition("/")[2] not in ("#", "*") and not any("description" in layer for layer in applied)
    ]
    assert bare == []


def test_every_mapping_is_closed():
    """Unknown keys are refused everywhere: a mapping has fixed keys or typed entries."""
    mappings = [(path, applied) for path, _, applied in places(config_schema()) if keys_of(applied)]
    closing = ("additionalProperties", "unevaluatedProperties")
    assert len(mappings) > 60
    assert [path for path, applied in mappings if not any(key in layer for layer in applied for key in closing)] == []


def test_defaults_are_valid():
    root = config_schema()
    checked = 0
    for path, schema, applied in places(root):
        defaults = [layer["default"] for layer in applied if "default" in layer]
        if defaults:
            errors = list(Draft202012Validator({**schema, "$defs": root["$defs"]}).iter_errors(defaults[0]))
            assert errors == [], path
            checked += 1
    assert checked > 100


def test_kinds_of_surveys_are_those_that_can_be_opened():
    entry = registries()["surveys"]["additionalProperties"]
    assert entry["properties"]["kind"]["enum"] == list(KINDS)


def test_formats_of_tables_are_those_that_are_read():
    assert config_schema()["$defs"]["table_format"]["enum"] == [*FORMAT_NAMES, None]


@pytest.mark.parametrize("kind", [kind for kind, facts in KINDS.items() if facts.downloaded])
def test_a_public_service_has_the_keys_of_all(kind):
    entry = registries()["surveys"]["additionalProperties"]
    assert {"cutout", "access", "coverage", "max_failed_share"} <= set(
        keys_of(applicable_schemas(entry, {"kind": kind}))
    )


def test_page_is_the_rendered_schema():
    assert key_table.DOCUMENT.read_text(encoding="utf-8") == key_table.rendered_page(), "run `make docs`"


def test_page_lists_keys_of_every_branch():
    page = key_table.rendered_page()
    for expected in (
        "### `catalogs.NAME` with `source: file`",
        "### `surveys.NAME` with `kind: local`",
        "| `columns` |",
        "| `optimizer.learning_rate` |",
        "| `arms.NAME.seeds` |",
        "| `region.random_sky.area_fraction` |",
        "| `cutout.size_px` | integer (>= 64, <= 2048) | `120` |",
        "It also has the keys of [every public service](#every-public-service).",
        "### Every public service",
        "| `imaging.seeing` | [variation over the sky](#variation-over-the-sky) with more keys |",
    ):
        assert expected in page


def test_page_describes_no_block_twice():
    rows = Counter(line for line in key_table.rendered_page().splitlines() if line.startswith("| `"))
    assert 150 < rows.total() < 345
    # Single keys that two kinds have of their own; a block would repeat several rows in a row.
    assert sum(count - 1 for count in rows.values()) < 12


def test_page_links_to_its_own_sections():
    page = key_table.rendered_page()
    headings = {line.lstrip("# ").lower().replace(" ", "-") for line in page.splitlines() if line.startswith("###")}
    links = {part.partition(")")[0] for part in page.split("](#")[1:]}
    assert len(links) > 4
    assert links <= headings
