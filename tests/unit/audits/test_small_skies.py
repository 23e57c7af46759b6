"""What an audit reports where the sky constrains less than a dipole: strips and fields."""

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.audits.audit_findings import AuditSettings
from workflow_scripts.audits.catalog_sums import AnnotationSums, CatalogSums, Places, audit_maps
from workflow_scripts.audits.suite import HYGIENE, audit
from workflow_scripts.audits.table_pieces import AuditColumns, TableSource
from workflow_scripts.audits.weighted_sums import WeightedSums

FEW = AuditSettings(permutations=199)
pytestmark = pytest.mark.usefixtures("brief_audits")


def found_in(folder, ra, dec, fraction, columns: AuditColumns | None = None, **more):
    """Tests by name, and what was not run, of labels drawn with these fractions."""
    random = np.random.default_rng(11)
    labels = (random.random(ra.size) < fraction).astype(int)
    table = pd.DataFrame({"ra": ra % 360, "dec": dec, "label": labels, "weight": random.uniform(0.5, 1.5, ra.size)})
    table["score"] = np.clip(0.3 + 0.4 * labels + 0.1 * random.normal(size=ra.size), 0.01, 0.99)
    table.assign(**more).to_csv(folder / "c.csv", index=False)
    source = TableSource.of(str(folder / "c.csv"), columns or AuditColumns(("label",)), HYGIENE)
    summary = audit("a", source, FEW).summary
    return {test["name"]: test for test in summary["tests"]}, summary["not_run"]


def strip(n=20_000):
    random = np.random.default_rng(3)
    return random.uniform(0, 360, n), random.uniform(-1.25, 1.25, n)


@pytest.mark.parametrize("columns", [None, AuditColumns(("label",), weight="weight")], ids=["plain", "weighted"])
def test_a_strip_gives_the_components_that_it_constrains(tmp_path, columns):
    """Issue: 0.05 sin RA on 2.5 degrees of declination was 0.187 towards Dec -70."""
    ra, dec = strip()
    tests, not_run = found_in(tmp_path, ra, dec, 0.4 + 0.05 * np.sin(np.radians(ra)), columns)
    score, blocks = tests["dipole_score"], tests["block_dipole"]
    assert (score["sky_kind"], score["unconstrained"], score["dof"], score["invalid"]) == (
        "strip",
        ["declination"],
        2,
        "",
    )
    assert len(score["constrained"]) == 2
    assert score["estimate"] == pytest.approx(0.05, abs=0.02)
    assert score["ci95"][0] < 0.05 < score["ci95"][1]
    assert (score["axis_ra"], score["axis_dec"]) == (pytest.approx(90, abs=25), pytest.approx(0, abs=1))
    assert not score["weak_axis_suspicious"]
    assert score["se_inflation_along_axis"] == pytest.approx(0.816, abs=0.01)
    assert score["p"] < 1e-6
    assert score["log10_p"] == pytest.approx(np.log10(score["p"]))
    assert score["p_permutation"] == 1 / 200
    assert np.linalg.cond(np.array(score["covariance"])) < 1e5
    assert blocks["dof"][0] == 2
    assert blocks["p"] < 0.01
    assert blocks["has_power"]
    # Labels are not clustered: blocks give the same errors and interval, or little wider ones.
    assert 1 <= blocks["wider"] < 1.6
    widths = [test["ci95"][1] - test["ci95"][0] for test in (blocks, score)]
    assert widths[0] == pytest.approx(blocks["wider"] * widths[1], rel=0.15)
    (said,) = (line for line in not_run if "do not constrain a dipole along declination" in line)
    left_out = "cosine scan paper style", "declination gradient"
    assert all(name in said for name in (*left_out, *(() if columns else ("hemisphere scan", "octopole scan"))))
    assert {"cosine_scan_paper_style", "hemisphere_scan", "declination_gradient"}.isdisjoint(tests)
    if columns is None:
        fit = tests["glm_dipole"]
        assert (fit["dof"], [bool(step["refused"]) for step in fit["stability"]]) == (2, [False, True, True])
        assert fit["stability"][0]["axis_dec"] == pytest.approx(0, abs=1)
        assert fit["statistic"] == pytest.approx(score["statistic"], rel=0.02)


