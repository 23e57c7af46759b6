"""Correct the annotations of a finished experiment: a debiased map, weights, coefficients, and the bias for mocks."""

import argparse
import logging
from pathlib import Path

from workflow_scripts.corrections.corrected_galaxies import galaxies_of_experiment_arm
from workflow_scripts.corrections.correction_files import write_correction
from workflow_scripts.corrections.measured_correction import measured_correction
from workflow_scripts.provenance import provenance
from workflow_scripts.runs import listed_runs, paths_of_runs
from workflow_scripts.step import json_argument, run_step, step_parser

parser = step_parser(__doc__)
parser.add_argument("--experiment", type=json_argument, required=True, help="the experiment, as JSON")
parser.add_argument("--correction", type=json_argument, required=True, help="arm, method and nside, as JSON")
parser.add_argument("--catalog", required=True, help="the catalog (Parquet), for reference labels and imaging")
parser.add_argument("--annotations", required=True, help="annotations of a run (Parquet), with {run_id}")
parser.add_argument("--output-folder", type=Path, required=True, help="folder for all files")


def main(arguments: argparse.Namespace) -> None:
    """Write correction.json, coefficients.csv, weights.parquet, bias.json and maps/."""
    experiment, wanted = arguments.experiment, arguments.correction
    runs = listed_runs(experiment)
    files = paths_of_runs(arguments.annotations, runs)
    galaxies = galaxies_of_experiment_arm(experiment, runs, files, arguments.catalog, wanted["arm"])
    tests = experiment["tests"]
    measured = measured_correction(galaxies, wanted["method"], tests["labelled_at_random"], tests["seed"])
    used = [file for run, file in zip(runs, files, strict=True) if run["run_id"] in galaxies.runs]
    config = {"experiment": experiment["name"], "correction": wanted, "tests": tests}
    record = provenance(config, {"patches": tests["seed"]}, [arguments.catalog, *used])
    write_correction(arguments.output_folder, measured, wanted["nside"], experiment["name"], record)
    logging.info("%s", measured.summary["sentence"])


if __name__ == "__main__":
    run_step(main, parser)
