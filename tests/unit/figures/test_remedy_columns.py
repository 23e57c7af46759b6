"""The figure of remedies: a column for each that has a score, cheapest first, under the finding."""

import json

import pytest
from PIL import Image

from tests.unit.figures.test_figures import SETTINGS
from workflow_scripts.bias.remedy_comparison import compared_remedies
from workflow_scripts.draw_remedies import main, parser
from workflow_scripts.figures.figure_list import REASON
from workflow_scripts.figures.remedy_columns import remedy_figure


def score(name, ratio, kept=1.0):
    size = {"value": 0.1 * ratio, "ci95": [0.0, 0.1 * ratio + 0.01], "limit95": 0.1 * ratio + 0.008, "p": 0.5}
    effect = {"test": "common_dipole", "effect": "the common dipole", "unit": "dipole", "untreated": size, "dof": 20.0}
    effect |= {"remaining": size, "ratio": {"value": ratio, "ci95": [ratio - 0.1, ratio + 0.1]}}
    signal = {"kept": {"value": kept, "ci95": [kept - 0.02, kept + 0.02], "dof": 20.0}}
    signal["worst"] = {"value": kept - 0.1, "direction": "towards RA 120°, Dec +30°"}
    return {"experiment": "default", "remedy": name, "effects": [effect], "signal": signal}


def comparison():
    unscored = {"experiment": "default", "remedy": "prediction_powered", "effects": [], "reason": "no labels"}
    scores = [score("mixed_sky", 0.1), score("templates", 0.9, 0.6), unscored]
    return compared_remedies(scores, {"mixed_sky": 7200.0, "templates": 36.0, "untreated": 7200.0}, 0.05)


def test_points_are_the_ratios_in_the_order_of_prices():
    figure = remedy_figure(comparison(), ["common_dipole"], "Mixed sky is the cheapest", SETTINGS)
    above, middle, below = figure.axes
    assert [label.get_text() for label in below.get_xticklabels()] == ["templates", "mixed\nsky"]
    (points,) = above.containers
    assert list(points.lines[0].get_ydata()) == pytest.approx([0.9, 0.1])
    assert list(middle.containers[0].lines[0].get_ydata()) == pytest.approx([0.6, 1.0])
    assert list(below.lines[0].get_ydata()) == pytest.approx([0.01, 2.0])
    assert (below.get_yscale(), figure.get_suptitle()) == ("log", "Mixed sky is the cheapest")


@pytest.mark.parametrize(("answer", "reason"), [("yes", ""), ("no", "There is nothing to remedy")])
def test_the_step_draws_it_with_the_same_bytes_and_says_why_it_is_empty(tmp_path, answer, reason):
    (tmp_path / "comparison.json").write_text(json.dumps(comparison()))
    conclusion = {"test": "cheapest_remedy", "answer": "cannot tell", "statement": reason or "Undecided"}
    summary = {"answers": [{"test": "common_dipole", "answer": answer}, conclusion]}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    arguments = ["--remedies", str(tmp_path / "comparison.json"), "--summary", str(tmp_path / "summary.json")]
    drawn = []
    for _ in range(2):
        main(parser.parse_args([*arguments, "--figures", json.dumps(SETTINGS), "--folder", str(tmp_path)]))
        drawn.append([(tmp_path / f"remedies.{suffix}").read_bytes() for suffix in ("png", "pdf")])
    assert drawn[0] == drawn[1]
    with Image.open(tmp_path / "remedies.png") as image:
        assert image.info.get(REASON, "").startswith(reason)
        assert bool(reason) == (REASON in image.info)
