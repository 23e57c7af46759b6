"""How an entry of the configuration reaches a step."""

import json
from typing import Any


def as_parameter(entry: Any) -> str:
    """`entry` as one line of JSON with sorted keys.

    Snakemake compares loose parameters as a set without names, and does not track objects at all; one string with a
    fixed order of keys is compared whole.
    """
    return json.dumps(entry, sort_keys=True, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
