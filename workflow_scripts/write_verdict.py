"""Write the verdict of an experiment as a page: the answer, and every test behind it."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from PIL import Image

from workflow_scripts.figures.figure_list import FIGURES_OF_CAUSES, FIGURES_OF_PAGE, REASON
from workflow_scripts.pages.experiment_page import experiment_page
from workflow_scripts.pages.filled_templates import PageFigure, caption
from workflow_scripts.step import run_step, step_parser
from workflow_scripts.whole_file import whole_file

TABLES = ("runs", "arms", "contrasts")

parser = step_parser(__doc__)
parser.add_argument("--bias-folder", type=Path, required=True, help="folder that measure_bias wrote")
parser.add_argument("--figures-folder", type=Path, help="folder of the figures that the page shows (PNG)")
parser.add_argument("--also", nargs="*", default=[], choices=FIGURES_OF_CAUSES, help="further figures of the page")
parser.add_argument("--cutouts", type=Path, help="ledger.json of the survey's cutouts")
parser.add_argument("--output", required=True, help="the page (HTML)")


def main(arguments: argparse.Namespace) -> None:
    """Write the page."""
    folder = arguments.bias_folder
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    tables = {name: pd.read_csv(folder / f"{name}.csv") for name in TABLES}
    cutouts = json.loads(arguments.cutouts.read_text(encoding="utf-8")) if arguments.cutouts else None
    figures = figures_in(arguments.figures_folder, arguments.also) if arguments.figures_folder else []
    with whole_file(arguments.output) as temporary:
        temporary.write_text(experiment_page(summary, tables, figures, cutouts), encoding="utf-8")


def figures_in(folder: Path, also: Sequence[str] = ()) -> list[PageFigure]:
    """The figures of the page, each with its caption, and the reason that the PNG holds where it shows nothing.

    `also` are shown after the first.
    """
    figures = []
    for name in (FIGURES_OF_PAGE[0], *also, *FIGURES_OF_PAGE[1:]):
        file = folder / f"{name}.png"
        with Image.open(file) as image:
            reason = str(image.info.get(REASON, ""))
        figures.append(PageFigure(name, caption(name), file.read_bytes(), reason))
    return figures


if __name__ == "__main__":
    run_step(main, parser)
