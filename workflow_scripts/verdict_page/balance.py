"""The section on training sets: how well those of different footprints are matched to each other."""

from collections.abc import Mapping, Sequence
from typing import Any

from workflow_scripts.verdict_page.tables import row, table, with_error


def balance_section(entries: Sequence[Mapping[str, Any]]) -> str:
    """How well the training sets of different footprints are matched to each other."""
    rows = [
        row(
            [f"{entry['first']} and {entry['second']}", ", ".join(entry["covariates"]) or "class alone"],
            [
                *(entry.get(name) for name in ("largest_smd", "smallest_ks_p", "variance_ratios")),
                with_error(entry.get("adversarial_auc"), entry.get("adversarial_null_sd")),
                entry.get("adversarial_p"),
            ],
        )
        for entry in entries
    ]
    if not rows:
        return ""
    heading = (
        *("training sets of", "matched in class and", "largest standardised difference", "smallest KS p"),
        *("variance ratios, least and largest", "adversarial AUC (± its scatter by chance)", "permutation p"),
    )
    return f"""<h2>Balance of the training sets</h2>
<p>Footprints that are set against each other, in what their training sets were matched in. A standardised difference
of means below 0.05 is as good as matched. The adversarial AUC tells how well all of it together parts one set from the
other: 0.5 where nothing does. Imaging is not matched, because it is the suspected mechanism.</p>
{table(heading, rows)}"""
