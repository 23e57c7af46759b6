"""Regions as MOCs: what they contain, what they leave out, and the messages when they cannot be made."""

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from mocpy import MOC

from workflow_scripts.configuration.expansion import BASE_PIXELS
from workflow_scripts.errors import InputError
from workflow_scripts.sky.footprints import contains, footprint_axis, region_moc
from workflow_scripts.sky.unit_vectors import unit_vectors

ORDER = 5
POLES = ([0.0, 0.0, 123.0], [90.0, -90.0, -90.0])


def same(a: MOC, b: MOC) -> bool:
    return a.symmetric_difference(b).empty()


def partition_the_sky(*regions: dict) -> bool:
    mocs = [region_moc(region, ORDER) for region in regions]
    overlap = any(not a.intersection(b).empty() for i, a in enumerate(mocs) for b in mocs[:i])
    union = mocs[0].union(*mocs[1:])
    return not overlap and union.sky_fraction == 1


@given(ra=st.floats(0, 360), dec=st.floats(-90, 90))
@settings(max_examples=40, deadline=None)
def test_opposite_hemispheres_partition_the_sky(ra, dec):
    opposite = {"ra": (ra + 180) % 360, "dec": -dec}
    assert partition_the_sky({"hemisphere": {"ra": ra, "dec": dec}}, {"hemisphere": opposite})


@pytest.mark.parametrize(("ra", "dec"), [(0, 90), (0, 0), (90, 0), (45, 0), (180, 0), (270, 0), (0, -90)])
def test_opposite_hemispheres_partition_the_sky_where_centres_lie_on_the_great_circle(ra, dec):
    opposite = {"ra": (ra + 180) % 360, "dec": -dec}
    assert partition_the_sky({"hemisphere": {"ra": ra, "dec": dec}}, {"hemisphere": opposite})


@given(a=st.floats(0, 360), b=st.floats(0, 360))
@settings(max_examples=40, deadline=None)
def test_complementary_ra_ranges_partition_the_sky(a, b):
    if abs(a - b) < 5 or abs(a - b) > 355:
        b = (a + 100) % 360
    assert partition_the_sky({"ra_range": [a, b]}, {"ra_range": [b, a]})


def test_ranges_whose_limits_are_cell_centres_partition_the_sky():
    assert partition_the_sky({"ra_range": [0, 180]}, {"ra_range": [180, 360]})
    assert partition_the_sky({"ra_range": [45, 225]}, {"ra_range": [225, 45]})
    assert partition_the_sky({"dec_range": [-90, 0]}, {"dec_range": [0, 90]})
    assert partition_the_sky({"dec_range": [-90, -30]}, {"dec_range": [-30, 30]}, {"dec_range": [30, 90]})
    assert partition_the_sky({"galactic_hemisphere": "north"}, {"galactic_hemisphere": "south"})


def test_hemisphere_holds_what_is_within_90_degrees():
    moc = region_moc({"hemisphere": {"ra": 200, "dec": 40}})
    random = np.random.default_rng(0)
    ra, dec = random.uniform(0, 360, 4000), np.degrees(np.arcsin(random.uniform(-1, 1, 4000)))
    height = unit_vectors(ra, dec) @ unit_vectors(200, 40)
    clear = np.abs(height) > np.sin(np.radians(0.5))
    assert np.array_equal(contains(moc, ra, dec)[clear], height[clear] > 0)
    assert moc.sky_fraction == pytest.approx(0.5, abs=1e-3)


def test_ra_range_wraps_through_zero():
    moc = region_moc({"ra_range": [350, 10]})
    ra = [355, 0, 359.99, 360, 5, 9, 11, 180, 349]
    assert contains(moc, ra, np.full(9, 12.0)).tolist() == [True, True, True, True, True, True, False, False, False]
    assert moc.sky_fraction == pytest.approx(20 / 360, rel=0.02)


@pytest.mark.parametrize("limits", [[0, 360], [-180, 180]])
def test_full_circle_of_ra_is_the_whole_sky(limits):
    assert same(region_moc({"ra_range": limits}, ORDER), region_moc({"whole_sky": True}, ORDER))


def test_poles_belong_to_caps_and_hemispheres():
    north, south = region_moc({"dec_range": [60, 90]}), region_moc({"dec_range": [-90, -60]})
    assert contains(north, *POLES).tolist() == [True, False, False]
    assert contains(south, *POLES).tolist() == [False, True, True]
    assert contains(region_moc({"hemisphere": {"ra": 0, "dec": 90}}), *POLES).tolist() == [True, False, False]
    assert contains(region_moc({"cone": {"ra": 77, "dec": -90, "radius_deg": 1}}), *POLES).tolist() == [
        False,
        True,
        True,
    ]


def test_galactic_hemispheres_hold_the_galactic_poles():
    north = region_moc({"galactic_hemisphere": "north"})
    assert contains(north, [192.859, 12.859], [27.128, -27.128]).tolist() == [True, False]


