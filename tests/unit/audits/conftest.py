"""Fixtures of the tests of audits."""

from functools import partial

import pytest

from workflow_scripts.statistics.sky.dipole_amplitude import calibrated_interval


@pytest.fixture
def brief_audits(monkeypatch):
    """Audits that draw no figure and simulate few intervals, which take most of the time, for tests of all the rest."""
    monkeypatch.setattr("workflow_scripts.audit.audit_figures", lambda *_: {})
    name = "workflow_scripts.audits.audit_findings.calibrated_interval"
    monkeypatch.setattr(name, partial(calibrated_interval, simulations=100))
