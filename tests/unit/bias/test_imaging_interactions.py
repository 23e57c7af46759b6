"""Templates x footprint: which property of the images the difference between networks follows."""

import numpy as np
import pandas as pd
import pytest

from tests.unit.bias.imaged_experiment import DIPOLE, imaged_experiment, write_balance
from tests.unit.bias.synthetic_experiment import experiment_runs, measured
from workflow_scripts.bias.imaging_templates import Templates, mean_training_templates
from workflow_scripts.pages.experiment_page import experiment_page
from workflow_scripts.sky.unit_vectors import unit_vectors

ALONE, BESIDE = "template_alone_psf_fwhm_arcsec", "template_beside_dipole_psf_fwhm_arcsec"


def by_name(summary):
    return {test["name"]: test for test in summary["tests"]}


def test_networks_that_respond_differently_to_the_seeing_differ_in_its_coefficient(tmp_path):
    given = imaged_experiment(tmp_path, per_seeing_by_axis=0.03)
    summary, tables = measured(tmp_path, given)
    tests = by_name(summary)
    for name in (ALONE, BESIDE):
        test = tests[f"{name}_contrast east - west"]
        assert (test["family"], test["unit_of_replication"], test["n"]) == ("imaging", "run", 6)
        assert test["p"] < 0.01
        # Labels of a galaxy change by more than 0.06 of a standard deviation of the seeing, from west to east.
        assert test["estimate"] > 0.05
        east = tables["runs"].loc[tables["runs"]["footprint"] == "east", name]
        west = tables["runs"].loc[tables["runs"]["footprint"] == "west", name]
        assert test["estimate"] == pytest.approx(east.mean() - west.mean())
    (share,) = summary["mediation"]
    assert share["training_sets"] == [3, 3]
    low, high = share["share_along_ci95"]
    assert low < 1 < high
    assert low > 0.5
    # Three sets against three have no permutation p below 2/20, which decides.
    assert "None of 2 tests found" in experiment_page(summary, tables)


def test_the_coefficient_is_that_of_the_difference_of_the_labels(tmp_path):
    experiment, files, catalog = imaged_experiment(tmp_path, per_seeing_by_axis=0.03)
    _, tables = measured(tmp_path, (experiment, files, catalog))
    seeing = pd.read_parquet(catalog)["psf_fwhm_arcsec"]
    standard = ((seeing - seeing.mean()) / seeing.std(ddof=0)).to_numpy()
    labels = [pd.read_parquet(file)["label"].to_numpy(float) for file in files]
    runs = tables["runs"]
    assert runs[ALONE][0] - runs[ALONE][5] == pytest.approx(((labels[0] - labels[5]) * standard).mean())


def test_networks_that_respond_alike_differ_by_nothing(tmp_path):
    summary, _ = measured(tmp_path, imaged_experiment(tmp_path, per_seeing=0.06))
    tests = by_name(summary)
    assert tests[f"{ALONE}_contrast east - west"]["p"] > 0.05


def test_a_seeing_that_is_a_dipole_has_a_coefficient_alone(tmp_path):
    experiment, files, catalog = imaged_experiment(tmp_path, per_seeing_by_axis=0.05)
    table = pd.read_parquet(catalog)
    table["psf_fwhm_arcsec"] = 1.2 + 0.1 * unit_vectors(table["ra"], table["dec"]) @ DIPOLE
    table.to_parquet(catalog)
    summary, tables = measured(tmp_path, (experiment, files, catalog))
    tests = by_name(summary)
    assert tests[f"{ALONE}_contrast east - west"]["p"] < 0.05
    assert BESIDE not in tables["runs"]
    assert (summary["imaging"], summary["mediation"]) == (None, [])
    text = experiment_page(summary, tables)
    assert "psf_fwhm_arcsec, alone" in text
    assert "cannot be distinguished" in text


def summary_line(summary, name):
    (line,) = [line for line in summary["ledger"] if line["name"] == name]
    return line


def rotating_runs():
    return [run for run in experiment_runs(seeds=1) if run["family"]]


def test_networks_follow_the_seeing_that_they_were_trained_on(tmp_path):
    runs = rotating_runs()
    given = imaged_experiment(tmp_path, n=3000, per_seeing_by_axis=0.05, runs=runs)
    balance = write_balance(tmp_path, runs)
    given[0]["tests"]["permutations"] = 999
    summary, tables = measured(tmp_path, given, balance=balance)
    tests = by_name(summary)
    text = experiment_page(summary, tables)
    assert "Networks of different footprints respond differently to the imaging" in text
    followed = summary_line(summary, "fraction_slope_on_psf_fwhm_arcsec")
    assert ("Networks that were trained on galaxies with " in text) == followed["below_alpha"]
    test = tests[f"{ALONE}_slope_on_psf_fwhm_arcsec"]
    assert (test["family"], test["n"]) == ("imaging", 12)
    assert test["p_permutation"] == 1 / 1000
    assert test["estimate"] > 0
    # The cosine of a footprint moves its training seeing by 0.05 arcsec, and the seeing scatters by 0.1 and more.
    assert tests[f"{ALONE}_response"]["p_permutation"] < 0.01


def test_networks_that_follow_no_seeing_have_no_slope(tmp_path):
    runs = rotating_runs()
    given = imaged_experiment(tmp_path, n=3000, per_seeing=0.05, runs=runs)
    summary, _ = measured(tmp_path, given, balance=write_balance(tmp_path, runs))
    tests = by_name(summary)
    assert tests[f"{ALONE}_slope_on_psf_fwhm_arcsec"]["p_permutation"] > 0.05


def test_training_galaxies_are_weighed_by_class_and_brought_to_the_unit_of_the_annotated_ones():
    templates = Templates(
        ("a", "b"), {}, slice(None), np.zeros((9, 2)), ("a", "b"), np.eye(2), *np.array([[1, 2], [2, 4]])
    )
    rows = [("east", 0, "a", 1, 5.0), ("east", 0, "a", 3, 1.0), ("east", 0, "b", 4, 6.0), ("west", 1, "a", 2, 1.0)]
    balance = pd.DataFrame(rows, columns=["footprint", "resample", "covariate", "n", "mean"])
    found = mean_training_templates(balance, templates)
    np.testing.assert_allclose(found.loc[("east", 0)], [0.5, 1.0])
    assert found.loc[("west", 1)].isna().tolist() == [False, True]


@pytest.mark.parametrize("columns", [["label", "covariate", "n", "mean"], []])
def test_a_balance_without_the_property_gives_no_mean(columns):
    templates = Templates(("a",), {}, slice(None), np.zeros((9, 1)), ("a",), np.eye(1), np.ones(1), np.ones(1))
    balance = pd.DataFrame(
        [["east", 0, *[0, "mag", 5, 20.0][: len(columns)]]], columns=["footprint", "resample", *columns]
    )
    assert mean_training_templates(balance, templates).isna().all(axis=None)


def test_scores_have_tests_of_their_own_beside_labels(tmp_path):
    summary, _ = measured(tmp_path, imaged_experiment(tmp_path, east_scores=0.1))
    tests = by_name(summary)
    test = tests["score_dipole_contrast east - west"]
    assert test["family"] == "scores"
    assert np.array(test["estimate"]) @ DIPOLE == pytest.approx(0.1, abs=0.02)
