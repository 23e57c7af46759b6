"""Values of the configuration as the command lines of steps take them."""

from collections.abc import Mapping
from typing import Any


def options_of(values: Mapping[str, Any]) -> list[str]:
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
