"""What rules and steps read of the runs that follow from an experiment's own: on versions of its images, with remedies.

`counterfactual_versions.counterfactual_of` makes the versions, `remedy_runs.remedies_of` the remedies.
"""

from collections.abc import Mapping
from typing import Any

from workflow_scripts.catalogs.seeing_columns import SEEING_COLUMN
from workflow_scripts.configuration.remedy_runs import unlabelled_footprint
from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.runs import Run, parts_of_remedy, paths_in_version, runs_in_version

Remedy = Mapping[str, Any]


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


def remedies_of_experiment(settings: Configuration, experiment: str) -> dict[str, Remedy]:
    """The remedies of an experiment by name; empty where it tries none."""
    return {entry["remedy"]: entry for entry in settings.experiment(experiment)["remedies"]}


def remedy_parameter(settings: Configuration, experiment: str, remedy: str) -> Remedy:
    """One remedy, as `remedies_of` gives it."""
    return remedies_of_experiment(settings, experiment)[remedy]


def runs_of_remedy(settings: Configuration, experiment: str, remedy: Remedy) -> list[Run]:
    """The runs that a remedy scores, each once; those of the experiment where they are computed from."""
    own = [vars(run) for run in settings.runs(experiment)]
    return list(dict.fromkeys(run for part in parts_of_remedy(remedy) for run in runs_in_version(own, part)))


def files_of_remedy(settings: Configuration, experiment: str, remedy: str, kind: str) -> list[str]:
    """The annotations, or the training sets (`kind`), of the runs of an experiment and of a remedy, each once."""
    entry = remedy_parameter(settings, experiment, remedy)
    runs = [*settings.runs(experiment), *runs_of_remedy(settings, experiment, entry)]
    survey = entry["survey"]
    files = {
        "annotations": lambda run: f"results/inference/{survey}/{run.run_id}/annotations.parquet",
        "training_sets": lambda run: (
            f"results/training/{survey}/{run.footprint}/resample{run.resample}/training_set.parquet"
        ),
    }
    return list(dict.fromkeys(files[kind](run) for run in runs))


def columns_of_training(settings: Configuration, network: str) -> list[str]:
    """Columns of the catalog that a training needs beside those that its galaxies are matched in."""
    return [SEEING_COLUMN] if settings.network(network).get("augmentation", {}).get("degrade") else []


def unlabelled_set(settings: Configuration, survey: str, footprint: str, network: str, resample: str) -> list[str]:
    """The training set of galaxies whose features a network aligns with, labels not read; empty for other networks."""
    if not settings.network(network).get("alignment"):
        return []
    return [f"results/training/{survey}/{unlabelled_footprint(footprint)}/resample{resample}/training_set.parquet"]


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
