"""Records of earlier jobs: what they took, and the size of the work, read from what they wrote."""

import json
import math

import pandas as pd
import pytest

from workflow_scripts.planning import records
from workflow_scripts.planning.records import Record, read_records
from workflow_scripts.tables import write_json, write_table

RUN = "sky/east/net/resample0_seed1"


def benchmark(folder, where, seconds=3.0, memory="120.5"):
    """A benchmark file as Snakemake writes it."""
    path = folder / "benchmarks" / f"{where}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\tcpu_time\n{seconds}\t0:00:03\t{memory}\t2.0\n")


def rows(n, **columns):
    return pd.DataFrame({"source_id": [str(k) for k in range(n)], **columns})


@pytest.fixture
def folder(tmp_path):
    """Results of a few jobs, each with its benchmark."""
    results = tmp_path / "results"
    images = [b"x", None, b"y", b"z", None]
    write_table(results / "cutouts/sky/tile2.parquet", rows(5, image=images), {"config": {"survey": {"kind": "local"}}})
    recipe = {"config": {"size_px": 8, "channels": 3}}
    write_table(results / "images/sky/small/tile2.parquet", rows(3), recipe)
    (results / "images/sky/small/tile2.npy").write_bytes(b"0" * 1000)
    network = {"architecture": "lenet5", "recipe": "small", "mode": "train"}
    training = {"image_shape": [8, 8, 3], "epochs": 5, "n_train": {"0": 10, "1": 10}}
    write_json(results / f"training/{RUN}/run.json", {"config": {"network": network}, "training": training})
    annotations = results / f"inference/{RUN}/annotations.parquet"
    write_table(annotations, rows(7), {"config": {"network": network}})
    for where in (
        "cutouts/sky/tile2/fetch_cutouts",
        "images/sky/small/tile2/prepare_images",
        f"training/{RUN}/train",
        f"inference/{RUN}/annotate",
    ):
        benchmark(tmp_path, where)
    return tmp_path


def test_sizes_are_those_of_the_results(folder):
    found = {record.kind: record for record in read_records(folder)}
    sizes = {kind: record.size for kind, record in found.items()}
    assert sizes == {
        "fetch_cutouts local": 3,
        "prepare_images": 3,
        "train lenet5": 20 * 5 * 192,
        "annotate lenet5": 7 * 192,
    }
    assert {(record.seconds, record.memory_mb) for record in found.values()} == {(3.0, 120.5)}
    written = [path.stat().st_size for path in (folder / "results/images/sky/small").iterdir()]
    assert (found["prepare_images"].written, found["fetch_cutouts local"].written) == (3 * 192, 3)
    assert found["prepare_images"].disk_bytes == sum(written) > 1000


def test_a_job_that_nobody_looked_at_has_no_memory_reading(folder):
    benchmark(folder, f"inference/{RUN}/annotate", memory="NA")
    (record,) = (record for record in read_records(folder) if record.kind == "annotate lenet5")
    assert math.isnan(record.memory_mb)
    assert record.seconds == 3.0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda run: run.unlink(),
        lambda run: run.write_text("{"),
        lambda run: run.write_text(json.dumps({"config": {}})),
    ],
)
def test_a_result_that_is_gone_or_unreadable_tells_nothing(folder, spoil):
    spoil(folder / f"results/training/{RUN}/run.json")
    (folder / "benchmarks/cutouts/sky/tile2/fetch_cutouts.tsv").write_text("")
    assert {record.kind for record in read_records(folder)} == {"prepare_images", "annotate lenet5"}


def test_a_folder_without_benchmarks_has_no_records(tmp_path):
    assert read_records(tmp_path) == []


def test_only_the_newest_of_many_are_read(folder, monkeypatch):
    for number in range(5):
        benchmark(folder, f"training/footprints/f{number}/map_footprint", seconds=number + 1)
    monkeypatch.setattr(records, "MOST_OF_A_RULE", 3)
    maps = [record for record in read_records(folder) if record.kind == "map_footprint"]
    assert len(maps) == 3
    assert maps[0] == Record("map_footprint", 1, maps[0].seconds, 120.5, 0, 1)
