"""The remedies of an experiment side by side: what each leaves, what it keeps of a true dipole, and its price."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

_Score = Mapping[str, Any]
UNTREATED = "untreated"


def compared_remedies(
    scores: Sequence[Mapping[str, Any]], prices: Mapping[str, float], effect: float
) -> dict[str, Any]:
    """Scores (`remedy_scores.measured_score`) with prices, as `remedies`: the cheapest first, unknown prices last.

    `prices` are core seconds by remedy, and those of the `untreated` runs; `effect` is the size that the experiment
    asks about.
    """
    priced = [{"remedy": one["remedy"], "core_s": prices.get(one["remedy"]), **one} for one in scores]
    priced = [{key: value for key, value in one.items() if key not in ("experiment", "provenance")} for one in priced]
    priced.sort(key=lambda one: (one["core_s"] is None, one["core_s"] or 0.0, one["remedy"]))
    return {"effect": effect, "untreated_core_s": prices.get(UNTREATED), "remedies": priced}


def remedy_table(comparison: Mapping[str, Any]) -> pd.DataFrame:
    """One row a remedy and effect, numbers of the remedy in each of them; a remedy without a score has one row."""
    rows = []
    for one in comparison["remedies"]:
        signal, accuracy, galaxies = (one.get(key) or {} for key in ("signal", "balanced_accuracy", "galaxies"))
        shared = {"core_s": one["core_s"], **_numbers("signal_kept", signal.get("kept"))}
        shared |= {"signal_kept_worst": (signal.get("worst") or {}).get("value")}
        shared |= {"balanced_accuracy_change": accuracy.get("change")}
        low, high = accuracy.get("ci95") or (None, None)
        shared |= {"balanced_accuracy_change_low": low, "balanced_accuracy_change_high": high}
        shared |= {"galaxies_per_set": galaxies.get("per_set"), "galaxies_distinct": galaxies.get("distinct")}
        for effect in one["effects"] or [{}]:
            row = {"remedy": one["remedy"], "test": effect.get("test")}
            for name in ("untreated", "remaining", "ratio"):
                row |= _numbers(name, effect.get(name))
            row |= {"remaining_limit95": (effect.get("remaining") or {}).get("limit95")}
            rows.append({**row, **shared, "reason": one.get("reason")})
    return pd.DataFrame(rows)


def _numbers(name: str, size: Mapping[str, Any] | None) -> dict[str, float | None]:
    low, high = (size or {}).get("ci95") or (None, None)
    return {name: (size or {}).get("value"), f"{name}_low": low, f"{name}_high": high}
