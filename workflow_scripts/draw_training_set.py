"""Draw a training set from a footprint, matched in class and covariates to the whole training pool."""

import argparse
import logging

from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import content_digest, read_table, recorded_config, write_table
from workflow_scripts.training_sets.matching import draw_training_set
from workflow_scripts.training_sets.split import training_pool

parser = step_parser(__doc__)
parser.add_argument("--catalog", required=True, help="the catalog, or its galaxies (Parquet)")
parser.add_argument("--ledger", required=True, help="outcome of every cutout (Parquet)")
parser.add_argument("--footprint", type=json_argument, required=True, help="name, region, matching, family: JSON")
parser.add_argument("--resample", type=int, default=0, help="number of the draw (default: %(default)s)")
parser.add_argument("--output", required=True, help="the training set (Parquet)")


def main(arguments: argparse.Namespace) -> None:
    """Write the training set."""
    catalog, ledger = read_table(arguments.catalog), read_table(arguments.ledger, ["source_id", "outcome"])
    pool = training_pool(catalog, ledger)
    class_names = recorded_config(arguments.catalog).get("classes")
    training_set = draw_training_set(pool, arguments.footprint, arguments.resample, class_names)
    # Digests of what the draw depends on: a column that is added to the catalog makes no other training set.
    of_stratum = arguments.footprint.get("stratum", {}).get("columns", [])
    used = catalog[list(dict.fromkeys([*training_set, *of_stratum, "split"]))]
    digests = {arguments.catalog: content_digest(used), arguments.ledger: content_digest(ledger)}
    record = provenance(arguments.footprint, {"resample": arguments.resample}, digests)
    write_table(arguments.output, training_set, record)
    logging.info("%d galaxies of %d in the training pool", len(training_set), len(pool))


if __name__ == "__main__":
    run_step(main, parser)
