"""List what training sets and annotations depend on of a catalog: ids, positions, labels, split and a few covariates.

Nothing else of the catalog is read: a covariate that is added to it trains and annotates nothing again.
"""

import argparse
import logging

from workflow_scripts.catalogs.galaxies import galaxies_of_catalog
from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import write_table

parser = step_parser(__doc__)
parser.add_argument(
    "--catalog", type=json_argument, required=True, help="entry of `catalogs` with the columns to list, as JSON"
)
parser.add_argument("--source", required=True, help="the table that the catalog is made from")
parser.add_argument("--output", required=True, help="the galaxies (Parquet)")


def main(arguments: argparse.Namespace) -> None:
    """Write the galaxies."""
    galaxies, _ = galaxies_of_catalog(arguments.catalog, arguments.source)
    # Without the digest of the table: its other columns are no part of this.
    write_table(arguments.output, galaxies, provenance(arguments.catalog, {}, []))
    logging.info("%d galaxies", len(galaxies))


if __name__ == "__main__":
    run_step(main, parser)
