"""From the files of probes to answers, with a truth that is known."""

import json

import pandas as pd
import pytest

from tests.unit.causes.probed_sky import EXPERIMENT, SCORES, SETS, write_positions, write_scores
from workflow_scripts.answers.answer import SECONDARY
from workflow_scripts.bias.probe_answers import measured_probe
from workflow_scripts.causes.probe_runs import opposite_pairs, pixel_runs
from workflow_scripts.errors import InputError

PROBE = {"size": 0.55, "shown": ["whole", "corners", "scrambled"], "trained": ["net"], "features": ["net"]}


def measured(folder, **changes):
    patterns = [str(folder / one) for one in (SCORES, "{footprint}_{network}_{resample}.json", SETS)]
    return measured_probe(EXPERIMENT, PROBE | changes, *patterns, str(folder / "catalog.parquet"))


def test_a_shift_in_whole_images_alone_is_carried_by_the_arrangement(tmp_path):
    write_scores(tmp_path, {"whole": 1.0, "corners": 0.0, "scrambled": 0.0})
    found = measured(tmp_path, features=[])
    (answer,) = found.answers
    assert (answer.answer, answer.role, answer.test) == ("yes", SECONDARY, "place_of_pixels")
    # The noise of blocks is a part of the scatter: Phi(1 / sqrt(2 (1 + 0.09))).
    low, high = answer.effect.ci95
    assert low < 0.751 < high
    assert answer.effect.direction == "largest for east against west"
    said = " ".join(answer.because)
    assert "carried by how the pixels of the galaxy are arranged" in said
    assert "background" not in said.split("It is carried by")[1].split(".")[0]
    assert len(found.files) == 9


def test_what_corners_show_as_well_is_carried_by_the_background(tmp_path):
    write_scores(tmp_path, {"whole": 0.8, "corners": 0.8, "scrambled": 0.8})
    (answer,) = measured(tmp_path, features=[]).answers
    assert "It is carried by background and noise and the histogram of brightness." in answer.because


def test_a_sky_without_a_pattern_is_a_no_that_names_its_limit(tmp_path):
    write_scores(tmp_path, {"whole": 0.0, "corners": 0.0, "scrambled": 0.0}, shared=0.0)
    (answer,) = measured(tmp_path, features=[]).answers
    assert answer.answer == "no"
    assert 0.5 < answer.limit95 < 0.55
    (strict,) = measured(tmp_path, features=[], size=0.501).answers
    assert strict.answer == "cannot tell"
    assert "AUC of 0.501" in " ".join(strict.because)


def test_noise_that_networks_share_widens_the_interval(tmp_path):
    widths = []
    for shared in (0.0, 0.6):
        write_scores(tmp_path, {"whole": 0.0}, shared=shared)
        low, high = measured(tmp_path, features=[], shown=["whole"]).answers[0].effect.ci95
        widths.append(high - low)
    assert widths[1] > 1.5 * widths[0]


def test_covariates_alone_know_what_the_seeing_tells(tmp_path):
    write_scores(tmp_path, {"whole": 1.0}, seeing=0.3)
    found = measured(tmp_path, features=[], shown=["whole"])
    (pixels,) = found.entries["pixels"]
    # Normal seeing with a shift of one standard deviation; the depth does not vary, and has no part in it.
    assert pixels["auc"]["covariates"]["estimate"] == pytest.approx(0.76, abs=0.03)
    write_scores(tmp_path, {"whole": 1.0}, seeing=0.0)
    (pixels,) = measured(tmp_path, features=[], shown=["whole"]).entries["pixels"]
    assert abs(pixels["auc"]["covariates"]["estimate"] - 0.5) < 0.03


def test_a_catalog_without_imaging_columns_says_so(tmp_path):
    write_scores(tmp_path, {"whole": 1.0})
    catalog = pd.read_parquet(tmp_path / "catalog.parquet")
    # A constant as a sum of floats.
    catalog["depth_mag"] += 3e-15 * (catalog.index.to_numpy() % 2)
    catalog.drop(columns="psf_fwhm_arcsec").to_parquet(tmp_path / "catalog.parquet", index=False)
    (answer,) = measured(tmp_path, features=[], shown=["whole"]).answers
    assert "Covariates alone were not tried: the catalog has none of" in " ".join(answer.because)


