"""Sharing out fills every place that any sharing could fill."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from workflow_scripts.training_sets.matching_cells import Cells
from workflow_scripts.training_sets.sharing import FREE, share_out


def one_dimensional(number) -> Cells:
    number = np.asarray(number)
    return Cells(number, np.arange(number.max() + 1, dtype=float)[:, None], ("magnitude",))


def share(covered, number, quotas, seed=0, redistribute=False):
    covered = np.asarray(covered, bool)
    random = np.random.default_rng(seed)
    chance, order = random.random(covered.shape[1]), random.permutation(covered.shape[1])
    return share_out(covered, one_dimensional(number), np.asarray(quotas), chance, order, redistribute)


def most_places(covered, number, places) -> int:
    """Size of the largest sharing by an independent algorithm: a maximum flow member -> cell -> galaxy."""
    members, galaxies = covered.shape
    first = 1 + members
    source, sink = 0, first + galaxies
    capacity = np.zeros((sink + 1, sink + 1), np.int32)
    capacity[source, 1:first] = places
    capacity[1:first, first:sink] = covered
    capacity[first:sink, sink] = 1
    return int(maximum_flow(csr_array(capacity), source, sink).flow_value)


@st.composite
def problems(draw):
    members, galaxies, cells = draw(st.integers(1, 5)), draw(st.integers(1, 40)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    covered = random.random((members, galaxies)) < draw(st.sampled_from([0.2, 0.5, 0.9]))
    number = np.r_[random.integers(0, cells, galaxies - 1), cells - 1]
    return covered, number, random.integers(0, 6, cells)


@given(problem=problems(), seed=st.integers(0, 100))
@settings(max_examples=200, deadline=None)
def test_no_sharing_fills_more_places_of_a_cell(problem, seed):
    covered, number, quotas = problem
    result = share(covered, number, quotas, seed)
    owned = result.owner != FREE
    assert np.all(covered[result.owner[owned], np.flatnonzero(owned)])
    for cell, quota in enumerate(quotas):
        got = np.bincount(result.owner[owned & (number == cell)], minlength=len(covered))
        assert np.all(got <= quota)
        assert np.array_equal(quota - got, result.missing[:, cell])
        assert got.sum() == most_places(covered[:, number == cell], number, quota)


@given(problem=problems(), seed=st.integers(0, 100))
@settings(max_examples=200, deadline=None)
def test_no_sharing_fills_more_places_in_all(problem, seed):
    covered, number, quotas = problem
    result = share(covered, number, quotas, seed, redistribute=True)
    owned = result.owner != FREE
    assert np.all(covered[result.owner[owned], np.flatnonzero(owned)])
    got = np.bincount(result.owner[owned], minlength=len(covered))
    assert np.all(got <= quotas.sum())
    assert got.sum() == most_places(covered, number, quotas.sum())


def test_galaxy_that_only_one_member_contains_is_left_to_it():
    """Ten galaxies that both contain and ten that only the second does: the first needs all that it has."""
    covered = np.array([[True] * 10 + [False] * 10, [True] * 20])
    for seed in range(5):
        owner = share(covered, np.zeros(20, int), [10], seed).owner
        assert owner.tolist() == [0] * 10 + [1] * 10


def test_chain_of_exchanges():
    """Member 0 can only take from 1, 1 only from 2, and only 2 has a galaxy to spare."""
    covered = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1]], bool)
    for seed in range(10):
        assert share(covered, [0, 0, 0], [1], seed).owner.tolist() == [0, 1, 2]


def test_shortfall_is_filled_from_the_nearest_cells():
    # One galaxy in cell 0, none to spare in cell 1, many in cells 2 and 3.
    number = np.array([0, 1, 2, 2, 2, 3, 3, 3])
    result = share(np.ones((1, 8)), number, [3, 1, 1, 1], redistribute=True)
    assert result.missing.tolist() == [[2, 0, 0, 0]]
    assert np.bincount(number[result.owner == 0]).tolist() == [1, 1, 3, 1]


def test_spare_galaxies_stay_free():
    result = share(np.ones((2, 50)), np.zeros(50, int), [10])
    assert np.bincount(result.owner + 1).tolist() == [30, 10, 10]


def test_members_without_any_galaxy_get_none():
    result = share([[0] * 6, [1] * 6], [0] * 6, [4], redistribute=True)
    assert np.sum(result.owner == 1) == 4
    assert result.missing.tolist() == [[4], [0]]


def test_first_claims_are_even():
    """With a pool so large that nothing needs repair, each of three members gets its places from all galaxies alike."""
    covered = np.ones((3, 30_000), bool)
    result = share(covered, np.zeros(30_000, int), [5000])
    assert result.missing.sum() == 0
    halves = [np.mean(np.flatnonzero(result.owner == member) < 15_000) for member in range(3)]
    assert halves == pytest.approx([0.5] * 3, abs=5 * 0.5 / np.sqrt(5000))
