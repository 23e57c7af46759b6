"""Answers about several columns of labels, and about the difference of two."""

import numpy as np
import pandas as pd
import pytest

from tests.unit.audits.audited import run_audit
from tests.unit.audits.made_findings import asked, blocks, dipole, finding
from workflow_scripts.audits.audit_answers import verdict
from workflow_scripts.audits.audit_headline import audit_headline
from workflow_scripts.sky.unit_vectors import unit_vectors


def test_many_columns_are_adjusted_and_named():
    names = [f"c{number}" for number in range(10)]
    found = [dipole(1e-30, 0.0002, f"dipole_score {name}" if n else "dipole_score") for n, name in enumerate(names)]
    found[0] = dipole(1e-30, 0.0002, annotation="c0")
    answers = asked(*found, labels=tuple(names))
    assert {answer.answer for answer in answers} == {"yes"}
    for name, answer in zip(names, answers, strict=True):
        assert f"in column {name}" in answer.text
        assert f"in column {name}" in answer.question


def test_a_difference_needs_the_robust_test_too():
    extra = {
        "annotations": ["a", "b"],
        "upper_limit_95": 0.025,
        "largest_possible": 190 / 3000,
        "smaller_share": 190 / 3000,
    }
    mcnemar = finding(
        "mcnemar", 0.5, extra={"only_first": 100, "only_second": 90}, estimate=0.003, ci95=[-0.006, 0.012]
    )
    plain = finding("difference_dipole", 0.001, "primary", extra)
    answers = [
        asked(dipole(0.5, 0.5), plain, finding("difference_dipole_robust", p, extra={"upper_limit_95": limit}), mcnemar)
        for p, limit in ((0.002, 0.03), (0.02, 0.03), (0.02, 0.07))
    ]
    assert [found[1].answer for found in answers] == ["yes", "no", "cannot tell"]
    assert answers[0][1].p_adjusted == pytest.approx(0.004)
    assert answers[1][1].limit95 == 0.03
    assert "nothing is excluded" in answers[2][1].because[0]
    assert "overall fractions differ by 0.3 percentage points" in answers[0][1].text


def test_of_many_pairs_only_those_that_differ_are_named_in_the_verdict():
    found = [dipole(0.5, 0.5), blocks(0.5)]
    for number in range(5):
        extra = {
            "annotations": ["a", f"b{number}"],
            "upper_limit_95": 0.05 + 0.001 * number,
            "largest_possible": 0.2,
            "smaller_share": 0.2,
        }
        suffix = f" a and b{number}" if number else ""
        found.append(finding(f"difference_dipole{suffix}", 1e-9 if number == 2 else 0.5, "primary", extra))
    answers = asked(*found, labels=("a", *(f"b{number}" for number in range(5))))
    text = verdict(answers)
    assert len(answers) == 6
    assert "a minus b2 depends on" in text
    assert "a minus b1" not in text
    assert "For 4 of 5 pairs of columns no dipole of the difference was found, each below 5.4 percentage points" in text


def test_several_columns_are_counted_in_the_headline():
    names = [f"c{number}" for number in range(10)]
    found = [dipole(1e-30, 0.0002, annotation="c0")]
    found += [dipole(1e-30 if n < 9 else 0.5, 0.0002 if n < 9 else 0.5, f"dipole_score c{n}") for n in range(1, 10)]
    pair = {"annotations": ["c0", "c1"], "upper_limit_95": 0.05, "largest_possible": 0.1, "smaller_share": 0.1}
    found.append(finding("difference_dipole", 0.5, "primary", pair))
    found.append(finding("difference_dipole c0 and c9", 1e-20, "primary", pair))
    text = audit_headline(asked(*found, labels=tuple(names)), names, "spiral")
    assert text == (
        "The fraction of 'spiral' depends on position in 9 of 10 columns, by 6.0 percentage points; patterns differ in"
        " 1 of 2 pairs (c0 and c9), by 6.0."
    )
    none = [dipole(0.5, 0.5), dipole(0.4, 0.4, "dipole_score b", upper_limit_95=0.08)]
    assert audit_headline(asked(*none, labels=("a", "b")), ("a", "b"), "spiral") == (
        "No dependence of the fraction of 'spiral' on position was found in 2 columns, all below 9.0 percentage points"
        " (95 %)."
    )
    assert audit_headline(asked(none[0]), ("a",), "spiral").startswith("No dipole of the fraction")


def test_the_p_beside_blocks_are_adjusted_alike():
    """Of two columns: 0.0079 of blocks is 0.016 adjusted, and no yes at 0.01."""
    second = dipole(0.0012, 0.0012, "dipole_score b")
    control = finding("block_dipole b", 0.0079, extra=blocks(0.5).extra, dof=[3, 40])
    answers = asked(dipole(0.5, 0.5), blocks(0.5), second, control, labels=("a", "b"))
    assert answers[1].answer == "cannot tell"
    assert "Galaxies as the unit give an adjusted p of 0.0024, blocks of sky 0.016" in answers[1].text
    assert "The 95 % interval is that of independent galaxies." in answers[1].text


def test_how_often_two_columns_differ_is_beside_the_pattern_of_the_difference():
    extra = {
        "annotations": ["a", "b"],
        "upper_limit_95": 0.03,
        "largest_possible": 0.1,
        "smaller_share": 0.1,
        "axis_ra": 60,
        "axis_dec": 20,
    }
    difference = finding("difference_dipole", 0.4, "primary", extra, estimate=0.01, ci95=[0, 0.03])
    rate = finding("discordance_rate_dipole", 1e-12, estimate=0.0756)
    answers = asked(dipole(0.5, 0.5), blocks(0.5), difference, rate, labels=("a", "b"))
    (pair,) = [answer for answer in answers if answer.test == "difference_dipole"]
    assert "How often they differ, either way, has a dipole of 7.6 percentage points (p = 1e-12)." in pair.because


def whole_sky(n, seed=5):
    random = np.random.default_rng(seed)
    return random, random.uniform(0, 360, n), np.degrees(np.arcsin(random.uniform(-1, 1, n)))


def test_columns_that_differ_along_a_dipole_alone_have_a_size(tmp_path):
    """Issue: the share of galaxies that differ, 4 %, was the largest dipole that there could be; that of 8 % failed."""
    random, ra, dec = whole_sky(6000)
    u, along = random.random(6000), unit_vectors(ra, dec) @ unit_vectors(100.0, 10.0)
    table = pd.DataFrame({"ra": ra, "dec": dec, "A": np.where(u < 0.4, "S", "E")})
    table["B"] = np.where(u < 0.4 + 0.08 * along, "S", "E")
    table["again"] = table["A"]
    table.to_csv(tmp_path / "c.csv", index=False)
    options = ["--label", "A", "B", "again", "--positive", "S"]
    summary = run_audit(tmp_path / "c.csv", tmp_path / "out", *options)
    pair = next(one for one in summary["answers"] if one["test"] == "difference_dipole")
    assert pair["answer"] == "yes"
    low, high = pair["effect"]["ci95"]
    assert low < 0.08 < high
    test = next(one for one in summary["tests"] if one["name"] == "difference_dipole")
    assert test["smaller_share"] < 0.05 < 0.08 < test["largest_possible"]
    assert "Columns A and again have the same labels." in summary["warnings"]
    # What maps and the naive reading are of.
    page = (tmp_path / "out" / "audit.html").read_text()
    assert "The fraction called S in column A" in page
    assert "the best of all axes of column A has a dipole" in page
