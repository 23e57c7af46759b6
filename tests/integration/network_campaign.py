"""Galaxies, surveys and command lines for the tests of whole downloads from the local server."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.services.running import RunningServer

REPOSITORY = Path(__file__).parents[2]
QUICK = {
    "requests_per_second": None,
    "concurrency": 8,
    "attempts": 8,
    "ambiguous_attempts": 6,
    # Far longer than any response takes on a busy machine, and shorter than the server hangs.
    "timeout_seconds": 3,
    "longest_wait_seconds": 0.3,
}


def entries(server: RunningServer) -> dict[str, dict[str, Any]]:
    """A survey of every service and format."""
    cutout = {"size_px": 64, "pixel_scale_arcsec": 0.5}
    panstarrs = {"kind": "panstarrs", "url": server.url("fitscut"), "names_url": server.url("ps1filenames")}
    legacy = {"kind": "legacy", "url": server.url("legacy"), "cutout": cutout}
    hips = {"kind": "hips2fits", "urls": [server.url("hips2fits"), server.url("hips2fits_mirror")], "cutout": cutout}
    return {
        "sdss": {"kind": "sdss", "url": server.url("imgcutout"), "cutout": cutout},
        "panstarrs": {**panstarrs, "cutout": cutout},
        "panstarrs_fits": {**panstarrs, "format": "fits", "bands": ["r"], "cutout": {"size_px": 64}},
        "panstarrs_bands": {**panstarrs, "format": "fits", "bands": ["z", "r", "g"], "cutout": {"size_px": 32}},
        "legacy": legacy,
        "legacy_fits": {**legacy, "format": "fits", "cutout": {"size_px": 32, "pixel_scale_arcsec": 0.8}},
        "hips": {**hips, "hips": "CDS/P/SDSS9/color"},
        "hips_png": {**hips, "hips": "CDS/P/PanSTARRS/DR1/color-i-r-g", "format": "png"},
    }


def catalog_of(path: Path, number: int, seed: int = 0, cap_deg: float = 180.0) -> pd.DataFrame:
    """Write a catalog of galaxies with 19-digit ids within `cap_deg` of the north pole."""
    random = np.random.default_rng(seed)
    galaxies = pd.DataFrame(
        {
            "source_id": [str(1237645879551066262 + 7 * row) for row in range(number)],
            "ra": random.uniform(0, 360, number).round(7),
            "dec": np.degrees(np.arcsin(random.uniform(np.cos(np.radians(cap_deg)), 1, number))).round(7),
            "petroR90_arcsec": random.uniform(4, 40, number),
        }
    )
    galaxies.to_parquet(path)
    return galaxies


def command(folder: Path, entry: Mapping[str, Any], tile: int, name: str, **options: Any) -> list[str]:
    """The command line of fetch_cutouts for one tile of a survey called `name`."""
    arguments = {
        "survey": json.dumps(entry),
        "catalog": folder / "catalog.parquet",
        "access": json.dumps(QUICK),
        "limits-folder": folder / "limits",
        "tile": tile,
        "output": folder / name / f"tile{tile}.parquet",
        "max-failed-share": 0,
        **{key.replace("_", "-"): value for key, value in options.items()},
    }
    listed = [text for key, value in arguments.items() for text in (f"--{key}", str(value))]
    return [sys.executable, "-m", "workflow_scripts.fetch_cutouts", *listed]


def start(command_line: list[str]) -> subprocess.Popen:
    """The step as a process of its own, its messages in a pipe."""
    return subprocess.Popen(
        command_line,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def run(command_line: list[str], status: int = 0) -> str:
    """Run the step to its end, which must have this status; its messages."""
    process = start(command_line)
    messages = process.communicate(timeout=3600)[1]
    assert process.returncode == status, messages[-3000:]
    return messages
