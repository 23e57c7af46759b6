"""Tabulate how well the training sets of an experiment are matched, in all covariates of the catalog."""

import argparse
import logging

import pandas as pd

from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import read_table
from workflow_scripts.training_sets.balance import balance_table
from workflow_scripts.training_sets.split import training_pool
from workflow_scripts.whole_file import whole_file

parser = step_parser(__doc__)
parser.add_argument("--catalog", required=True, help="the catalog (Parquet)")
parser.add_argument("--ledger", required=True, help="outcome of every cutout (Parquet)")
parser.add_argument("--drawn", type=json_argument, required=True, help="[footprint, resample] of each set, as JSON")
parser.add_argument("--training-sets", required=True, help="a training set (Parquet), with {footprint} and {resample}")
parser.add_argument("--output", required=True, help="the balance of all training sets (CSV)")


def main(arguments: argparse.Namespace) -> None:
    """Write the balance of every training set, one below the other."""
    pool = training_pool(read_table(arguments.catalog), read_table(arguments.ledger, ["source_id", "outcome"]))
    tables = []
    for footprint, resample in arguments.drawn:
        training_set = read_table(arguments.training_sets.format(footprint=footprint, resample=resample))
        tables.append(balance_table(training_set, pool).assign(footprint=footprint, resample=resample))
    with whole_file(arguments.output) as temporary:
        pd.concat(tables, ignore_index=True).to_csv(temporary, index=False, float_format="%.6g")
    logging.info("%d training sets", len(tables))


if __name__ == "__main__":
    run_step(main, parser)