def test_cone_and_polygon():
    cone = region_moc({"cone": {"ra": 0, "dec": 0, "radius_deg": 5}})
    assert contains(cone, [356, 4, 0, 6, 0], [0, 0, 4.5, 0, -6]).tolist() == [True, True, True, False, False]
    assert cone.sky_fraction == pytest.approx((1 - np.cos(np.radians(5))) / 2, rel=0.03)
    corners = [[350, -10], [10, -10], [10, 10], [350, 10]]
    polygon = region_moc({"polygon": corners})
    assert contains(polygon, [0, 351, 9, 11, 180], [0, 5, -5, 0, 0]).tolist() == [True, True, True, False, False]
    assert same(polygon, region_moc({"polygon": corners[::-1]}))


def test_set_operations():
    north, west = {"dec_range": [0, 90]}, {"ra_range": [0, 180]}
    both = region_moc({"intersection": [north, west]}, ORDER)
    either = region_moc({"union": [north, west]}, ORDER)
    assert contains(both, [90, 270, 90, 270], [45, 45, -45, -45]).tolist() == [True, False, False, False]
    assert contains(either, [90, 270, 90, 270], [45, 45, -45, -45]).tolist() == [True, True, True, False]
    assert same(region_moc({"complement": {"union": [north, west]}}, ORDER), either.complement())
    band = {"dec_range": [0, 30]}
    left = region_moc({"difference": [north, west, band]}, ORDER)
    assert contains(left, [270, 90, 270], [45, 45, 15]).tolist() == [True, False, False]


def test_difference_is_the_intersection_with_the_complement():
    a, b = {"cone": {"ra": 10, "dec": 80, "radius_deg": 20}}, {"hemisphere": {"ra": 200, "dec": 0}}
    difference = region_moc({"difference": [a, b]}, ORDER)
    assert same(difference, region_moc({"intersection": [a, {"complement": b}]}, ORDER))


def random_sky(member: int, **changes) -> dict:
    return {"random_sky": {"seed": 3, "member": member, "area_fraction": 0.5, "nside": 16} | changes}


def test_random_skies_have_equal_area_and_point_nowhere():
    mocs = [region_moc(random_sky(member)) for member in range(4)]
    assert {moc.sky_fraction for moc in mocs} == {0.5}
    assert not same(mocs[0], mocs[1])
    assert same(mocs[2], region_moc(random_sky(2)))
    assert not same(mocs[2], region_moc(random_sky(2, seed=4)))
    assert region_moc(random_sky(0, area_fraction=0.25)).sky_fraction == 0.25
    assert [footprint_axis(random_sky(member), moc) for member, moc in enumerate(mocs)] == [None] * 4


def test_no_positions_give_an_empty_array():
    assert contains(region_moc({"whole_sky": True}, 0), [], []).shape == (0,)


def test_every_position_is_in_six_of_the_rotating_hemispheres():
    random = np.random.default_rng(1)
    ra, dec = random.uniform(0, 360, 2000), np.degrees(np.arcsin(random.uniform(-1, 1, 2000)))
    inside = [contains(region_moc({"hemisphere": {"ra": a, "dec": d}}), ra, dec) for a, d in BASE_PIXELS]
    assert set(np.sum(inside, axis=0)) == {6}


@pytest.mark.parametrize(
    ("region", "axis", "fraction"),
    [
        ({"hemisphere": {"ra": 225, "dec": -41.8103}}, [225, -41.8103], 0.5),
        ({"ra_range": [0, 180]}, [90, 0], 0.5),
        ({"ra_range": [350, 10]}, [0, 0], 20 / 360),
        ({"dec_range": [30, 90]}, [None, 90], 0.25),
        ({"galactic_hemisphere": "south"}, [12.859, -27.128], 0.5),
        ({"cone": {"ra": 359, "dec": 20, "radius_deg": 3}}, [359, 20], (1 - np.cos(np.radians(3))) / 2),
        ({"union": [{"cone": {"ra": 355, "dec": 0, "radius_deg": 9}}, {"cone": {"ra": 5, "dec": 0, "radius_deg": 9}}]},
         [0, 0], None),
    ],
)  # fmt: skip
def test_axis_and_share_of_the_sky(region, axis, fraction):
    moc = region_moc(region)
    ra, dec = footprint_axis(region, moc)
    assert dec == pytest.approx(axis[1], abs=0.2)
    if axis[0] is not None:
        assert abs((ra - axis[0] + 180) % 360 - 180) < 0.2
        assert 0 <= ra < 360
    if fraction is not None:
        assert moc.sky_fraction == pytest.approx(fraction, rel=0.05)


@pytest.mark.parametrize("region", [{"whole_sky": True}, {"dec_range": [-20, 20]}])
def test_symmetric_areas_point_nowhere(region):
    assert footprint_axis(region, region_moc(region)) is None


