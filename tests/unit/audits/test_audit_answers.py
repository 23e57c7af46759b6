"""What an audit answers, from tests as they come in: yes, no and cannot tell, and the sentences made of them."""

from dataclasses import replace

import pytest

from tests.unit.audits.made_findings import asked, blocks, dipole, finding
from workflow_scripts.answers.answer import Answer, headline
from workflow_scripts.audits.audit_answers import as_answered, audit_answers
from workflow_scripts.audits.audit_findings import Findings
from workflow_scripts.audits.table_pieces import AuditColumns


def test_yes_needs_galaxies_and_blocks():
    (answer,) = asked(dipole(1e-5, 0.0002), blocks(0.001))
    assert (answer.answer, answer.effect.value, answer.effect.ci95) == ("yes", 0.06, (0.02, 0.1))
    assert answer.effect.direction == "towards (RA 60°, Dec +20°)"
    # The larger p, so that either null keeps the level.
    assert answer.p_adjusted == 0.001
    assert answer.text.startswith(
        "The fraction of 'spiral' depends on the position on the sky: a dipole of 6.0 percentage points (95 %: 2.0 to"
        " 10.0) towards (RA 60°, Dec +20°) (adjusted p = 0.001). With blocks of sky as the unit, p = 0.001. "
    )
    assert "The largest of these p, that of blocks of sky, decides." in answer.because
    (answer,) = asked(dipole(1e-5, 0.0002), blocks(0.3))
    assert answer.answer == "cannot tell"
    assert "neighbours may share what makes their labels" in answer.because[0]
    assert answer.next


def test_blocks_without_power_decide_nothing_on_a_wide_sky_and_exclude_a_yes_on_a_small_one():
    for control in ([blocks(0.3, powerful=False)], []):
        (answer,) = asked(dipole(1e-5, 0.0002), *control)
        assert answer.answer == "yes"
        (answer,) = asked(dipole(1e-5, 0.0002, sky_kind="strip"), *control)
        assert answer.answer == "cannot tell"
        assert "no blocks of sky could tell them apart" in answer.because[0]


def test_no_only_below_what_there_can_be():
    (answer,) = asked(dipole(0.3, 0.31), blocks(0.5))
    assert (answer.answer, answer.limit95) == ("no", 0.09)
    assert answer.statement.endswith(
        "6.0 percentage points (95 %: 2.0 to 10.0), below 9.0 percentage points at 95 %, one-sided"
    )
    assert any("5.0 to 7.0 percentage points" in sentence for sentence in answer.next)
    (answer,) = asked(dipole(0.3, 0.31, upper_limit_95=0.57), blocks(0.5))
    assert answer.answer == "cannot tell"
    assert "nothing is excluded" in answer.because[0]
    # Where blocks scatter twice as much as galaxies do, interval and limit are theirs, and agree.
    (answer,) = asked(dipole(0.3, 0.31), blocks(0.5, wider=2.0))
    assert (answer.limit95, answer.effect.ci95) == (pytest.approx(0.12), (0.0, pytest.approx(0.14)))
    assert "Interval and limit allow for errors 2.00 times those of galaxies, as blocks scatter." in answer.because
    (answer,) = asked(dipole(1e-5, 0.0002), blocks(0.001, wider=2.0))
    assert (answer.answer, answer.effect.ci95) == ("yes", (0.0, pytest.approx(0.14)))
    # Not where they have no power, nor where galaxies scatter as much.
    for control in (blocks(0.5, False, wider=2.0), blocks(0.5)):
        (answer,) = asked(dipole(0.3, 0.31), control)
        assert (answer.limit95, answer.effect.ci95) == (0.09, (0.02, 0.1))
    (answer,) = asked(dipole(0.3, 0.31, invalid="Too few galaxies."), blocks(0.5))
    assert (answer.answer, answer.because[0]) == ("cannot tell", "Too few galaxies.")


