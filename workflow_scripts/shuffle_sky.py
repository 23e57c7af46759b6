"""Shuffle a sky: galaxies keep id, label and covariates, and change places with others of their part of the split."""

import argparse
import logging

from workflow_scripts.provenance import provenance
from workflow_scripts.step import run_step, step_parser
from workflow_scripts.tables import content_digest, read_table, recorded_config, write_table
from workflow_scripts.training_sets.shuffled_sky import shuffled_positions

parser = step_parser(__doc__)
parser.add_argument("--galaxies", required=True, help="the galaxies of a catalog (Parquet)")
parser.add_argument("--ledger", required=True, help="outcome of every cutout (Parquet)")
parser.add_argument("--seed", type=int, required=True, help="seed of the permutations")
parser.add_argument("--output", required=True, help="the galaxies with other positions (Parquet)")


def main(arguments: argparse.Namespace) -> None:
    """Write the galaxies."""
    galaxies, ledger = read_table(arguments.galaxies), read_table(arguments.ledger, ["source_id", "outcome"])
    shuffled = shuffled_positions(galaxies, ledger, arguments.seed)
    digests = {arguments.galaxies: content_digest(galaxies), arguments.ledger: content_digest(ledger)}
    config = {**recorded_config(arguments.galaxies), "shuffled": arguments.seed}
    write_table(arguments.output, shuffled, provenance(config, {"positions": arguments.seed}, digests))
    logging.info("%d galaxies", len(shuffled))


if __name__ == "__main__":
    run_step(main, parser)
