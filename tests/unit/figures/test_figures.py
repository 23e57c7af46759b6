"""Figures show what they are given, the right way round, with the same bytes each time."""

import argparse
import html
import json

import healpy
import numpy as np
import pandas as pd
import pytest

from tests.unit.bias.synthetic_experiment import experiment_runs, write_experiment
from workflow_scripts.draw_runs import main as draw_runs
from workflow_scripts.draw_runs import parser as runs_parser
from workflow_scripts.draw_sky_maps import main as draw_sky_maps
from workflow_scripts.draw_sky_maps import parser as maps_parser
from workflow_scripts.figures.figure_list import FIGURE_GROUPS
from workflow_scripts.figures.galaxy_figures import galaxy_rows
from workflow_scripts.figures.mollweide import draw_map, projected
from workflow_scripts.figures.style import figure_settings, new_figure
from workflow_scripts.measure_bias import measure
from workflow_scripts.verdict_page.verdict_html import verdict_html
from workflow_scripts.write_verdict import TABLES

MAPS = {"sequential_map": "cividis", "diverging_map": "RdBu_r"}
SETTINGS = {"dpi": 60, "colours": ["#112233", "#D55E00"], "simulated": False, **MAPS}
ALL = {*FIGURE_GROUPS["draw_runs"].names, *FIGURE_GROUPS["draw_sky_maps"].names}


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """The folder of an experiment with every kind of run, measured, its catalog, and its figures by name."""
    folder = tmp_path_factory.mktemp("experiment")
    catalog = measured(folder, experiment_runs())
    return folder, catalog, draw(folder, catalog)


def measured(folder, runs, labelled=True):
    experiment, files, catalog = write_experiment(folder, 0.05, runs, n=1500, labelled=labelled)
    measure(experiment, runs, files, catalog, folder / "bias")
    return catalog


def tables_of(folder):
    return {name: pd.read_csv(folder / "bias" / f"{name}.csv") for name in TABLES}


def draw(folder, catalog, to="figures", settings=SETTINGS):
    common = ["--bias-folder", str(folder / "bias"), "--figures", json.dumps(settings), "--folder", str(folder / to)]
    draw_runs(runs_parser.parse_args(common))
    if catalog:
        draw_sky_maps(maps_parser.parse_args([*common, "--catalog", str(catalog)]))
    return {path.name: path.read_bytes() for path in (folder / to).iterdir()}


def test_right_ascension_grows_to_the_left_about_180_degrees():
    x, y = projected([90.0, 180.0, 270.0], [0.0, 10.0, -20.0])
    assert x[0] > x[1] == 0 > x[2]
    assert y[1] > y[0] > y[2]


def test_a_pixel_is_drawn_at_its_position():
    values = np.zeros(12 * 16**2)
    pixel = healpy.ang2pix(16, 250.0, 40.0, nest=True, lonlat=True)
    values[pixel] = 1.0
    figure, axes = new_figure(3, 2, subplot_kw={"projection": "mollweide"})
    drawn = draw_map(axes, values, "cividis", 0, 1)
    rows, columns = np.nonzero(drawn.get_array().reshape(360, 720) == 1.0)
    x, y = projected(*healpy.pix2ang(16, pixel, nest=True, lonlat=True))
    assert np.interp(columns.mean() + 0.5, [0, 720], [-np.pi, np.pi]) == pytest.approx(x, abs=0.05)
    assert np.interp(rows.mean() + 0.5, [0, 360], [-np.pi / 2, np.pi / 2]) == pytest.approx(y, abs=0.05)
    assert figure.axes


def test_all_figures_are_drawn_with_the_same_bytes_and_a_colour_is_honoured(experiment):
    folder, catalog, first = experiment
    assert {name.split(".")[0] for name in first} == ALL
    assert {name.split(".")[1] for name in first} == {"png", "pdf"}
    assert draw(folder, catalog, "again") == first
    other = draw(folder, None, "red", {**SETTINGS, "colours": ["#ff0000", "#D55E00"]})
    assert set(other) < set(first)
    assert other["run_dots.png"] != first["run_dots.png"]
    assert any(other[name] == first[name] for name in other)


@pytest.mark.long
def test_a_simulated_survey_is_marked_in_every_figure_and_on_the_page(experiment):
    folder, catalog, real = experiment
    simulated = draw(folder, catalog, "simulated", {**SETTINGS, "simulated": True})
    assert all(real[name] != simulated[name] for name in real)
    summary = json.loads((folder / "bias" / "summary.json").read_text())
    pages = [verdict_html({**summary, "simulated": marked}, tables_of(folder)) for marked in (False, True)]
    assert ["simulated" in text for text in pages] == [False, True]


@pytest.mark.long
@pytest.mark.parametrize("labelled", [True, False])
def test_an_experiment_with_two_runs_still_has_every_figure(tmp_path, labelled):
    catalog = measured(tmp_path, experiment_runs(with_rotating=False, seeds=1)[:2], labelled)
    assert {name.split(".")[0] for name in draw(tmp_path, catalog)} == ALL


def test_galaxies_without_images_are_reported_as_missing():
    assert "no galaxies" in galaxy_rows([]).axes[0].texts[0].get_text()
    figure = galaxy_rows([("a", np.zeros((3, 8, 8, 3), np.uint8)), ("b", np.zeros((2, 8, 8, 1), np.uint8))], columns=4)
    assert sum(len(axes.images) for axes in figure.axes) == 5


def test_the_verdict_page_needs_nothing_from_outside_and_escapes_names(experiment):
    folder, _, _ = experiment
    summary = json.loads((folder / "bias" / "summary.json").read_text())
    summary["experiment"] = "<script>"
    text = verdict_html(summary, tables_of(folder))
    assert "<script>" not in text
    assert "src=" not in text
    assert "http" not in text
    assert html.escape(summary["verdict"]) in text
    assert len(pd.read_csv(folder / "bias" / "runs.csv")) == 34


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"colours": ["red", "notacolour"]}, r"experiments\.mine\.figures\.colours: 'notacolour' is no colour"),
        ({"diverging_map": "nonsense"}, r"experiments\.mine\.figures\.diverging_map: 'nonsense' is no colour map"),
    ],
)
def test_a_colour_that_matplotlib_does_not_know_is_named(change, sentence):
    with pytest.raises(argparse.ArgumentTypeError, match=sentence):
        figure_settings(json.dumps({"name": "mine", **SETTINGS, **change}))
