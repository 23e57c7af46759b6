"""What stands on cards, and how far to trust an experiment: sentences by rule."""

import html
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.answers.wording import with_points
from workflow_scripts.bias.quantities import components
from workflow_scripts.catalogs.galaxies import galaxies_of_catalog
from workflow_scripts.pages.answer_cards import answer_cards, beside_effects
from workflow_scripts.pages.citation import document
from workflow_scripts.pages.experiment_page import experiment_page
from workflow_scripts.pages.imaging_rows import name_in_words, template_in_words
from workflow_scripts.pages.run_comparisons import PARTS_OF_LABELS
from workflow_scripts.pages.trust_rows import trust_rows


def test_training_sets_that_are_matched_in_class_alone_have_no_largest_difference(rotating):
    _, summary, tables, _ = rotating
    entry = {"first": "east", "second": "west", "n": 16, "covariates": [], "largest_smd": None}
    rows = dict(trust_rows({**summary, "training_balance": [entry]}, tables, None))
    assert rows["Matching"].startswith("Training sets of compared footprints are matched in class alone. Imaging")
    two = [{**entry, "covariates": ["magnitude"], "largest_smd": 0.02}, entry]
    rows = dict(trust_rows({**summary, "training_balance": two}, tables, None))
    assert "matched in class and magnitude; the largest standardised difference is 0.0200 (below" in rows["Matching"]
    assert rows["Matching"].endswith("Imaging is not matched: it may be the cause.")
    of_imaging = [{**entry, "covariates": ["magnitude", "psf_fwhm_arcsec"], "largest_smd": 0.02}]
    rows = dict(trust_rows({**summary, "training_balance": of_imaging}, tables, None))
    assert ". Of the imaging, psf_fwhm_arcsec is matched, too: " in rows["Matching"]


def test_the_control_arm_has_a_conclusion_by_the_test_of_its_training_sets(rotating):
    _, summary, tables, _ = rotating
    name = "fraction_variance random_sky"
    (test,) = [one for one in summary["tests"] if one["name"] == name]
    (sd,) = tables["arms"].query("arm == 'random_sky' and quantity == 'fraction'").eval("se * training_sets ** 0.5")

    def said(below):
        lines = [line | {"below_alpha": below} if line["name"] == name else line for line in summary["ledger"]]
        assert any(line["name"] == name for line in lines)
        return beside_effects({**summary, "ledger": lines}, tables["runs"], tables["arms"])["fraction_response"][-1]

    assert "which is compatible with no effect of where they lie (adjusted p = " in said(False)
    assert f"Its training sets, with their seeds, scatter by {with_points(sd)} (standard deviation), " in said(False)
    assert "training alone differs so much between training sets" in said(True)
    # Without seeds to compare with, no conclusion is drawn.
    without = {**summary, "tests": [one for one in summary["tests"] if one is not test]}
    assert beside_effects(without, tables["runs"], tables["arms"])["fraction_response"][-1].endswith("% spiral.")


def test_the_common_dipole_has_those_of_both_catalogs_beside_it(rotating):
    _, summary, tables, _ = rotating
    runs = tables["runs"]
    (sentence,) = beside_effects(summary, runs, tables["arms"])["common_dipole"]
    labels = sum(runs[list(components(name))].to_numpy() for name in PARTS_OF_LABELS).mean(axis=0)
    difference = runs[list(components("dipole"))].mean().to_numpy()
    sizes = [with_points(float(np.linalg.norm(one))) for one in (labels, labels - difference)]
    assert f"annotations have a dipole of {sizes[0]} towards RA " in sentence
    assert f"the reference labels one of {sizes[1]} towards RA " in sentence
    assert beside_effects(summary, runs.drop(columns="truth_dipole_x"), tables["arms"])["common_dipole"] == []


def test_why_it_cannot_be_told_stands_open_once():
    one = {"question": "Does it?", "answer": "cannot tell", "role": "primary", "because": ["Few.", "More."], "next": []}
    one |= {"effect": {"value": None, "ci95": None, "unit": ""}, "p_adjusted": None, "limit95": None, "test": "a"}
    one |= {"statement": "whether", "beside": ["Another does."]}
    first, second, known = *answer_cards([one, one]), *answer_cards([one], said=["Few."])
    assert (first["reason"], first["because"], first["beside"]) == ("Few.", ["More."], ["Another does."])
    assert second["reason"] == known["reason"] == "The reason is the one above."
    assert (second["because"], second["beside"]) == ([], [])
    (told,) = answer_cards([one | {"answer": "yes"}])
    assert (told["reason"], told["because"]) == ("", ["Few.", "More."])


def test_sizes_follow_from_each_other(rotating):
    _, summary, tables, _ = rotating
    entry = {"first": "east", "second": "west", "n": [16, 16], "covariates": [], "largest_smd": None}
    n, sets = int(tables["runs"]["n"].max()), len(tables["runs"][["footprint", "resample"]].drop_duplicates())
    cutouts = {"requested": n + 900, "delivered": n + 800, "no_coverage": 100, "rejected": 0, "failed": 0}
    words = dict(trust_rows({**summary, "training_balance": [entry]}, tables, cutouts))["Galaxies"]
    assert words.startswith(
        f"Of {n + 800:,} with an image, {n:,} are annotated, the same by all {len(tables['runs'])} net"
    )
    assert "The other 800 are the pool of training galaxies" in words
    assert f"each of {sets} training sets has 16 of them, 8 of each class, from" in words
    entry["n"] = [16, 12]
    assert (
        "has 12 to 16 of them, as many of each class"
        in dict(trust_rows({**summary, "training_balance": [entry]}, tables, cutouts))["Galaxies"]
    )
    assert "pool" not in dict(trust_rows(summary, tables, None))["Galaxies"]


