"""Training sets of opposite footprints are distinguished by their covariates only where these differ."""

import numpy as np
import pandas as pd
import pytest

from tests.unit.bias.synthetic_experiment import experiment_runs
from workflow_scripts.bias.training_comparison import Cautions, TrainingSet, cautions_of_arms, training_balance
from workflow_scripts.sky.unit_vectors import unit_vectors


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


def a_set(name, n, low=0.0, high=360.0, seed=0):
    """Galaxies anywhere between two right ascensions."""
    random = np.random.default_rng([seed, n, *name.encode()])
    vectors = unit_vectors(random.uniform(low, high, n), np.degrees(np.arcsin(random.uniform(-1, 1, n))))
    return TrainingSet(np.array([f"{name}{number}" for number in range(n)], object), vectors)


def cautions(east, west):
    sets = {("east", n): one for n, one in enumerate(east)} | {("west", n): one for n, one in enumerate(west)}
    arms = [[key for key in sets if key[0] == name] for name in ("east", "west")]
    return cautions_of_arms(["east", "west"], arms, sets)


def test_halves_of_equal_size_can_be_compared():
    east = [a_set(f"e{n}_", 100, 0, 180) for n in range(6)]
    assert cautions(east, [a_set(f"w{n}_", 100, 180, 360) for n in range(6)]) == Cautions()


@pytest.mark.parametrize("n", [30, 180, 2000])
def test_two_regions_that_are_the_whole_sky_are_no_comparison(n):
    found = cautions([a_set(f"e{k}_", n) for k in range(3)], [a_set(f"w{k}_", n) for k in range(3)])
    assert found.invalid.startswith("east and west are the same region")
    assert found.remedy == "Two regions that do not overlap."


def test_regions_that_overlap_are_named_and_decide():
    found = cautions([a_set("e", 500, 0, 200)], [a_set("w", 500, 100, 300)])
    assert (found.sentences[0].split(" (")[0], found.invalid) == ("east and west overlap", "")


@pytest.mark.parametrize(("numbers", "decides"), [((100, 101), True), ((100, 110), True), ((80, 320), False)])
def test_a_difference_in_number_is_one_of_networks(numbers, decides):
    found = cautions([a_set("e", numbers[0], 0, 180)], [a_set("w", numbers[1], 180, 360)])
    named = any(f"Training sets of east have {numbers[0]} galaxies, those of west" in one for one in found.sentences)
    assert named == (numbers[1] > 105)
    assert (found.invalid == "") == decides


def test_galaxies_of_both_arms_are_named():
    east = a_set("e", 100, 0, 180)
    west = a_set("w", 100, 180, 360)
    mixed = TrainingSet(np.r_[east.ids[:20], west.ids[20:]], np.r_[east.vectors[:20], west.vectors[20:]])
    sentence = cautions([east], [mixed]).sentences[0]
    assert sentence.startswith("Training sets of east and west have in common up to 20.0% of their galaxies")


@pytest.mark.parametrize(("step", "decides"), [(95, True), (50, False)])
def test_common_galaxies_of_an_arm_decide_where_they_are_few(step, decides):
    east = [TrainingSet(np.array([f"t{step * n + k}" for k in range(100)], object)) for n in range(2)]
    west = [TrainingSet(np.array([f"w{n}_{k}" for k in range(100)], object)) for n in range(2)]
    found = cautions(east, west)
    assert found.sentences[0].startswith(f"Training sets of an arm have in common {100 - step:.1f}% of their galaxies")
    assert (found.invalid == "") == decides
