"""Bins, cells and quotas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.errors import InputError
from workflow_scripts.training_sets.matching_cells import cell_quotas, matching_cells


def groups(galaxies: pd.DataFrame, bins: dict) -> list[list[int]]:
    """Rows that share a cell."""
    cells = matching_cells(galaxies, bins, "f")
    return sorted(np.flatnonzero(cells.number == cell).tolist() for cell in np.unique(cells.number))


def test_linear_bins():
    galaxies = pd.DataFrame({"magnitude": [16.0, 16.49, 16.5, 15.99, -0.1, 0.1]})
    assert groups(galaxies, {"magnitude": 0.5}) == [[0, 1], [2], [3], [4], [5]]


def test_logarithmic_bins():
    galaxies = pd.DataFrame({"radius_arcsec": [1.0, 9.9, 10.1, 99.0, 0.5]})
    assert groups(galaxies, {"radius_arcsec": {"log10": 1}}) == [[0, 1], [2, 3], [4]]


def test_unknown_values_are_a_cell_of_their_own():
    galaxies = pd.DataFrame({"redshift": [0.01, np.nan, np.nan, np.inf, 0.02], "radius_arcsec": [1, 1, 1, 1, 0.0]})
    assert groups(galaxies, {"redshift": 0.05}) == [[0, 4], [1, 2, 3]]
    assert groups(galaxies, {"radius_arcsec": {"log10": 0.1}}) == [[0, 1, 2, 3], [4]]


def test_missing_values_of_nullable_columns():
    galaxies = pd.DataFrame({"redshift": pd.array([0.01, None, 0.02], dtype="Float64")})
    assert groups(galaxies, {"redshift": 0.05}) == [[0, 2], [1]]


def test_two_covariates():
    galaxies = pd.DataFrame({"a": [0, 0, 1, 1, 0], "b": [0, 1, 0, 1, 0]})
    assert groups(galaxies, {"a": 1, "b": 1}) == [[0, 4], [1], [2], [3]]


@pytest.mark.parametrize("bins", [{}, None])
def test_no_covariates_is_one_cell(bins):
    cells = matching_cells(pd.DataFrame({"source_id": ["a", "b"]}), bins, "f")
    assert cells.number.tolist() == [0, 0]
    assert cells.describe(0) == "all galaxies"
    assert cell_quotas(np.array([2]), 2).tolist() == [2]


def test_cells_in_words_and_their_distances():
    galaxies = pd.DataFrame({"a": [0.0, 3.0, np.nan], "b": [0.0, 4.0, 0.0]})
    cells = matching_cells(galaxies, {"a": 1, "b": 1}, "f")
    origin, far, unknown = cells.number
    assert cells.describe(far) == "a bin 3, b bin 4"
    assert cells.describe(unknown) == "a unknown, b bin 0"
    assert cells.distances(origin)[[origin, far, unknown]].tolist() == [0, 25, 100]
    assert cells.distances(unknown)[[unknown, far]].tolist() == [0, 116]


def test_covariate_that_does_not_exist():
    galaxies = pd.DataFrame({"source_id": ["a"], "label": [1], "magnitude": [16.0], "file": ["a.jpg"]})
    with pytest.raises(InputError) as caught:
        matching_cells(galaxies, {"redshift": 0.1}, "north")
    assert str(caught.value) == (
        "footprints.north, matching: the catalog's column 'redshift' does not exist, expected one of magnitude"
    )
    with pytest.raises(InputError, match="column 'file' is not a number, expected one of magnitude"):
        matching_cells(galaxies, {"file": 0.1}, "north")


def test_quotas_by_largest_remainder():
    # Exact shares: 2.5, 1.7, 0.8, so two remain after the whole numbers: to .8 and .7.
    assert cell_quotas(np.array([50, 34, 16]), 5).tolist() == [2, 2, 1]
    assert cell_quotas(np.array([1, 1, 1]), 2).tolist() == [1, 1, 0]


@given(counts=st.lists(st.integers(0, 1000), min_size=1, max_size=40).filter(any), per_class=st.integers(1, 3000))
def test_quotas_sum_to_per_class_and_stay_within_one_of_the_share(counts, per_class):
    counts = np.array(counts)
    quotas = cell_quotas(counts, per_class)
    assert quotas.sum() == per_class
    assert np.all(np.abs(quotas - counts / counts.sum() * per_class) < 1 + 1e-9)
    assert np.all(quotas[counts == 0] == 0)
