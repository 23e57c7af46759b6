"""Limits of sizes at other levels than 95 %."""

import numpy as np
import pytest
from scipy import stats

from workflow_scripts.statistics.runs.lengths import OtherLevels, largest_sum_of_norms, vector_length


def test_limits_of_a_number_are_those_of_students_t():
    size, se, dof = 0.03, 0.01, 9
    limits = {level: size + stats.t.ppf(level, dof) * se for level in (0.95, 0.975, 0.99)}
    found = OtherLevels.of(size, (0.0, limits[0.975]), limits[0.95], dof)
    assert found.limit(0.99) == pytest.approx(limits[0.99])
    assert found.p_as_large(limits[0.99]) == pytest.approx(0.01)
    # A limit above the interval: by what lies between size and limit.
    assert OtherLevels.of(size, (0.0, 0.04), limits[0.95], dof).limit(0.99) == pytest.approx(limits[0.99])


def test_nothing_stays_nothing_at_every_level():
    nothing = OtherLevels.of(0.0, (0.0, 0.0), 0.0, 9)
    assert (nothing.limit(0.99), nothing.p_as_large(0.05)) == (0.0, 0.0)


def test_the_limit_of_a_vector_is_that_of_its_length():
    estimate, covariance, dof = np.array([0.03, 0.01, 0.0]), np.diag([1.0, 2.0, 1.5]) * 1e-4, 11.0
    own = vector_length(estimate, covariance, dof)
    wanted = largest_sum_of_norms(estimate[None], stats.t.ppf(0.99, dof) * np.sqrt(covariance))
    assert OtherLevels.of(own.size, own.ci95, own.limit95, dof).limit(0.99) == pytest.approx(wanted, rel=0.02)