def test_no_excludes_half_of_the_largest_or_the_size_that_was_stated():
    for limit, effect, expected in (
        (0.19, None, "no"),
        (0.21, None, "cannot tell"),
        (0.09, 0.05, "cannot tell"),
        (0.09, 0.1, "no"),
        (0.21, 0.3, "no"),
        (0.41, 0.5, "cannot tell"),
    ):
        (answer,) = asked(dipole(0.3, 0.31, upper_limit_95=limit), blocks(0.5), effect=effect)
        assert answer.answer == expected, (limit, effect)
        # Whoever reads the headline alone sees how much a no excludes.
        assert (expected == "no") == (f"below {100 * limit:.1f} percentage points (95 %)" in headline([answer]))
    (answer,) = asked(dipole(0.3, 0.31, upper_limit_95=0.21), blocks(0.5))
    assert answer.because[0].startswith(
        "Effects up to 21.0 percentage points are compatible with the data, and a no excludes half of"
    )
    (answer,) = asked(dipole(0.3, 0.31, upper_limit_95=0.1), blocks(0.5), effect=0.05)
    assert answer.because[0].endswith("and the question is about one of 5.0 percentage points.")
    assert answer.next[0] == "A limit of 5.0 percentage points takes some 4 times as many galaxies on such a sky."
    (answer,) = asked(dipole(0.3, 0.31, upper_limit_95=0.0501), blocks(0.5), effect=0.05)
    assert answer.next[0] == "A limit of 5.0 percentage points takes some 1 % more galaxies on such a sky."
    (answer,) = asked(dipole(0.3, 0.31), blocks(0.5, wider=3.0), effect=0.05)
    assert (
        answer.next[0]
        == "A limit of 5.0 percentage points takes more of the sky, as blocks of it scatter more than galaxies do."
    )


def test_how_a_limit_relates_to_the_interval_and_to_what_can_be_found():
    (answer,) = asked(dipole(0.3, 0.31), blocks(0.5))
    assert "The limit has all of its 5 % above it, the interval 2.5 % on either side." in answer.because
    assert answer.next[0].startswith(
        "The limit is what these labels exclude; to be found at the level 0.01 in 80% of such catalogs, a dipole has to"
        " be 5.0 to 7.0 percentage points"
    )
    (answer,) = asked(dipole(0.3, 0.31, upper_limit_95=0.57), blocks(0.5))
    assert answer.next[-1].startswith("To be found at the level 0.01")
    assert not any("The limit" in sentence for sentence in answer.because)


def test_which_of_several_p_decides():
    """The largest; of galaxies chi-square where permutations can give none smaller, as far as it holds."""
    few = {"p_smallest": 0.01, "p_permutation": 0.01}
    extra = {"annotation": "a", "upper_limit_95": 0.09}
    bound = finding("dipole_score", 1e-30, "primary", extra, p_reliable=1e-9, **few)
    (answer,) = asked(bound, blocks(1e-12))
    smallest = "by permutations, the smallest that so many can give; chi-square decides, which is reliable down to"
    assert f"0.01 {smallest} 1e-09; the level is 0.01." in answer.text
    assert "The largest of these p decides: 1e-09 before it is adjusted." in answer.because
    (answer,) = asked(bound, blocks(1e-7))
    assert "The largest of these p, that of blocks of sky, decides." in answer.because
    (answer,) = asked(dipole(1e-5, 0.004), blocks(0.001))
    assert "the smallest that" not in answer.text
    assert "The largest of these p, that of permutations, decides." in answer.because
    assert answer.p_adjusted == 0.004
    line = {"name": "dipole_score", "adjusted": 0.005, "below_alpha": True}
    other = {"name": "hemisphere_scan", "adjusted": 0.3, "below_alpha": False}
    given = Answer("?", "dipole_score", "cannot tell", "", "", p_adjusted=0.02)
    assert as_answered([line, other], [given], 0.01) == [
        line | {"adjusted": 0.02, "below_alpha": False, "of_the_answer": True},
        other | {"of_the_answer": False},
    ]
    assert not as_answered([line], [replace(given, p_adjusted=0.004)], 0.01)[0]["of_the_answer"]


