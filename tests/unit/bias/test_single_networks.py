"""Single networks beyond the paper-style numbers: imaging, thresholds, errors, calibration, and what arms share."""

import numpy as np
import pandas as pd
import pytest

from tests.unit.bias.imaged_experiment import DIPOLE, SKY, imaged_experiment
from tests.unit.bias.synthetic_experiment import experiment_runs, measured
from workflow_scripts.sky.unit_vectors import unit_vectors


def vector(rows, name):
    return rows[[f"{name}_x", f"{name}_y", f"{name}_z"]].to_numpy()


def by_name(entries):
    return {entry["name"]: entry for entry in entries}


def test_a_dipole_that_imaging_explains_does_not_survive_it(tmp_path):
    summary, tables = measured(tmp_path, imaged_experiment(tmp_path, per_seeing=0.06))
    found = by_name(summary["galaxy_level"])
    assert found["centred_dipole"]["share_below_alpha"] == found["glm_dipole"]["share_below_alpha"] == 1
    assert found["cleaned_dipole"]["share_below_alpha"] == 0
    assert found["glm_dipole_given_templates"]["share_below_alpha"] == 0
    assert all(entry["unit_of_replication"] == "galaxy" for entry in summary["galaxy_level"])
    assert summary["imaging"]["templates"] == ["psf_fwhm_arcsec"]
    assert summary["imaging"]["left_out"] == {"ebv": "the same everywhere", "depth_mag": "not in the catalog"}
    assert 0.3 < summary["imaging"]["retained_worst_share"] < 0.9
    assert (tables["runs"]["templates_explain"] > 0.01).all()


def test_a_dipole_of_the_sky_survives_and_is_the_galaxies_own(tmp_path):
    summary, tables = measured(tmp_path, imaged_experiment(tmp_path, sky_dipole=0.2))
    runs = tables["runs"]
    assert by_name(summary["galaxy_level"])["cleaned_dipole"]["share_below_alpha"] == 1
    assert (vector(runs, "cleaned_dipole") @ SKY > 0.1).all()
    assert (vector(runs, "truth_dipole") @ SKY > 0.1).all()
    found = by_name(summary["galaxy_level"])
    assert found["sensitivity_dipole"]["share_below_alpha"] == found["false_alarm_dipole"]["share_below_alpha"] == 0
    # Scores of 0.5 +- 0.2 are no probabilities, but no less so in any part of the sky than the truth makes them.
    assert found["calibration_error"]["share_below_alpha"] == 1


def test_the_parts_of_the_labels_dipole_add_up(tmp_path):
    _, tables = measured(tmp_path, imaged_experiment(tmp_path, per_seeing=0.04, sky_dipole=0.1))
    runs = tables["runs"]
    parts = sum(vector(runs, name) for name in ("truth_dipole", "sensitivity_dipole", "false_alarm_dipole"))
    truth = (
        vector(runs, "truth_dipole") / (runs["true_positive_rate"] - runs["false_positive_rate"]).to_numpy()[:, None]
    )
    np.testing.assert_allclose(parts, vector(runs, "dipole") + truth, atol=1e-7)
    np.testing.assert_allclose(truth, truth[[0]].repeat(len(runs), axis=0), atol=1e-7)


def test_thresholds_match_the_label_fraction_and_leave_doubtful_galaxies_out(tmp_path):
    experiment, files, catalog = imaged_experiment(tmp_path, per_seeing=0.04, labelled=0.5)
    _, tables = measured(tmp_path, (experiment, files, catalog))
    runs, cuts = tables["runs"], tables["thresholds"]
    reference = pd.read_parquet(catalog)["label"]
    np.testing.assert_allclose(runs["matched_fraction"], reference.mean(), atol=1e-3)
    scores = np.array([pd.read_parquet(file)["score"] for file in files], float)
    known = reference.notna().to_numpy()
    above = (scores[:, known] > runs["matched_threshold"].to_numpy()[:, None]).mean(axis=1)
    np.testing.assert_allclose(above, runs["matched_fraction"])
    for cut, rows in cuts.groupby("cut"):
        np.testing.assert_allclose(rows["unannotated_fraction"], (np.abs(scores - 0.5) <= cut).mean(axis=1), atol=1e-9)
    np.testing.assert_allclose(runs["unannotated_fraction"], (np.abs(scores - 0.5) <= 0.3).mean(axis=1), atol=1e-9)
    with np.load(tmp_path / "bias" / "sky_maps.npz") as maps:
        inside = maps["n"] > 0
        whole = (maps["unannotated"][inside] * maps["n"][inside]).sum() / maps["n"].sum()
    assert whole == pytest.approx((np.abs(scores - 0.5) <= 0.3).mean())


