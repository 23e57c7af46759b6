"""What a page has of a correction: maps with and without the bias, the files to download, and how to use them."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.figures.style import LOOK
from workflow_scripts.pages.sky_panels import OnSky, SkyPanel, fraction_panels

_FILES = {
    "correction.json": "correction.json: what was found, with every number",
    "coefficients.csv": "coefficients.csv: what a standard deviation of each property of the imaging changes",
    "weights.parquet": "weights.parquet: a weight for each galaxy",
    "bias.json": "bias.json: the bias as a model, for mock catalogs",
}
_MAPS = {
    ".fits": "{}: the debiased fraction with its covariance (HEALPix, nested, ICRS)",
    ".hsp": "{}: the same for healsparse",
}


@dataclass(frozen=True)
class CorrectionPart:
    """Maps, (address, words) of files, and the command that puts the bias into a mock catalog."""

    maps: list[SkyPanel]
    files: list[tuple[str, str]]
    command: str


def correction_part(
    correction: Mapping[str, Any],
    maps: Mapping[str, Mapping[str, NDArray[np.float64]]],
    folder: Path,
    page: Path,
    positive: str,
    look: Mapping[str, Any] = LOOK,
) -> CorrectionPart:
    """What a page shows of a correction.

    Parameters
    ----------
    correction, maps
        as `shown_maps.read_correction` gives them.
    folder, page
        where the correction and the page lie, for links from one to the other.
    positive
        the class whose fraction is corrected.
    look
        colour maps, as an experiment's `figures`.
    """
    address = Path(os.path.relpath(folder.resolve(), page.parent.resolve())).as_posix()
    files = [(f"{address}/{name}", words) for name, words in _FILES.items()]
    for name in correction["map"]["files"]:
        files.append((f"{address}/maps/{name}", _MAPS[Path(name).suffix].format(name)))
    command = (
        f"skybias apply_bias MOCK --truth COLUMN --correction {shlex.quote(folder.as_posix())}"
        " --output biased.parquet --run draw"
    )
    titles = (f"fraction annotated as {positive}", f"fraction annotated as {positive} without the bias")
    shown = dict(zip(titles, maps.values(), strict=True))
    return CorrectionPart(fraction_panels(shown, correction["sky_kind"], OnSky(look=look)), files, command)
