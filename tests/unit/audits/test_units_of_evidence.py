"""Answers and figures take p, interval and limit from one unit, blocks of sky where these scatter more, and say so."""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.audits.audited import by_name, galaxies, run_audit
from tests.unit.audits.made_findings import asked, blocks, dipole, finding
from workflow_scripts.audits.position_answers import towards
from workflow_scripts.audits.regressions import explained_in_words
from workflow_scripts.figures.audit_figures import _amplitude
from workflow_scripts.figures.style import LOOK, stated


def after_templates(p: float, p_blocks: float | None, wider: float = 1.0, powerful: bool = True) -> list:
    extra = {"templates": ["seeing"], "upper_limit_95": 0.09, "retained_worst_share": 1.0}
    found = [finding("dipole_after_templates", p, extra=extra)]
    if p_blocks is not None:
        made = blocks(p_blocks, powerful, wider)
        found.append(replace(made, test=replace(made.test, name="block_dipole_after_templates")))
    return found


@pytest.mark.parametrize(
    ("p_blocks", "powerful", "answered", "said"),
    [
        (0.001, True, "yes", "blocks of sky 0.001: the larger one decides."),
        (0.2, True, "cannot tell", "neighbours may share"),
        (0.2, False, "yes", "The unit of this answer is the galaxy"),
        (None, False, "yes", "The unit of this answer is the galaxy"),
    ],
)
def test_a_dipole_beside_templates_needs_blocks_where_there_are_any(p_blocks, powerful, answered, said):
    answers = asked(dipole(1e-9), blocks(1e-4), *after_templates(1e-15, p_blocks, powerful=powerful))
    (answer,) = [one for one in answers if one.test == "dipole_after_templates"]
    assert answer.answer == answered
    assert said in answer.text
    assert answer.p_adjusted >= (p_blocks if powerful else 0)


def test_its_interval_and_limit_are_those_of_blocks_that_scatter_more():
    answers = asked(dipole(1e-9), blocks(1e-4), *after_templates(1e-15, 1e-4, wider=2.0))
    (answer,) = [one for one in answers if one.test == "dipole_after_templates"]
    assert answer.effect.ci95 == (0.0, 0.14)
    assert answer.limit95 == 0.12


def test_the_figure_draws_what_its_title_states():
    test = {"name": "dipole_score", "estimate": 0.05, "ci95": [0.04, 0.06], "upper_limit_95": 0.059}
    test |= {"largest_possible": 0.4}
    answer = {"statement": "A dipole of 0.05", "effect": {"ci95": [0.03, 0.07]}, "limit95": 0.068, "answer": "no"}
    figure = _amplitude(test, None, answer, 100, LOOK)
    bar, _, limit = figure.axes[0].lines
    assert list(bar.get_xdata()) == [0.03, 0.07]
    assert list(limit.get_xdata()) == [0.068]
    assert any("blocks of sky as the unit" in text.get_text() for text in figure.texts)
    same = _amplitude(test, None, answer | {"effect": {"ci95": [0.04, 0.06]}}, 100, LOOK)
    assert any("galaxies as the unit" in text.get_text() for text in same.texts)
    assert stated(figure) == "A dipole of 0.05."
    # Beside a yes, a one-sided limit within the interval would look like an error.
    assert len(_amplitude(test, None, answer | {"answer": "yes"}, 100, LOOK).axes[0].lines) == 2


def test_a_direction_has_the_radius_of_its_region():
    at = {"axis_ra": 57.0, "axis_dec": 9.0}
    # A cap of 16.5 degrees is 2 pi (1 - cos 16.5 degrees) steradians.
    assert towards(at, {"axis_region_deg2": 849.0}) == "towards (RA 57°, Dec +9°; 95 %: ± 16°)"
    assert towards(at, {"axis_region_deg2": None}) == towards(at, {"axis_region_deg2": 41_253}) == towards(at)


@pytest.mark.parametrize(("share", "words"), [(-0.0002, "0.0%"), (0.0, "0.0%"), (-0.012, "-1.2%"), (0.25, "25.0%")])
def test_a_share_that_rounds_to_nothing_has_no_sign(share, words):
    assert explained_in_words(share).startswith(words + " of")


def test_an_audit_says_what_its_covariates_carry(tmp_path, caplog):
    table = galaxies(2500, dipole=0.2)
    # Labels of whole cells of the sky have something in common.
    random = np.random.default_rng(0)
    cell = (table["ra"] // 20).astype(int) * 9 + ((table["dec"] + 20) // 20).astype(int)
    moved = random.random(len(table)) < np.abs(shift := random.normal(0, 0.25, 400)[cell])
    table.loc[moved, "label"] = np.where(shift[moved] > 0, "spiral", "elliptical")
    table.to_csv(tmp_path / "c.csv", index=False)
    columns = ["--label", "label", "--positive", "spiral", "--covariates", "seeing"]
    with caplog.at_level("INFO"):
        summary = run_audit(tmp_path / "c.csv", tmp_path / "out", *columns)
    assert "regressions on seeing ..." in caplog.messages
    tests = by_name(summary)
    after, by_blocks = tests["dipole_after_templates"], tests["block_dipole_after_templates"]
    assert by_blocks["estimate"] == pytest.approx(after["estimate"])
    assert by_blocks["wider"] == pytest.approx(tests["block_dipole"]["wider"], rel=0.1)
    assert np.ptp(by_blocks["ci95"]) / np.ptp(after["ci95"]) == pytest.approx(by_blocks["wider"], rel=0.15)
    assert by_blocks["wider"] > 1.2
    page = (tmp_path / "out" / "audit.html").read_text()
    why = page[page.index('id="why"') :].partition("</section>")[0]
    assert "Templates (seeing) explain" in why
    assert "labels follow seeing" in why
    assert "--covariates" not in why
    row = page[page.index("<td>dipole score</td>") :].partition("</tr>")[0]
    assert "adjusted p is the answer&#39;s" in row
