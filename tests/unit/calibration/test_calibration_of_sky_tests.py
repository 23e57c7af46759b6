"""The calibration with 200 mocks: every test that claims to be right is, within the 99.9 % band of so many mocks."""

import numpy as np
import pytest

from workflow_scripts.calibration_mocks.battery import CLAIMS, run_battery
from workflow_scripts.calibration_mocks.calibration_table import sky_rows
from workflow_scripts.calibration_mocks.claims import size_band

pytestmark = pytest.mark.long

MOCKS = 200


def rows(mask, step):
    table = sky_rows(run_battery(mask, step, MOCKS, seed=5), mask, step)
    return {name: cells.set_index("test") for name, cells in table.groupby("variant")}


@pytest.fixture(scope="module")
def isotropic():
    return rows("dec_and_latitude", "S0_binomial")["isotropic"]


@pytest.fixture(scope="module")
def clustered():
    return rows("sdss_like_cap", "S4_clustered")


def outside_band(cells):
    """Tests whose size, coverage or bias is farther from what they claim than chance explains."""
    claimed = cells[cells["claimed_valid"] & cells["null_holds"]]
    assert len(claimed) > 3
    low, high = size_band(MOCKS, 0.05)
    found = list(claimed.index[claimed["rejected_05"].notna() & ~claimed["rejected_05"].between(low, high)])
    low, high = size_band(MOCKS, 0.95)
    found += list(claimed.index[claimed["coverage"].notna() & ~claimed["coverage"].between(low, high)])
    biases = claimed[["bias_along", "bias_across"]].abs().max(axis=1)
    return found + list(claimed.index[biases > 3.29 / np.sqrt(MOCKS)])


def test_claimed_tests_are_calibrated_on_a_masked_isotropic_sky(isotropic):
    assert outside_band(isotropic) == []


@pytest.mark.long
def test_what_compares_one_network_with_another_does_not_see_clustering(clustered):
    for cells in clustered.values():
        paired = cells.loc[[test for test in cells.index if test.startswith(("McNemar", "difference", "calibration"))]]
        assert outside_band(paired) == []


def test_the_paper_style_statistic_is_fooled_by_the_mask(isotropic):
    assert isotropic.loc["paper-style sigma as a Gaussian", "rejected_05"] > 0.99
    assert isotropic.loc["paper-style sigma, chi with 3 dof", "rejected_05"] > 0.99
    assert not isotropic.loc["paper-style sigma, chi with 3 dof", "claimed_valid"]


@pytest.mark.long
def test_naive_tests_are_fooled_by_clustering_and_blocks_help(clustered):
    """Methods.md, 3.c: galaxies taken as independent reject most skies clustered over three degrees."""
    cells = clustered["clustered over 3 degrees"]
    naive, block = cells.loc[["dipole score, chi2", "block dipole, F"], "rejected_05"]
    assert naive > 0.4
    assert block < naive / 3
    assert cells.loc["dipole score, chi2", "verdict"] == "not claimed"


def test_scores_alone_are_fooled_and_prediction_power_is_not(isotropic):
    assert isotropic.loc["dipole of scores, no labels", "rejected_05"] == 1
    assert isotropic.loc["dipole of scores, no labels", "coverage"] < 0.01
    assert isotropic.loc["prediction-powered dipole", "coverage"] > 0.9


def test_every_declared_test_is_made_on_an_isotropic_full_sky():
    found = run_battery("full_sky", "S0_binomial", 2, 1, galaxies=3000)
    assert set(found["test"]) == set(CLAIMS)


def test_claims_depend_on_the_sky():
    assert CLAIMS["dipole score, chi2"].holds("S2_quadrupole", "full_sky", 0.0)
    assert not CLAIMS["dipole score, chi2"].holds("S2_quadrupole", "half_sky", 0.0)
    assert not CLAIMS["dipole score, chi2"].holds("S4_clustered", "full_sky", 0.0)
    assert CLAIMS["block dipole, F"].holds("S4_clustered", "half_sky", 0.0)
    assert CLAIMS["amplitude, debiased"].holds("S1_dipole", "half_sky", 3.1)
    assert not CLAIMS["amplitude, debiased"].holds("S1_dipole", "half_sky", 2.9)


def test_mocks_do_not_depend_on_how_many_follow():
    few = run_battery("half_sky", "S0_binomial", 3, 1, galaxies=2000)
    again = run_battery("half_sky", "S0_binomial", 3, 1, galaxies=2000)
    assert few.equals(again)
    other = run_battery("half_sky", "S0_binomial", 3, 2, galaxies=2000)
    assert not few["p"].equals(other["p"])
