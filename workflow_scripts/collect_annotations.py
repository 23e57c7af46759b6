"""Collect the annotations of one run from a table that was made elsewhere."""

import argparse
import logging

import numpy as np
import pyarrow as pa

from workflow_scripts.catalogs.annotation_tables import read_given_annotations
from workflow_scripts.catalogs.formats import FORMATS_IN_WORDS
from workflow_scripts.networks.galaxies_of_runs import annotation_schema
from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import read_table, write_table

parser = step_parser(__doc__)
parser.add_argument("--annotations", type=json_argument, required=True, help="how the table is read, as JSON")
parser.add_argument("--table", required=True, help=f"the annotations ({FORMATS_IN_WORDS})")
parser.add_argument("--catalog", required=True, help="the galaxies that may be annotated (Parquet)")
parser.add_argument("--catalog-name", required=True, help="name of the catalog, for messages")
parser.add_argument("--output", required=True, help="the annotations (Parquet)")


def main(arguments: argparse.Namespace) -> None:
    """Write the annotations as `annotate` does."""
    entry = arguments.annotations
    galaxies = read_table(arguments.catalog, ["source_id", "ra", "dec"])
    table = read_given_annotations(arguments.table, entry, galaxies, arguments.catalog_name)
    rows = pa.Table.from_pandas(table, schema=annotation_schema(len(entry["classes"])), preserve_index=False)
    write_table(arguments.output, rows, provenance(entry, {}, [arguments.table]))
    counted = np.bincount(table["label"], minlength=len(entry["classes"]))
    words = [f"{count} {name}" for name, count in zip(entry["classes"], counted, strict=True)]
    logging.info("%d galaxies: %s", len(table), ", ".join(words))


if __name__ == "__main__":
    run_step(main, parser)
