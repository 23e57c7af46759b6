"""Which networks of an experiment its probe trains and reads, and whether there is anything to probe."""

from collections.abc import Iterable, Mapping
from typing import Any

from workflow_scripts.causes.probe_runs import pixel_runs
from workflow_scripts.configuration.program_networks import is_program
from workflow_scripts.configuration.sources import ConfigError
from workflow_scripts.runs import runs_of_experiment

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
