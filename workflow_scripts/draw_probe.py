"""Draw whether networks can tell where a galaxy lies: AUC by what they were shown, and R^2 of their features."""

import argparse
import json
from pathlib import Path

from workflow_scripts.figures.probe_intervals import probe_figure
from workflow_scripts.figures.style import figure_options, save_all
from workflow_scripts.step import run_step, step_parser

parser = step_parser(__doc__)
parser.add_argument("--summary", type=Path, required=True, help="summary.json of an experiment with a probe")
figure_options(parser)


def main(arguments: argparse.Namespace) -> None:
    """Write the figure."""
    probe = json.loads(arguments.summary.read_text(encoding="utf-8"))["why"]["probe"]
    save_all({"probe": probe_figure(probe, arguments.figures)}, "draw_probe", arguments.folder, arguments.figures)


if __name__ == "__main__":
    run_step(main, parser)
