"""The step map_footprint as a command line."""

import json

import pytest
from mocpy import MOC

from workflow_scripts import map_footprint
from workflow_scripts.configuration.parameters import as_parameter
from workflow_scripts.step import run_step


def map_it(folder, region: dict) -> tuple[MOC, dict, bytes]:
    entry = as_parameter({"name": "mine", "region": region})
    moc, summary = folder / "mine.moc.fits", folder / "mine.json"
    arguments = ["--footprint", entry, "--moc", str(moc), "--summary", str(summary)]
    map_footprint.main(map_footprint.parser.parse_args(arguments))
    return MOC.load(moc, format="fits"), json.loads(summary.read_text()), moc.read_bytes()


def test_map_of_a_hemisphere(tmp_path):
    region = {"hemisphere": {"ra": 45.0, "dec": -30.0}}
    moc, summary, content = map_it(tmp_path, region)
    assert moc.sky_fraction == pytest.approx(0.5, abs=1e-3)
    assert summary == {"name": "mine", "region": region, "axis": [45.0, -30.0], "sky_fraction": moc.sky_fraction}
    assert map_it(tmp_path / "again", region)[2] == content
    assert {path.name for path in tmp_path.iterdir()} == {"mine.moc.fits", "mine.json", "again"}


def test_map_of_a_footprint_that_points_nowhere(tmp_path):
    assert map_it(tmp_path, {"whole_sky": True})[1]["axis"] is None


def test_map_of_nothing_writes_nothing(tmp_path, capsys):
    entry = as_parameter({"name": "mine", "region": {"ra_range": [5, 5]}})
    arguments = ["--footprint", entry, "--moc", str(tmp_path / "m.fits"), "--summary", str(tmp_path / "m.json")]
    with pytest.raises(SystemExit) as stopped:
        run_step(map_footprint.main, map_footprint.parser, arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err == ("error: footprints.mine: the region is empty, expected some area on the sky\n")
    assert list(tmp_path.iterdir()) == []