def test_on_a_strip_the_robust_difference_decides_what_the_sky_constrains(tmp_path):
    """Labels of the two columns differ; how often they do is a fraction."""
    ra, dec = strip(6000)
    second = np.random.default_rng(8).random(ra.size) < 0.3 + 0.2 * np.cos(np.radians(ra))
    more = {"second": second.astype(int), "seeing": np.random.default_rng(9).normal(size=ra.size)}
    tests, _ = found_in(tmp_path, ra, dec, 0.4, AuditColumns(("label", "second"), covariates=("seeing",)), **more)
    # The share is of the same dipole.
    assert f"(p = {tests['difference_dipole']['p']:.2g})" in tests["difference_mediation"]["notes"][0]
    for name in ("difference_dipole_robust", "discordance_rate_dipole", "discordant_direction_dipole"):
        assert (tests[name]["dof"], tests[name]["axis_dec"]) == (2, pytest.approx(0, abs=1))
    difference, rate = tests["difference_dipole_robust"], tests["discordance_rate_dipole"]
    assert difference["estimate"] == pytest.approx(tests["difference_dipole"]["estimate"])
    # 0.4 x 0.7 + 0.6 x 0.3 of the galaxies differ, and 0.2 x (0.6 - 0.4) of that changes with the cosine.
    assert rate["mean"] == pytest.approx(0.46, abs=0.03)
    assert rate["ci95"][0] < 0.04 < rate["ci95"][1]


def test_templates_errors_and_groups_point_where_a_strip_constrains(tmp_path):
    ra, dec = strip(6000)
    random = np.random.default_rng(12)
    more = {"seeing": random.normal(size=ra.size), "source": np.where(random.random(ra.size) < 0.5, "a", "b")}
    more["truth"] = (random.random(ra.size) < 0.5).astype(int)
    columns = AuditColumns(("label",), covariates=("seeing",), group="source", reference="truth", score="score")
    more["source"] = np.where(more["source"] == "a", "a", np.where(ra < 180, "b", "c"))
    tests, _ = found_in(tmp_path, ra, dec, 0.4 + 0.1 * np.sin(np.radians(ra)), columns, **more)
    names = ("dipole_after_templates", "dipole_within_groups", "signed_error_dipole", "false_positive_rate_dipole")
    others = "false_negative_rate_dipole", "glm_dipole_given_templates", "dipole_between_groups", "calibration_dipole"
    for name in (*names, *others):
        assert (tests[name]["dof"], tests[name]["axis_dec"]) == (2, pytest.approx(0, abs=1)), name
        assert any("do not constrain a dipole along declination" in note for note in tests[name]["notes"])
    for name in names[:2]:
        assert tests[name]["estimate"] == pytest.approx(0.1, abs=0.04)


def field(width, n=4000):
    random = np.random.default_rng(4)
    x, y = random.uniform(-width / 2, width / 2, (2, n))
    return 150 + x, y, x


def test_on_a_field_the_gradient_is_the_question(tmp_path):
    ra, dec, east = field(10.0)
    columns = AuditColumns(("label",), score="score", covariates=("seeing",))
    more = {"seeing": np.random.default_rng(9).normal(size=ra.size)}
    tests, not_run = found_in(tmp_path, ra, dec, 0.4 + 0.04 * east, columns, **more)
    trend, of_scores = tests["field_gradient"], tests["score_field_gradient"]
    assert (trend["family"], trend["sky_kind"], trend["dof"], trend["direction"]) == ("primary", "field", 2, "east")
    assert trend["estimate"] == pytest.approx(0.04, abs=0.008)
    assert trend["change_ci95"][0] < 0.4 < trend["change_ci95"][1] < trend["largest_possible"]
    assert trend["change"] < trend["limit95"] < trend["largest_possible"]
    assert trend["p_galaxies"] < 1e-6 < trend["p"] < 0.01
    assert of_scores["estimate"] == pytest.approx(0.4 * trend["estimate"], rel=0.2)
    assert of_scores["family"] == "secondary"
    # A sentence a cause, whatever could not be made for it.
    (said,) = (line for line in not_run if "field too small" in line)
    for name in ("dipole_score", "cosine_scan_paper_style", "glm_dipole_given_templates", "dipole_after_templates"):
        assert name not in tests
        assert name.replace("_", " ") in said
    assert {"block_dipole", "glm_dipole", "hemisphere_scan"}.isdisjoint(tests)
    # The template is fitted beside the gradient.
    assert "beside a gradient" in tests["template seeing"]["estimand"]
    assert abs(tests["template seeing"]["statistic"]) < 4