def test_axis_weighs_cells_of_all_sizes_by_area():
    """The same area in cells of 0.2 degrees and merged into the largest possible ones: one direction."""
    moc = region_moc({"hemisphere": {"ra": 30, "dec": 20}})
    ra, dec = footprint_axis({"union": [{"hemisphere": {"ra": 30, "dec": 20}}]}, moc)
    assert len(set(np.log2(np.asarray(moc.uniq_hpx, float)).astype(int) // 2)) > 3
    assert (ra, dec) == pytest.approx((30, 20), abs=0.02)


@pytest.mark.parametrize(
    "region",
    [
        {"ra_range": [10, 10]},
        {"ra_range": [0, 0]},
        {"complement": {"whole_sky": True}},
        {"intersection": [{"dec_range": [10, 20]}, {"dec_range": [20, 30]}]},
        {"difference": [{"dec_range": [10, 20]}, {"dec_range": [0, 90]}]},
        {"dec_range": [20, 10]},
    ],
)
def test_empty_region_names_the_footprint(region):
    with pytest.raises(InputError, match=r"^footprints\.nowhere: the region is empty, expected some area on the sky$"):
        region_moc(region, ORDER, name="nowhere")


def test_polygon_needs_three_corners():
    with pytest.raises(InputError, match=r"footprints\.flat: the polygon has 2 different corners, expected at least 3"):
        region_moc({"polygon": [[0, 0], [360, 0], [10, 10]]}, name="flat")


def test_unknown_kind_names_the_footprint():
    with pytest.raises(InputError, match=r"footprints\.odd: 'annulus' is not a kind of region"):
        region_moc({"annulus": 3}, name="odd")


def test_moc_file_is_read_back(tmp_path):
    moc = region_moc({"cone": {"ra": 359, "dec": -89, "radius_deg": 3}})
    moc.save(tmp_path / "cap.fits", format="fits")
    assert same(region_moc({"moc": {"path": str(tmp_path / "cap.fits")}}), moc)


def test_moc_file_that_does_not_exist(tmp_path):
    with pytest.raises(InputError, match=r"footprints\.mine: the MOC file .*gone\.fits does not exist"):
        region_moc({"moc": {"path": str(tmp_path / "gone.fits")}}, name="mine")


@pytest.mark.parametrize("content", ["text", "nothing", "image", "table"])
def test_file_that_is_not_a_moc(tmp_path, content):
    path = tmp_path / "odd.fits"
    if content == "text":
        path.write_bytes(b"ra,dec\n1,2\n" * 400)
    elif content == "nothing":
        path.write_bytes(b"")
    elif content == "image":
        fits.PrimaryHDU(np.zeros((4, 4))).writeto(path)
    else:
        fits.BinTableHDU.from_columns([fits.Column("a", "K", array=[1, 2])]).writeto(path)
    with pytest.raises(
        InputError, match=r"odd\.fits: expected a MOC of the sky in FITS \(ICRS\) for footprints\.mine, found "
    ):
        region_moc({"moc": {"path": str(path)}}, name="mine")


def test_moc_file_that_is_cut_short(tmp_path):
    """Read without a check, it would be a smaller region."""
    path = tmp_path / "half.fits"
    region_moc({"hemisphere": {"ra": 10, "dec": 10}}).save(path, format="fits")
    path.write_bytes(path.read_bytes()[:8000])
    with pytest.raises(
        InputError, match=r"half\.fits: .* for footprints\.mine, found .* cut short \(8000 bytes of \d+"
    ):
        region_moc({"moc": {"path": str(path)}}, name="mine")


def test_moc_in_galactic_coordinates_is_refused(tmp_path):
    path = tmp_path / "galactic.fits"
    region_moc({"dec_range": [60, 90]}).save(path, format="fits")
    fits.setval(path, "COORDSYS", value="G", ext=1)
    with pytest.raises(InputError, match=r"galactic\.fits: expected .* for footprints\.mine, found COORDSYS 'G'"):
        region_moc({"moc": {"path": str(path)}}, name="mine")


def test_survey_coverage_of_the_validation_data(shared_data):
    sdss = region_moc({"moc": {"path": str(shared_data / "sky_moc" / "P-SDSS9-r.fits")}})
    assert sdss.sky_fraction == pytest.approx(0.3624, abs=1e-4)
    assert contains(sdss, [180, 180, 0], [30, -60, 0]).tolist() == [True, False, True]


def test_space_time_coverage_is_reduced_to_the_sky(shared_data):
    decals = region_moc({"moc": {"path": str(shared_data / "sky_moc" / "STMoc-DECaLS-g.v2.fits")}})
    assert decals.sky_fraction == pytest.approx(0.19677, abs=1e-4)
    assert contains(decals, [150, 150], [2, -80]).tolist() == [True, False]
