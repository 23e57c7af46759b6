"""The probe of an experiment: which networks it trains and reads, whether there are any, and what rules read of it."""

from collections.abc import Iterable, Mapping
from typing import Any

from workflow_scripts.causes.probe_runs import pixel_runs
from workflow_scripts.configuration.program_networks import is_program
from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.configuration.sources import ConfigError
from workflow_scripts.runs import runs_of_experiment

_RUN = "resample{resample}_seed{seed}"
SCORES = f"results/causes/{{survey}}/{{footprint}}/against_{{other}}/{{network}}/{{pixels}}/{_RUN}/scores.parquet"
FEATURES = f"results/causes/{{survey}}/{{footprint}}/{{network}}/{_RUN}/position.json"

Entries = Mapping[str, Mapping[str, Any]]


def trained_by_probe(networks: Entries, used: Iterable[str]) -> list[str]:
    """Those of the networks in use that can be trained on other classes: no finished models, no programs."""
    return [
        name for name in used if not is_program(networks[name]) and networks[name].get("mode", "train") != "annotate"
    ]


def read_by_probe(networks: Entries, used: Iterable[str]) -> list[str]:
    """Those of the networks in use whose features can be read: no programs."""
    return [name for name in used if not is_program(networks[name])]


def networks_in_use(experiment: Mapping[str, Any]) -> list[str]:
    """The networks of an experiment, each once."""
    return list(dict.fromkeys(run.network for run in runs_of_experiment(experiment)))


def check_probe(name: str, experiment: Mapping[str, Any], footprints: Entries, networks: Entries) -> None:
    """Raise `ConfigError` for a probe that the runs of an experiment do not allow.

    `experiment` is a valid entry, the arms of which list members in place of families; `footprints` and `networks` are
    those of `expand_footprints` and of the configuration.
    """
    probe, path = experiment["why"]["probe"], ("experiments", name, "why", "probe")
    if not probe:
        return
    used = networks_in_use(experiment)
    if not (probe["pixels"] or probe["features"]):
        raise ConfigError(path, "has pixels: false and features: false, expected one of them, or null")
    if probe["features"] and not read_by_probe(networks, used):
        raise ConfigError((*path, "features"), "is on, and all networks are programs; expected false")
    if not probe["pixels"]:
        return
    trained = trained_by_probe(networks, used)
    if not trained:
        problem = f"is on, and {', '.join(used)} cannot be trained (finished, or a program); expected false"
        raise ConfigError((*path, "pixels"), problem)
    of_arms = dict.fromkeys(one for arm in experiment["arms"].values() for one in arm["footprints"])
    directions = {
        one: {"axis": footprints[one]["axis"], "family": (footprints[one]["family"] or {}).get("name")}
        for one in of_arms
    }
    if not pixel_runs({**experiment, "footprints": directions}, trained):
        problem = "is on, expected a pair of opposite footprints with the same networks, resamples and seeds in arms"
        raise ConfigError((*path, "pixels"), problem)


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
