"""Score a remedy of an experiment: what it leaves of the effects, and of a true dipole."""

import argparse
import logging

from workflow_scripts.bias.remedied_runs import untreated_version
from workflow_scripts.bias.remedy_scores import measured_score
from workflow_scripts.provenance import provenance
from workflow_scripts.runs import listed_runs, parts_of_remedy, paths_in_version
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import write_json

parser = step_parser(__doc__)
parser.add_argument("--experiment", type=json_argument, required=True, help="the experiment, as JSON")
parser.add_argument("--remedy", type=json_argument, required=True, help="the remedy, as JSON")
parser.add_argument("--annotations", required=True, help="annotations of a run (Parquet), with {survey} and {run_id}")
parser.add_argument("--catalog", required=True, help="the catalog (Parquet), for reference labels and templates")
parser.add_argument("--training-sets", help="training set of a run (Parquet), with {footprint} and {resample}")
parser.add_argument("--ledger", help="ledger of the cutouts (Parquet), for strata: who was in the training pool")
parser.add_argument("--truth", help="galaxies of a simulated sky with their true classes (Parquet)")
parser.add_argument("--output", required=True, help="the score (JSON)")


def main(arguments: argparse.Namespace) -> None:
    """Write the score."""
    experiment, remedy = arguments.experiment, arguments.remedy
    further = arguments.ledger, arguments.truth
    files = arguments.annotations, arguments.catalog, arguments.training_sets
    score = measured_score(experiment, remedy, *files, *further)
    runs, seeds = listed_runs(experiment), {"ensembles": experiment["tests"]["seed"]}
    versions = [untreated_version(experiment), *parts_of_remedy(remedy)]
    used = [path for version in versions for path in paths_in_version(arguments.annotations, runs, version)]
    inputs = [*dict.fromkeys(used), arguments.catalog, *filter(None, further)]
    record = provenance({**experiment, "remedy": remedy}, seeds, inputs)
    write_json(arguments.output, {**score, "provenance": record}, sort_keys=False)
    logging.info("%s: %s", remedy["remedy"], score.get("reason") or f"{len(score['effects'])} effects")


if __name__ == "__main__":
    run_step(main, parser)