def test_networks_with_one_score_for_all_are_left_out_and_whole_images_are_not(tmp_path):
    write_scores(tmp_path, {"whole": 1.0, "corners": 0.0})
    for path in tmp_path.glob("east/west/net/corners/*.parquet"):
        pd.read_parquet(path).assign(score=0.5).to_parquet(path, index=False)
    (answer,) = measured(tmp_path, features=[], shown=["whole", "corners"]).answers
    assert answer.answer == "yes"
    assert "blank sky" not in " ".join(answer.because)


def test_few_galaxies_are_an_answer_and_no_crash(tmp_path):
    write_scores(tmp_path, {"whole": 1.0}, n=300)
    for path in tmp_path.glob("east/west/net/whole/*.parquet"):
        pd.read_parquet(path).head(8).to_parquet(path, index=False)
    (answer,) = measured(tmp_path, features=[], shown=["whole"]).answers
    assert answer.answer == "cannot tell"
    assert "could not be made" in " ".join(answer.because)


@pytest.mark.parametrize(("r2", "expected"), [(0.02, "yes"), (-0.004, "no"), (-0.0028, "cannot tell")])
def test_features_are_held_against_exchanged_blocks(tmp_path, r2, expected):
    write_positions(tmp_path, r2)
    # An AUC of 0.52 is an R^2 of 4 pi 0.02^2 / 9 = 0.00056, one of 0.54 four times that.
    (answer,) = measured(tmp_path, trained=[], size=0.54 if expected == "no" else 0.52).answers
    assert answer.answer == expected
    assert answer.test == "place_of_features"
    # Above what exchanged blocks give: a yes is never below 0.
    assert answer.effect.value == pytest.approx(r2 + 0.004, abs=1e-4)
    low, high = answer.effect.ci95
    assert low < answer.effect.value < high < answer.limit95 + 0.01
    assert answer.limit95 > answer.effect.value
    assert " and -0.004 with exchanged blocks: " in " ".join(answer.because)


def test_both_answers_are_adjusted_together(tmp_path):
    write_scores(tmp_path, {"whole": 0.0})
    write_positions(tmp_path, 0.02)
    pixels, features = measured(tmp_path, shown=["whole"]).answers
    assert features.p_adjusted == pytest.approx(2 / 1000)
    assert pixels.p_adjusted > 0.01


def test_networks_probed_on_other_galaxies_are_refused(tmp_path):
    write_positions(tmp_path, 0.02)
    path = tmp_path / "west_net_1.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"n": 17}))
    with pytest.raises(InputError, match=r"west_net_1\.json: probed on other galaxies"):
        measured(tmp_path, trained=[])


def test_pairs_are_those_listed_and_opposite_members_of_a_family():
    axes = {"r_0": [45, 41.8], "r_1": [225, -41.8], "r_2": [0, 0], "r_3": [180, 0], "r_4": [10, 90], "r_5": [99, -90]}
    footprints = {name: {"axis": axis, "family": "r"} for name, axis in axes.items()}
    footprints |= {name: {"axis": None, "family": "random"} for name in ("random_0", "random_1")}
    footprints["alone"] = {"axis": [180, 0], "family": None}
    found = opposite_pairs({"footprints": footprints, "opposite": [["b", "a"], ["r_3", "r_2"]]})
    assert sorted(found) == [("a", "b"), ("r_0", "r_1"), ("r_2", "r_3"), ("r_4", "r_5")]


def test_runs_are_those_that_both_footprints_have():
    runs = pixel_runs(EXPERIMENT, ["net"])
    assert [(run.footprint, run.other, run.resample, run.seed) for run in runs] == [
        ("east", "west", number, number) for number in range(3)
    ]
    assert pixel_runs(EXPERIMENT, ["other"]) == []
