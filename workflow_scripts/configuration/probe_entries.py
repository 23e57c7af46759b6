"""What rules and steps read of the probe of an experiment (`probe_networks.check_probe` checks it)."""

from typing import Any

from workflow_scripts.causes.probe_runs import pixel_runs
from workflow_scripts.configuration.probe_networks import networks_in_use, read_by_probe, trained_by_probe
from workflow_scripts.configuration.settings import Configuration

_RUN = "resample{resample}_seed{seed}"
SCORES = f"results/causes/{{survey}}/{{footprint}}/against_{{other}}/{{network}}/{{pixels}}/{_RUN}/scores.parquet"
FEATURES = f"results/causes/{{survey}}/{{footprint}}/{{network}}/{_RUN}/position.json"


def probe_parameter(settings: Configuration, experiment: str) -> dict[str, Any]:
    """The probe of an experiment; empty where it has none.

    Gives `size`, what networks are `shown`, the networks that are `trained`, and those whose `features` are read.
    """
    entry = settings.experiment(experiment)
    probe = entry["why"]["probe"]
    if not probe:
        return {}
    networks, used = settings.completed["networks"], networks_in_use(entry)
    return {
        "size": probe["size"],
        "shown": ["whole", *probe["controls"]],
        "trained": trained_by_probe(networks, used) if probe["pixels"] else [],
        "features": read_by_probe(networks, used) if probe["features"] else [],
    }


def probe_files(settings: Configuration, experiment: str) -> list[str]:
    """The scores and the features that the probe of an experiment needs."""
    probe = probe_parameter(settings, experiment)
    if not probe:
        return []
    entry = settings.experiment(experiment)
    scores = [
        SCORES.format(survey=entry["survey"], pixels=kind, **vars(run))
        for run in pixel_runs(entry, probe["trained"])
        for kind in probe["shown"]
    ]
    read = [run for run in settings.runs(experiment) if run.network in probe["features"]]
    return [*scores, *(FEATURES.format(survey=entry["survey"], **vars(run)) for run in read)]


def probed_network(settings: Configuration, network: str) -> dict[str, Any]:
    """A network as it is trained on sides of the sky: plainly, and a mirror swaps none of these."""
    entry = settings.network(network)
    for key in ("mirror_average", "average", "alignment"):
        entry.pop(key, None)
    kept = {key: value for key, value in entry.get("augmentation", {}).items() if key != "degrade"}
    return {**entry, "augmentation": kept} if "augmentation" in entry else entry


def probed_footprints(settings: Configuration, first: str, second: str) -> list[dict[str, Any]]:
    """`{"name", "region"}` of two footprints."""
    return [settings.footprint_region(name) for name in (first, second)]


def mocs_of_footprints(settings: Configuration, first: str, second: str) -> list[str]:
    """The MOC files of the user's that two footprints are made of."""
    return list(dict.fromkeys(path for name in (first, second) for path in settings.moc_files(name)))
