"""Measure which share of the effects of an experiment each property of the imaging carries."""

import argparse
import logging

from workflow_scripts.bias.shares import measured_shares
from workflow_scripts.provenance import provenance
from workflow_scripts.runs import listed_runs, paths_in_version
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import write_json

parser = step_parser(__doc__)
parser.add_argument("--experiment", type=json_argument, required=True, help="the experiment, as JSON")
parser.add_argument("--counterfactual", type=json_argument, required=True, help="versions of the images, as JSON")
parser.add_argument("--annotations", required=True, help="annotations of a run (Parquet), with {survey} and {run_id}")
parser.add_argument("--catalog", required=True, help="the catalog (Parquet), for reference labels")
parser.add_argument("--output", required=True, help="the shares (JSON)")


def main(arguments: argparse.Namespace) -> None:
    """Write the shares."""
    experiment = arguments.experiment
    versions = [*arguments.counterfactual["versions"], *arguments.counterfactual["retrained"][1:]]
    shares = measured_shares(experiment, arguments.counterfactual, arguments.annotations, arguments.catalog)
    runs = listed_runs(experiment)
    files = [path for version in versions for path in paths_in_version(arguments.annotations, runs, version)]
    record = provenance({**experiment, "counterfactual": arguments.counterfactual}, {}, [*files, arguments.catalog])
    write_json(arguments.output, {"experiment": experiment["name"], **shares, "provenance": record}, sort_keys=False)
    logging.info("%d effects, %d versions", len(shares["effects"]), len(versions))


if __name__ == "__main__":
    run_step(main, parser)
