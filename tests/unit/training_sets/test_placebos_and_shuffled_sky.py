"""Training sets of controls: galaxies dealt out at random among footprints, and galaxies that changed places."""

import copy

import numpy as np
import pandas as pd
import pytest

from tests.small_experiment import rotating_and_halves
from workflow_scripts import shuffle_sky
from workflow_scripts.configuration.control_entries import runs_of_controls
from workflow_scripts.configuration.loading import load
from workflow_scripts.tables import recorded_config, write_table
from workflow_scripts.training_sets.matching import draw_training_set
from workflow_scripts.training_sets.shuffled_sky import shuffled_positions

ARM = {"footprints": ["rotating", "east", "west"], "networks": ["net"], "replicates": 3}
CONFIG = rotating_and_halves({"all": ARM}, {"per_class": 40, "bins": {"magnitude": 0.5}})


@pytest.fixture(scope="module")
def placebo(make_pool):
    """A function that draws the training set of a footprint's placebo, by its name, resample and seed of the deal."""
    pool = make_pool(3000)

    def draw(footprint: str, resample: int = 0, seed: int = 0) -> pd.DataFrame:
        config = copy.deepcopy(CONFIG)
        config["experiments"]["main"]["controls"] = {"placebo": True, "seed": seed}
        settings = load(config)
        (name,) = {run.footprint for run in runs_of_controls(settings, "main") if run.footprint.startswith(footprint)}
        return draw_training_set(pool, settings.training_set_parameter(name), resample)

    return draw


def test_placebos_of_a_pair_share_no_galaxy_over_all_their_training_sets(placebo):
    sets = [placebo(name, resample) for name in ("east", "west") for resample in range(3)]
    for drawn in sets:
        assert drawn["label"].value_counts().to_dict() == {0: 40, 1: 40}
    everything = pd.concat(sets)["source_id"]
    assert everything.is_unique


def test_placebos_come_from_all_the_regions_alike(placebo):
    east = pd.concat([placebo("east", resample) for resample in range(3)])["ra"] < 180
    # Binomial, 240 galaxies: five standard deviations.
    assert abs(east.mean() - 0.5) < 5 * 0.5 / np.sqrt(240)
    north = placebo("rotating_00")
    assert (north["dec"] < 0).mean() > 0.2


def test_placebos_of_a_family_share_no_galaxy(placebo):
    sets = [placebo(f"rotating_{number:02d}", 1)["source_id"] for number in range(12)]
    assert {len(ids) for ids in sets} == {80}
    assert pd.concat(sets).is_unique


def test_the_deal_follows_from_its_seed(placebo):
    first, again, other = placebo("east"), placebo("east"), placebo("east", seed=1)
    assert first.equals(again)
    assert len(set(first["source_id"]) & set(other["source_id"])) < 30


@pytest.fixture(scope="module")
def sky(make_pool):
    """Galaxies of both parts of the split, some without a label or an image; and their ledger."""
    galaxies = make_pool(2000)
    number = galaxies.index
    galaxies["split"] = np.where(number % 3 == 0, "annotation", "training")
    galaxies["label"] = galaxies["label"].astype("Int8").mask(number % 11 == 0)
    ledger = pd.DataFrame(
        {"source_id": galaxies["source_id"], "outcome": np.where(number % 7 == 0, "failed", "delivered")}
    )
    return galaxies, ledger


def parts(galaxies, ledger):
    delivered = (ledger["outcome"] == "delivered").to_numpy()
    training = (galaxies["split"] == "training") & galaxies["label"].notna() & delivered
    annotated = (galaxies["split"] == "annotation") & delivered
    return training, annotated


def test_a_shuffled_sky_has_the_same_galaxies_at_the_same_places(sky):
    galaxies, ledger = sky
    shuffled = shuffled_positions(galaxies, ledger, 0)
    kept = [name for name in galaxies if name not in ("ra", "dec")]
    assert shuffled[kept].equals(galaxies[kept])
    for part in parts(galaxies, ledger):
        before, after = (set(map(tuple, table.loc[part, ["ra", "dec"]].to_numpy())) for table in (galaxies, shuffled))
        assert before == after
        moved = (shuffled.loc[part, "ra"] != galaxies.loc[part, "ra"]).mean()
        assert moved > 0.98
    others = ~(parts(galaxies, ledger)[0] | parts(galaxies, ledger)[1])
    assert shuffled.loc[others, ["ra", "dec"]].equals(galaxies.loc[others, ["ra", "dec"]])


def test_a_shuffled_sky_loses_what_depends_on_the_position(sky):
    galaxies, ledger = sky
    training = parts(galaxies, ledger)[0]
    before, after = (
        table.loc[training, ["dec", "psf_fwhm_arcsec"]].corr().iloc[0, 1]
        for table in (galaxies, shuffled_positions(galaxies, ledger, 0))
    )
    assert before > 0.9
    assert abs(after) < 5 / np.sqrt(training.sum())


def test_a_shuffled_sky_does_not_depend_on_the_order_of_rows(sky):
    galaxies, ledger = sky
    mixed = galaxies.sample(frac=1, random_state=1)
    one, other = (shuffled_positions(table, ledger, 3).set_index("source_id") for table in (galaxies, mixed))
    assert one.equals(other.loc[one.index])
    assert not one["ra"].equals(shuffled_positions(galaxies, ledger, 4).set_index("source_id")["ra"])


def test_the_step_keeps_what_the_catalog_says_of_its_classes(sky, tmp_path):
    galaxies, ledger = sky
    write_table(tmp_path / "galaxies.parquet", galaxies, {"config": {"classes": ["smooth", "spiral"]}})
    ledger.to_parquet(tmp_path / "ledger.parquet")
    given = ["--galaxies", tmp_path / "galaxies.parquet", "--ledger", tmp_path / "ledger.parquet", "--seed", 0]
    arguments = [*map(str, given), "--output", str(tmp_path / "out" / "galaxies.parquet")]
    shuffle_sky.main(shuffle_sky.parser.parse_args(arguments))
    written = tmp_path / "out" / "galaxies.parquet"
    assert recorded_config(written) == {"classes": ["smooth", "spiral"], "shuffled": 0}
    pd.testing.assert_frame_equal(pd.read_parquet(written), shuffled_positions(galaxies, ledger, 0), check_dtype=False)
