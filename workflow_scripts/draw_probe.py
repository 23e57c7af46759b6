"""Draw whether networks can tell where a galaxy lies: AUC by what they were shown, and R^2 of their features."""

import argparse
import json
from pathlib import Path

from workflow_scripts.figures.answer_titles import answer_to
from workflow_scripts.figures.probe_intervals import probe_figure
from workflow_scripts.figures.style import figure_options, save_all
from workflow_scripts.step import run_step, step_parser

parser = step_parser(__doc__)
parser.add_argument("--summary", type=Path, required=True, help="summary.json of an experiment with a probe")
figure_options(parser)


def main(arguments: argparse.Namespace) -> None:
    """Write the figure."""
    summary = json.loads(arguments.summary.read_text(encoding="utf-8"))
    answer = answer_to(summary, "place_of_pixels") or answer_to(summary, "place_of_features")
    drawn = probe_figure(summary["why"]["probe"], arguments.figures, answer["statement"] if answer else "")
    save_all({"probe": drawn}, "draw_probe", arguments.folder, arguments.figures)


if __name__ == "__main__":
    run_step(main, parser)