@pytest.mark.parametrize(("accuracy", "words"), [(0.55, "Too low"), (0.8, "Good enough to compare footprints")])
def test_what_an_accuracy_means_is_said_by_rule(rotating, accuracy, words):
    _, summary, tables, _ = rotating
    runs = tables["runs"].assign(balanced_accuracy=accuracy, true_positive_rate=0.9, false_positive_rate=0.3)
    meaning = dict(trust_rows(summary, {**tables, "runs": runs}, None))["What it means for the answers"]
    assert meaning.startswith(words)
    against = any(one["test"] == "common_dipole" and one["effect"]["value"] for one in summary["answers"])
    assert against
    assert ("answers against the reference" in meaning) == ("0.6 times as large" in meaning) == (accuracy > 0.6)


def test_templates_of_several_properties_are_named_by_what_they_move():
    name = "psf_fwhm_arcsec_and_depth_mag_component1"
    templates = {"loadings": {name: {"psf_fwhm_arcsec": -0.5, "depth_mag": 0.5, "ebv": 0.0}, "ebv": {"ebv": 1.0}}}
    words = "component 1 (psf_fwhm_arcsec down, depth_mag up)"
    assert template_in_words(name, templates) == words
    assert template_in_words("ebv", templates) == "ebv"
    assert name_in_words(f"fraction_slope_on_{name}", templates) == f"fraction slope on {words}"
    assert name_in_words("fraction_response", None) == "fraction response"


@pytest.mark.parametrize(
    ("repository", "address"), [("", ""), ("https://host/skybias/", "https://host/skybias/blob/main/docs/why.md")]
)
def test_documents_are_linked_where_the_citation_file_names_a_repository(monkeypatch, repository, address):
    monkeypatch.setattr("workflow_scripts.pages.citation.citation", lambda: {"repository-code": repository})
    assert document("why") == ("docs/why.md", address)


def test_every_question_has_a_document_that_there_is():
    blank = {"question": "?", "answer": "no", "because": [], "beside": [], "next": [], "p_adjusted": None}
    blank |= {"effect": {"value": None, "ci95": None, "unit": ""}, "limit95": 0.05, "statement": "it is"}
    tests = {"share_of_seeing common_dipole": "why", "remedy_mixed_sky": "remedies", "fraction_response": "answers"}
    cards = answer_cards([{**blank, "role": "secondary", "test": test} for test in tests])
    cards += answer_cards([{**blank, "role": "control", "test": "placebo"}])
    names = [one["document"][0] for one in cards]
    assert names == [f"docs/{name}.md" for name in (*tests.values(), "controls")]
    assert all((Path(__file__).parents[3] / name).is_file() for name in names)


def test_rows_that_a_catalog_lost_are_counted_by_reason(tmp_path, rotating):
    table = pd.DataFrame(
        {"id": range(60), "ra": np.arange(60) * 5.123456, "dec": 10.234567, "kind": ["spiral", "smooth"] * 30}
    )
    table.loc[3, "ra"], table.loc[4, "dec"], table.loc[[5, 6], "kind"] = -9999.0, np.nan, None
    pd.concat([table, table.iloc[[10]].assign(id=99)]).to_csv(tmp_path / "table.csv", index=False)
    entry = {
        "source": "local",
        "classes": ["smooth", "spiral"],
        "columns": {"source_id": "id", "ra": "ra", "dec": "dec", "label": "kind"},
        "hygiene": {"radius_arcsec": 2.0, "sentinels": [-9999.0], "on_problem": "drop"},
        "split": {"annotation_fraction": 0.5, "salt": "s"},
    }
    _, summary, tables, _ = rotating

    def rows(**more):
        _, hygiene = galaxies_of_catalog(entry | more, str(tmp_path / "table.csv"))
        return dict(trust_rows({**summary, "catalog": {"hygiene": hygiene}}, tables, None))["Rows of the catalog"]

    lost = (
        "61 in its table; 3 of them dropped: 1 with a placeholder (such as -999) for a position, 1 without a position,"
        " 1 at the position of an earlier row."
    )
    assert rows() == f"{lost} Galaxies without a label, which are in no training set: 2."
    assert rows(unlabelled="drop") == f"{lost} Galaxies without a label, which are dropped, too: 2."
    assert rows(sample=40).endswith(" Drawn from the rest: 40.")


@pytest.mark.parametrize(
    ("retained", "proposed", "words"),
    [
        (0.9, "[ensemble, templates, mixed_sky]", ""),
        (0.2, "[ensemble, mixed_sky]", "would take a true dipole away"),
        (None, "[ensemble, mixed_sky]", "the catalog has no such columns"),
    ],
)
def test_a_regression_is_proposed_where_it_leaves_a_true_dipole(rotating, retained, proposed, words):
    _, summary, tables, _ = rotating
    of_imaging = {"templates": ["seeing"], "n": 100, "retained_worst_share": retained}
    given = {"imaging": None, "templates": None}
    if retained:
        given = {"imaging": of_imaging, "templates": {"loadings": {"seeing": {"seeing": 1.0}}}}
    page = html.unescape(experiment_page({**summary, **given}, tables))
    section = page[page.index('<section id="why">') : page.index('<section id="naive">')]
    assert f"remedies: {proposed} " in section
    assert ("correction: true" in section) == (not words)
    assert ("is not proposed: " in section) == bool(words)
    assert words in section
