"""Training sets: equal, matched, without common galaxies, and the same whatever the order of the rows."""

import re

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.errors import InputError
from workflow_scripts.sky.footprints import contains, region_moc
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.training_sets.balance import compare_training_sets
from workflow_scripts.training_sets.matching import draw_training_set
from workflow_scripts.training_sets.matching_cells import cell_quotas, matching_cells

REGIONS = {
    "rotating": {"rotating": {"nside": 1}},
    "east": {"ra_range": [0, 180]},
    "west": {"ra_range": [180, 360]},
    "random": {"random_sky": {"count": 3, "seed": 1, "area_fraction": 0.5, "nside": 16}},
}
FAMILY = [f"rotating_{number:02d}" for number in range(12)]


@pytest.fixture(scope="module")
def pool(make_pool):
    """1.3 times what twelve training sets of 60 galaxies a class need."""
    return make_pool(int(1.3 * 12 * 2 * 60))


@pytest.fixture(scope="module")
def footprints(make_footprints):
    return make_footprints(REGIONS)


@pytest.fixture(scope="module")
def family(pool, footprints):
    return {name: draw_training_set(pool, footprints[name], 0) for name in FAMILY}


def ids(training_set: pd.DataFrame) -> set[str]:
    return set(training_set["source_id"])


def test_class_counts_are_exact(family, pool, footprints):
    sets = [*family.values(), *(draw_training_set(pool, footprints[name], 0) for name in ("east", "random_01"))]
    for training_set in sets:
        assert training_set["label"].value_counts().to_dict() == {0: 60, 1: 60}


def test_columns_order_and_types(family, pool):
    training_set = family["rotating_00"]
    assert list(training_set) == ["source_id", "ra", "dec", "label", "magnitude", "radius_arcsec"]
    assert training_set["label"].dtype == np.int8
    assert training_set["source_id"].is_monotonic_increasing
    assert training_set["source_id"].is_unique
    assert training_set.index.equals(pd.RangeIndex(120))
    original = pool.set_index("source_id").loc[training_set["source_id"], list(training_set)[1:]]
    pd.testing.assert_frame_equal(training_set.set_index("source_id"), original)


def test_galaxies_lie_in_the_footprint(family, footprints):
    for name, training_set in family.items():
        moc = region_moc(footprints[name]["region"])
        assert contains(moc, training_set["ra"], training_set["dec"]).all()


def test_members_of_a_family_share_no_galaxy_with_a_pool_that_is_little_larger_than_the_demand(family, pool):
    everything = pd.concat(family.values())
    assert len(everything) == 12 * 120
    assert everything["source_id"].is_unique
    assert len(pool) < 1.31 * len(everything)


def test_cells_are_balanced_with_a_pool_that_is_little_larger_than_the_demand(family, pool, footprints):
    """Fewer than one galaxy in twenty is not of the required cell."""
    matching = footprints["rotating_00"]["matching"]
    cells = matching_cells(pool, matching["bins"], "pool")
    cell_of = dict(zip(pool["source_id"], cells.number, strict=True))
    for label in (0, 1):
        of_class = (pool["label"] == label).to_numpy()
        quotas = cell_quotas(np.bincount(cells.number[of_class], minlength=len(cells.bins)), 60)
        wrong = []
        for training_set in family.values():
            drawn = training_set.loc[training_set["label"] == label, "source_id"].map(cell_of)
            counts = np.bincount(drawn, minlength=len(cells.bins))
            wrong.append(np.maximum(counts - quotas, 0).sum())
        assert np.mean(wrong) < 3
        assert max(wrong) <= 6


def test_matching_removes_the_difference_between_north_and_south(make_pool, make_footprints):
    pool = make_pool(12_000)
    regions = {"north": {"dec_range": [0, 90]}, "south": {"dec_range": [-90, 0]}}
    matched = make_footprints(regions, per_class=400, bins={"magnitude": 0.1})
    loose = make_footprints(regions, per_class=400, bins={})
    smd = {}
    for name, footprints in (("matched", matched), ("loose", loose)):
        north, south = (draw_training_set(pool, footprints[side], 0) for side in ("north", "south"))
        columns = pool.set_index("source_id")["magnitude"]
        north, south = (drawn.assign(magnitude=drawn["source_id"].map(columns)) for drawn in (north, south))
        table = compare_training_sets(north, south)
        smd[name] = table.loc[table["covariate"] == "magnitude", "smd"].abs().to_numpy()
    assert np.all(smd["loose"] > 0.3)
    assert np.all(smd["matched"] < 0.05)


def test_training_sets_point_along_their_footprints(family, footprints):
    """Sharing and repair leave a hemisphere's training set spread over the hemisphere: mean height 1/2."""
    for name, training_set in family.items():
        axis = unit_vectors(*footprints[name]["axis"])
        mean = unit_vectors(training_set["ra"], training_set["dec"]).mean(axis=0)
        assert mean @ axis == pytest.approx(0.5, abs=5 * np.sqrt(1 / 12 / 120))
        assert np.linalg.norm(mean - (mean @ axis) * axis) < 5 * np.sqrt(1 / 3 / 120)


