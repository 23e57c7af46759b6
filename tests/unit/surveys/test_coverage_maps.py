"""Coverage maps from a file and from a MocServer, and what the ledger of a survey warns of."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from mocpy import MOC

from tests.unit.image_checks.noise_images import picture
from tests.unit.surveys.archived import write_tile
from tests.unit.surveys.scripted_server import ScriptedServer, http_response
from workflow_scripts import collect_ledger, fetch_coverage
from workflow_scripts.errors import InputError
from workflow_scripts.step import run_step
from workflow_scripts.surveys.coverage import Coverage
from workflow_scripts.surveys.survey import CutoutResult


def moc(*pixels: int) -> bytes:
    """A MOC of nested pixels of nside 1."""
    cells = MOC.from_healpix_cells(np.array(pixels, np.uint64), np.zeros(len(pixels), np.uint8), max_depth=3)
    file = io.BytesIO()
    cells.serialize(format="fits").writeto(file)
    return file.getvalue()


def fetched(folder, data: bytes) -> int:
    with ScriptedServer(lambda before, target: data) as server:
        coverage = {"hips": "CDS/P/x y", "order": 5, "url": f"{server.url}/query"}
        arguments = ["--coverage", json.dumps(coverage), "--limits-folder", str(folder / "limits")]
        with pytest.raises(SystemExit) as stopped:
            run_step(
                fetch_coverage.main,
                fetch_coverage.parser,
                [*arguments, "--output", str(folder / "coverage.fits")],
            )
        assert set(server.requested) == {"/query?ivorn=CDS/P/x+y&get=moc&order=5"}
    return stopped.value.code


def test_a_map_is_fetched_and_decides(tmp_path):
    assert fetched(tmp_path, http_response(moc(0, 4), content_type="application/fits")) == 0
    inside = Coverage(tmp_path / "coverage.fits").contains(np.array([45.0, 0.0, 180.0]), np.array([45.0, 0.0, 0.0]))
    assert inside.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (http_response(moc()), "'CDS/P/x y' a file that is an empty coverage map.*is the id right"),
        (http_response(moc(1)[:2900]), "a file that expected a coverage map|cannot be read"),
        (http_response(b"no", "404 Not Found"), "404 Not Found: 'no'"),
    ],
)
def test_what_is_no_map_is_reported(tmp_path, capsys, data, message):
    assert fetched(tmp_path, data) == 2
    assert pd.Series([capsys.readouterr().err.replace("\n", " ")]).str.contains(message).all()
    assert not (tmp_path / "coverage.fits").exists()


def test_files_that_are_no_maps(tmp_path):
    (tmp_path / "table.fits").write_bytes(b"SIMPLE  = nothing")
    for name in ("table.fits", "absent.fits"):
        with pytest.raises(InputError, match=rf"{name}: .*expected a coverage map"):
            Coverage(tmp_path / name)


class OfOneStretch:
    """A survey that gives images of a stretch, or none."""

    def __init__(self, stretch: str | None):
        self.stretch = stretch

    def cutouts(self, requests):
        image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        for source_id in requests["source_id"]:
            if self.stretch is None:
                yield CutoutResult(source_id, "no_coverage", "outside", None, "", "url", 1)
            else:
                yield CutoutResult(
                    source_id, "delivered", "", picture("JPEG", image), "", "url", 1, stretch=self.stretch
                )


def collected(folder, stretch: str | None) -> int:
    requests = pd.DataFrame({"source_id": ["a", "b"], "ra": [1.0, 2.0], "dec": [3.0, 4.0]})
    write_tile(folder / "tile0.parquet", OfOneStretch(stretch), requests, None)
    arguments = ["--tiles", str(folder / "tile0.parquet"), "--output", str(folder / "ledger.parquet")]
    with pytest.raises(SystemExit) as stopped:
        run_step(
            collect_ledger.main,
            collect_ledger.parser,
            [*arguments, "--counts", str(folder / "ledger.json")],
        )
    return stopped.value.code


def test_images_that_are_scaled_one_by_one_are_warned_of(tmp_path):
    assert collected(tmp_path, "fixed") == 0
    assert json.loads((tmp_path / "ledger.json").read_text())["warnings"] == []
    assert collected(tmp_path, "per_image") == 0
    counts = json.loads((tmp_path / "ledger.json").read_text())
    assert counts["stretches"] == {"per_image": 2}
    assert "2 images were scaled by the service, each by its own contents" in counts["warnings"][0]
    assert "can learn the depth" in counts["warnings"][0]


def test_a_survey_that_covers_nothing_ends_the_run(tmp_path, capsys):
    assert collected(tmp_path, None) == 2
    assert "no galaxy of the catalog has an image (2 requested, 2 no_coverage)" in capsys.readouterr().err
