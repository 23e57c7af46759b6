"""The audit of a finished catalog, from the table to the page."""

import hashlib
import html
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.audits.audited import by_name, galaxies, message, run_audit
from workflow_scripts.audits.audit_findings import AuditSettings
from workflow_scripts.audits.binning import BinnedCatalog, bin_catalog
from workflow_scripts.audits.catalog_sums import AUDIT_ORDER, AUDIT_PIXELS
from workflow_scripts.audits.galaxy_pieces import overview
from workflow_scripts.audits.suite import HYGIENE, audit, meanings_of
from workflow_scripts.audits.table_pieces import AuditColumns, TableSource
from workflow_scripts.audits.vocabulary import Vocabulary
from workflow_scripts.configuration.schema import complete, config_schema
from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues
from workflow_scripts.statistics.sky.value_permutations import value_dipole_test

FEW = AuditSettings(permutations=199)
CONTRACT = {"name", "estimand", "estimate", "se", "ci95", "statistic", "dof", "p", "p_permutation", "null"}
ANSWER = {
    "question",
    "test",
    "answer",
    "effect",
    "p_adjusted",
    "limit95",
    "because",
    "beside",
    "next",
    "role",
    "statement",
}
CONTRACT |= {"unit_of_replication", "family", "n", "notes"}


def memory(path: Path, label: str = "label", rows: int = 10**6, positive: str | None = None) -> TableSource:
    known = {label: Vocabulary((positive,), rest=True)} if positive else {}
    return TableSource.of(str(path), AuditColumns((label,)), HYGIENE, vocabularies=known, rows_a_piece=rows)


@pytest.mark.usefixtures("brief_audits")
def test_hsc_spins_have_the_known_answer(shared_data, tmp_path):
    """Dossier 2.3: 3.11 'sigma' near (283, -56), p = 0.0216; Q = 10.094, p = 0.0178; M = 0.5032, D = 0.0555."""
    path = shared_data / "hsc_dr3_spins" / "data_hsc.csv"
    options = ("--ra", "RA", "--dec", "Dec", "--label", "direction_cw_ccw", "--permutations", "1999")
    summary = run_audit(path, tmp_path / "out", *options)
    tests = by_name(summary)
    scan, score = tests["cosine_scan_paper_style"], tests["dipole_score"]
    assert summary["catalog"]["n"] == score["n"] == scan["n"] == 13_476
    assert scan["statistic"] == pytest.approx(3.110, abs=5e-4)
    assert (scan["axis_ra"], scan["axis_dec"]) == pytest.approx((283, -56), abs=0.5)
    assert scan["p"] == pytest.approx(0.0216, abs=5e-5)
    assert score["statistic"] == pytest.approx(10.094, abs=5e-4)
    assert score["p"] == pytest.approx(0.0178, abs=5e-5)
    assert score["p_permutation"] == pytest.approx(0.0226, abs=0.01)
    linear = tests["linear_probability_dipole"]
    assert (linear["monopole"], linear["estimate"]) == pytest.approx((0.5032, 0.0555), abs=1e-4)
    assert linear["delta_bic"] == pytest.approx(18.4, abs=0.1)
    (answer,) = summary["answers"]
    assert (answer["answer"], answer["limit95"]) == ("no", pytest.approx(0.1, abs=0.02))
    assert summary["headline"].startswith("No dipole of the fraction of '1' was found, below 9.2 percentage points")
    assert "p = 0.018 by chi-square" in summary["verdict"]
    assert "the level is 0.01" in summary["verdict"]
    assert "sigma" not in summary["verdict"]


@pytest.fixture(scope="module")
def audited(tmp_path_factory) -> tuple[dict, Path]:
    """Everything at once: a strong dipole, a second annotation, reference, scores and a covariate."""
    folder = tmp_path_factory.mktemp("audit")
    table = galaxies(dipole=0.25)
    table["reference"] = table["label"]
    table.to_csv(folder / "c.csv", index=False)
    options = ["--label", "label", "second", "--covariates", "seeing", "--reference", "reference", "--score", "score"]
    return run_audit(folder / "c.csv", folder / "out", *options), folder / "out"