def test_the_permutation_floor_is_no_evidence_of_nothing():
    """99 permutations: chi-square decides as far as it is known to hold, and else nothing does."""
    few = {"p_smallest": 0.01, "p_permutation": 0.01}
    extra = {"annotation": "a", "upper_limit_95": 0.09}
    (answer,) = asked(finding("dipole_score", 1e-30, "primary", extra, p_reliable=1e-9, **few), blocks(1e-12))
    assert (answer.answer, answer.p_adjusted) == ("yes", 1e-9)
    (answer,) = asked(finding("dipole_score", 1e-30, "primary", extra, p_reliable=0.02, **few), blocks(1e-12))
    assert answer.answer == "cannot tell"
    assert "No adjusted p below 0.01 can come out of this test" in answer.because[0]
    assert answer.next[0] == "With 199 permutations this test can decide: --permutations 199."


def test_a_monopole_is_a_question_of_its_own():
    extra = {"annotation": "a", "expected": 0.5, "of_score": False, "limit95": 0.02}
    values = {"estimate": 0.49, "ci95": [0.48, 0.5]}
    for p, p_blocks, expected in ((0.3, 0.4, "no"), (1e-4, 1e-3, "yes"), (1e-4, 0.4, "cannot tell")):
        found = finding("fraction_against_expected", p, "primary", extra, **values)
        control = finding("block_fraction_against_expected", p_blocks, extra=extra, **values)
        answers = asked(dipole(0.5, 0.5), blocks(0.5), found, control)
        assert [answer.answer for answer in answers] == ["no", expected]
        assert answers[1].question == "Does the fraction of 'spiral' differ from the expected 0.5?"
        assert answers[1].effect.value == pytest.approx(-0.01)
        assert "no mask" not in answers[1].text
    # Where blocks scatter more, interval and limit are theirs.
    control = finding(
        "block_fraction_against_expected",
        0.4,
        extra=extra | {"limit95": 0.05},
        **values | {"ci95": [0.45, 0.53]},
    )
    monopole = asked(
        dipole(0.5, 0.5), blocks(0.5), finding("fraction_against_expected", 0.3, "primary", extra, **values), control
    )[1]
    assert (monopole.limit95, monopole.effect.ci95) == (0.05, (pytest.approx(-0.05), pytest.approx(0.03)))
    assert "Galaxies as the unit give p = 0.3, blocks of sky 0.4: the larger one decides." in monopole.because
    # No blocks on a small sky: no yes.
    found = finding("fraction_against_expected", 1e-9, "primary", extra, **values)
    assert asked(dipole(0.5, 0.5), found)[1].answer == "yes"
    assert asked(dipole(0.5, 0.5, sky_kind="strip"), found)[1].answer == "cannot tell"


@pytest.mark.parametrize(
    ("p_within", "limit", "p_between", "merged"),
    [
        (0.5, 0.025, 1e-9, "yes"),
        (1e-6, 0.025, 1e-9, "no"),
        (0.5, 0.04, 1e-9, "cannot tell"),
        (0.5, 0.08, 1e-9, "cannot tell"),
    ],
)
def test_a_dipole_that_is_the_merging_is_said_first(p_within, limit, p_between, merged):
    within = finding("dipole_within_groups", p_within, extra={"upper_limit_95": limit}, estimate=0.01, ci95=[0, limit])
    between = finding("dipole_between_groups", p_between, estimate=0.058)
    answers = asked(dipole(1e-5, 0.0002), blocks(1e-4), within, between, group="camera")
    assert [answer.role for answer in answers] == ["primary", "secondary", "control"]
    assert answers[2].answer == merged
    assert bool(answers[2].next) == (merged == "cannot tell")
    assert "makes a dipole of 5.8 percentage points" in answers[2].text
    assert headline(answers).startswith("The dipole is the merging of the groups of camera") == (merged == "yes")
    # Without a dipole there is none to explain.
    assert len(asked(dipole(0.5, 0.5), blocks(0.5), within, between, group="camera")) == 2


