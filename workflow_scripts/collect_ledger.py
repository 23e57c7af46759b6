"""Gather the ledgers of all tiles: what was requested, and what became of it."""

import argparse
import logging
from pathlib import Path

import pyarrow as pa

from workflow_scripts.errors import InputError
from workflow_scripts.provenance import provenance
from workflow_scripts.step import run_step, step_parser
from workflow_scripts.surveys.archive import count_outcomes, image_warnings, read_ledger, reasons, stretches
from workflow_scripts.tables import write_json, write_table

# Reasons can quote what came, so there may be as many as images.
LISTED_REASONS = 50

parser = step_parser(__doc__)
parser.add_argument("--tiles", nargs="+", required=True, help="the tiles of the archive (Parquet)")
parser.add_argument("--output", required=True, help="the ledger (Parquet)")
parser.add_argument("--counts", required=True, help="requests by outcome and reason (JSON)")


def main(arguments: argparse.Namespace) -> None:
    """Write the ledger and its counts."""
    ledger = pa.concat_tables(read_ledger(tile) for tile in arguments.tiles)
    counts = count_outcomes(ledger)
    if counts["requested"] and not counts["delivered"]:
        listed = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
        raise InputError(
            f"{Path(arguments.output).parent}: no galaxy of the catalog has an image ({listed}), expected a survey that"
            " covers the catalog (surveys)"
        )
    found = image_warnings(ledger)
    for sentence in found:
        logging.warning(sentence)
    write_table(arguments.output, ledger, provenance({}, {}, arguments.tiles))
    details = {"not_delivered": reasons(ledger, LISTED_REASONS), "stretches": stretches(ledger), "warnings": found}
    write_json(arguments.counts, {**counts, **details})
    logging.info(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))


if __name__ == "__main__":
    run_step(main, parser)