@pytest.mark.parametrize("name", ["rotating_04", "east", "random_02"])
@pytest.mark.parametrize("resample", [0, 1])
def test_order_of_the_rows_plays_no_part(make_pool, footprints, name, resample):
    pool = make_pool(2400)
    expected = draw_training_set(pool, footprints[name], resample)
    for seed in range(2):
        shuffled = pool.sample(frac=1, random_state=seed)
        pd.testing.assert_frame_equal(draw_training_set(shuffled, footprints[name], resample), expected)


def test_adding_a_footprint_changes_no_other_training_set(pool, family, footprints, make_footprints):
    more = make_footprints(REGIONS | {"cap": {"dec_range": [30, 90]}, "again": {"rotating": {"nside": 1}}})
    for name in ("rotating_00", "rotating_07"):
        pd.testing.assert_frame_equal(draw_training_set(pool, more[name], 0), family[name])
    pd.testing.assert_frame_equal(
        draw_training_set(pool, more["east"], 0), draw_training_set(pool, footprints["east"], 0)
    )


def test_resamples_of_a_family_are_dealt_anew(pool, family, footprints):
    again = {name: draw_training_set(pool, footprints[name], 1) for name in FAMILY}
    assert pd.concat(again.values())["source_id"].is_unique
    common = [len(ids(family[name]) & ids(again[name])) for name in FAMILY]
    # Two independent draws of 120 among the 936 or so galaxies of a hemisphere have 15 in common.
    assert 5 < np.mean(common) < 30


def test_disjoint_resamples_of_a_plain_footprint_share_no_galaxy(pool, footprints):
    sets = [draw_training_set(pool, footprints["east"], resample) for resample in range(6)]
    assert pd.concat(sets)["source_id"].is_unique
    assert {len(drawn) for drawn in sets} == {120}


def test_independent_resamples_differ_and_may_share(pool, make_footprints):
    footprints = make_footprints(REGIONS, disjoint=False)
    sets = [draw_training_set(pool, footprints["east"], resample) for resample in range(20)]
    common = len(ids(sets[0]) & ids(sets[1]))
    assert 0 < common < 60
    assert not pd.concat(sets)["source_id"].is_unique


def test_members_of_a_family_may_share_without_disjoint(pool, make_footprints):
    footprints = make_footprints(REGIONS, disjoint=False)
    sets = [draw_training_set(pool, footprints[name], 0) for name in ("rotating_00", "rotating_01")]
    assert ids(sets[0]) & ids(sets[1])


def test_missing_covariates_are_matched_as_a_cell(pool, make_footprints):
    holes = pool.copy()
    holes.loc[holes.index % 5 < 2, "magnitude"] = np.nan
    footprints = make_footprints(REGIONS, bins={"magnitude": 0.5})
    drawn = draw_training_set(holes, footprints["east"], 0)
    for label in (0, 1):
        share = holes.loc[holes["label"] == label, "magnitude"].isna().mean()
        unknown = drawn.loc[drawn["label"] == label, "magnitude"].isna().sum()
        assert unknown == pytest.approx(60 * share, abs=1)


def raised(pool, footprint, resample=0) -> str:
    with pytest.raises(InputError) as caught:
        draw_training_set(pool, footprint, resample)
    return str(caught.value)


@pytest.mark.parametrize("shortfall", ["error", "redistribute"])
def test_too_few_galaxies_of_a_class(pool, make_footprints, shortfall):
    east = make_footprints(REGIONS, shortfall=shortfall, bins={})["east"]
    rare = pool[(pool["label"] == 0) | (pool["ra"] > 180) | (pool.index % 31 == 0)]
    available = int(((rare["label"] == 1) & (rare["ra"] < 180)).sum())
    assert 0 < available < 60
    assert raised(rare, east) == (
        f"footprints.east, class 1, resample 0: {available} galaxies of the training pool are in the region,"
        " 60 are required (matchings, per_class)"
    )


def test_too_few_galaxies_for_another_disjoint_resample(pool, footprints):
    available = int(((pool["label"] == 0) & (pool["ra"] < 180)).sum())
    assert raised(pool, footprints["east"], 9) == (
        f"footprints.east, class 0, resample 9: {available} galaxies of the training pool are in the region,"
        " 600 are required (10 training sets of 60 without a common galaxy) (matchings, per_class)"
    )


def test_exactly_enough_galaxies_are_enough(pool, make_footprints):
    exact = pd.concat(pool[(pool["label"] == label) & (pool["ra"] < 180)].head(60) for label in (0, 1))
    drawn = draw_training_set(exact, make_footprints(REGIONS)["east"], 0)
    assert ids(drawn) == ids(exact)


