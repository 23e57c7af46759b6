"""What is said to fit can be drawn, and one galaxy a class more cannot."""

import numpy as np
import pytest

from workflow_scripts.errors import InputError
from workflow_scripts.training_sets.availability import availability
from workflow_scripts.training_sets.matching import draw_training_set

CLASSES = ["elliptical", "spiral"]
QUARTERS = [{"ra_range": [0, 180]}, {"ra_range": [90, 270]}, {"ra_range": [180, 360]}]


def members(matching):
    return [
        {
            "name": f"part_{number}",
            "region": region,
            "matching": matching,
            "family": {"name": "part", "member": number, "regions": QUARTERS},
        }
        for number, region in enumerate(QUARTERS)
    ]


def alone(matching):
    return [{"name": "east", "region": {"ra_range": [0, 180]}, "matching": matching, "family": None}]


@pytest.mark.parametrize("shortfall", ["redistribute", "error"])
@pytest.mark.parametrize(("footprints", "sets"), [(alone, 3), (members, 1)])
def test_the_largest_size_is_that_which_can_be_drawn(make_pool, shortfall, footprints, sets):
    pool = make_pool(900, seed=3)
    matching = {"per_class": 1, "bins": {"magnitude": 1.0}, "shortfall": shortfall, "disjoint": True}
    of = {footprint["name"]: sets for footprint in footprints(matching)}
    largest = min(one.largest_per_class for one in availability(pool, footprints(matching), of, CLASSES))
    assert largest > 3

    def draw_all(per_class):
        for footprint in footprints({**matching, "per_class": per_class}):
            draw_training_set(pool, footprint, sets - 1, CLASSES)

    draw_all(largest)
    with pytest.raises(InputError):
        # Rounding of quotas lets single larger sizes fit where cells decide; twice as many never do.
        draw_all(largest + 1 if shortfall == "redistribute" else 2 * largest)


def test_each_footprint_or_family_and_class_has_one_row(make_pool):
    pool = make_pool(600, seed=1)
    matching = {"per_class": 5000, "bins": {}, "shortfall": "redistribute", "disjoint": True}
    rows = availability(pool, [*members(matching), *alone(matching)], {"part_0": 1, "east": 4}, CLASSES)
    assert [(one.name, one.class_name) for one in rows] == [
        (name, class_name) for name in ("part", "east") for class_name in CLASSES
    ]
    inside = int(((pool["ra"] < 180) & (pool["label"] == 1)).sum())
    assert rows[3].available == inside
    assert rows[3].largest_per_class == inside // 4
    assert not rows[3].fits
    assert rows[3].sentence == (
        f"footprints.east, class spiral: {inside} galaxies of the training pool are in the region, 4 training sets"
        f" without a common galaxy need 4 x 5000 (matchings: a per_class of {inside // 4} fits)"
    )
    # Three parts of which two each overlap share all 300 galaxies of a class.
    assert rows[0].largest_per_class == 100
    assert "regions of its 3 members, 3 training sets without a common galaxy need 3 x 5000" in rows[0].sentence


def test_draws_that_may_share_galaxies_need_no_more_than_one_set(make_pool):
    pool = make_pool(600, seed=1)
    matching = {"per_class": 100, "bins": {}, "shortfall": "redistribute", "disjoint": False}
    (_, spirals) = availability(pool, alone(matching), {"east": 9}, CLASSES)
    assert (spirals.sets, spirals.fits) == (1, True)


def test_cells_that_the_region_lacks_are_counted(make_pool):
    pool = make_pool(600, seed=1)
    pool["magnitude"] = np.where(pool["ra"] < 180, 14.2, 16.2)
    matching = {"per_class": 20, "bins": {"magnitude": 1.0}, "shortfall": "error", "disjoint": True}
    (_, spirals) = availability(pool, alone(matching), {"east": 1}, CLASSES)
    assert (spirals.cells, spirals.cells_short, spirals.worst_cell) == (2, 1, "magnitude bin 16")
    assert not spirals.fits
    assert "1 of 2 cells have too few, most of all magnitude bin 16" in spirals.sentence


def test_a_class_without_galaxies_fits_nothing(make_pool):
    pool = make_pool(300, seed=1).query("label == 0")
    matching = {"per_class": 20, "bins": {}, "shortfall": "redistribute", "disjoint": True}
    (_, spirals) = availability(pool, alone(matching), {"east": 1}, CLASSES)
    assert (spirals.available, spirals.largest_per_class) == (0, 0)
    assert "no per_class fits" in spirals.sentence