def test_a_field_that_cannot_tell_has_no_p(tmp_path):
    ra, dec, _ = field(1.0)
    trend = found_in(tmp_path, ra, dec, 0.4)[0]["field_gradient"]
    assert trend["p"] is trend["p_permutation"] is trend["limit95"] is None
    assert "cannot be distinguished from clustering" in trend["invalid"]
    assert 0 < trend["p_galaxies"] <= 1


def test_too_few_galaxies_of_a_rare_class_are_no_evidence(tmp_path):
    random = np.random.default_rng(9)
    ra, dec = random.uniform(0, 360, 300), np.degrees(np.arcsin(random.uniform(-1, 1, 300)))
    score = found_in(tmp_path, ra, dec, 0.02)[0]["dipole_score"]
    assert "too few" in score["invalid"]
    assert score["dof"] == 3
    assert score["upper_limit_95"] is None
    assert any("no limit" in note for note in score["notes"])


@pytest.mark.parametrize("sky", ["strip", "field"])
def test_groups_on_small_skies_have_no_dipole_that_there_could_not_be(tmp_path, sky):
    """Two groups on strips or fields far from each other: all galaxies constrain a dipole, those of one do not."""
    n = 3000
    random = np.random.default_rng(6)
    first = np.arange(2 * n) < n
    ra = random.uniform(0, 360, 2 * n) if sky == "strip" else random.uniform(-5, 5, 2 * n) + 90 * first
    dec = random.uniform(-2, 2, 2 * n) + np.where(first, 40, 0 if sky == "strip" else -30)
    more = {"source": np.where(first, "a", "b")}
    random = np.random.default_rng(11)
    labels = (random.random(ra.size) < 0.4).astype(int)
    pd.DataFrame({"ra": ra % 360, "dec": dec, "label": labels, **more}).to_csv(tmp_path / "c.csv", index=False)
    columns = AuditColumns(("label",), group="source")
    summary = audit("a", TableSource.of(str(tmp_path / "c.csv"), columns, HYGIENE), FEW).summary
    tests = {test["name"]: test for test in summary["tests"]}
    for row in summary["groups"]["rows"]:
        if sky == "field":
            assert row["amplitude"] is None
            assert "field too small" in row["reason"]
        else:
            assert row["amplitude"] < 0.2
            assert row["axis_dec"] == pytest.approx(0, abs=3)
    assert ("dipole_within_groups" in tests) == (sky == "strip")
    assert any("dipole within groups" in line for line in summary["not_run"]) == (sky == "field")


def test_there_is_no_map_of_sigma_along_axes_that_are_not_constrained():
    random = np.random.default_rng(2)
    for half_width, mapped in ((1.0, True), (0.02, False)):
        dec = np.degrees(np.arcsin(random.uniform(-half_width, half_width, 2000)))
        places = Places.of(random.uniform(0, 360, 2000), dec)
        labels = AnnotationSums.of((random.random(2000) < 0.4).astype(float), places)
        assert ("sigma" in audit_maps(CatalogSums.of(places, [labels]), field=False)) == mapped


def test_a_weighted_field_of_one_degree_has_a_map():
    """In pixels of 1.8 degrees it would be a cell or two."""
    random = np.random.default_rng(2)
    places = Places.of(*random.uniform((150, 2), (151, 3), (2000, 2)).T)
    labels, weights = (random.random(2000) < 0.4).astype(float), random.uniform(0.5, 1.5, 2000)
    sums = CatalogSums.of(places, [AnnotationSums.of(labels, places)])
    weighted = WeightedSums.of(labels, weights, places, mapped=True)
    assert WeightedSums.of(labels, weights, places).ratio is None
    drawn = audit_maps(sums, True, weighted.ratio)["fraction"]
    assert np.isfinite(drawn).sum() > 12
    assert np.nanmean(drawn) == pytest.approx(np.average(labels, weights=weights), abs=0.05)
