"""Annotation: order, independence of tiling and of company, refusal of training galaxies."""

import json

import keras
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from workflow_scripts import annotate
from workflow_scripts.errors import InputError
from workflow_scripts.images.arrays import ImageStore
from workflow_scripts.networks import annotation
from workflow_scripts.networks.annotation import scores_and_labels, write_annotations
from workflow_scripts.networks.architectures import build_model
from workflow_scripts.networks.galaxies_of_runs import annotation_rows
from workflow_scripts.networks.model_files import write_model


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return build_model({"architecture": "lenet5"}, (20, 20, 3), 2)


@pytest.fixture
def annotated(tiny_survey, model, tmp_path):
    """The annotations of the tiny survey read back, from one index or another."""

    def annotate(index="images/index.parquet"):
        rows = annotation_rows(tiny_survey / "catalog.parquet", tiny_survey / index)
        images = ImageStore(tiny_survey / index)
        write_annotations(tmp_path / "annotations.parquet", rows, images, model, "model.keras", {"config": {}})
        return pd.read_parquet(tmp_path / "annotations.parquet")

    return annotate


def test_rows_columns_and_scores(annotated, tiny_survey, model):
    table = annotated()
    assert {name: str(kind) for name, kind in table.dtypes.items() if name != "source_id"} == {
        "ra": "float64",
        "dec": "float64",
        "score": "float32",
        "label": "int8",
    }
    catalog = pd.read_parquet(tiny_survey / "catalog.parquet").set_index("source_id")
    index = pd.read_parquet(tiny_survey / "images" / "index.parquet")
    expected = [name for name in index["source_id"] if catalog.loc[name, "split"] == "annotation"]
    assert list(table["source_id"]) == expected
    assert len(expected) == 400
    np.testing.assert_array_equal(table["ra"], catalog.loc[expected, "ra"])
    np.testing.assert_array_equal(table["dec"], catalog.loc[expected, "dec"])
    images = ImageStore(tiny_survey / "images" / "index.parquet").read(np.array(expected, dtype=object))
    np.testing.assert_allclose(table["score"], model.predict(images, verbose=0)[:, 0], rtol=1e-4)
    np.testing.assert_array_equal(table["label"], table["score"] > 0.5)


def test_three_classes_have_a_score_each(tiny_survey, tmp_path):
    keras.utils.set_random_seed(4)
    model = build_model({"architecture": "lenet5"}, (20, 20, 3), 3)
    index = tiny_survey / "images/index.parquet"
    rows = annotation_rows(tiny_survey / "catalog.parquet", index)
    write_annotations(tmp_path / "annotations.parquet", rows, ImageStore(index), model, "model.keras", {"config": {}})
    table = pd.read_parquet(tmp_path / "annotations.parquet")
    assert list(table) == ["source_id", "ra", "dec", "score_0", "score_1", "score_2", "label"]
    scores = table[["score_0", "score_1", "score_2"]].to_numpy()
    assert scores.dtype == np.float32
    images = ImageStore(index).read(table["source_id"].to_numpy(object))
    np.testing.assert_allclose(scores, model.predict(images, verbose=0), rtol=1e-4)
    np.testing.assert_array_equal(table["label"], scores.argmax(axis=1))


def test_tiling_and_company_change_no_bit(annotated, tiny_survey, write_images, galaxy_images, monkeypatch):
    reference = annotated()
    index = pd.read_parquet(tiny_survey / "images" / "index.parquet")
    labels = np.arange(len(index)) % 2
    ids, images = index["source_id"].to_numpy(), galaxy_images(labels, 0)
    order = np.random.default_rng(2).permutation(len(ids))
    folders = {"one_tile": np.arange(len(ids)), "mixed": order}
    for name, chosen in folders.items():
        path = write_images(tiny_survey / name, ids[chosen], images[chosen], np.zeros(len(ids), dtype=int))
        found = annotated(path.relative_to(tiny_survey)).set_index("source_id").loc[reference["source_id"]]
        np.testing.assert_array_equal(found["score"], reference["score"])
    monkeypatch.setattr(annotation, "ROWS_AT_A_TIME", 100)
    pd.testing.assert_frame_equal(annotated(), reference)


