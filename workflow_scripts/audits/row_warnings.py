"""What a reader should know of a catalog's rows before any number, and the log of what was dropped."""

import logging
from collections.abc import Mapping
from typing import Any

from workflow_scripts.catalogs.hygiene import NOTEWORTHY_LOSS, loss_warnings

log = logging.getLogger(__name__)


def row_warnings(hygiene: Mapping[str, Any]) -> list[str]:
    """What a reader should know of the rows before any number."""
    sentences = loss_warnings(hygiene, hygiene["dropped"])
    if hygiene["without_label"] > NOTEWORTHY_LOSS * hygiene["rows_out"]:
        sentences.append(
            f"{hygiene['without_label']:,} of {hygiene['rows_out']:,} galaxies have no label that counts as positive or"
            " negative, and are left out."
        )
    if hygiene["repeated_with_other_labels"]:
        sentences.append(
            f"{_rows(hygiene['repeated_with_other_labels'])} the position of another row with another label."
            " Which label is right is unknown; both were kept, and cancel each other."
        )
    if repeats := hygiene["dropped"].get("repeated_galaxy"):
        sentences.append(
            f"{_rows(repeats)} a galaxy with the same label and {'was' if repeats == 1 else 'were'} dropped: with"
            f" {'it' if repeats == 1 else 'them'}, every significance would be too high."
        )
    return sentences


def _rows(number: int) -> str:
    return "1 row repeats" if number == 1 else f"{number:,} rows repeat"


def log_hygiene(report: Mapping[str, Any]) -> None:
    """Log what was dropped and why."""
    for problem, rows in report["dropped"].items():
        log.warning("%d rows dropped: %s", rows, problem.replace("_", " "))
    for column, cells in report["sentinels_in_covariates"].items():
        log.warning("%d cells of %s mean 'not known'", cells, column.removeprefix("covariate:"))
    for key in ("without_label", "without_reference", "without_score"):
        if report.get(key):
            log.warning("%d galaxies %s", report[key], key.replace("_", " "))
