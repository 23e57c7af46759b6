"""Gather the calibration of all tests in one table: size, coverage, bias and power, and whether they are acceptable."""

import argparse
from pathlib import Path

import pandas as pd

from workflow_scripts.calibration_mocks.battery import read_findings
from workflow_scripts.calibration_mocks.calibration_table import markdown, run_rows, sky_rows
from workflow_scripts.step import run_step, step_parser
from workflow_scripts.tables import read_table
from workflow_scripts.whole_file import whole_file

parser = step_parser(__doc__)
parser.add_argument("--findings", nargs="+", required=True, help="files of calibrate_sky_tests (Parquet)")
parser.add_argument("--runs", help="file of calibrate_run_tests (Parquet)")
parser.add_argument("--csv", type=Path, required=True, help="the table: a row for every test, sky and mask")
parser.add_argument("--markdown", type=Path, required=True, help="the same to read")


def main(arguments: argparse.Namespace) -> None:
    """Write both."""
    tables = []
    for path in arguments.findings:
        mask, step, findings = read_findings(path)
        tables.append(sky_rows(findings, mask, step))
    if arguments.runs:
        tables.append(run_rows(read_table(arguments.runs)))
    table = pd.concat(tables, ignore_index=True)
    with whole_file(arguments.csv) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g")
    with whole_file(arguments.markdown) as temporary:
        temporary.write_text(markdown(table), encoding="utf-8")


if __name__ == "__main__":
    run_step(main, parser)