def test_summary_has_the_form_that_all_summaries_have(audited):
    summary, folder = audited
    assert list(summary)[:4] == ["headline", "answers", "experiment", "verdict"]
    assert len(summary["headline"].split()) <= 30
    for answer in summary["answers"]:
        assert set(answer) == ANSWER
        assert answer["answer"] in ("yes", "no", "cannot tell")
        assert answer["answer"] != "no" or answer["limit95"] is not None
    assert {"experiment", "verdict", "tests", "inputs", "versions"} <= set(summary)
    assert all(set(test) >= CONTRACT for test in summary["tests"])
    assert {test["unit_of_replication"] for test in summary["tests"]} == {"galaxy"}
    (digest,) = summary["inputs"].values()
    assert digest == hashlib.sha256((folder.parent / "c.csv").read_bytes()).hexdigest()
    with_p = {test["name"] for test in summary["tests"] if test["p"] is not None or test["p_permutation"] is not None}
    assert {row["name"] for row in summary["ledger"]} == with_p
    assert {row["name"] for row in summary["ledger"] if row["method"] == "Holm"} == {
        "dipole_score",
        "dipole_score second",
        "difference_dipole",
    }


def test_a_dipole_is_found_where_it_is(audited):
    summary, _ = audited
    score = by_name(summary)["dipole_score"]
    low, high = score["ci95"]
    assert low < 0.25 < high
    assert (score["axis_ra"], score["axis_dec"]) == pytest.approx((60, 20), abs=25)
    assert score["p_permutation"] == 1 / 200
    # 199 permutations cannot give an adjusted p below 0.01: chi-square decides, as far as it holds.
    assert score["p"] < score["p_reliable"] < 1e-6
    first = summary["answers"][0]
    assert (first["answer"], first["test"]) == ("yes", "dipole_score")
    assert first["p_adjusted"] < 0.01
    assert summary["verdict"].startswith("The fraction of 'spiral' in column label depends on the position on the sky")


def test_documented_names_are_those_of_the_tests(audited, repository):
    text = (repository / "docs" / "audit.md").read_text().split("## Tests")[1]
    listed = set(re.findall(r"`([a-z_0-9]+)`", text)) | {"block_dipole_nside4", "block_dipole_nside8"}
    listed |= {"calibration_error_ra_high"}
    assert "score_dipole" in listed
    for name in by_name(audited[0]):
        first = name.split(" ")[0]
        assert first in listed or name == "template seeing", name
    assert "cochran_q" in listed


def test_the_page_is_whole_and_explains_why_sigma_and_p_differ(audited):
    summary, folder = audited
    text = html.unescape((folder / "audit.html").read_text())
    linked = r"src=\"(?!data:image/webp)|href=\"(?!data:application/gzip)(?:\w+:|//)"
    assert not re.findall(rf"{linked}|<script .|<link|url\(", text)
    assert len(re.findall(r"src=\"data:image/webp;base64,", text)) == 9
    assert text.index(summary["headline"]) < text.index("<h2>The answers</h2>") < text.index("<h2>The sky</h2>")
    assert text.index("<h2>The sky</h2>") < text.index("<details><summary><h3>Sigma and p")
    assert all(answer["question"] in text for answer in summary["answers"])
    assert "three degrees of freedom" in text
    assert "does not\ncentre labels" in text
    assert all(test["name"].replace("_", " ") in text for test in summary["tests"])
    assert {path.suffix for path in folder.iterdir() if path.is_file()} == {".html", ".json", ".csv", ".npz"}


def test_errors_against_the_reference_and_templates(audited):
    tests = by_name(audited[0])
    assert tests["bias_between_ra_halves"]["estimate"] == 0
    assert tests["mcnemar"]["only_first"] + tests["mcnemar"]["only_second"] == pytest.approx(300, abs=60)
    assert tests["dipole_after_templates"]["retained_worst_share"] > 0.9
    assert audited[0]["against_reference"]["accuracy"] == 1
    assert tests["calibration_error"]["p_permutation"] == 0.001


@pytest.mark.usefixtures("brief_audits")
def test_scores_without_a_reference_are_permuted_and_change_nothing_else(tmp_path):
    table = galaxies(1500, dipole=0.25)
    table.loc[:9, "score"] = np.nan
    table["score"] *= np.random.default_rng(2).uniform(0.9, 1, len(table))
    table.to_csv(tmp_path / "c.csv", index=False)
    columns = AuditColumns(("label",), score="score")
    plain = audit("a", memory(tmp_path / "c.csv"), FEW).summary
    scored = audit("a", TableSource.of(str(tmp_path / "c.csv"), columns, HYGIENE), FEW).summary
    (test,) = (test for test in scored["tests"] if test["name"] == "score_dipole")
    assert [test for test in scored["tests"] if test["name"] != "score_dipole"] == plain["tests"]
    assert (test["family"], test["n"], scored["catalog"]["hygiene"]["without_score"]) == ("secondary", 1490, 10)
    known = table[table["score"].notna()]
    vectors = unit_vectors(known["ra"].to_numpy(), known["dec"].to_numpy())
    pixels = tile_of(known["ra"].to_numpy(), known["dec"].to_numpy(), AUDIT_ORDER)
    positions = PixelPositions.of(vectors, pixels, AUDIT_PIXELS)
    sums = PixelValues.of(known["score"].to_numpy(), vectors, pixels, AUDIT_PIXELS)
    found = value_dipole_test(positions, sums, known["score"].to_numpy(), 199, 0)
    assert test["p_permutation"] == found.p_permutation == 1 / 200
    assert test["statistic"] == pytest.approx(found.q)
    assert test["estimate"] == pytest.approx(found.amplitude)


