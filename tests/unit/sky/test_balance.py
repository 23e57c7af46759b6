"""Balance of training sets."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workflow_scripts.training_sets.balance import balance_table, compare_training_sets


@pytest.fixture
def galaxies():
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "source_id": [f"g{number}" for number in range(400)],
            "ra": random.uniform(0, 360, 400),
            "dec": random.uniform(-90, 90, 400),
            "label": np.repeat([0, 1], 200).astype("int8"),
            "split": "training",
            "magnitude": random.normal(17, 0.5, 400),
            "psf_fwhm_arcsec": random.normal(1.2, 0.1, 400),
        }
    )


def test_known_values(galaxies):
    chosen = galaxies[galaxies["magnitude"] < 17]
    table = balance_table(chosen, galaxies, matched=["magnitude"])
    assert list(table) == [
        *("label", "covariate", "matched", "n", "mean", "sd", "reference_n", "reference_mean", "reference_sd"),
        *("smd", "variance_ratio", "ks", "ks_p"),
    ]
    row = table[(table["label"] == 1) & (table["covariate"] == "magnitude")].iloc[0]
    a = chosen.loc[chosen["label"] == 1, "magnitude"]
    b = galaxies.loc[galaxies["label"] == 1, "magnitude"]
    assert (row["n"], row["reference_n"]) == (len(a), 200)
    assert row["mean"] == pytest.approx(a.mean())
    assert row["reference_sd"] == pytest.approx(b.std())
    assert row["smd"] == pytest.approx((a.mean() - b.mean()) / np.sqrt((a.var() + b.var()) / 2))
    assert row["smd"] < -0.8
    expected = stats.ks_2samp(a, b, method="asymp")
    assert (row["ks"], row["ks_p"]) == pytest.approx((expected.statistic, expected.pvalue))


def test_covariates_that_were_not_matched_are_listed(galaxies):
    table = balance_table(galaxies[::2], galaxies, matched=["magnitude"])
    assert dict(zip(table["covariate"], table["matched"], strict=True)) == {
        "magnitude": True,
        "psf_fwhm_arcsec": False,
    }
    assert table["label"].tolist() == [0, 0, 1, 1]


def test_a_set_is_balanced_with_itself(galaxies):
    table = compare_training_sets(galaxies, galaxies)
    assert (table["smd"] == 0).all()
    assert (table["ks"] == 0).all()
    assert (table["ks_p"] == 1).all()


def test_pairs_are_antisymmetric(galaxies):
    first, second = galaxies[::3], galaxies[1::2]
    there, back = compare_training_sets(first, second), compare_training_sets(second, first)
    assert there["smd"].to_numpy() == pytest.approx(-back["smd"].to_numpy())
    assert there["ks"].to_numpy() == pytest.approx(back["ks"].to_numpy())
    assert there["n_a"].tolist() == back["n_b"].tolist()


def test_unknown_values_are_not_counted(galaxies):
    holes = galaxies.assign(magnitude=galaxies["magnitude"].where(galaxies.index % 2 == 0))
    holes.loc[holes["label"] == 1, "psf_fwhm_arcsec"] = np.nan
    table = balance_table(holes, galaxies).set_index(["label", "covariate"])
    assert table.loc[(0, "magnitude"), "n"] == 100
    assert table.loc[(1, "psf_fwhm_arcsec"), "n"] == 0
    assert np.isnan(table.loc[(1, "psf_fwhm_arcsec"), "smd"])


def test_catalog_without_covariates(galaxies):
    table = balance_table(galaxies[["source_id", "label"]][:300], galaxies)
    assert table[["label", "n", "reference_n"]].to_numpy().tolist() == [[0, 200, 200], [1, 100, 200]]
    assert (table["covariate"] == "").all()