def test_labels_of_some_galaxies_correct_the_scores_of_all(tmp_path):
    """Scores have a dipole of the seeing; the true fraction, and the corrected one, have none."""
    given = imaged_experiment(tmp_path, n=12_000, per_seeing=0.06, labelled=0.3)
    given[0]["tests"]["labelled_at_random"] = True
    summary, tables = measured(tmp_path, given)
    runs = tables["runs"]
    found = by_name(summary["galaxy_level"])
    assert found["score_dipole"]["share_below_alpha"] == 1
    assert found["powered_dipole"]["share_below_alpha"] == 0
    np.testing.assert_allclose(runs["powered_fraction"], 0.5, atol=4 * runs["powered_fraction_se"].max())
    (tmp_path / "whole").mkdir()
    _, tables = measured(tmp_path / "whole", imaged_experiment(tmp_path / "whole"))
    assert "powered_dipole_p" not in tables["runs"]


def test_labels_by_confident_votes_correct_no_scores(tmp_path):
    """Which galaxies have a label follows what they look like, unless the user declares otherwise."""
    summary, tables = measured(tmp_path, imaged_experiment(tmp_path, n=2000, labelled=0.3))
    assert not {name for name in tables["runs"] if name.startswith("powered")}
    assert not {test["name"] for test in summary["tests"] if "powered" in test["name"]}


def test_scores_of_one_arm_that_are_off_by_a_dipole_show_between_arms(tmp_path):
    summary, tables = measured(tmp_path, imaged_experiment(tmp_path, east_scores=0.05))
    test = by_name(summary["tests"])["calibration_dipole_contrast east - west"]
    assert (test["unit_of_replication"], test["family"], test["n"]) == ("run", "calibration", 6)
    assert np.array(test["estimate"]) @ DIPOLE == pytest.approx(-0.05, abs=0.01)
    assert test["p"] < 0.01
    assert not {name for name in summary["primary"] if "calibration" in name}
    assert summary["primary"].keys() == {"fraction_contrast east - west", "dipole_contrast east - west"}
    arms = tables["arms"]
    east = arms[(arms["arm"] == "east") & (arms["quantity"] == "calibration_dipole")]
    sets = tables["runs"][tables["runs"]["footprint"] == "east"]
    np.testing.assert_allclose(east["mean"], vector(sets, "calibration_dipole").mean(axis=0), atol=1e-8)
    np.testing.assert_allclose(
        east["se"], vector(sets, "calibration_dipole").std(axis=0, ddof=1) / np.sqrt(3), rtol=1e-4
    )
    # Student's t with two degrees of freedom.
    np.testing.assert_allclose(east["high"] - east["mean"], 4.302653 * east["se"], rtol=1e-5)


