"""An experiment on a deep field, whole: bricks from a server on this machine, cutouts, networks, verdict."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.services.protocols.bricks import PIXEL_SCALE
from tests.services.running import running_survey_server
from tests.services.sky_catalog import KINDS, SkyCatalog
from tests.small_experiment import CONFIG
from workflow_scripts.surveys.bricks.geometry import bricks_of

pytestmark = [pytest.mark.long, pytest.mark.longest]

ROOT = Path(__file__).resolve().parents[2]
FIELD = (150.1, 2.2, 0.25)
GALAXIES = 240
BAD_DAY = {"share": 0.3, "attempts": 1, "kinds": ["503", "reset", "truncated", "cut_short", "html_as_image", "empty"]}


def experiment(server) -> dict:
    """The small experiment, on the field of the server; its halves meet in the middle of it."""
    config = copy.deepcopy(CONFIG)
    columns = {"source_id": "id", "ra": "ra", "dec": "dec", "label": "kind"}
    labels = {"spiral": "spiral", "elliptical": "elliptical"}
    catalog = {"source": "file", "path": "field.csv", "columns": columns, "label_values": labels}
    config["catalogs"]["sky"] = {**catalog, "split": {"annotation_fraction": 0.4}}
    config["surveys"]["pixels"] = {
        "kind": "bricks",
        "catalog": "sky",
        "url": server.url("bricks"),
        "cutout": {"size_px": 16, "pixel_scale_arcsec": PIXEL_SCALE},
        "access": {"concurrency": 4, "requests_per_second": None, "longest_wait_seconds": 1},
    }
    halves = {"east": [FIELD[0], 180], "west": [0, FIELD[0]]}
    for name, limits in halves.items():
        config["footprints"][name]["region"] = {"ra_range": limits}
    return config


def snakemake(folder: Path) -> str:
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--cores", "2", "--configfile", str(folder / "experiment.yaml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    return done.stdout + done.stderr


def test_a_deep_field_is_cut_from_its_bricks_and_ends_with_a_verdict(tmp_path):
    sky = SkyCatalog(GALAXIES, 1, FIELD)
    kinds = np.array(KINDS)[sky.kind]
    table = pd.DataFrame({"id": sky.columns["objid"], "ra": sky.ra, "dec": sky.dec, "kind": kinds})
    table.loc[table["kind"] == "uncertain", "kind"] = ""
    table.to_csv(tmp_path / "field.csv", index=False)
    with running_survey_server({"misbehaviour": [BAD_DAY]}, galaxies=GALAXIES, field=FIELD) as server:
        (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(experiment(server)))
        snakemake(tmp_path)
        requested = server.report()["bricks"]
        assert "Nothing to be done" in snakemake(tmp_path)
        assert server.report()["bricks"] == requested
    bricks = bricks_of(sky.ra, sky.dec)
    assert requested["keys"] == 3 * len(set(bricks))
    assert requested["keys"] < requested["requests"] <= 2 * requested["keys"]
    ledger = pd.read_parquet(tmp_path / "results" / "cutouts" / "pixels" / "ledger.parquet")
    assert len(ledger) == GALAXIES
    assert (ledger["outcome"] == "delivered").all()
    assert set(ledger["stretch"]) == {"none"}
    summary = json.loads((tmp_path / "results" / "bias" / "first" / "summary.json").read_text())
    assert summary["verdict"]
    assert summary["paper_style"]
