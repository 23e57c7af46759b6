"""The hygiene gate: each problem is counted, dropped or fatal."""

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.catalogs.hygiene import PROBLEMS, clean, repeated_galaxies
from workflow_scripts.errors import InputError

ARCSEC = 1 / 3600


def settings(fatal: str | None = None, **changes) -> dict:
    actions = {problem: "fatal" if problem == fatal else "drop" for problem in PROBLEMS}
    limits = {"radius_arcsec": 2.0, "sentinels": [-9999, -99], "largest_loss": 1.0}
    return {**limits, "on_problem": actions, **changes}


def galaxies(*rows: tuple) -> pd.DataFrame:
    """(source_id, ra, dec) with a magnitude."""
    table = pd.DataFrame(rows, columns=["source_id", "ra", "dec"])
    return table.astype({"ra": float, "dec": float}).assign(magnitude=17.0)


GOOD = ("good", 10, 10)
BAD = {
    "sentinel": [("a", -9999, 0), ("b", 5, -99)],
    "non_finite_position": [("a", np.nan, 0), ("b", 1, np.inf)],
    "position_out_of_range": [("a", -180.001, 0), ("b", 360.001, 0), ("c", 1, 90.5), ("d", 1, -91)],
    "missing_id": [(None, 50, 50)],
    "repeated_id": [("good", 200, -20), ("good", 210, -20)],
    "repeated_galaxy": [("late", 10, 10 + 1.9 * ARCSEC), ("later", 10, 10)],
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_each_problem_is_dropped_and_counted_once(problem):
    table, report = clean(galaxies(*BAD[problem], GOOD), settings(), "t.csv")
    assert table["source_id"].tolist() == ["good"]
    rows = {name: count["rows"] for name, count in report["problems"].items()}
    assert rows == dict.fromkeys(PROBLEMS, 0) | {problem: len(BAD[problem])}
    assert (report["rows_in"], report["rows_out"]) == (len(BAD[problem]) + 1, 1)
    assert {count["action"] for count in report["problems"].values()} == {"drop"}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_each_problem_can_be_fatal(problem):
    with pytest.raises(InputError) as caught:
        clean(galaxies(*BAD[problem], GOOD), settings(fatal=problem), "t.csv")
    message = str(caught.value)
    assert message.startswith(f"t.csv: {len(BAD[problem])} rows with {problem.replace('_', ' ')}")
    assert "\n" not in message
    clean(galaxies(GOOD), settings(fatal=problem), "t.csv")


def test_edges_of_the_ranges_are_inside():
    table, _ = clean(galaxies(("a", 0, -90), ("b", 359.999, 0), ("c", 0.0, 90)), settings(), "t.csv")
    assert len(table) == 3


def test_right_ascensions_of_another_range_are_wrapped_and_counted():
    rows = [("a", -180, 0), ("b", -0.5, 10), ("c", 360, 20), ("d", -1e-16, 30), ("e", 7, 40)]
    table, report = clean(galaxies(*rows), settings(), "t.csv")
    assert table["ra"].tolist() == [180, 359.5, 0, 0, 7]
    assert report["right_ascensions_wrapped"] == 4


def test_sentinels_in_covariates_become_nan_and_are_counted():
    table = galaxies(("a", 1, 1), ("b", 2, 2), ("c", 3, 3)).assign(magnitude=[-9999.0, 17.0, -99.0], redshift=0.1)
    cleaned, report = clean(table, settings(), "t.csv")
    np.testing.assert_array_equal(cleaned["magnitude"], [np.nan, 17.0, np.nan])
    assert report["sentinels_in_covariates"] == {"magnitude": 2}
    assert table["magnitude"].tolist() == [-9999.0, 17.0, -99.0], "the caller's table has changed"


def test_which_row_is_kept_does_not_depend_on_the_order_of_the_file():
    rows = [("b", 10, 10), ("a", 10, 10 + ARCSEC), ("c", 10, 10 + 2.5 * ARCSEC), ("a", 50, 50), ("d", 80, 0)]
    kept = []
    for seed in range(6):
        shuffled = galaxies(*rows).sample(frac=1, random_state=seed)
        cleaned, _ = clean(shuffled, settings(), "t.csv")
        kept.append(cleaned[["source_id", "ra", "dec"]].to_numpy().tolist())
    # The first `a` is kept; `b` and `c` are each within 2 arcsec of it.
    assert all(rows == kept[0] for rows in kept)
    assert [row[0] for row in kept[0]] == ["a", "d"]


def test_rows_repeated_only_by_way_of_a_dropped_row_stay():
    steps = np.array([0.0, 1.5, 3.0, 4.5]) * ARCSEC
    assert repeated_galaxies(np.zeros(4), steps, 2.0).tolist() == [False, True, False, True]


def test_repeats_are_found_across_zero_and_at_the_poles():
    ra = [359.9999, 0.0001, 360.0, 10.0, 190.0, 100.0]
    dec = [0.0, 0.0, 0.0, 89.99999, 89.99999, -89.0]
    assert repeated_galaxies(ra, dec, 2.0).tolist() == [False, True, True, False, True, False]


@pytest.mark.parametrize(("radius", "apart", "expected"), [(2.0, 1.99, True), (2.0, 2.01, False), (0, 0.0, False)])
def test_radius(radius, apart, expected):
    assert repeated_galaxies([1.0, 1.0], [0.0, apart * ARCSEC], radius).tolist() == [False, expected]


def test_a_placeholder_position_that_very_many_share_is_no_burden():
    """40,000 equal positions would be 800 million pairs."""
    ra = np.r_[np.zeros(40_000), 5.0]
    repeated = repeated_galaxies(ra, np.zeros(len(ra)), 2.0)
    assert (~repeated).nonzero()[0].tolist() == [0, 40_000]


def test_many_galaxies_agree_with_brute_force():
    generator = np.random.default_rng(3)
    ra, dec = generator.uniform(0, 0.02, (2, 300))
    expected = np.zeros(len(ra), bool)
    for i in range(len(ra)):
        apart = np.hypot((ra[:i] - ra[i]) * np.cos(np.radians(dec[i])), dec[:i] - dec[i]) * 3600
        expected[i] = (apart[~expected[:i]] < 2).any()
    assert 5 < expected.sum() < 150
    np.testing.assert_array_equal(repeated_galaxies(ra, dec, 2.0), expected)


def test_no_usable_row_is_said_with_the_reasons():
    with pytest.raises(InputError, match=r"t\.csv: none of 2 rows is usable \(2 non finite position\)"):
        clean(galaxies(*BAD["non_finite_position"]), settings(), "t.csv")
    with pytest.raises(InputError, match=r"none of 0 rows is usable \(the table is empty\)"):
        clean(galaxies(), settings(), "t.csv")
