"""Strict validation of the merged configuration: every mistake becomes one sentence with the place and the mistake."""

import math
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from workflow_scripts.configuration.schema import (
    applicable_schemas,
    complete,
    config_schema,
    keys_of,
    places_of,
    registries,
)
from workflow_scripts.configuration.sources import ConfigError, KeyPath

# A misspelt key is often unknown in one place and missing in another: what the user wrote comes first.
_FIRST_REPORTED = {"additionalProperties": 0, "unevaluatedProperties": 0, "propertyNames": 0, "required": 2}
_BOUNDS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
}
# Keys that earlier versions had: the registry of the entry, the key, and what to write now.
_FORMER_KEYS = {
    ("recipes", "dtype"): "pixels are always of 8 bits, leave it out",
    ("surveys", "cutout"): "images of kind local are used as large as they are, leave it out",
}


def validated(config: Mapping[str, Any]) -> dict[str, Any]:
    """Check `config` against the schema and return a copy with all defaults.

    Parameters
    ----------
    config
        The merged configuration, as Snakemake gives it.
    Raises
    ------
    InputError
        for the first unknown key, wrong type or value out of range.
    """
    plain = _plain(config, ())
    validator = Draft202012Validator(config_schema())
    if error := min(validator.iter_errors(plain), key=_rank, default=None):
        path = tuple(error.absolute_path)
        if error.validator in ("additionalProperties", "unevaluatedProperties"):
            # Only the source with the mistake has the key itself.
            known = keys_of(applicable_schemas(error.schema, error.instance))
            unknown = next(key for key in error.instance if key not in known)
            hint = _about_unknown(unknown, list(known), path)
            raise ConfigError(path, f"{'has the ' if path else ''}unknown key '{unknown}'{hint}", at=(*path, unknown))
        raise ConfigError(path, _sentence(error))
    return complete(plain, config_schema())


def suggestion(name: str, known: Collection[str]) -> str:
    """`, did you mean 'x'?` when a known name is close, else a list of the known names."""
    by_lower = {other.lower(): other for other in known}
    close = get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{by_lower[close[0]]}'?"
    return f"; expected one of {', '.join(known)}" if known else ""


def check_name(path: KeyPath, name: str, place: str, known: Collection[str]) -> None:
    """Raise `ConfigError` for a name that is not among the `known` ones of a place (a registry)."""
    if name not in known:
        raise ConfigError(path, f"is '{name}', which is not in {place}{suggestion(name, known)}")


def _plain(value: Any, path: KeyPath) -> Any:
    """Copy with plain dicts and lists; refuses what YAML may have made of an unquoted word, and NaN and infinity."""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ConfigError(path, f"has the key {key!r}, which YAML did not read as text{_yaml_word(key)}")
        return {key: _plain(item, (*path, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, (*path, index)) for index, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(path, f"is {value}, expected a finite number")
    if value is not None and not isinstance(value, str | int | float):
        raise ConfigError(path, f"is {value} (YAML read a {type(value).__name__}), expected text or a number; quote it")
    return value


def _yaml_word(key: Any) -> str:
    words = {True: "on, yes or true", False: "off, no or false", None: "null, ~ or nothing"}
    if key is None or isinstance(key, bool):
        return f" (it stands for an unquoted {words[key]}); quote it or choose another name"
    return f'; quote it: "{key}"'


def _rank(error: ValidationError) -> tuple[int, int]:
    return _FIRST_REPORTED.get(str(error.validator), 1), -len(error.absolute_path)


def _sentence(error: ValidationError) -> str:
    """What was found and what was expected, for one violation of the schema."""
    value, expected, schema = error.instance, error.validator_value, error.schema
    match error.validator:
        case "required":
            missing = next(key for key in expected if key not in value)
            misspelt = get_close_matches(missing, [key for key in value if key not in expected], n=1, cutoff=0.7)
            hint = f"; is '{misspelt[0]}' a misspelling?" if misspelt else ""
            choices = schema.get("properties", {}).get(missing, {}).get("enum")
            listed = f" ({' or '.join(choices)})" if choices else ""
            level = "" if error.absolute_path else "top-level "
            return f"lacks the {level}key '{missing}'{listed}{hint}"
        case "type":
            return f"is {_shown(value)}, expected {_type_names(expected)}{_number_hint(value, expected)}"
        case "enum":
            texts = [choice for choice in expected if isinstance(choice, str)]
            if isinstance(value, str) and "did you mean" in (hint := suggestion(value, texts)):
                return f"is {_shown(value)}{hint}"
            return f"is {_shown(value)}, expected {' or '.join(_shown(choice) for choice in expected)}"
        case "const":
            return f"is {_shown(value)}, expected {_shown(expected)}"
        case "pattern" if "expected" in schema:
            return f"is {_shown(value)}, expected {schema['expected']}"
        case "pattern":
            return f"{_shown(value)} is not a usable name, expected a letter followed by letters, digits or _"
        case "minProperties" | "maxProperties":
            known = list(keys_of(applicable_schemas(schema, value)))
            if not known:
                return "is empty, expected at least one entry"
            found = " and ".join(value) or "nothing"
            merged = " (a second file adds to a mapping and replaces nothing in it)" if len(value) > 1 else ""
            return f"has {found}{merged}, expected exactly one of {', '.join(known)}"
        case bound if bound in _BOUNDS:
            return f"is {_shown(value)}, expected {_BOUNDS[bound]} {expected}"
        case "minItems" | "maxItems":
            low, high = schema.get("minItems", 0), schema.get("maxItems")
            amount = f"exactly {low}" if low == high else f"at least {low}" if len(value) < low else f"at most {high}"
            return f"has {len(value)} item{'s' * (len(value) != 1)}, expected {amount}"
        case "uniqueItems":
            twice = next(item for index, item in enumerate(value) if item in value[:index])
            return f"lists {_shown(twice)} twice, expected every item once"
        case "minLength":
            return "is empty text, expected a name"
    return f"does not fit the schema: {error.message}"


def _about_unknown(unknown: str, known: list[str], path: KeyPath) -> str:
    """What to write in place of an unknown key."""
    if path and (now := _FORMER_KEYS.get((str(path[0]), unknown))):
        return f"; {now}"
    is_entry = len(path) == 2 and path[0] in registries()
    hint = suggestion(unknown, [*known, "like"] if is_entry else known)
    if not path and "did you mean" not in hint and (places := places_of(unknown)):
        return f"; it belongs in {' or '.join(places[:3])}"
    return hint


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f"'{value}'"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return str(value)


def _type_names(expected: str | Sequence[str]) -> str:
    names = {
        "object": "a mapping",
        "array": "a list",
        "string": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "null": "null",
    }
    return " or ".join(names[name] for name in ([expected] if isinstance(expected, str) else expected))


def _number_hint(value: Any, expected: str | Sequence[str]) -> str:
    """YAML 1.1 reads `1e-3` as text."""
    if not isinstance(value, str) or "number" not in expected:
        return ""
    try:
        return f" (write {float(value)!r}: YAML reads {value} as text)" if math.isfinite(float(value)) else ""
    except ValueError:
        return ""
