"""Make the catalog: read a table, clean it, and split it into training pool and annotation set."""

import argparse
import logging

from workflow_scripts.catalogs.formats import FORMATS_IN_WORDS
from workflow_scripts.catalogs.galaxies import galaxies_of_catalog
from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import write_json, write_table

parser = step_parser(__doc__)
parser.add_argument("--catalog", type=json_argument, required=True, help="entry of `catalogs`, as JSON")
parser.add_argument("--source", required=True, help=f"the table ({FORMATS_IN_WORDS})")
parser.add_argument("--output", required=True, help="the catalog (Parquet)")
parser.add_argument("--hygiene", required=True, help="what was dropped, and why (JSON)")


def main(arguments: argparse.Namespace) -> None:
    """Write the catalog and its hygiene report."""
    galaxies, report = galaxies_of_catalog(arguments.catalog, arguments.source)
    record = provenance(arguments.catalog, {}, [arguments.source])
    for problem, count in report["problems"].items():
        if count["rows"]:
            logging.warning("%d rows with %s: %s", count["rows"], problem.replace("_", " "), count["action"])
    write_table(arguments.output, galaxies, record)
    write_json(arguments.hygiene, {**report, "source": arguments.source})
    for kind in ("unreadable_cells", "sentinels_in_covariates"):
        for column, cells in report[kind].items():
            logging.warning("%d %s in %s: taken as not known", cells, kind.split("_")[0], column)
    for value, rows in report["labels"]["unknown_values"].items():
        logging.warning(
            "%d rows with the unknown label %s (catalogs, label_values): taken as not labelled", rows, value
        )
    for sentence in report["warnings"]:
        logging.warning("%s", sentence)
    logging.info("%d galaxies of %d rows", len(galaxies), report["rows_in"])


if __name__ == "__main__":
    run_step(main, parser)
