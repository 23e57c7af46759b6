"""Make the run-level tests on simulated populations of training runs: how often they reject, and what they cover."""

import argparse

import pandas as pd

from workflow_scripts.calibration_mocks.run_calibration import calibrate
from workflow_scripts.errors import InputError
from workflow_scripts.provenance import provenance
from workflow_scripts.step import run_step, step_parser
from workflow_scripts.tables import write_table

parser = step_parser(__doc__)
parser.add_argument("--mocks", type=int, required=True, help="experiments of each design and effect")
parser.add_argument("--runs", type=int, nargs="+", default=[5, 10, 20], help="runs an arm; default: 5 10 20")
parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
parser.add_argument("--output", required=True, help="a row for every design, effect and test (Parquet)")


def main(arguments: argparse.Namespace) -> None:
    """Write the shares."""
    if arguments.mocks < 1:
        raise InputError(f"--mocks: {arguments.mocks} is too few, expected 1 or more")
    if min(arguments.runs) < 2:
        raise InputError(f"--runs: {min(arguments.runs)} is too few, expected 2 or more in each arm")
    rows = calibrate(arguments.mocks, arguments.seed, arguments.runs)
    config = {"mocks": arguments.mocks, "runs": arguments.runs}
    write_table(arguments.output, pd.DataFrame(rows), provenance(config, {"calibration": arguments.seed}, []))


if __name__ == "__main__":
    run_step(main, parser)
