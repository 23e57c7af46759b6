"""What rules and steps read of versions of images (`counterfactual_versions.counterfactual_of` makes them)."""

from collections.abc import Mapping
from typing import Any

from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.runs import paths_in_version


def counterfactual_parameter(settings: Configuration, experiment: str) -> dict[str, Any] | None:
    """The versions that an experiment annotates, as `counterfactual_of` gives them; None for none."""
    return settings.experiment(experiment)["why"]["counterfactual"] or None


def versions_of_experiment(settings: Configuration, experiment: str) -> list[Mapping[str, Any]]:
    """Each version that an experiment annotates, its survey as it is first; empty where it asks for none.

    Those for which networks are trained again are last.
    """
    found = counterfactual_parameter(settings, experiment)
    return [*found["versions"], *found["retrained"][1:]] if found else []


def files_of_versions(settings: Configuration, experiment: str) -> list[str]:
    """The annotations of every version by every run of an experiment."""
    pattern, runs = "results/inference/{survey}/{run_id}/annotations.parquet", settings.runs(experiment)
    versions = versions_of_experiment(settings, experiment)
    return [path for version in versions for path in paths_in_version(pattern, [vars(run) for run in runs], version)]


def active_images(settings: Configuration) -> list[tuple[str, str]]:
    """Surveys and recipes of the images that the runs of the active experiments use, with versions and remedies."""
    found = set()
    for name in settings.active_experiments:
        if not settings.trains(name):
            continue
        runs = settings.runs(name)
        own = {"survey": settings.experiment(name)["survey"], "networks": {run.network: run.network for run in runs}}
        remedies = settings.experiment(name)["remedies"]
        for version in (own, *versions_of_experiment(settings, name), *remedies):
            found |= {(version["survey"], settings.network(one)["recipe"]) for one in version["networks"].values()}
    return sorted(found)
