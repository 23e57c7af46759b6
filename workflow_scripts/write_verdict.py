"""Write the verdict of an experiment as a page: the answer, and every test behind it."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from mocpy import MOC
from PIL import Image

from workflow_scripts.corrections.shown_maps import read_correction
from workflow_scripts.figures.figure_list import FIGURES_OF_CAUSES, FIGURES_OF_PAGE, FINDING, REASON
from workflow_scripts.figures.style import LOOK, figure_settings
from workflow_scripts.pages.correction_part import correction_part
from workflow_scripts.pages.experiment_page import Drawn, experiment_page
from workflow_scripts.pages.filled_templates import PageFigure, caption
from workflow_scripts.sky.footprints import contains
from workflow_scripts.sky.tiles import tile_centres
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.surveys.credits import credits_of
from workflow_scripts.surveys.simulated.put_in import put_in
from workflow_scripts.whole_file import whole_file

TABLES = ("runs", "arms", "contrasts")
# Cells of 1.8 degrees, whose edges outline footprints.
OUTLINE_ORDER = 5

parser = step_parser(__doc__)
parser.add_argument("--bias-folder", type=Path, required=True, help="folder that measure_bias wrote")
parser.add_argument("--figures-folder", type=Path, help="folder of the figures that the page shows (PNG)")
parser.add_argument(
    "--figures", type=figure_settings, default=LOOK, help="figure settings, as JSON, for maps of the page"
)
parser.add_argument("--also", nargs="*", default=[], choices=FIGURES_OF_CAUSES, help="further figures of the page")
parser.add_argument("--mocs", nargs="*", type=Path, default=[], help="footprints, named {footprint}.moc.fits")
parser.add_argument("--cutouts", type=Path, help="ledger.json of the survey's cutouts")
parser.add_argument("--correction", type=Path, help="folder of the correction, where there is one")
parser.add_argument("--data", type=json_argument, help="survey and catalog: whom to credit, what was put in (JSON)")
parser.add_argument("--output", type=Path, required=True, help="the page (HTML)")


def main(arguments: argparse.Namespace) -> None:
    """Write the page."""
    folder = arguments.bias_folder
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    tables = {name: pd.read_csv(folder / f"{name}.csv") for name in TABLES}
    cutouts = json.loads(arguments.cutouts.read_text(encoding="utf-8")) if arguments.cutouts else None
    data = arguments.data or {}
    credits = [one.sentence for one in credits_of(**data)] if data else []
    truth = put_in(data["catalog"]) if data.get("catalog", {}).get("source") == "simulated" else ""
    with np.load(folder / "sky_maps.npz", allow_pickle=False) as maps:
        drawn = drawn_of(summary["provenance"]["config"]["classes"][1], arguments, dict(maps))
    with whole_file(arguments.output) as temporary:
        temporary.write_text(experiment_page(summary, tables, drawn, cutouts, credits, truth), encoding="utf-8")


def drawn_of(positive: str, arguments: argparse.Namespace, maps: Mapping[str, np.ndarray]) -> Drawn:
    """Figures, maps and footprints of the page, which is of the fraction of the class `positive`."""
    corrected = None
    if arguments.correction:
        found = read_correction(arguments.correction)
        corrected = correction_part(*found, arguments.correction, arguments.output, positive, arguments.figures)
    if arguments.figures_folder is None:
        return Drawn(maps=maps, corrected=corrected, look=arguments.figures)
    figures, of_causes = (
        [_figure(arguments.figures_folder, name) for name in names] for names in (FIGURES_OF_PAGE, arguments.also)
    )
    ra, dec = tile_centres(OUTLINE_ORDER)
    footprints = {
        file.name.removesuffix(".moc.fits"): contains(MOC.load(str(file), format="fits"), ra, dec)
        for file in arguments.mocs
    }
    return Drawn(figures, [one for one in of_causes if not one.reason], maps, footprints, corrected, arguments.figures)


def _figure(folder: Path, name: str) -> PageFigure:
    """A figure with its caption, and what the PNG says: what it states, or the reason where it shows nothing."""
    file = folder / f"{name}.png"
    with Image.open(file) as image:
        finding, reason = (str(image.info.get(key, "")) for key in (FINDING, REASON))
    return PageFigure(name, caption(name), file.read_bytes(), reason, finding)


if __name__ == "__main__":
    run_step(main, parser)
