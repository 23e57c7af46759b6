"""List what is requested of a survey: ids and positions, and the columns that its requests are made of.

Nothing else of the catalog is read: another label, split or covariate fetches no cutout again. Labels are read only
where galaxies without one are dropped.
"""

import argparse
import logging

from workflow_scripts.catalogs.galaxies import positions_of_catalog
from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import write_table

parser = step_parser(__doc__)
parser.add_argument(
    "--rows", type=json_argument, required=True, help="columns, format, hygiene and sample of the catalog, as JSON"
)
parser.add_argument("--source", required=True, help="the table that the catalog is made from")
parser.add_argument("--output", required=True, help="the positions (Parquet)")


def main(arguments: argparse.Namespace) -> None:
    """Write the positions."""
    galaxies = positions_of_catalog(arguments.rows, arguments.source)
    # Without the digest of the table: its labels are no part of this.
    write_table(arguments.output, galaxies, provenance(arguments.rows, {}, []))
    logging.info("%d galaxies", len(galaxies))


if __name__ == "__main__":
    run_step(main, parser)
