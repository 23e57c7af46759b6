"""What rules read of the corrections of experiments and audits."""

from typing import Any

from workflow_scripts.configuration.parameters import as_options
from workflow_scripts.configuration.settings import Configuration


def correction_parameter(settings: Configuration, experiment: str) -> dict[str, Any]:
    """How an experiment is corrected: `{"arm", "method", "nside"}`; empty where it is not."""
    return dict(settings.experiment(experiment)["correction"] or {})


def audit_correction_options(settings: Configuration, audit: str) -> list[str]:
    """The options with which an audited catalog is corrected, as `correct_audit` takes them."""
    return as_options(settings.audit(audit)["correction"] or {})


def corrected_experiments(settings: Configuration) -> list[str]:
    """The active experiments that are corrected."""
    return [name for name in settings.active_experiments if correction_parameter(settings, name)]


def corrected_audits(settings: Configuration) -> list[str]:
    """The active audits that are corrected."""
    return [name for name in settings.active_audits if settings.audit(name)["correction"]]
