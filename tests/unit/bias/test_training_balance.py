"""Training sets of opposite footprints are distinguished by their covariates only where these differ."""

import numpy as np
import pandas as pd

from tests.unit.bias.synthetic_experiment import experiment_runs
from workflow_scripts.bias.training_comparison import training_balance


def run_table():
    runs = pd.DataFrame(experiment_runs(seeds=1))
    axes = [axis or [np.nan, np.nan] for axis in runs["axis"]]
    return runs.assign(axis_ra=[axis[0] for axis in axes], axis_dec=[axis[1] for axis in axes])


def write_sets(folder, correlation=0.0, shift=0.0, names=("east", "west")):
    """Magnitude and size, of which the first footprint has other means or correlations than the others."""
    random = np.random.default_rng(0)
    files = []
    for number, name in enumerate(names):
        mag, size = random.normal(size=(2, 1000))
        if number == 0:
            size = correlation * mag + np.sqrt(1 - correlation**2) * size + shift
        ids = [f"{name}{galaxy}" for galaxy in range(1000)]
        table = pd.DataFrame({"source_id": ids, "ra": 0.0, "dec": 0.0, "label": np.arange(1000) % 2})
        files.append(folder / name / "resample0" / "training_set.parquet")
        files[-1].parent.mkdir(parents=True, exist_ok=True)
        table.assign(mag=mag, log_size=size).to_parquet(files[-1])
    return files


def test_sets_alike_are_not_distinguished(tmp_path):
    (entry,) = training_balance(run_table(), write_sets(tmp_path), [["east", "west"]], 0)
    assert (entry["covariates"], entry["n"]) == (["mag", "log_size"], [1000, 1000])
    assert entry["adversarial_p"] > 0.05
    assert abs(entry["adversarial_auc"] - 0.5) < 3 * entry["adversarial_null_sd"]
    low, high = entry["variance_ratios"]
    assert 0.8 < low <= high < 1.25


def test_a_difference_of_means_shows_in_all_numbers(tmp_path):
    (entry,) = training_balance(run_table(), write_sets(tmp_path, shift=0.5), [["east", "west"]], 0)
    assert entry["largest_smd"] > 0.4
    assert entry["smallest_ks_p"] < 1e-6
    assert entry["adversarial_p"] == 0.01


def test_a_correlation_that_no_single_covariate_shows_is_seen(tmp_path):
    (entry,) = training_balance(run_table(), write_sets(tmp_path, correlation=0.8), [["east", "west"]], 0)
    assert entry["smallest_ks_p"] > 1e-3
    assert entry["adversarial_auc"] > 0.6
    assert entry["adversarial_p"] == 0.01


def test_rotating_footprints_are_compared_with_the_other_side_of_the_sky(tmp_path):
    files = write_sets(tmp_path, names=[f"rotating_{number:02d}" for number in range(12)])
    entries = training_balance(run_table(), files, [], 0)
    assert len(entries) == 6
    assert {name for entry in entries for name in (entry["first"], entry["second"])} == {
        f"rotating_{number:02d}" for number in range(12)
    }


def test_sets_matched_in_class_alone_give_the_reason(tmp_path):
    files = write_sets(tmp_path)
    for file in files:
        pd.read_parquet(file).drop(columns=["mag", "log_size"]).to_parquet(file)
    (entry,) = training_balance(run_table(), files, [["east", "west"]], 0)
    assert "class alone" in entry["reason"]
