"""What was asked of the survey, what came of it, and what is wrong with it."""

import html
from collections.abc import Mapping
from typing import Any

_OUTCOMES = ("requested", "delivered", "no_coverage", "rejected", "failed")


def image_section(cutouts: Mapping[str, Any]) -> str:
    """The counts of a ledger, and its warnings."""
    counts = ", ".join(f"{cutouts[name]} {name.replace('_', ' ')}" for name in _OUTCOMES)
    warnings = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in cutouts["warnings"])
    return f"<h2>Images</h2><p>{counts}.</p>" + (f"<ul>{warnings}</ul>" if warnings else "")
