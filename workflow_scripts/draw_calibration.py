"""Draw the calibration of the tests: uniformity of p, sizes, power, and dipoles put in and recovered."""

import argparse
from pathlib import Path

import pandas as pd

from workflow_scripts.calibration_mocks.battery import read_findings
from workflow_scripts.figures.calibration import p_uniformity, power, recovery, sizes
from workflow_scripts.figures.style import LOOK, save_all
from workflow_scripts.step import run_step, step_parser

parser = step_parser(__doc__)
parser.add_argument("--table", type=Path, required=True, help="the table of tabulate_calibration (CSV)")
parser.add_argument("--findings", nargs="+", required=True, help="files of calibrate_sky_tests (Parquet)")
parser.add_argument("--dpi", type=int, default=LOOK["dpi"], help="of the PNG; default: %(default)s")
parser.add_argument("--folder", type=Path, required=True, help="folder for the figures (PNG and PDF)")


def main(arguments: argparse.Namespace) -> None:
    """Write p_uniformity, size, power and recovery."""
    settings = {**LOOK, "dpi": arguments.dpi}
    table = pd.read_csv(arguments.table)
    p_values, estimates = {}, {}
    for path in arguments.findings:
        mask, step, findings = read_findings(path)
        for (variant, dipole), found in findings.groupby(["variant", "dipole"]):
            if step in ("S0_binomial", "S4_clustered"):
                p_values[mask, str(variant)] = found
            if step in ("S0_binomial", "S1_dipole"):
                estimates[mask, float(dipole)] = found
    figures = {
        "p_uniformity": p_uniformity(p_values, settings),
        "size": sizes(table, settings),
        "power": power(table, settings),
        "recovery": recovery(estimates, settings),
    }
    save_all(figures, "draw_calibration", arguments.folder, settings)


if __name__ == "__main__":
    run_step(main, parser)
