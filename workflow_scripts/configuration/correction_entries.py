"""What rules read of the corrections of experiments and audits."""

from typing import Any

from workflow_scripts.configuration.settings import Configuration


def correction_parameter(settings: Configuration, experiment: str) -> dict[str, Any]:
    """How an experiment is corrected: `{"arm", "method", "nside"}`; empty where it is not."""
    return dict(settings.experiment(experiment)["correction"] or {})


def audit_correction(settings: Configuration, audit: str) -> dict[str, Any]:
    """How an audited catalog is corrected: `{"method", "nside", "labelled_at_random"}`; empty where it is not."""
    return dict(settings.audit(audit)["correction"] or {})