def test_shortfall_of_a_cell_is_an_error_where_that_is_wanted(pool, make_footprints):
    east = make_footprints(REGIONS, shortfall="error", bins={"magnitude": 0.5})["east"]
    bright = (pool["magnitude"] < 17) & (pool["ra"] < 180) & (pool["label"] == 0)
    message = raised(pool[~bright], east)
    assert message.startswith("footprints.east, class 0, resample 0: ")
    assert "galaxies are available in the required cells, 60 are required; " in message
    assert "most of all magnitude bin 33 by " in message
    assert "(wider bins, a smaller per_class, or shortfall: redistribute)" in message


def test_shortfall_is_redistributed_to_the_nearest_cells(pool, make_footprints):
    east = make_footprints(REGIONS, bins={"magnitude": 0.5})["east"]
    bright = (pool["magnitude"] < 17) & (pool["ra"] < 180) & (pool["label"] == 0)
    drawn = draw_training_set(pool[~bright], east, 0)
    assert drawn["label"].value_counts().to_dict() == {0: 60, 1: 60}
    of_class = drawn.loc[drawn["label"] == 0, "magnitude"]
    assert of_class.min() >= 17
    # The quotas have bright galaxies of the west; in their place come galaxies of the brightest cell that there is.
    reference = pool.loc[~bright & (pool["label"] == 0), "magnitude"] // 0.5
    counts = reference.value_counts().sort_index()
    quotas = pd.Series(cell_quotas(counts.to_numpy(), 60), counts.index)
    assert quotas[quotas.index < 34].sum() > 5
    assert (of_class // 0.5 == 34).sum() == quotas[quotas.index <= 34].sum()
    assert (of_class // 0.5 == 35).sum() == quotas[35]


def test_family_that_needs_more_than_there_is(make_pool, footprints):
    pool = make_pool(int(0.8 * 12 * 2 * 60))
    messages = []
    for name in FAMILY:
        try:
            draw_training_set(pool, footprints[name], 0)
        except InputError as error:
            messages.append(str(error))
    assert messages
    for message in messages:
        assert re.fullmatch(
            r"footprints\.rotating_\d\d, class 0, resample 0: \d\d galaxies of the training pool are available,"
            r" 60 are required \(\d{3} are in the region, but other members of rotating need them too:"
            r" 12 share 576 galaxies and need 720; a per_class of 48 or less may fit\)",
            message,
        )


def test_member_that_cannot_be_filled_takes_nothing_from_the_others(make_pool, footprints):
    """A survey of the northern cap: southern hemispheres have too few galaxies whatever the others leave them."""
    pool = make_pool(6700)
    pool = pool[pool["dec"] > 44]
    sizes = dict.fromkeys(FAMILY, 0)
    failed = {}
    for name in FAMILY:
        try:
            sizes[name] = len(draw_training_set(pool, footprints[name], 0))
        except InputError as error:
            failed[name] = str(error)
    assert all("are in the region, 60 are required" in message for message in failed.values())
    assert set(failed) == {"rotating_08", "rotating_09", "rotating_10", "rotating_11"}
    assert {sizes[name] for name in FAMILY if name not in failed} == {120}


def test_three_classes_have_as_many_galaxies_each_and_none_may_be_absent(pool, footprints):
    names = ["elliptical", "spiral", "edge_on"]
    third = pool.assign(label=pool["label"].mask(np.arange(len(pool)) % 3 == 0, 2))
    drawn = draw_training_set(third, footprints["east"], 0, names)
    assert drawn["label"].value_counts().nunique() == 1
    assert set(drawn["label"]) == {0, 1, 2}
    with pytest.raises(InputError, match="has no galaxy of class edge_on, expected some of each of 3 classes"):
        draw_training_set(pool, footprints["east"], 0, names)


def test_pool_without_a_second_class(pool, footprints):
    message = raised(pool[pool["label"] == 1], footprints["east"])
    assert message == (
        "footprints.east: the training pool (galaxies with a label and a delivered cutout) has class 1 only,"
        " expected galaxies of two classes"
    )
    assert "has no galaxies, expected" in raised(pool[:0], footprints["east"])


def test_id_that_occurs_twice(pool, footprints):
    message = raised(pd.concat([pool, pool[pool["source_id"] == "g000007"]]), footprints["east"])
    assert message == "footprints.east: the training pool has source_id 'g000007' twice, expected once"


def test_covariate_that_the_catalog_lacks(pool, make_footprints):
    east = make_footprints(REGIONS, bins={"redshift": 0.05})["east"]
    assert "column 'redshift' does not exist, expected one of ra, dec, magnitude, radius_arcsec" in raised(pool, east)


def test_three_classes(pool, make_footprints):
    three = pool.assign(label=(np.arange(len(pool)) % 3).astype("int8"))
    drawn = draw_training_set(three, make_footprints(REGIONS, per_class=40)["rotating_03"], 0)
    assert drawn["label"].value_counts().to_dict() == {0: 40, 1: 40, 2: 40}
