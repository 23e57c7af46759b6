"""What says whom to credit for the data of an experiment."""

from typing import Any

from workflow_scripts.configuration.settings import Configuration


def credited_data(settings: Configuration, experiment: str) -> dict[str, Any]:
    """The keys of the survey (None: none) and of the catalog by which `credits_of` knows them."""
    name, catalog = settings.experiment(experiment)["survey"], settings.catalog(settings.catalog_of(experiment))
    survey = settings.survey(name) if name else None
    return {
        "survey": survey and {key: survey[key] for key in ("kind", "layer") if key in survey},
        "catalog": {key: catalog[key] for key in ("source", "url", "query", "sql") if key in catalog},
    }
