"""Records of earlier jobs, lines through them, and what is taken where there is none."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.planning import costs
from workflow_scripts.planning.cluster_requests import Cost, Line, Work
from workflow_scripts.planning.costs import CostModel, Record, fitted_line, read_records

DEFAULT = Line(2.0, 0.5)


def record(size, seconds, kind="prepare_images", memory=100.0, disk=10.0):
    return Record(Work(kind, size), Cost(seconds, memory, disk))


@given(base=st.floats(0.1, 100), slope=st.floats(0.001, 10))
def test_an_exact_line_is_found(base, slope):
    sizes = np.array([10.0, 300.0, 2000.0, 2000.0])
    line = fitted_line(sizes, base + slope * sizes, DEFAULT)
    assert line.at(5000.0) == pytest.approx(base + slope * 5000.0, rel=1e-6)


@pytest.mark.parametrize("sizes", [[100.0] * 300 + [1000.0] * 30, [100.0] * 300])
def test_the_sum_of_noisy_jobs_is_met(sizes):
    """A machine with other work makes a few jobs take several times as long."""
    sizes = np.array(sizes)
    values = (2.0 + 0.01 * sizes) * np.random.default_rng(3).lognormal(0.0, 0.7, sizes.size)
    line = fitted_line(sizes, values, DEFAULT)
    assert sum(map(line.at, sizes)) == pytest.approx(values.sum(), rel=0.05)


def test_lines_never_fall():
    line = fitted_line(np.array([1.0, 10.0]), np.array([5.0, 4.0]), DEFAULT)
    assert line.per_unit == 0
    assert 4.0 <= line.base <= 5.0


def test_one_size_scales_the_default():
    line = fitted_line(np.array([96.0, 100.0, 104.0]), np.array([104.0] * 3), DEFAULT)
    assert (line.base, line.per_unit) == pytest.approx((4.0, 1.0))


def test_without_usable_values_the_default_stays():
    assert fitted_line(np.array([]), np.array([]), DEFAULT) == DEFAULT
    assert fitted_line(np.array([10.0, 20.0]), np.array([np.nan, 0.0]), DEFAULT) == DEFAULT


def test_bytes_grow_with_what_is_written():
    records = [Record(Work("prepare_images", 10, written=written), Cost(1.0, 100.0, written)) for written in (1e4, 9e4)]
    assert CostModel(records).of(Work("prepare_images", 10, written=2e5)).disk_bytes == pytest.approx(2e5)


def test_a_missing_memory_reading_does_not_spoil_the_others():
    model = CostModel([record(100, 1.0, memory=float("nan")), record(1000, 10.0, memory=500.0)])
    cost = model.of(Work("prepare_images", 1000))
    assert cost.seconds == pytest.approx(10.0)
    assert cost.memory_mb == pytest.approx(500.0)


def test_records_come_before_shipped_figures_and_are_counted():
    model = CostModel([record(100, 1.0), record(1000, 10.0)])
    assert model.of(Work("prepare_images", 2000)).seconds == pytest.approx(20.0)
    assert model.records("prepare_images") == 2
    assert model.records("make_catalog") == 0


def test_records_of_one_architecture_do_not_count_for_another():
    model = CostModel([record(100, 1000.0, kind="train lenet5"), record(1000, 10_000.0, kind="train lenet5")])
    assert model.records("train ResNet50") == 0
    assert model.of(Work("train ResNet50", 100)) == CostModel([]).of(Work("train ResNet50", 100))


# What `snakemake --benchmark-extended` 9.27 writes.
NAMES = "s\th:m:s\tmax_rss\tcpu_time\trule_name\twildcards\tparams\tresources\tinput_size_mb"
OUTPUTS = {"prepare_images": ["results/images/{recipe}/tile{tile}.npy", "results/images/{recipe}/parts"]}


def benchmark(folder, number=2, seconds=3.0, memory="120.5", resources=None):
    """The benchmark file of a job, as Snakemake writes it."""
    path = folder / f"benchmarks/images/small/tile{number}/prepare_images.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    if resources is None:
        resources = {"tmpdir": "/tmp", "mem": "500 MB", "work_kind": "prepare_images", "work_size": 40 + number}
    columns = [seconds, "0:00:03", memory, 2.0, "prepare_images", {"recipe": "small", "tile": str(number)}]
    columns += [{"recipe": '{"a": "\t"}', "code": None}, resources, {"a.parquet": 0.5}]
    path.write_text("\n".join([NAMES, "\t".join(map(str, columns)), ""]))
    return path


def test_a_record_has_the_work_that_its_job_stated_and_the_bytes_of_its_outputs(tmp_path):
    benchmark(tmp_path)
    parts = tmp_path / "results/images/small/parts"
    parts.mkdir(parents=True)
    (parts / "a").write_bytes(b"12345")
    (parts.parent / "tile2.npy").write_bytes(b"123")
    (parts.parent / "tile3.npy").write_bytes(b"of another job")
    assert read_records(tmp_path, OUTPUTS) == [Record(Work("prepare_images", 42), Cost(3.0, 120.5, 8))]


def test_memory_that_was_not_measured_and_results_that_are_gone_are_unknown(tmp_path):
    benchmark(tmp_path, memory="NA")
    (record,) = read_records(tmp_path, OUTPUTS)
    assert math.isnan(record.cost.memory_mb)
    assert math.isnan(record.cost.disk_bytes)
    assert record.cost.seconds == 3.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s\th:m:s\tmax_rss\n3.0\t0:00:03\t120.5\n",
        f"{NAMES}\n3.0\t0:00:03\n",
        f"{NAMES}\n" + "\t".join(["3.0", "0:00:03", "NA", "2.0", "train", "{'tile': '3'}", "{}", "{'work", "{}"]),
        f"{NAMES}\n" + "\t".join(["3.0", "0:00:03", "NA", "2.0", "prepare_images", "{}", "{}", "{}", "{}"]),
    ],
    ids=["empty", "of an earlier version", "cut off", "broken", "without wildcards"],
)
def test_a_file_that_states_no_work_is_passed_over(tmp_path, text):
    benchmark(tmp_path, number=2).write_text(text)
    benchmark(tmp_path, number=3)
    assert [record.work.size for record in read_records(tmp_path, OUTPUTS)] == [43]


def test_a_folder_without_benchmarks_has_no_records(tmp_path):
    assert read_records(tmp_path, OUTPUTS) == []


def test_only_the_newest_of_many_are_read(tmp_path, monkeypatch):
    for number in range(5):
        benchmark(tmp_path, number)
    monkeypatch.setattr(costs, "MOST_OF_A_RULE", 3)
    assert len(read_records(tmp_path, OUTPUTS)) == 3
