"""No title, note or label of a figure is cut at its edge, whatever the number of panels."""

import json

import numpy as np
import pandas as pd
import pytest

from tests.unit.audits.audited import galaxies, run_audit
from tests.unit.bias.synthetic_experiment import experiment_runs
from tests.unit.figures.test_figures import SETTINGS, draw, measured
from workflow_scripts.figures import style
from workflow_scripts.figures.sky_figures import sky_figures
from workflow_scripts.figures.style import SINGLE, new_figure, save, state
from workflow_scripts.tables import read_table


@pytest.fixture
def cut(monkeypatch):
    """What reaches beyond the edge of the figures that a test saves: the text and by how many hundredths of an inch."""
    found, close = [], style.plt.close

    def look(figure):
        if figure == "all":
            return
        of_axes = [text for one in figure.axes for text in (one.title, one.xaxis.label, one.yaxis.label, *one.texts)]
        for text in [*figure.texts, *of_axes]:
            box, edges = text.get_window_extent(), figure.bbox
            beyond = max(edges.x0 - box.x0, box.x1 - edges.x1, edges.y0 - box.y0, box.y1 - edges.y1)
            # A pixel is for rounding.
            if text.get_text().strip() and text.get_visible() and beyond > 1:
                found.append((text.get_text(), beyond))
        close(figure)

    monkeypatch.setattr(style.plt, "close", look)
    return found


def test_nothing_is_cut_of_an_experiment_with_one_or_several_pairs(tmp_path, cut):
    catalog = measured(tmp_path, experiment_runs())
    draw(tmp_path, catalog)
    bias = tmp_path / "bias"
    summary, runs = json.loads((bias / "summary.json").read_text()), pd.read_csv(bias / "runs.csv")
    with np.load(bias / "sky_maps.npz") as given:
        maps = dict(given)
    known = next(name for name in maps if name.startswith("difference:"))
    for number, further in enumerate(("difference:north:south", "difference:up:down")):
        maps |= {further: maps[known], f"smooth:{further}": maps[f"smooth:{known}"]}
        figures = sky_figures(summary, runs, maps, read_table(catalog), SETTINGS)
        save(figures["difference_map"], tmp_path, f"of_{number}", SETTINGS)
    assert cut == []


def test_nothing_is_cut_of_an_audit(tmp_path, cut):
    galaxies(3000, 0.0).to_csv(tmp_path / "c.csv", index=False)
    run_audit(tmp_path / "c.csv", tmp_path / "audited", "--label", "label", "--covariates", "seeing")
    assert cut == []


@pytest.mark.parametrize("words", ["wwww mmmm ", "iiii llll ", "n = 23,515 galaxies; "])
def test_lines_are_as_short_as_their_letters_need(tmp_path, cut, words):
    figure, axes = new_figure(SINGLE, 2)
    axes.plot([0, 1])
    state(figure, words * 20, words * 30)
    save(figure, tmp_path, "words", SETTINGS)
    assert cut == []