def test_tiles_are_never_copied_whole(tiny_survey, model, tmp_path):
    """Every read is of a batch at most, from a memory map."""
    index = tiny_survey / "images" / "index.parquet"
    store, reads = ImageStore(index), []

    class Watched:
        shape = store.shape

        def tile(self, tile):
            mapped = store.tile(tile)
            assert isinstance(mapped, np.memmap)
            return WatchedMap(mapped)

    class WatchedMap:
        def __init__(self, mapped):
            self.mapped = mapped

        def __getitem__(self, rows):
            reads.append(len(rows))
            return self.mapped[rows]

        def __array__(self, *_, **__):
            raise AssertionError("a whole tile was read")

    rows = annotation_rows(tiny_survey / "catalog.parquet", index)
    write_annotations(tmp_path / "a.parquet", rows, Watched(), model, "m.keras", {})
    assert sum(reads) == rows.num_rows == 400
    assert max(reads) <= annotation.BATCH


def test_training_galaxy_is_refused(tiny_survey, tmp_path):
    catalog, index = tiny_survey / "catalog.parquet", tiny_survey / "images" / "index.parquet"
    assert annotation_rows(catalog, index, tiny_survey / "training_set.parquet").num_rows == 400
    training = pd.read_parquet(tiny_survey / "training_set.parquet")
    first = annotation_rows(catalog, index)["source_id"][7].as_py()
    training.loc[3, "source_id"] = first
    training.to_parquet(tmp_path / "training_set.parquet")
    with pytest.raises(InputError, match=f"1 galaxies to annotate are in the training set .source_id {first}"):
        annotation_rows(catalog, index, tmp_path / "training_set.parquet")


def test_nothing_to_annotate_and_wrong_tables(tiny_survey, tmp_path):
    index = tiny_survey / "images" / "index.parquet"
    catalog = pd.read_parquet(tiny_survey / "catalog.parquet")
    catalog.assign(split="training").to_parquet(tmp_path / "catalog.parquet")
    with pytest.raises(InputError, match="no galaxy of split 'annotation' has an image"):
        annotation_rows(tmp_path / "catalog.parquet", index)
    catalog.drop(columns="dec").to_parquet(tmp_path / "catalog.parquet")
    with pytest.raises(InputError, match="column dec is missing"):
        annotation_rows(tmp_path / "catalog.parquet", index)
    (tmp_path / "catalog.parquet").write_text("not a table")
    with pytest.raises(InputError, match="expected a whole table"):
        annotation_rows(tmp_path / "catalog.parquet", index)


def test_scores_that_are_no_probabilities_leave_no_file(tiny_survey, model, tmp_path):
    rows = annotation_rows(tiny_survey / "catalog.parquet", tiny_survey / "images" / "index.parquet")
    spoiled = keras.models.clone_model(model)
    spoiled.get_layer("score").bias.assign([np.nan])
    images = ImageStore(tiny_survey / "images" / "index.parquet")
    with pytest.raises(InputError, match=r"m\.keras: the model gives scores that are not finite"):
        write_annotations(tmp_path / "a.parquet", rows, images, spoiled, "m.keras", {})
    assert list(tmp_path.iterdir()) == []


def test_scores_and_labels_of_several_classes():
    scores, labels = scores_and_labels(np.array([[0.2, 0.5, 0.3], [0.1, 0.2, 0.7]], dtype=np.float32))
    np.testing.assert_allclose(scores, [0.5, 0.2])
    np.testing.assert_array_equal(labels, [1, 2])


def test_the_step_records_where_the_model_comes_from(run_here, tiny_survey, model, network):
    record = {"config": {"footprint": "north", "resample": 2}, "seeds": {"training": 5}}
    write_model(tiny_survey / "of_run.keras", model, record)
    arguments = ["--network", json.dumps(network()), "--model", "of_run.keras", "--index", "images/index.parquet"]
    arguments += ["--catalog", "catalog.parquet", "--training-set", "training_set.parquet"]
    logged = run_here(annotate, *arguments, "--output", "annotated/annotations.parquet")
    assert "annotated 400 galaxies" in logged
    table = pq.read_table(tiny_survey / "annotated" / "annotations.parquet")
    found = json.loads(table.schema.metadata[b"skybias"])
    assert (found["config"]["footprint"], found["config"]["resample"], found["seeds"]) == ("north", 2, {"training": 5})
    assert set(found["inputs"]) == {
        "of_run.keras",
        "training_set.parquet",
        "images/index.parquet",
        "catalog.parquet",
    }
    assert table.num_rows == 400
