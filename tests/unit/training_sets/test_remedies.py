"""Training sets of remedies: from everywhere in equal numbers, and of one stratum of the imaging."""

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.errors import InputError
from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.training_sets.availability import availability
from workflow_scripts.training_sets.imaging_strata import stratum_of
from workflow_scripts.training_sets.matching import draw_training_set
from workflow_scripts.training_sets.matching_cells import SKY_CELL, matching_cells
from workflow_scripts.training_sets.sky_cells import divided_by_sky, spread_quotas

BINS = {"magnitude": 0.5}
MATCHING = {"per_class": 96, "bins": BINS, "shortfall": "redistribute", "disjoint": True}
EVERYWHERE = {"whole_sky": True}
NORTH, SOUTH = ({"hemisphere": {"ra": 0.0, "dec": dec}} for dec in (90.0, -90.0))
COLUMNS = ["psf_fwhm_arcsec", "depth_mag", "ebv"]


@pytest.fixture(scope="module")
def pool(make_pool):
    """Seeing that is worse in the north, with scatter; a depth that follows from it; extinction that is constant."""
    made = make_pool(4000, seed=2)
    made["psf_fwhm_arcsec"] += np.random.default_rng(5).normal(0, 0.15, len(made))
    return made.assign(depth_mag=24 - 2 * made["psf_fwhm_arcsec"], ebv=0.03)


def mixed(name="east_mixed", **entry):
    return {"name": name, "region": EVERYWHERE, "matching": MATCHING, "family": None, "stratified": 2, **entry}


def per_cell(drawn):
    return np.bincount(tile_of(drawn["ra"], drawn["dec"], 1), minlength=48)


def test_every_cell_of_the_sky_gives_as_many_galaxies_and_the_matching_stays(pool):
    drawn, plain = (draw_training_set(pool, {**mixed(), "stratified": nside}, 0) for nside in (2, 0))
    for label in (0, 1):
        of_class, as_before = (part[part["label"] == label] for part in (drawn, plain))
        assert set(per_cell(of_class)) == {2}
        assert per_cell(as_before).min() == 0
        bins = [np.floor(part["magnitude"] / 0.5).value_counts().to_dict() for part in (of_class, as_before)]
        assert bins[0] == bins[1]


def test_sets_that_take_turns_share_no_galaxy(pool):
    turns = [{"name": "list", "member": member, "of": 2} for member in (0, 1)]
    sets = [draw_training_set(pool, mixed(turns=one), resample) for one in turns for resample in (0, 1)]
    assert pd.concat(sets)["source_id"].is_unique
    for drawn in sets:
        assert per_cell(drawn).min() >= 3
        assert per_cell(drawn).max() <= 5


def test_members_of_a_family_share_the_sky_out(pool):
    families = [{"name": "family", "member": member, "regions": [EVERYWHERE] * 5} for member in range(5)]
    sets = [draw_training_set(pool, mixed(f"m{number}", family=one), 0) for number, one in enumerate(families)]
    assert pd.concat(sets)["source_id"].is_unique
    spread = np.array([per_cell(drawn) for drawn in sets])
    assert (spread.sum(axis=1) == 192).all()
    # Without cells of the sky, it is 2 galaxies.
    assert spread.std() < 1


def test_places_that_some_cells_cannot_fill_go_to_the_others(pool):
    scarce = pool[(pool["dec"] > -60) | (np.arange(len(pool)) % 40 == 0)]
    drawn = draw_training_set(scarce, mixed(), 0)
    filled, there = per_cell(drawn[drawn["label"] == 0]), per_cell(scarce[scarce["label"] == 0])
    assert (filled <= there).all()
    assert filled.sum() == 96
    assert filled[there > 20].max() <= 4


def test_quotas_keep_the_sums_of_matching_cells(pool):
    cells = matching_cells(pool, BINS, "any")
    divided = divided_by_sky(cells, pool["ra"].to_numpy(), pool["dec"].to_numpy(), 2)
    assert divided.cells.covariates == ("magnitude", SKY_CELL)
    wanted = np.arange(len(cells.bins))
    available = np.bincount(divided.cells.number)
    quotas = spread_quotas(wanted, divided, available, np.random.default_rng(0).random(len(available)))
    assert np.bincount(divided.base, quotas).tolist() == wanted.tolist()
    totals = np.bincount(divided.sky, quotas)
    assert totals.max() - totals.min() <= 1
    # Another place is nearer than another bin.
    far = divided.cells.distances(0)
    assert far[divided.base == divided.base[0]].max() < far[divided.base != divided.base[0]].min()


