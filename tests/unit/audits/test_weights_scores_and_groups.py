"""Audits of scores alone, of galaxies with weights, and by group: from the table to the verdict."""

import numpy as np
import pandas as pd
import pytest

from tests.unit.audits.audited import by_name, galaxies, message, run_audit
from workflow_scripts.audits.audit_findings import AuditSettings
from workflow_scripts.audits.groups import MOST_GROUPS
from workflow_scripts.audits.suite import HYGIENE, audit
from workflow_scripts.audits.table_pieces import AuditColumns, TableSource
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.dipole import PositionSums, ValueSums, dipole
from workflow_scripts.statistics.sky.weighted_dipole import WeightedMoments, weighted_dipole

pytestmark = pytest.mark.usefixtures("brief_audits")
FEW = AuditSettings(permutations=199)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Galaxies with scores between 0 and 1, weights and cameras; ten have no weight to speak of, 20 no camera."""
    made, random = galaxies(1500, dipole=0.25), np.random.default_rng(4)
    made["p"] = np.clip(made["score"] + 0.1 * random.normal(size=len(made)), 0, 1)
    made["w"] = random.lognormal(0, 0.5, len(made))
    made.loc[:9, "w"] = 0.0
    made["camera"] = np.where(made["dec"] > 32, "north", "south").astype(object)
    made.loc[100:119, "camera"] = None
    return made


def audited(table: pd.DataFrame, folder, rows: int = 10**6, **columns) -> dict:
    table.to_parquet(folder / "c.parquet", index=False)
    named = AuditColumns(**{"labels": ("label",), **columns})
    return audit("a", TableSource.of(str(folder / "c.parquet"), named, HYGIENE, rows_a_piece=rows), FEW).summary


def test_scores_alone_are_the_primary_question(table, tmp_path):
    table.to_csv(tmp_path / "c.csv", index=False)
    summary = run_audit(tmp_path / "c.csv", tmp_path / "out", "--score", "p", "--threshold", "0.6", "--alpha", "0.02")
    tests, first = by_name(summary), summary["tests"][0]
    assert (first["name"], first["family"], tests["dipole_score"]["family"]) == ("score_dipole", "primary", "secondary")
    assert first["p_permutation"] == 1 / 200
    assert first["weak_axis_suspicious"] in (True, False)
    assert [row["name"] for row in summary["ledger"] if row["method"] == "Holm"] == ["score_dipole"]
    assert summary["verdict"].startswith("The mean score p depends on the position on the sky: a dipole of 0.1")
    assert "scores of 0.6 and more taken for positive" in summary["verdict"]
    assert summary["catalog"]["threshold"] == 0.6
    assert summary["catalog"]["taken_for"]["annotation0"] == {"< 0.6": "negative", ">= 0.6": "positive"}
    assert "scores of 0.6 and more are taken\nfor positive" in (tmp_path / "out" / "audit.html").read_text()
    assert "score" in np.load(tmp_path / "out" / "sky_maps.npz")
    # The smallest dipole is that of scores, whose variance is not that of labels.
    scatter = table["p"].std() / np.sqrt((table["p"] >= 0.6).mean() * (1 - (table["p"] >= 0.6).mean()))
    labels = run_audit(
        tmp_path / "c.csv", tmp_path / "two", "--label", "p", "--positive", ">= 0.6", "--negative", "< 0.6"
    )
    ratio = summary["power"]["smallest_dipole_best_axis"] / labels["power"]["smallest_dipole_best_axis"]
    assert ratio == pytest.approx(scatter, rel=0.1)
    assert by_name(labels)["dipole_score"]["statistic"] == tests["dipole_score"]["statistic"]
    assert {f"score_block_dipole_nside{nside}" for nside in (2, 4, 8)} <= set(tests) | {
        name for line in summary["not_run"] for name in line.split(":")[0].replace(" ", "_").split(",_")
    }


def test_weights_are_used_or_refused_test_by_test(table, tmp_path):
    table.to_csv(tmp_path / "c.csv", index=False)
    options = ["--label", "label", "second", "--weight", "w", "--covariates", "seeing", "--reference", "second"]
    assert "given for two things" in message(tmp_path / "c.csv", tmp_path / "out", *options)
    table.assign(truth=table["second"]).to_csv(tmp_path / "c.csv", index=False)
    summary = run_audit(tmp_path / "c.csv", tmp_path / "out", *options[:-1], "truth")
    tests, weights = by_name(summary), summary["weights"]
    used = [name for name, test in tests.items() if test["weights"] == "used"]
    assert set(used) == set(weights["used"])
    assert {"dipole_score", "cosine_in_ra", "declination_gradient", "ra_halves", "difference_dipole"} <= set(used)
    assert {"cosine_scan_paper_style", "false_positive_rate_dipole"} <= set(weights["not_used"])
    assert {"glm", "ra_bins", "mcnemar", "quadrupole_scan", "dipole_after_templates"} <= set(weights["refused"])
    assert not set(weights["refused"]) & set(tests)
    kept = table[table["w"] > 0]
    vectors = unit_vectors(kept["ra"].to_numpy(), kept["dec"].to_numpy())
    spiral, w = (kept["label"] == "spiral").to_numpy(float), kept["w"].to_numpy()
    found = weighted_dipole(WeightedMoments.of(spiral, w, vectors))
    score = tests["dipole_score"]
    assert (score["n"], summary["catalog"]["hygiene"]["of_weight_zero"]) == (len(kept), 10)
    assert (score["statistic"], score["mean"]) == pytest.approx((found.q, w @ spiral / w.sum()))
    assert weights["effective_n"] == pytest.approx(w.sum() ** 2 / (w @ w))
    fractions = pd.read_csv(tmp_path / "out" / "fractions.csv").query("grouping == 'all' and annotation == 'label'")
    assert fractions["fraction"].item() == pytest.approx(w @ spiral / w.sum())
    width = (fractions["wilson_high"] - fractions["wilson_low"]).item()
    assert width == pytest.approx(3.92 * np.sqrt(0.24 / weights["effective_n"]), rel=0.1)
    page = (tmp_path / "out" / "audit.html").read_text()
    assert "<td>weights used" in page
    assert "refused: a likelihood counts galaxies" in page
    assert "Galaxies are weighted by w: all together are as good as" in summary["verdict"]


def test_equal_weights_change_the_estimates_of_nothing(table, tmp_path):
    plain, weighted = (by_name(audited(table.assign(one=3.0), tmp_path, **given)) for given in ({}, {"weight": "one"}))
    for name in ("dipole_score", "cosine_in_ra", "declination_gradient", "ra_halves", "dec_halves"):
        assert weighted[name]["estimate"] == pytest.approx(plain[name]["estimate"])
        assert weighted[name]["statistic"] == pytest.approx(plain[name]["statistic"], rel=0.1)
    assert weighted["block_dipole_nside2"]["p"] == pytest.approx(plain["block_dipole_nside2"]["p"])


def test_pieces_add_up_with_weights_scores_and_groups(table, tmp_path):
    columns = {"weight": "w", "score": "p", "group": "camera"}
    whole, pieces = (audited(table, tmp_path, rows, **columns) for rows in (10**6, 211))
    for one, other in zip(whole["tests"], pieces["tests"], strict=True):
        assert (one["name"], one["p_permutation"]) == (other["name"], other["p_permutation"])
        assert one["statistic"] == pytest.approx(other["statistic"])
    assert by_name(whole)["score_dipole"]["weights"] == "used"
    assert whole["groups"]["rows"][0]["p"] == pytest.approx(pieces["groups"]["rows"][0]["p"])


def test_groups_have_a_row_each(table, tmp_path):
    summary = audited(table, tmp_path, group="camera")
    rows = {row["group"]: row for row in summary["groups"]["rows"]}
    assert list(rows) == ["south", "north", "(none)"] or list(rows) == ["north", "south", "(none)"]
    south = table[table["camera"] == "south"]
    labels = (south["label"] == "spiral").to_numpy(float)
    vectors = unit_vectors(south["ra"].to_numpy(), south["dec"].to_numpy())
    found, row = dipole(PositionSums.of(vectors), ValueSums.of(labels, vectors)), rows["south"]
    assert (row["n"], row["positive"], row["fraction"]) == (len(south), labels.sum(), labels.mean())
    assert (row["statistic"], row["p"]) == pytest.approx((found.q, found.p))
    assert row["amplitude"] == pytest.approx(np.linalg.norm(found.beta))
    assert rows["(none)"]["n"] == 20
    alone = by_name(audited(south, tmp_path))["dipole_score"]
    assert alone["statistic"] == pytest.approx(row["statistic"])
    assert (alone["axis_ra"], alone["se"]) == pytest.approx((row["axis_ra"], row["se"]))
    # One group of one class has no dipole, and says why.
    single = audited(table.assign(camera=table["label"]), tmp_path, group="camera")["groups"]["rows"]
    assert {row["reason"].split(":")[0] for row in single} == {"all values are the same"}


def test_a_dipole_of_merged_catalogs_is_the_merging(table, tmp_path):
    """Two catalogs, north and south, of other fractions and of other use of the seeing, and no dipole in either."""
    random, north = np.random.default_rng(7), (table["camera"] == "north").to_numpy()
    logit = np.where(north, 1.0, -0.5) + np.where(north, 1.0, 0.0) * (table["seeing"] - 1.2) / 0.1
    merged = table.assign(label=np.where(random.random(len(table)) < 1 / (1 + np.exp(-logit)), "spiral", "elliptical"))
    summary = audited(merged, tmp_path, group="camera", covariates=("seeing",))
    tests, answers = by_name(summary), {answer["test"]: answer for answer in summary["answers"]}
    assert answers["dipole_score"]["answer"] == answers["dipole_between_groups"]["answer"] == "yes"
    assert answers["dipole_within_groups"]["answer"] == "no"
    assert summary["headline"].startswith("The dipole is the merging of the groups of camera")
    assert tests["dipole_between_groups"]["estimate"] == pytest.approx(tests["dipole_score"]["estimate"], rel=0.3)
    slopes = dict(zip(*(tests["template_by_group seeing"][key] for key in ("groups", "estimate")), strict=True))
    assert (slopes["north"], slopes["south"]) == pytest.approx((1.0, 0.0), abs=0.35)
    assert tests["template_by_group seeing"]["p"] < 0.001
    # Galaxies without a camera are no camera.
    few = np.where(np.arange(len(merged)) % 50 == 0, None, merged["camera"])
    some = by_name(audited(merged.assign(camera=few), tmp_path, group="camera", covariates=("seeing",)))
    assert some["template_by_group seeing"]["groups"] == ["north", "south"]
    assert "galaxies without a group are left out" in some["template_by_group seeing"]["notes"][0]
    # With weights there is no such test, and the page says why.
    refused = audited(merged, tmp_path, group="camera", weight="w")["weights"]["refused"]
    assert {"dipole_within_groups", "dipole_between_groups"} <= set(refused)


@pytest.mark.parametrize(
    ("columns", "options", "expected"),
    [
        ({"w": -1.0}, ["--weight", "w"], "has 60 negative and 0 missing or infinite values among 60 galaxies"),
        ({"w": np.nan}, ["--weight", "w"], "0 negative and 60 missing"),
        ({"w": [np.inf, -2, *[1] * 58]}, ["--weight", "w"], "1 negative and 1 missing or infinite"),
        ({"w": 0}, ["--weight", "w"], "(--weight) is zero for all 60 galaxies"),
        ({"w": "x"}, ["--weight", "w"], "(--weight) holds text such as 'x', expected numbers"),
        ({}, ["--weight", "ra"], "column 'ra' was given for two things"),
        ({"g": range(60)}, ["--group-by", "g"], f"(--group-by) has more than {MOST_GROUPS} values"),
        ({"g": np.arange(1200) % 1100}, ["--group-by", "g"], f"(--group-by) has more than {MOST_GROUPS} values"),
    ],
    ids=str,
)
def test_weights_and_groups_that_are_none(tmp_path, columns, options, expected):
    galaxies(len(columns.get("g", range(60)))).assign(**columns).to_csv(tmp_path / "c.csv", index=False)
    assert expected in message(tmp_path / "c.csv", tmp_path / "out", "--label", "label", *options)


def test_the_number_of_groups_is_that_of_the_docs(repository):
    assert f"merged catalog, {MOST_GROUPS} at most" in (repository / "docs" / "audit.md").read_text(encoding="utf-8")


def test_percentages_are_no_scores(tmp_path):
    galaxies(60).assign(score=50.0).to_csv(tmp_path / "c.csv", index=False)
    assert "(--score) has 50, expected 0 to 1" in message(tmp_path / "c.csv", tmp_path / "out", "--score", "score")


def test_scores_with_a_reference_are_asked_about_too(tmp_path):
    """Issue: with a reference the mean score had no test, and its answer no reason; the hint named a refused option."""
    random = np.random.default_rng(9)
    ra, dec = random.uniform(0, 360, 6000), np.degrees(np.arcsin(random.uniform(-1, 1, 6000)))
    truth = random.random(6000) < 0.4
    along = unit_vectors(ra, dec) @ unit_vectors(30.0, 0.0)
    prob = np.clip(np.where(truth, 0.7, 0.2) + 0.1 * along + 0.05 * random.normal(size=6000), 0, 1)
    words = np.where(truth, "spiral", "elliptical")
    pd.DataFrame({"ra": ra, "dec": dec, "prob": prob, "truth": words}).to_csv(tmp_path / "g.csv", index=False)
    options = ["--score", "prob", "--reference", "truth"]
    assert message(tmp_path / "g.csv", tmp_path / "no", *options).endswith("--reference-positive VALUE")
    summary = run_audit(tmp_path / "g.csv", tmp_path / "out", *options, "--reference-positive", "spiral")
    first, *others = summary["answers"]
    assert (first["test"], first["answer"], first["effect"]["unit"]) == ("score_dipole", "yes", "mean score")
    assert first["effect"]["value"] == pytest.approx(0.1, abs=0.02)
    assert first["beside"][0].startswith("Reference labels less the scores have a dipole, too, of ")
    by_test = {one["test"]: one for one in others}
    assert {"calibration_dipole", "signed_error_dipole"} <= set(by_test)
    assert by_test["calibration_dipole"]["effect"]["value"] == pytest.approx(0.1, abs=0.02)


def test_covariates_without_content_are_named_and_left_out(tmp_path):
    table = galaxies(2000).assign(constant=3.0, empty=np.nan)
    table.to_csv(tmp_path / "c.csv", index=False)
    options = ["--label", "label", "--positive", "spiral", "--covariates"]
    summary = run_audit(tmp_path / "c.csv", tmp_path / "out", *options, "seeing", "constant", "empty")
    assert [line.split(" and is")[0] for line in summary["warnings"]] == [
        "Column 'constant' (--covariates) is the same for all galaxies,",
        "Column 'empty' (--covariates) has no value for any galaxy,",
    ]
    assert by_name(summary)["dipole_after_templates"]["templates"] == ["seeing"]
    assert run_audit(tmp_path / "c.csv", tmp_path / "none", *options, "constant")["answers"]
