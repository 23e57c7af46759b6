"""Logarithms of p beyond the smallest floating-point number, against closed forms and where both ways work."""

import numpy as np
import pytest
from scipy import stats

from workflow_scripts.statistics import log_p
from workflow_scripts.statistics.log_p import log10_p_chi2, log10_p_f, log10_p_normal, log10_p_scan, p_in_words


@pytest.mark.parametrize("q", [3.0, 700.0, 4000.0, 1e6])
def test_even_degrees_of_freedom_have_closed_forms(q):
    assert log10_p_chi2(q, 2) == pytest.approx(-q / 2 / np.log(10))
    assert log10_p_chi2(q, 4) == pytest.approx((-q / 2 + np.log1p(q / 2)) / np.log(10))
    assert log10_p_chi2(q, 1) == pytest.approx(log10_p_normal(np.sqrt(q)), rel=1e-9)


def test_both_ways_agree_where_both_work(monkeypatch):
    cases = [(900.0, 3), (1200.0, 8), (400.0, 5)], [(700.0, (3, 300)), (30.0, (2, 90)), (100.0, (3, 40))]
    direct = [log10_p_chi2(*case) for case in cases[0]], [log10_p_f(*case) for case in cases[1]]
    assert direct[1][0] == pytest.approx(np.log10(stats.f.sf(700, 3, 300)))
    monkeypatch.setattr(log_p, "_SMALLEST", 2.0)
    assert [log10_p_chi2(*case) for case in cases[0]] == pytest.approx(direct[0])
    assert [log10_p_f(*case) for case in cases[1]] == pytest.approx(direct[1])
    # With two degrees of freedom P(F > f) = (1 + 2 f / b)^(-b/2).
    assert log10_p_f(1e7, (2, 200)) == pytest.approx(-100 * np.log10(1 + 2e7 / 200))


def test_a_scan_is_chi_with_three_degrees_of_freedom():
    assert 10 ** log10_p_scan(3.11) == pytest.approx(stats.chi.sf(3.11, 3))
    assert log10_p_scan(60) == pytest.approx(-780, abs=2)


@pytest.mark.parametrize(
    ("p", "log10", "text"),
    [
        (0.0178, None, "0.018"),
        (2.3e-5, -4.6, "2.3e-05"),
        (0.0, -119.95, "1e-120"),
        (0.0, -1000.02, "1e-1000"),
        (0.0, -400.3, "5e-401"),
        (0.0, None, "below 1e-300"),
        (None, None, ""),
    ],
)
def test_p_in_words(p, log10, text):
    assert p_in_words(p, log10) == text


def test_what_is_no_statistic_is_refused():
    for wrong in (lambda: log10_p_chi2(-1, 3), lambda: log10_p_f(1, (0, 3)), lambda: log10_p_chi2(np.nan, 3)):
        with pytest.raises(ValueError, match="not be negative"):
            wrong()