def strata(region, number=1, name="north", **entry):
    stratum = {"number": number, "columns": COLUMNS}
    return {"name": name, "region": region, "matching": MATCHING, "family": None, "stratum": stratum, **entry}


def test_strata_are_cut_at_the_median_and_opposite_footprints_have_the_same(pool):
    north, south = (stratum_of(pool, strata(region), pool) for region in (NORTH, SOUTH))
    assert sorted(np.bincount(north)[1:]) == [2000, 2000]
    assert (north == 3 - south).mean() > 0.999
    # The second stratum looks like the footprint.
    assert pool["psf_fwhm_arcsec"][north == 2].min() > pool["psf_fwhm_arcsec"][north == 1].max() - 1e-9


def test_a_galaxy_has_one_stratum_in_whatever_table_and_unknown_imaging_is_the_mean(pool):
    some = pool.sample(50, random_state=1)
    whole = pd.Series(stratum_of(pool, strata(NORTH), pool), index=pool.index)
    assert stratum_of(pool, strata(NORTH), some).tolist() == whole[some.index].tolist()
    unknown = some.assign(**dict.fromkeys(COLUMNS, np.nan))
    mean = some.assign(**{name: pool[name].mean() for name in COLUMNS})
    assert (stratum_of(pool, strata(NORTH), unknown) == stratum_of(pool, strata(NORTH), mean)).all()


def test_training_sets_of_the_strata_are_as_large_as_their_parts_of_the_footprint(pool):
    first, second = (draw_training_set(pool, strata(NORTH, number), 0) for number in (1, 2))
    assert not set(first["source_id"]) & set(second["source_id"])
    of_all = stratum_of(pool, strata(NORTH), pool)
    for number, drawn in ((1, first), (2, second)):
        assert set(of_all[pool["source_id"].isin(drawn["source_id"])]) == {number}
        assert (drawn["dec"] > 0).all()
        inside = pool["dec"] > 0
        shares = [(of_all[inside & (pool["label"] == label)] == number).mean() for label in (0, 1)]
        sizes = drawn["label"].value_counts()
        assert sizes[0] == sizes[1]
        # The edge of a footprint follows HEALPix cells.
        assert abs(sizes[0] - 96 * min(shares)) < 2
    assert 0.9 * 192 < len(first) + len(second) <= 192


def test_strata_of_a_family_share_no_galaxy_between_members(pool):
    regions = [NORTH, SOUTH, {"hemisphere": {"ra": 0.0, "dec": 0.0}}]
    family = {"name": "family", "regions": regions * 2, "strata": [1] * 3 + [2] * 3}
    sets = [
        draw_training_set(
            pool, strata(region, number, name=f"m{member}", family={**family, "member": member + 3 * (number - 1)}), 0
        )
        for number in (1, 2)
        for member, region in enumerate(regions)
    ]
    assert pd.concat(sets)["source_id"].is_unique
    for region, drawn in zip(regions * 2, sets, strict=True):
        pole = unit_vectors(region["hemisphere"]["ra"], region["hemisphere"]["dec"])
        assert (unit_vectors(drawn["ra"], drawn["dec"]) @ pole > -0.02).all()


def test_the_check_of_a_design_counts_what_remedies_draw(pool):
    rows = availability(
        pool,
        [mixed(turns={"name": "list", "member": 0, "of": 2}), strata(NORTH, 1)],
        {"east_mixed": 3, "north": 2},
        ["a", "b"],
    )
    assert [(row.name, row.sets) for row in rows] == [("east_mixed", 6)] * 2 + [("north", 2)] * 2
    assert all(row.fits for row in rows)
    assert {row.per_class for row in rows[2:]} == {len(draw_training_set(pool, strata(NORTH, 1), 0)) // 2}
    finer = {**MATCHING, "bins": {"psf_fwhm_arcsec": {"log10": 0.1}}}
    (row, _) = availability(pool, [{**strata(NORTH), "stratum": None, "matching": finer}], {"north": 10}, ["a", "b"])
    assert row.fits
    assert "of the galaxies come from other cells than they should" in row.note
    assert not rows[0].note


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"psf_fwhm_arcsec": 1.0, "depth_mag": 20.0}, "are the same for all galaxies"),
        ({"ebv": "red"}, "column 'ebv' is not a number"),
        ({"psf_fwhm_arcsec": None}, "tell its galaxies from all others"),
    ],
)
def test_imaging_that_makes_no_strata_is_refused(pool, changes, sentence):
    changed = pool.assign(**changes)
    if changes.get("psf_fwhm_arcsec", 1) is None:
        changed["psf_fwhm_arcsec"] = pool["dec"]
    with pytest.raises(InputError, match=sentence):
        stratum_of(changed, strata(NORTH), changed)
