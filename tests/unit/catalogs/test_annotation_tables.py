"""Tables of annotations: every format gives the same rows, and what is wrong is one sentence with the row."""

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

from workflow_scripts.catalogs.annotation_tables import read_given_annotations
from workflow_scripts.errors import InputError

ENTRY = {
    **{"source_id": "id", "label": "kind", "score": "p", "threshold": 0.5, "others": "error"},
    **{"classes": ["elliptical", "spiral"], "label_values": {}, "format": None, "hdu": None},
}
GALAXIES = pd.DataFrame({"source_id": ["a", "b", "c", "d"], "ra": [1.0, 2, 3, 4], "dec": [5.0, 6, 7, 8]})
ROWS = {"id": ["c", "a", "b"], "p": [0.9, 0.1, 0.6], "kind": ["spiral", "elliptical", "spiral"]}


def read(folder, rows, **entry):
    path = folder / "table.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return read_given_annotations(str(path), ENTRY | entry, GALAXIES, "the catalog")


def refused(folder, rows, **entry):
    with pytest.raises(InputError) as caught:
        read(folder, rows, **entry)
    message = str(caught.value)
    assert "table.csv" in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("name", "written"), [("t.csv", "ascii.csv"), ("t.ecsv", "ascii.ecsv"), ("t.fits", "fits"), ("t.vot", "votable")]
)
def test_every_format_gives_the_rows_at_the_places_of_the_catalog(tmp_path, name, written):
    Table(ROWS).write(tmp_path / name, format=written)
    found = read_given_annotations(str(tmp_path / name), ENTRY, GALAXIES, "the catalog")
    assert found["source_id"].tolist() == ["a", "b", "c"]
    assert found[["ra", "dec"]].to_numpy().tolist() == [[1, 5], [2, 6], [3, 7]]
    assert found["label"].tolist() == [0, 1, 1]
    np.testing.assert_allclose(found["score"], [0.1, 0.6, 0.9], rtol=1e-6)
    assert (found["score"].dtype, found["label"].dtype) == (np.float32, np.int8)


def test_scores_are_labels_where_there_are_no_others(tmp_path):
    found = read(tmp_path, ROWS, label=None, threshold=0.6)
    assert found["label"].tolist() == [0, 1, 1]
    assert read(tmp_path, ROWS, score=None)["score"].isna().all()


def test_three_classes_have_a_column_of_scores_each(tmp_path):
    rows = {"id": ["c", "a", "b"], "e": [0.1, 0.6, 0.3], "s": [0.2, 0.3, 0.4], "o": [0.7, 0.1, 0.3]}
    three = {"classes": ["elliptical", "spiral", "edge_on"], "label": None}
    columns = {"edge_on": "o", "elliptical": "e", "spiral": "s"}
    found = read(tmp_path, rows, score=columns, **three)
    assert list(found) == ["source_id", "ra", "dec", "score_0", "score_1", "score_2", "label"]
    assert found["label"].tolist() == [0, 1, 2]
    np.testing.assert_allclose(
        found[["score_0", "score_1", "score_2"]], [[0.6, 0.3, 0.1], [0.3, 0.4, 0.3], [0.1, 0.2, 0.7]]
    )
    named = read(tmp_path, {**rows, "kind": ["edge_on", "spiral", 0]}, score=None, **(three | {"label": "kind"}))
    assert named["label"].tolist() == [1, 0, 2]
    assert named[["score_0", "score_1", "score_2"]].isna().all(axis=None)
    message = refused(tmp_path, {**rows, "o": [0.7, 1.1, 0.3]}, score=columns, **three)
    assert "column 'o' (annotations.score) has 1.1 in row 2, expected the probability of a class" in message


@pytest.mark.parametrize(
    ("kinds", "values"),
    [
        ([1, 0, 1], {}),
        (["S", "E", "S"], {"S": "spiral", "E": "elliptical"}),
        ([3.0, -4.0, 1.0], {"spiral": ">= 1", "elliptical": "< 0"}),
    ],
)
def test_labels_mean_what_the_user_says(tmp_path, kinds, values):
    assert read(tmp_path, ROWS | {"kind": kinds}, label_values=values)["label"].tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({"id": ["c", "a", "c"]}, "column 'id' (annotations.source_id) has 'c' again in row 3"),
        ({"id": ["c", None, "b"]}, "is empty in row 2, expected the id of a galaxy"),
        ({"id": ["c", "x", "y"]}, "has 'x' in row 2 (2 such rows), which is not in the catalog"),
        ({"p": [0.9, 1.5, 0.2]}, "column 'p' (annotations.score) has 1.5 in row 2, expected the probability"),
        ({"p": [0.9, None, 0.2]}, "has no number in row 2, expected the probability"),
        ({"kind": ["spiral", "spral", "elliptical"]}, "has 'spral' in row 2, expected 0, 1, elliptical, spiral ("),
        ({"kind": ["spiral", "spiral", None]}, "has nothing known in row 3, expected 0, 1, elliptical, spiral ("),
        ({"kind": [1, 0, 2]}, "column 'kind' (annotations.label) has '2' in row 3"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, rows, expected):
    assert expected in refused(tmp_path, ROWS | rows)


def test_a_column_that_is_not_there_is_named(tmp_path):
    assert "(annotations.label)" in refused(tmp_path, {"id": ["a"], "p": [0.5]})
    assert "neither annotations.label nor annotations.score names a column" in refused(
        tmp_path, ROWS, label=None, score=None
    )
    assert "the table has no rows" in refused(tmp_path, {"id": [], "p": [], "kind": []})


def test_galaxies_that_the_catalog_has_not_are_left_out_on_request(tmp_path):
    found = read(tmp_path, ROWS | {"id": ["c", "x", "b"]}, others="drop")
    assert found["source_id"].tolist() == ["b", "c"]
    assert "3 such rows" in refused(tmp_path, ROWS | {"id": ["x", "y", "z"]}, others="drop")