def test_the_response_model_finds_what_all_share_and_what_follows_the_footprint(tmp_path):
    runs = [run for run in experiment_runs(seeds=2) if run["arm"] == "rotating"]
    experiment, files, catalog = imaged_experiment(tmp_path, n=4000, runs=runs)
    axes = {run["footprint"]: unit_vectors(*run["axis"]) for run in runs}
    for run, file in zip(runs, files, strict=True):
        table = pd.read_parquet(file)
        vectors = unit_vectors(table["ra"], table["dec"])
        # Labels turn positive along SKY in every network, and along DIPOLE as far as the footprint lies there.
        shift = 0.1 * vectors @ SKY + 0.1 * axes[run["footprint"]] @ DIPOLE * (vectors @ DIPOLE)
        table["label"] = (table["score"] + shift > 0.5).astype(np.int8)
        table.to_parquet(file)
    summary, _ = measured(tmp_path, (experiment, files, catalog))
    (model,) = summary["response_model"]
    d_0, k = np.array(model["d_0"]), np.array(model["K"])
    assert d_0 @ SKY / np.linalg.norm(d_0) > 0.95
    left, sizes, right = np.linalg.svd(k)
    assert abs(left[:, 0] @ DIPOLE) > 0.95
    assert abs(right[0] @ DIPOLE) > 0.95
    assert sizes[0] > 5 * sizes[1]
    test = by_name(summary["tests"])["dipole_response"]
    np.testing.assert_allclose(test["estimate"], k)
    assert model["kappa_ci95"][0] < model["kappa"] < model["kappa_ci95"][1]
    assert np.all(np.array(model["d_0_se"]) > 0)
    assert np.all(np.array(model["d_0_galaxy_se"]) > np.array(model["d_0_se"]))


def test_a_template_that_is_a_dipole_is_reported_and_not_regressed_on(tmp_path):
    experiment, files, catalog = imaged_experiment(tmp_path)
    table = pd.read_parquet(catalog)
    table["psf_fwhm_arcsec"] = 1.2 + 0.3 * unit_vectors(table["ra"], table["dec"]) @ DIPOLE
    table.to_parquet(catalog)
    summary, tables = measured(tmp_path, (experiment, files, catalog))
    assert summary["imaging"] is None
    assert any("leaves 0% of a true dipole along (RA" in sentence for sentence in summary["not_answered"])
    assert "cleaned_dipole_x" not in tables["runs"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda table: table.drop(columns="psf_fwhm_arcsec"), "psf_fwhm_arcsec: not in the catalog"),
        (lambda table: table.assign(psf_fwhm_arcsec=np.nan), "psf_fwhm_arcsec: unknown for every galaxy"),
        (lambda table: table.assign(psf_fwhm_arcsec="good"), "psf_fwhm_arcsec: no numbers"),
        (lambda table: table.assign(psf_fwhm_arcsec=1.3), "psf_fwhm_arcsec: the same everywhere"),
    ],
)
def test_a_catalog_without_templates_is_no_error(tmp_path, change, reason):
    experiment, files, catalog = imaged_experiment(tmp_path, n=1500)
    change(pd.read_parquet(catalog)).to_parquet(catalog)
    summary, _ = measured(tmp_path, (experiment, files, catalog))
    assert summary["imaging"] is None
    assert any(reason in sentence for sentence in summary["not_answered"])


def test_galaxies_without_a_template_are_left_out_of_the_regressions_only(tmp_path):
    experiment, files, catalog = imaged_experiment(tmp_path)
    table = pd.read_parquet(catalog)
    table.loc[::3, "psf_fwhm_arcsec"] = np.nan
    table.to_parquet(catalog)
    summary, tables = measured(tmp_path, (experiment, files, catalog))
    assert summary["imaging"]["n"] == 4000
    assert tables["runs"]["n"].eq(6000).all()


def test_what_differs_between_opposite_networks_is_regressed_on_imaging_too(tmp_path):
    experiment, files, catalog = imaged_experiment(tmp_path)
    seeing = pd.read_parquet(catalog)["psf_fwhm_arcsec"]
    for run, file in zip(experiment["runs"], files, strict=True):
        if run["footprint"] == "east":
            table = pd.read_parquet(file)
            table["label"] = (table["score"] + 0.8 * (seeing - 1.2) > 0.5).astype(np.int8)
            table.to_parquet(file)
    _, tables = measured(tmp_path, (experiment, files, catalog))
    pairs = tables["contrasts"]
    opposite = pairs[pairs["kind"] == "opposite"]
    assert (opposite["difference_dipole_p"] < 1e-4).all()
    assert (opposite["cleaned_difference_dipole_p"] > 0.001).all()
    assert (opposite["mediation_share_along"] > 0.7).all()
    assert (opposite["mediation_share_low"] < opposite["mediation_share"]).all()
