"""Networks that start from files of the user: these are tried before anything is made with them."""

from typing import Any

from workflow_scripts.configuration.program_networks import files_of_network, is_program
from workflow_scripts.configuration.run_patterns import is_pattern
from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.runs import Run

# What building a network depends on; how it is trained does not matter.
_KEYS = ("architecture", "path", "weights", "mode", "outputs", "input_range", "trainable")


def trials_of_survey(settings: Configuration, survey: str) -> list[str]:
    """What the trials of the given networks of a survey's active experiments give, one file a network."""
    networks = {run.network: settings.network(run.network) for run in _runs_of_survey(settings, survey)}
    given = [name for name, network in networks.items() if not is_program(network) and files_of_network(network)]
    return [f"results/training/{survey}/models/{name}.json" for name in given]


def _runs_of_survey(settings: Configuration, survey: str) -> list[Run]:
    return [run for name in settings.experiments_of_survey(survey) for run in settings.runs(name)]


def tried_files(settings: Configuration, survey: str, network: str) -> list[str]:
    """The models or weights of a network that are tried: those of all its runs on a survey, each once."""
    runs = [run for run in _runs_of_survey(settings, survey) if run.network == network]
    return list(dict.fromkeys(file for run in runs for file in settings.network_files(vars(run))))


def trials(settings: Configuration) -> list[str]:
    """The files of all trials of the active experiments."""
    surveys = dict.fromkeys(settings.experiment(name)["survey"] for name in settings.active_experiments)
    return [path for survey in surveys if survey for path in trials_of_survey(settings, survey)]


def trial_parameter(settings: Configuration, survey: str, network: str) -> dict[str, Any]:
    """What a trial depends on: the network as it is built, the shape of its images, and the classes.

    A network that has a model for each run has `models`, all of them.
    """
    entry = settings.network(network)
    recipe = settings.recipe(entry["recipe"])
    return {
        "network": {key: entry[key] for key in _KEYS if key in entry},
        **({"models": tried_files(settings, survey, network)} if is_pattern(entry["path"]) else {}),
        "image_shape": [recipe["size_px"], recipe["size_px"], recipe["channels"]],
        "classes": settings.catalog(settings.survey(survey)["catalog"])["classes"],
    }