@pytest.mark.parametrize(("p", "limit", "answered"), [(1e-6, 0.2, "yes"), (0.3, 0.1, "no"), (0.3, 0.3, "cannot tell")])
def test_whether_templates_act_differently_in_groups_is_an_answer(p, limit, answered):
    extra = {"groups": ["a", "b"], "slopes": [0.05, -0.02], "difference": 0.07, "limit95": limit}
    found = [
        finding(f"template_by_group {name}", p_of, extra=extra | {"template": name, "largest_possible": 0.4})
        for name, p_of in (("seeing", p), ("depth", 0.9))
    ]
    answer = asked(dipole(0.5, 0.5), blocks(0.5), *found, group="camera", covariates=("seeing", "depth"))[-1]
    assert (answer.answer, answer.role, answer.test) == (answered, "secondary", "template_by_group seeing")
    assert answer.question == "Do the labels follow the templates (seeing, depth) differently in the groups of camera?"
    assert (answer.effect.value, answer.effect.unit) == (0.07, "fraction for a standard deviation of seeing")
    assert answer.p_adjusted == pytest.approx(min(1, 3 * p) if p < 0.01 else 0.5, rel=0.5)
    assert "changes by +5.00 (a), -2.00 (b) percentage points." in answer.text
    assert (answered == "no") == ("below 10.0 percentage points (95 %)" in answer.short)


def test_what_was_not_made_is_a_sentence_a_cause():
    findings = Findings()
    for column in ("", " b_c"):
        findings.leave_out(f"dipole_score{column}", "too small")
    for number in range(45):
        findings.leave_out(f"difference_dipole a and b{number}", "too small")
    findings.leave_out("glm", "another reason")
    assert findings.not_run == [
        "dipole score, dipole score b_c, difference dipole (45 times): too small",
        "glm: another reason",
    ]
    assert (findings.why_not("glm"), findings.why_not("cosine_in_ra")) == ("another reason", None)


def test_a_field_has_a_change_and_no_dipole():
    extra = {"annotation": "a", "width_deg": 10.0, "change": 0.2, "change_ci95": [0.1, 0.3], "limit95": 0.18}
    extra |= {
        "direction": "north",
        "p_galaxies": 0.1,
        "log10_p_galaxies": -1.0,
        "largest_possible": 0.8,
        "smaller_share": 0.4,
    }
    gradient = finding("field_gradient", 0.2, "primary", extra, estimate=0.02, ci95=[0.01, 0.03], dof=2)
    del gradient.extra["axis_ra"]
    (answer,) = asked(gradient)
    assert (answer.answer, answer.limit95, answer.effect.unit) == ("no", 0.18, "fraction across 10 degrees")
    assert "No change of the fraction of 'spiral' was found: 20.0 percentage points across 10 degrees" in answer.text
    # Half of min(f, 1 - f), which is half of the largest change.
    gradient.extra["limit95"] = 0.22
    assert asked(gradient)[0].answer == "cannot tell"
    assert asked(gradient, effect=0.3)[0].answer == "no"
    clustered = finding(
        "field_gradient", None, "primary", gradient.extra | {"invalid": "Too few parts.", "limit95": None}
    )
    (answer,) = asked(clustered)
    assert (answer.answer, answer.because[0], answer.limit95) == ("cannot tell", "Too few parts.", None)
    assert answer.because[1] == "The 95 % interval is that of independent galaxies, which give p = 0.1."


def test_where_nothing_could_be_tested_nothing_is_answered():
    findings = Findings(left_out={"all values are the same": ["dipole_score"]})
    (answer,) = audit_answers(findings, [], {}, AuditColumns(("a",)), "spiral", 0.01)
    assert answer.text == (
        "Whether the fraction of 'spiral' depends on the position on the sky cannot be decided."
        " All values are the same."
    )


