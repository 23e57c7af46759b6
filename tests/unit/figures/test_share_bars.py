"""The figure of what carries an effect: a bar a property, only for effects that there are."""

import json

import pytest
from PIL import Image

from tests.unit.figures.test_figures import SETTINGS
from workflow_scripts.draw_shares import main, parser
from workflow_scripts.figures.figure_list import FIGURES_OF_CAUSES, REASON
from workflow_scripts.figures.share_bars import share_figure
from workflow_scripts.figures.style import save, stated
from workflow_scripts.pages.filled_templates import caption


def effect(words, **shares):
    ends = {name: {"share": value, "ci95": [value - 0.1, value + 0.1]} for name, value in shares.items()}
    return {"test": words, "effect": words, "p": 0.0012, "shares": ends}


DIPOLE = effect("the common dipole", seeing=0.9, noise=-0.05, left=0.15)
FRACTION = effect("the effect of the training footprint on the fraction of spiral", seeing=0.6, noise=0.3, left=0.1)
UNKNOWN = {"test": "t", "effect": "the false dipole", "p": 0.4, "shares": {"seeing": {"share": 3.0, "ci95": None}}}


def test_bars_and_intervals_are_the_shares():
    figure = share_figure([DIPOLE, UNKNOWN, FRACTION, {"test": "u", "effect": "v", "reason": "too few"}], SETTINGS)
    assert stated(figure) == (
        "The common dipole (p = 0.0012): seeing carries 90 % (95 %: 80 to 100). The effect of the training footprint on"
        " the fraction of spiral (p = 0.0012): seeing carries 60 % (95 %: 50 to 70)."
    )
    panel = figure.axes[0]
    assert [bar.get_width() for bar in panel.patches] == [0.9, -0.05, 0.15]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["seeing", "noise", "what is left"]
    ends = [tuple(line[:, 0]) for line in panel.collections[0].get_segments()]
    assert ends == [pytest.approx((0.8, 1.0)), pytest.approx((-0.15, 0.05)), pytest.approx((0.05, 0.25))]


def test_without_titles_in_pdf_its_panels_keep_the_names_of_effects(tmp_path):
    figure = share_figure([DIPOLE, FRACTION], SETTINGS)
    save(figure, tmp_path, "shares", {**SETTINGS, "titles_in_pdf": False})
    names = [" ".join(panel.get_title().split()) for panel in figure.axes]
    assert names == ["The common dipole", "The effect of the training footprint on the fraction of spiral"]


@pytest.mark.parametrize(("effects", "reason"), [([DIPOLE, FRACTION], ""), ([UNKNOWN], "No effect can be shared out")])
def test_the_step_draws_it_with_the_same_bytes_and_says_why_it_is_empty(tmp_path, effects, reason):
    (tmp_path / "shares.json").write_text(json.dumps({"effects": effects}))
    arguments = ["--shares", str(tmp_path / "shares.json"), "--figures", json.dumps(SETTINGS)]
    drawn = []
    for _ in range(2):
        main(parser.parse_args([*arguments, "--folder", str(tmp_path)]))
        drawn.append([(tmp_path / f"shares.{suffix}").read_bytes() for suffix in ("png", "pdf")])
    assert drawn[0] == drawn[1]
    with Image.open(tmp_path / "shares.png") as image:
        assert image.info.get(REASON, "").startswith(reason)
        assert bool(reason) == (REASON in image.info)
    assert all(len(caption(name)) > 20 for name in FIGURES_OF_CAUSES)
