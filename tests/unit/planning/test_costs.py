"""Lines through records, and what is taken where there is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.planning.costs import CostModel, Line, fitted_line
from workflow_scripts.planning.records import Record
from workflow_scripts.planning.work import UNITS, Work

DEFAULT = Line(2.0, 0.5)


def record(size, seconds, kind="prepare_images", memory=100.0, disk=10.0):
    return Record(kind, size, seconds, memory, disk, written=size)


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
    records = [
        Record("prepare_images", 10, 1.0, 100.0, bytes_, written) for bytes_, written in ((1e4, 1e4), (9e4, 9e4))
    ]
    assert CostModel(records).of(Work("prepare_images", 10, written=2e5)).disk_bytes == pytest.approx(2e5)


def test_a_missing_memory_reading_does_not_spoil_the_others():
    model = CostModel([record(100, 1.0, memory=float("nan")), record(1000, 10.0, memory=500.0)])
    cost = model.of(Work("prepare_images", 1000))
    assert cost.seconds == pytest.approx(10.0)
    assert cost.memory_mb == pytest.approx(500.0)


def test_records_come_before_shipped_figures_and_are_counted():
    model = CostModel([record(100, 1.0), record(1000, 10.0)])
    assert model.of(Work("prepare_images", 2000)).seconds == pytest.approx(20.0)
    assert model.source("prepare_images").records == 2
    assert model.source("make_catalog").records == 0


def test_a_service_that_limits_requests_sets_the_pace():
    model = CostModel([])
    assert model.of(Work("fetch_cutouts sdss", 1000, least_seconds=5e5)).seconds == 5e5
    assert model.of(Work("fetch_cutouts sdss", 1000)).seconds < 5e5


def test_records_of_one_architecture_say_nothing_of_another():
    model = CostModel([record(100, 1000.0, kind="train lenet5"), record(1000, 10_000.0, kind="train lenet5")])
    assert model.source("train ResNet50").records == 0
    assert model.of(Work("train ResNet50", 100)) == CostModel([]).of(Work("train ResNet50", 100))


@pytest.mark.parametrize("rule", UNITS)
def test_every_rule_has_a_shipped_figure_that_says_where_it_was_measured(rule):
    model = CostModel([])
    cost = model.of(Work(rule, 1000))
    assert min(cost.seconds, cost.memory_mb) > 0
    assert model.source(rule).measured
