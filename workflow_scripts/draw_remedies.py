"""Draw what the remedies of an experiment leave of its effects, against their price."""

import argparse
import json
from pathlib import Path

from workflow_scripts.answers.answer import YES
from workflow_scripts.figures.remedy_columns import remedy_figure
from workflow_scripts.figures.style import figure_options, save_all
from workflow_scripts.step import run_step, step_parser

parser = step_parser(__doc__)
parser.add_argument("--remedies", type=Path, required=True, help="the comparison (JSON)")
parser.add_argument("--summary", type=Path, required=True, help="summary.json of the experiment, for its answers")
figure_options(parser)


def main(arguments: argparse.Namespace) -> None:
    """Write the figure."""
    comparison = json.loads(arguments.remedies.read_text(encoding="utf-8"))
    summary = json.loads(arguments.summary.read_text(encoding="utf-8"))
    shown = [one["test"] for one in summary["answers"] if one["answer"] == YES]
    finding = next(one["statement"] for one in summary["answers"] if one["test"] == "cheapest_remedy")
    figure = remedy_figure(comparison, shown, finding, arguments.figures)
    save_all({"remedies": figure}, "draw_remedies", arguments.folder, arguments.figures)


if __name__ == "__main__":
    run_step(main, parser)
