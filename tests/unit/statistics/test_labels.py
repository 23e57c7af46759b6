"""Labels of any kind as 0/1, signs or codes; anything that is not a known label is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.statistics.labels import class_codes, each_against_rest, one_against_rest, signed


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (["spiral", "elliptical", "spiral", "merger"], "spiral"),
        ([1, 0, 1, 2], 1),
        ([1.0, -1.0, 1.0, -1.0], 1),
        ([True, False, True, False], True),
        (np.array(["S", "E", "S", "E"], object), "S"),
        (np.array([b"S", b"E", b"S", b"E"]), b"S"),
        (np.array([1, "E", 1, "M"], object), 1),
        (pd.Series(["S", "E", "S", "E"], dtype="category"), "S"),
        (pd.array([1, 0, 1, 0], dtype="Int64"), 1),
    ],
)
def test_labels_of_every_kind_are_told_apart(labels, positive):
    np.testing.assert_array_equal(one_against_rest(labels, positive), [1.0, 0.0, 1.0, 0.0])
    np.testing.assert_array_equal(signed(labels, positive), [1.0, -1.0, 1.0, -1.0])


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), min_size=3, max_size=30).filter(lambda drawn: set(drawn) == set("abc")))
def test_classes_against_the_rest_add_up_to_one_and_agree_with_the_codes(labels):
    rows = each_against_rest(labels, "abc")
    np.testing.assert_array_equal(rows.sum(axis=0), 1.0)
    np.testing.assert_array_equal(rows.argmax(axis=0), class_codes(labels, "abc"))
    for row, name in zip(rows, "abc", strict=True):
        np.testing.assert_array_equal(row, one_against_rest(labels, name, "abc"))
        np.testing.assert_array_equal(row, [label == name for label in labels])


def test_two_classes_are_each_others_rest():
    labels = [0, 1, 1, 0, 1]
    np.testing.assert_array_equal(one_against_rest(labels, 1), 1 - one_against_rest(labels, 0))
    np.testing.assert_array_equal(signed(labels, 1), -signed(labels, 0))


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([1.0, np.nan, 0.0, np.nan], "2 labels are missing, the first in row 1"),
        (np.array(["S", None, "E"], object), "missing, the first in row 1"),
        (np.array(["S", float("nan")], object), "missing, the first in row 1"),
        (np.array(["S", pd.NA], object), "missing, the first in row 1"),
        (["S", "E", "  "], "missing, the first in row 2"),
        (np.ma.array([1, 0, 1], mask=[False, False, True]), "missing, the first in row 2"),
        (np.array(["2020", "NaT"], "datetime64[D]"), "missing, the first in row 1"),
        ([], "no labels"),
        ([[1, 0], [0, 1]], "one a galaxy"),
    ],
)
def test_missing_labels_are_refused(labels, sentence):
    with pytest.raises(ValueError, match=sentence):
        one_against_rest(labels, "S")
    with pytest.raises(ValueError, match=sentence):
        class_codes(labels, [0, 1, "S", "E"])


def test_labels_that_are_no_class_are_named():
    with pytest.raises(ValueError, match=r"\['S', 'E'\]: 'M', 'X' \(first in row 1\)"):
        one_against_rest(["S", "M", "E", "X"], "S", ["S", "E"])
    # Numbers and their names are different labels.
    with pytest.raises(ValueError, match=r"no label is '1'; there are 0, 1"):
        one_against_rest([1, 0, 1], "1")


@pytest.mark.parametrize(
    ("positive", "classes", "sentence"),
    [
        (1, None, "all labels are 1"),
        (1, [0, 1], "all labels are 1"),
        (0, [0, 1], "no label is 0"),
        (2, [0, 1], "2 is none of the classes"),
        (1, [1], "two or more"),
        (1, [1, 1, 0], "two or more different"),
    ],
)
def test_one_class_is_nothing_to_compare(positive, classes, sentence):
    with pytest.raises(ValueError, match=sentence):
        one_against_rest([1, 1, 1], positive, classes)


def test_a_class_without_galaxies_has_no_map():
    with pytest.raises(ValueError, match="no label is 'c'"):
        each_against_rest(["a", "b"], "abc")
