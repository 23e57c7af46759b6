"""Draw which share of the effects of an experiment each property of the imaging carries."""

import argparse
import json
from pathlib import Path

from workflow_scripts.figures.share_bars import share_figure
from workflow_scripts.figures.style import figure_options, save_all
from workflow_scripts.step import run_step, step_parser

parser = step_parser(__doc__)
parser.add_argument("--shares", type=Path, required=True, help="the shares (JSON)")
figure_options(parser)


def main(arguments: argparse.Namespace) -> None:
    """Write the figure."""
    effects = json.loads(arguments.shares.read_text(encoding="utf-8"))["effects"]
    save_all({"shares": share_figure(effects, arguments.figures)}, "draw_shares", arguments.folder, arguments.figures)


if __name__ == "__main__":
    run_step(main, parser)