def test_what_clustering_on_a_field_could_have_made_is_not_excluded():
    """Issue: a field of 10 degrees, labels clustered over 1 degree, p = 1e-37 of galaxies."""
    extra = {"annotation": "a", "width_deg": 10.0, "change": 0.2, "change_ci95": [0.0, 0.7], "limit95": 0.5}
    extra |= {
        "direction": "north",
        "p_galaxies": 1e-37,
        "log10_p_galaxies": -37.0,
        "largest_possible": 0.8,
        "smaller_share": 0.4,
    }
    gradient = finding("field_gradient", 0.7, "primary", extra, estimate=0.02, ci95=[0.0, 0.07], dof=2)
    (answer,) = asked(gradient)
    assert answer.answer == "cannot tell"
    assert "neighbours may share what makes their labels" in answer.because[0]
    assert answer.next == ["Galaxies over a wider part of the sky, where a trend is distinguishable from clustering."]
    assert "With 3,000 galaxies as the unit, Q = 12 (2 dof), p = 1e-37" in answer.text


def test_a_limit_above_what_there_can_be_is_none():
    """Issue: limits of 1.65 and 24 of a fraction."""
    for limit in (1.65, None):
        (answer,) = asked(dipole(0.3, 0.31, upper_limit_95=limit), blocks(0.5))
        assert (answer.answer, answer.limit95) == ("cannot tell", None)
        assert answer.because[0].startswith("Effects of all sizes that there can be, up to 40.0 percentage points,")
        assert "1.65" not in answer.text
    (answer,) = asked(dipole(1e-9, 0.0002, upper_limit_95=1.65), blocks(1e-5))
    assert (answer.answer, answer.limit95) == ("yes", None)


def test_an_interval_ends_at_what_there_can_be():
    (answer,) = asked(dipole(0.3, 0.31, upper_limit_95=None), blocks(0.5))
    assert answer.effect.ci95 == (0.02, 0.1)
    wide = finding("dipole_score", 0.3, "primary", {"annotation": "a", "upper_limit_95": None}, ci95=[0.0, 24.0])
    (answer,) = asked(wide)
    assert answer.effect.ci95 == (0.0, 0.4)
    assert "24" not in answer.text
    # No size at all where noise alone is larger.
    beyond = {"estimate": 0.57, "ci95": [0.0, 3.3]}
    (answer,) = asked(finding("dipole_score", 0.3, "primary", {"annotation": "a", "upper_limit_95": None}, **beyond))
    assert (answer.effect.value, answer.answer) == (None, "cannot tell")
    assert "measured worse than 40.0 percentage points, the largest that there can be" in answer.text


@pytest.mark.parametrize(
    ("p", "limit", "words"),
    [
        (1e-6, 0.08, "have a dipole, too, of 6.0 percentage points"),
        (0.5, 0.03, "none that was found, below 3.0 percentage points (95 %): the dipole is that of the reference"),
        (0.5, 0.09, "cannot be decided"),
    ],
)
def test_what_the_errors_have_to_do_with_a_dipole_is_beside_it(p, limit, words):
    """A no says whose dipole it is only where it excludes one of that size."""
    error = finding("signed_error_dipole", p, extra={"upper_limit_95": limit})
    first, *_ = asked(dipole(1e-9), blocks(1e-6), error, reference="truth")
    assert first.answer == "yes"
    assert any(words in sentence for sentence in first.beside)
    assert not any("errors" in sentence or "reference" in sentence for sentence in asked(dipole(0.5), error)[0].beside)


def test_a_dipole_larger_than_a_whole_sky_can_have_keeps_its_interval():
    """On half of the sky a fraction can follow the declination more steeply than one of the whole sky could."""
    steep = replace(dipole(1e-9).test, estimate=0.6, ci95=[0.55, 0.65])
    (answer,) = asked(replace(dipole(1e-9), test=steep), blocks(1e-6))
    assert answer.answer == "yes"
    assert answer.effect.ci95 == (0.55, 0.65)
    assert "60.0 percentage points (95 %: 55.0 to 65.0)" in answer.statement
