"""Gather the ledgers of all tiles: what was requested, and what became of it."""

import argparse
import logging

import pandas as pd

from workflow_scripts.provenance import provenance, write_json, write_table
from workflow_scripts.step import run_step
from workflow_scripts.surveys.archive import count_outcomes, read_ledger

log = logging.getLogger(__name__)


def build_parser() -> argparse.ArgumentParser:
    """Command line of this step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", nargs="+", required=True, help="the tiles of the archive (Parquet)")
    parser.add_argument("--output", required=True, help="the ledger (Parquet)")
    parser.add_argument("--counts", required=True, help="requests by outcome and reason (JSON)")
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Write the ledger and its counts."""
    ledger = pd.concat([read_ledger(tile) for tile in arguments.tiles], ignore_index=True)
    counts = count_outcomes(ledger)
    reasons = ledger.loc[ledger["outcome"] != "delivered"].groupby(["outcome", "reason"]).size()
    write_table(arguments.output, ledger, provenance({}, {}, arguments.tiles))
    not_delivered = [{"outcome": o, "reason": r, "requests": int(n)} for (o, r), n in reasons.items()]
    write_json(arguments.counts, {**counts, "not_delivered": not_delivered})
    log.info(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))


if __name__ == "__main__":
    run_step(main, build_parser())
