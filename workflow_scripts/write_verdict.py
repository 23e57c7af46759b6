"""Write the verdict of an experiment as a page: the answer, and every test behind it."""

import argparse
import json
from pathlib import Path

import pandas as pd

from workflow_scripts.step import run_step, step_parser
from workflow_scripts.verdict_page.verdict_html import verdict_html
from workflow_scripts.whole_file import whole_file

TABLES = ("runs", "arms", "contrasts", "thresholds")

parser = step_parser(__doc__)
parser.add_argument("--bias-folder", type=Path, required=True, help="folder that measure_bias wrote")
parser.add_argument("--cutouts", type=Path, help="ledger.json of the survey's cutouts")
parser.add_argument("--output", required=True, help="the page (HTML)")


def main(arguments: argparse.Namespace) -> None:
    """Write the page."""
    folder = arguments.bias_folder
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    tables = {name: pd.read_csv(folder / f"{name}.csv") for name in TABLES}
    cutouts = json.loads(arguments.cutouts.read_text(encoding="utf-8")) if arguments.cutouts else None
    with whole_file(arguments.output) as temporary:
        temporary.write_text(verdict_html(summary, tables, cutouts), encoding="utf-8")


if __name__ == "__main__":
    run_step(main, parser)
