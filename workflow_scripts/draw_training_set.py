"""Draw a training set from a footprint, matched in class and covariates to the whole training pool."""

import argparse
import logging

import pandas as pd

from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step
from workflow_scripts.tables import read_table, recorded_config, write_table
from workflow_scripts.training_sets.balance import balance_table
from workflow_scripts.training_sets.matching import draw_training_set
from workflow_scripts.training_sets.split import TRAINING
from workflow_scripts.whole_file import whole_file

log = logging.getLogger(__name__)


def build_parser() -> argparse.ArgumentParser:
    """Command line of this step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catalog", required=True, help="the catalog (Parquet)")
    parser.add_argument("--ledger", required=True, help="outcome of every cutout (Parquet)")
    parser.add_argument("--footprint", type=json_argument, required=True, help="name, region, matching, family: JSON")
    parser.add_argument("--resample", type=int, default=0, help="number of the draw (default: %(default)s)")
    parser.add_argument("--output", required=True, help="the training set (Parquet)")
    parser.add_argument("--balance", required=True, help="how well it is matched (CSV)")
    return parser


def training_pool(catalog: pd.DataFrame, ledger: pd.DataFrame) -> pd.DataFrame:
    """Galaxies of the training pool that have a label and a delivered image."""
    delivered = ledger.loc[ledger["outcome"] == "delivered", "source_id"]
    usable = (catalog["split"] == TRAINING) & catalog["label"].notna() & catalog["source_id"].isin(delivered)
    return catalog[usable].astype({"label": "int8"})


def main(arguments: argparse.Namespace) -> None:
    """Write the training set and its balance table."""
    catalog = read_table(arguments.catalog)
    pool = training_pool(catalog, read_table(arguments.ledger, ["source_id", "outcome"]))
    class_names = recorded_config(arguments.catalog).get("classes")
    training_set = draw_training_set(pool, arguments.footprint, arguments.resample, class_names)
    record = provenance(arguments.footprint, {"resample": arguments.resample}, [arguments.catalog, arguments.ledger])
    write_table(arguments.output, training_set, record)
    drawn = pool[pool["source_id"].isin(training_set["source_id"])]
    balance = balance_table(drawn, pool, matched=arguments.footprint["matching"]["bins"] or {})
    with whole_file(arguments.balance) as temporary:
        balance.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    log.info("%d galaxies of %d in the training pool", len(training_set), len(pool))


if __name__ == "__main__":
    run_step(main, build_parser())
