"""Balance of training sets: covariates one by one, and all of them together."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workflow_scripts.training_sets.balance import (
    adversarial_auc,
    balance_table,
    compare_training_sets,
    covariate_difference,
)


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
    table = balance_table(chosen[["source_id", "magnitude"]], galaxies)
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
    table = balance_table(galaxies.loc[::2, ["source_id", "magnitude"]], galaxies)
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
    table = compare_training_sets(holes, galaxies).set_index(["label", "covariate"])
    assert table.loc[(0, "magnitude"), "n_a"] == 100
    assert table.loc[(1, "psf_fwhm_arcsec"), "n_a"] == 0
    assert np.isnan(table.loc[(1, "psf_fwhm_arcsec"), "smd"])


def test_catalog_without_covariates(galaxies):
    table = balance_table(galaxies[:300], galaxies[["source_id", "label"]])
    assert table[["label", "n", "reference_n"]].to_numpy().tolist() == [[0, 200, 200], [1, 100, 200]]
    assert (table["covariate"] == "").all()


def test_standardised_mean_difference_of_constants():
    pairs = (([1, 1], [1, 1]), ([2, 2], [1, 1]), ([1, 1], [2, 2]))
    assert [covariate_difference(*pair)["smd"] for pair in pairs] == [0, np.inf, -np.inf]
    assert covariate_difference([1, 2, 3], [0, 1, 2])["smd"] == pytest.approx(1)


def test_a_covariate_is_compared_as_scipy_does_and_missing_values_do_not_count():
    random = np.random.default_rng(5)
    a, b = random.normal(size=80), random.normal(0.3, 2, 90)
    found = covariate_difference(np.append(a, [np.nan, np.inf]), b)
    expected = stats.ks_2samp(a, b, method="asymp")
    assert (found["n_a"], found["n_b"]) == (80, 90)
    assert (found["ks"], found["ks_p"]) == pytest.approx((expected.statistic, expected.pvalue))
    assert found["variance_ratio"] == pytest.approx(np.var(a, ddof=1) / np.var(b, ddof=1))
    assert found["smd"] == pytest.approx((a.mean() - b.mean()) / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2))
    alone = covariate_difference([1.0, np.nan], b)
    assert alone == {"n_a": 1, "n_b": 90}
    assert np.isnan(covariate_difference(a, np.ones(5))["variance_ratio"])


@pytest.mark.parametrize("what", ["mean", "spread", "correlation"])
def test_every_kind_of_difference_is_seen(what):
    random = np.random.default_rng(0)
    a, b = random.normal(size=(600, 3)), random.normal(size=(500, 3))
    if what == "mean":
        a[:, 1] += 0.5
    elif what == "spread":
        a[:, 1] *= 1.6
    else:
        a[:, 0] += 0.7 * a[:, 1]
    found = adversarial_auc(a, b, 99, 0)
    assert found.value > 0.56
    assert found.p_permutation == 0.01


def test_a_shift_is_seen_as_well_as_theory_says():
    """Two normal sets d apart: the best possible AUC is Phi(d / sqrt 2)."""
    random = np.random.default_rng(1)
    a, b = random.normal([1.0, 0.0], size=(4000, 2)), random.normal(size=(4000, 2))
    assert adversarial_auc(a, b, 1, 0).value == pytest.approx(stats.norm.cdf(1 / np.sqrt(2)), abs=0.02)


def test_balanced_sets_are_rarely_distinguished():
    """Dossier 3.l: near 1/2 where balanced; size of the permutation test within the 99.9 % binomial band."""
    random = np.random.default_rng(2)
    found = [
        adversarial_auc(random.normal(size=(50, 2)), random.normal(size=(70, 2)), 99, seed, 3) for seed in range(400)
    ]
    low, high = stats.binom.ppf([0.0005, 0.9995], 400, 0.05) / 400
    assert low <= np.mean([f.p_permutation <= 0.05 for f in found]) <= high
    assert np.mean([f.value for f in found]) == pytest.approx(0.5, abs=0.02)
    assert np.std([f.value for f in found]) == pytest.approx(np.mean([f.null_sd for f in found]), rel=0.15)


def test_scale_constants_and_repetition_do_not_matter():
    random = np.random.default_rng(3)
    a, b = random.normal(size=(100, 2)) + 0.3, random.normal(size=(100, 2))
    plain = adversarial_auc(a, b, 50, 0)
    scaled = adversarial_auc(a * [1e6, 1] + [5e6, 0], b * [1e6, 1] + [5e6, 0], 50, 0)
    assert scaled.value == pytest.approx(plain.value)
    constant = adversarial_auc(np.column_stack([a, np.ones(100)]), np.column_stack([b, np.ones(100)]), 50, 0)
    assert constant == plain
    repeated = adversarial_auc(np.column_stack([a, a[:, 0]]), np.column_stack([b, b[:, 0]]), 50, 0)
    assert repeated.value == pytest.approx(plain.value)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda x: adversarial_auc(x[:19], x, 9, 0), "too few for 5 folds"),
        (lambda x: adversarial_auc(np.ones((40, 2)), np.ones((40, 2)), 9, 0), "no covariate differs"),
    ],
)
def test_sets_that_cannot_be_compared_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(np.random.default_rng(4).normal(size=(40, 2)))
