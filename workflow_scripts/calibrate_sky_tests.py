"""Make the tests of the suite on mock skies of one step of the ladder and one mask, and keep the finding of each."""

import argparse

from workflow_scripts.calibration_mocks.battery import GALAXIES, run_battery
from workflow_scripts.calibration_mocks.mock_skies import LADDER, MASKS
from workflow_scripts.provenance import provenance
from workflow_scripts.step import run_step, step_parser
from workflow_scripts.tables import write_table

parser = step_parser(__doc__)
parser.add_argument("--mask", choices=MASKS, required=True, help="part of the sky")
parser.add_argument("--step", choices=LADDER, required=True, help="step of the ladder")
parser.add_argument("--mocks", type=int, required=True, help="skies of each variant of the step")
parser.add_argument("--galaxies", type=int, default=GALAXIES, help="galaxies of a sky; default: %(default)s")
parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
parser.add_argument("--output", required=True, help="a row for every mock and test (Parquet)")


def main(arguments: argparse.Namespace) -> None:
    """Write the findings."""
    found = run_battery(arguments.mask, arguments.step, arguments.mocks, arguments.seed, arguments.galaxies)
    config = {name: getattr(arguments, name) for name in ("mask", "step", "mocks", "galaxies")}
    write_table(arguments.output, found, provenance(config, {"calibration": arguments.seed}, []))


if __name__ == "__main__":
    run_step(main, parser)
