"""Which galaxies teach a probe, which it is scored on, and on which side of a pair they lie."""

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.causes.place_galaxies import UNLABELLED, enough_of, held_out_rows, held_out_sides
from workflow_scripts.errors import InputError
from workflow_scripts.networks.galaxies_of_runs import training_sides
from workflow_scripts.statistics.sky.sky_blocks import blocks_of

EAST, MIDDLE = ({"name": name, "region": {"ra_range": limits}} for name, limits in (("e", [0, 180]), ("m", [90, 270])))


def write_set(path, ids):
    table = pd.DataFrame({"source_id": ids, "label": np.arange(len(ids), dtype=np.int8) % 2})
    table.to_parquet(path, index=False)
    return path


def test_galaxies_of_both_sets_teach_neither_side(tmp_path):
    first, second = write_set(tmp_path / "a", ["g1", "g2", "g3"]), write_set(tmp_path / "b", ["g3", "g4", "g5", "g6"])
    ids, sides = training_sides(first, second)
    assert dict(zip(ids, sides, strict=True)) == {"g1": 1, "g2": 1, "g4": 0, "g5": 0, "g6": 0}
    with pytest.raises(InputError, match="expected footprints that differ"):
        training_sides(first, write_set(tmp_path / "c", ["g3", "g2", "g1", "g0"]))


def test_galaxies_in_both_footprints_or_in_neither_are_not_scored():
    rows = pd.DataFrame({"ra": [45.0, 135, 225, 315], "dec": [0.0, 10, 20, 30], "row": range(4)})
    found = held_out_sides(rows, EAST, MIDDLE)
    assert found[["row", "side"]].to_numpy().tolist() == [[0, 1], [2, 0]]
    with pytest.raises(InputError, match=r"footprints\.m: no galaxy of the annotation set lies in it alone"):
        held_out_sides(rows.iloc[:2], EAST, MIDDLE)


def test_galaxies_without_a_label_are_there_and_marked(tiny_survey_of_three):
    catalog, index = tiny_survey_of_three
    rows = held_out_rows(catalog, index)
    assert rows[["source_id", "label"]].to_numpy().tolist() == [["g1", UNLABELLED], ["g2", 1]]


@pytest.fixture
def tiny_survey_of_three(tmp_path):
    ids = ["g0", "g1", "g2"]
    catalog = pd.DataFrame({"source_id": ids, "ra": [0.0, 1, 2], "dec": 0.0})
    catalog["label"] = pd.array([0, None, 1], dtype="Int8")
    catalog["split"] = ["training", "annotation", "annotation"]
    catalog.iloc[::-1].to_parquet(tmp_path / "catalog.parquet", index=False)
    index = pd.DataFrame({"source_id": ids, "tile": np.int32(0), "row": np.arange(3, dtype=np.int32)})
    index.to_parquet(tmp_path / "index.parquet", index=False)
    return tmp_path / "catalog.parquet", tmp_path / "index.parquet"


def test_of_many_galaxies_the_same_ones_are_chosen(monkeypatch):
    monkeypatch.setattr("workflow_scripts.causes.place_galaxies.MOST_HELD_OUT", 5)
    rows = pd.DataFrame({"row": range(20)})
    assert len(enough_of(rows)) == 5
    assert enough_of(rows).equals(enough_of(rows))
    assert enough_of(rows)["row"].is_monotonic_increasing
    assert enough_of(rows.head(5)).equals(rows.head(5))


def test_blocks_need_galaxies_in_several_places():
    random = np.random.default_rng(0)
    assert len(np.unique(blocks_of(random.uniform(0, 360, 500), random.uniform(-60, 60, 500)))) >= 20
    with pytest.raises(ValueError, match="too close together"):
        blocks_of(random.uniform(10, 10.5, 500), random.uniform(0, 0.5, 500))
