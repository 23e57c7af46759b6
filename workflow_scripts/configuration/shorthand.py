"""Short forms of the configuration, written out before anything else reads it: `like` of entries, `replicates` of arms,
`command` of networks, the path of annotations, a correction that is true.

A configuration in a short form and the same one in full are equal for every rule, so that no form reruns anything.
"""

from collections.abc import Mapping
from typing import Any

from workflow_scripts.configuration.program_networks import PROGRAM
from workflow_scripts.configuration.schema import registries
from workflow_scripts.configuration.sources import ConfigError, ConfigSources, KeyPath, last_source, overlay
from workflow_scripts.configuration.validation import check_name

Written = Mapping[str, Any]


def written_out(config: Written, files: ConfigSources = ()) -> dict[str, Any]:
    """A copy of the merged configuration without short forms; what has another type than it should is left as it is.

    Raises
    ------
    InputError
        for an entry that is like one that does not exist or, through others, like itself; and for an arm with
        `replicates` and the keys that these stand for in one file.
    """
    written = dict(config)
    # Arms first, so that those of an entry that is like another overlay arms in the same, full form.
    if isinstance(experiments := config.get("experiments"), Mapping):
        written["experiments"] = {name: _with_arms(name, entry, files) for name, entry in experiments.items()}
    for registry in registries():
        if isinstance(entries := written.get(registry), Mapping):
            written[registry] = {name: _overlaid(registry, name, entries, ()) for name in entries}
    for registry in ("experiments", "audits"):
        if isinstance(entries := written.get(registry), Mapping):
            written[registry] = {name: _with_correction(entry) for name, entry in entries.items()}
    if isinstance(networks := written.get("networks"), Mapping):
        written["networks"] = {name: _with_architecture(entry) for name, entry in networks.items()}
    return written


def _with_architecture(network: Any) -> Any:
    """A network with a command has no need to say that it is a program."""
    is_program = isinstance(network, Mapping) and "command" in network
    return {"architecture": PROGRAM, **network} if is_program else network


def _with_correction(entry: Any) -> Any:
    """An entry whose correction has keys, where it is true, and is null, where it is false."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("correction"), bool):
        return entry
    return {**entry, "correction": {} if entry["correction"] else None}


def _overlaid(registry: str, name: str, entries: Written, seen: tuple[str, ...]) -> Any:
    entry = entries[name]
    if not isinstance(entry, Mapping) or "like" not in entry:
        return entry
    path: KeyPath = (registry, name, "like")
    base = entry["like"]
    if not isinstance(base, str):
        raise ConfigError(path, f"is not text, expected the name of another entry of {registry}")
    if base in (*seen, name):
        raise ConfigError(path, f"closes a circle: {' -> '.join([*seen, name, base])}")
    check_name(path, base, registry, [other for other in entries if isinstance(other, str) and other != name])
    own = {key: value for key, value in entry.items() if key != "like"}
    return overlay(_overlaid(registry, base, entries, (*seen, name)), own)


def _with_arms(name: str, experiment: Any, files: ConfigSources) -> Any:
    if not isinstance(experiment, Mapping):
        return experiment
    if isinstance(path_of_annotations := experiment.get("annotations"), str):
        experiment = {**experiment, "annotations": {"path": path_of_annotations}}
    if not isinstance(experiment.get("arms"), Mapping):
        return experiment
    arms = {key: _with_draws(("experiments", name, "arms", key), arm, files) for key, arm in experiment["arms"].items()}
    return {**experiment, "arms": arms}


def _with_draws(path: KeyPath, arm: Any, files: ConfigSources) -> Any:
    """An arm with `resamples`, `seeds` and `combine` in place of `replicates`; of both forms, the later file's wins."""
    if not isinstance(arm, Mapping) or "replicates" not in arm:
        return arm
    count = arm["replicates"]
    others = {key: value for key, value in arm.items() if key != "replicates"}
    if count is None:
        return others
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= 1000:
        return arm
    drawn = {"resamples": list(range(count)), "seeds": list(range(count)), "combine": "paired"}
    short = last_source((*path, "replicates"), files)
    if beside := [key for key in drawn if key in arm and last_source((*path, key), files) == short]:
        raise ConfigError(path, f"has replicates and {' and '.join(beside)}, expected one or the other")
    later = {key: arm[key] for key in drawn if key in arm and last_source((*path, key), files) > short}
    return {**others, **drawn, **later}