def binned(source: TableSource) -> BinnedCatalog:
    """What all tests of a catalog rest on."""
    found = overview(source)
    return bin_catalog(source, found, meanings_of(source, found.classes))


def assert_same_labels(first: BinnedCatalog, second: BinnedCatalog) -> None:
    """The same galaxies are positive: in pixels, large and fine, in right ascension, and by parts."""
    (one,), (other,) = first.sums.annotations, second.sums.annotations
    assert 0 < one.labels.totals.sum() < first.sums.n == second.sums.n
    for name in ("fine_positives", "positives"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.labels.totals, other.labels.totals)
    np.testing.assert_allclose(one.labels.vector, other.labels.vector, rtol=1e-12)
    np.testing.assert_array_equal(first.sums.positions.counts, second.sums.positions.counts)


@pytest.mark.parametrize("labels", [["1", "-1"], [1.0, 0.0], [True, False], ["yes", "no"]], ids=str)
def test_labels_of_any_kind_give_the_same_numbers(tmp_path, labels):
    table = galaxies(600)
    table.to_csv(tmp_path / "named.csv", index=False)
    table["label"] = np.where(table["score"] > 0.5, *[np.array([value], object) for value in labels])
    table.to_csv(tmp_path / "c.csv", index=False)
    assert_same_labels(binned(memory(tmp_path / "c.csv")), binned(memory(tmp_path / "named.csv", positive="spiral")))


def test_one_class_against_the_rest(tmp_path):
    table = galaxies(600)
    table["three"] = np.where(table["seeing"] > 1.3, "merger", table["label"])
    table["merged"] = (table["three"] == "merger").astype(int)
    table.to_csv(tmp_path / "c.csv", index=False)
    one = binned(memory(tmp_path / "c.csv", "three", positive="merger"))
    assert_same_labels(one, binned(memory(tmp_path / "c.csv", "merged", positive="1")))


def test_pieces_of_parquet_add_up_to_the_whole(tmp_path):
    """Also galaxies that repeat across pieces, and sentinels; and pieces see the same rows as CSV does."""
    table = galaxies(2000)
    table.loc[3, "ra"] = -999.0
    table = pd.concat([table, table.iloc[100:160], table.iloc[200:210].assign(label="elliptical")], ignore_index=True)
    table.to_parquet(tmp_path / "c.parquet", index=False)
    table.to_csv(tmp_path / "c.csv", index=False)
    changed = int((table["label"][200:210] == "spiral").sum())
    whole = binned(memory(tmp_path / "c.parquet"))
    for other in (binned(memory(tmp_path / f"c.{end}", rows=137)) for end in ("parquet", "csv")):
        assert other.hygiene == whole.hygiene
        assert_same_labels(other, whole)
    assert whole.hygiene["dropped"] == {"sentinel": 1, "repeated_galaxy": 60 + 10 - changed}
    assert whole.hygiene["repeated_with_other_labels"] == changed > 0
    assert whole.sums.n == 1999 + changed


def test_repeating_a_catalog_changes_nothing(tmp_path):
    table = galaxies(500)
    table.to_csv(tmp_path / "once.csv", index=False)
    pd.concat([table] * 4).to_csv(tmp_path / "often.csv", index=False)
    once, often = (memory(tmp_path / f"{name}.csv") for name in ("once", "often"))
    assert_same_labels(binned(once), binned(often))
    kept = replace(often, hygiene={**HYGIENE, "radius_arcsec": 0.0})
    assert overview(kept).repeated.sum() == 0


@pytest.mark.usefixtures("brief_audits")
def test_two_catalogs_are_matched_by_position(tmp_path):
    first = galaxies(900)
    second = first.sample(600, random_state=1).drop(columns="label").rename(columns={"second": "label"})
    second["dec"] += 1 / 3600
    first.to_csv(tmp_path / "a.csv", index=False)
    second.to_csv(tmp_path / "b.csv", index=False)
    summary = run_audit(tmp_path / "a.csv", tmp_path / "out", "--label", "label", "--compare", str(tmp_path / "b.csv"))
    assert summary["catalog"]["compared"]["matched"] == 600
    together = first.loc[second.index]
    expected = (together["label"] == "spiral").astype(int) - (together["second"] == "spiral").astype(int)
    assert by_name(summary)["mcnemar"]["estimate"] == pytest.approx(expected.mean())


