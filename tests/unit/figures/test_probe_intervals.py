"""The figure of the probes: points and intervals as they were measured, and a reason where nothing was."""

import json

import pytest
from PIL import Image

from tests.unit.figures.test_figures import SETTINGS
from workflow_scripts.draw_probe import main, parser
from workflow_scripts.figures.figure_list import FINDING, REASON
from workflow_scripts.figures.probe_intervals import probe_figure


def found(estimate):
    return {"estimate": estimate, "ci95": [estimate - 0.02, estimate + 0.03]}


PIXELS = {
    "network": "net",
    "auc": {"whole": found(0.6), "corners": found(0.52)},
    "auc_by_pair": {"north against south": found(0.7)},
}
FEATURES = {"network": "net", "r2": found(0.04), "null_mean": -0.002, "null95": [-0.01, 0.005]}


def test_points_intervals_and_null_are_those_of_the_probe():
    of_pixels, of_features = probe_figure({"pixels": [PIXELS], "features": [FEATURES]}, SETTINGS).axes
    names = [label.get_text() for label in of_pixels.get_yticklabels()]
    assert names == ["whole images", "corners", "north against south"]
    # The last line is that of no information.
    assert [float(line.get_xdata()[0]) for line in of_pixels.lines] == [0.6, 0.52, 0.7, 0.5]
    ends = [tuple(lines.get_segments()[0][:, 0]) for lines in of_pixels.collections]
    assert ends == [pytest.approx(pair) for pair in ((0.58, 0.63), (0.5, 0.55), (0.68, 0.73))]
    assert not of_pixels.patches
    (null,) = of_features.patches
    assert (null.get_x(), null.get_x() + null.get_width()) == pytest.approx((-0.008, 0.007))
    # Above the mean of exchanged blocks.
    assert [float(line.get_xdata()[0]) for line in of_features.lines] == pytest.approx([0.042, 0])
    (ends,) = of_features.collections[0].get_segments()
    assert tuple(ends[:, 0]) == pytest.approx((0.022, 0.072))


def test_of_several_networks_each_row_names_its_own():
    other = {**PIXELS, "network": "other"}
    (panel,) = probe_figure({"pixels": [PIXELS, other], "features": []}, SETTINGS).axes
    names = [label.get_text() for label in panel.get_yticklabels()]
    assert names[::3] == ["whole images (net)", "whole images (other)"]


@pytest.mark.parametrize(("pixels", "reason"), [([PIXELS], ""), ([], "Nothing was measured")])
def test_the_step_draws_it_and_says_why_it_is_empty(tmp_path, pixels, reason):
    statement = "The images carry the place"
    answers = [{"test": "place_of_pixels", "statement": f"{statement}."}]
    summary = {"why": {"probe": {"pixels": pixels, "features": []}}, "answers": answers}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    arguments = ["--summary", str(tmp_path / "summary.json"), "--figures", json.dumps(SETTINGS)]
    main(parser.parse_args([*arguments, "--folder", str(tmp_path)]))
    with Image.open(tmp_path / "probe.png") as image:
        assert image.info.get(REASON, "").startswith(reason)
        assert bool(reason) == (REASON in image.info)
        assert image.info.get(FINDING) == (None if reason else f"{statement}.")
    assert (tmp_path / "probe.pdf").stat().st_size > 1000