@pytest.mark.usefixtures("brief_audits")
def test_a_part_of_the_sky_too_small_is_reported(tmp_path):
    table = galaxies(300)
    table["ra"], table["dec"] = 10 + table["ra"] / 1e6, table["dec"] / 1e6
    table.to_csv(tmp_path / "c.csv", index=False)
    summary = run_audit(tmp_path / "c.csv", tmp_path / "out", "--repeat-radius", "0")
    assert summary["answers"][0]["answer"] == "cannot tell"
    assert "cannot be decided" in summary["headline"]
    assert any(line.startswith("dipole score") for line in summary["not_run"])
    assert (tmp_path / "out" / "audit.html").exists()


def test_the_gate_is_that_of_catalogs():
    gate = complete({}, config_schema()["$defs"]["hygiene"])
    assert gate == HYGIENE


def test_the_quadrupole_has_an_interval_and_a_one_sided_limit(audited):
    tests = by_name(audited[0])
    for name in ("glm_quadrupole", "glm_dipole_given_quadrupole"):
        low, high = tests[name]["ci95"]
        assert low <= tests[name]["estimate"] <= high
        assert tests[name]["upper_limit_95"] < high
    # Where the test does not reject, no quadrupole at all is in the interval.
    assert (tests["glm_quadrupole"]["ci95"][0] == 0) == (tests["glm_quadrupole"]["p"] > 0.05)
    low, high = tests["glm_dipole_given_quadrupole"]["ci95"]
    # A dipole of 0.25 in a fraction of about 0.6: 0.25 / (0.6 x 0.4) in the log odds.
    assert low < 1.04 < high


@pytest.mark.usefixtures("brief_audits")
def test_a_monopole_is_no_dipole_on_any_mask(audited):
    """60 % spirals where half is expected, on a part of the sky: the centred dipole of the signs is that of labels."""
    folder = audited[1].parent
    table = galaxies()[["ra", "dec", "label"]]
    table.to_csv(folder / "plain.csv", index=False)
    options = ["--expected", "0.5", "--label", "label"]
    summary = run_audit(folder / "plain.csv", folder / "monopole", *options)
    dipole, monopole = summary["answers"]
    asked = run_audit(folder / "plain.csv", folder / "asked", *options, "--effect", "0.01")["answers"][0]
    assert (asked["answer"], asked["limit95"]) == ("cannot tell", dipole["limit95"])
    assert asked["because"][0].endswith("the question is about one of 1.0 percentage points.")
    assert (dipole["answer"], monopole["answer"], monopole["test"]) == ("no", "yes", "fraction_against_expected")
    assert monopole["effect"]["value"] == pytest.approx(0.1, abs=0.03)
    assert "to the fraction" not in summary["headline"]
    assert by_name(summary)["block_fraction_against_expected"]["p"] < 0.01


@pytest.mark.parametrize(
    ("ra_unit", "dec_unit", "suspected"), [(np.pi / 180, np.pi / 180, "radians"), (1 / 15, 1, "hours")]
)
def test_positions_that_look_like_another_unit_are_refused(tmp_path, ra_unit, dec_unit, suspected):
    table = galaxies()
    table["ra"], table["dec"] = table["ra"] * ra_unit, table["dec"] * dec_unit
    table.to_csv(tmp_path / "c.csv", index=False)
    sentence = message(tmp_path / "c.csv", tmp_path / "out", "--label", "label")
    assert f"which look like {suspected}; expected degrees, or the unit stated (--position-unit)" in sentence


@pytest.mark.usefixtures("brief_audits")
def test_what_is_made_of_the_first_column_only_is_listed(tmp_path):
    table = galaxies()
    table["truth"] = table["second"]
    table.to_csv(tmp_path / "c.csv", index=False)
    options = ["--label", "label", "second", "--covariates", "seeing", "--reference", "truth"]
    summary = run_audit(tmp_path / "c.csv", tmp_path / "out", *options)
    said = [line for line in summary["not_run"] if "only the first column" in line]
    assert said == [
        "tests against the reference, with templates of second: only the first column of labels has them (name another"
        " one first: --label second ...)"
    ]
    assert "the false positive rate of label " in summary["verdict"]
    assert all("label" in answer["question"] or "second" in answer["question"] for answer in summary["answers"])
