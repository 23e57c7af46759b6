"""Networks that are programs of the user's: which keys they have, and whether their commands can be run."""

from collections.abc import Mapping
from typing import Any

from workflow_scripts.configuration.sources import ConfigError
from workflow_scripts.configuration.validation import suggestion
from workflow_scripts.networks.program_command import check_command, program_files

# The architecture of such a network.
PROGRAM = "program"
_OWN_KEYS = ("command", "python", "conda", "files")
_KEYS = ("architecture", "recipe", "threads", *_OWN_KEYS)


def is_program(network: Mapping[str, Any]) -> bool:
    """Whether a network is a program of the user's."""
    return network.get("architecture") == PROGRAM


def check_program_networks(networks: Any) -> None:
    """Raise `ConfigError` for keys beside those of a program, and for a command that cannot be run.

    `networks` are the entries as they are written, before defaults: only then is it known what the user wrote. What
    has another type than it should is left to the schema.
    """
    for name, network in networks.items() if isinstance(networks, Mapping) else ():
        if not isinstance(network, Mapping):
            continue
        path = ("networks", name)
        if not is_program(network):
            if found := [key for key in _OWN_KEYS if key in network]:
                problem = f"is given for architecture {network.get('architecture')}, expected it for {PROGRAM} only"
                raise ConfigError((*path, found[0]), problem)
            continue
        if foreign := [key for key in network if key not in _KEYS and key != "like"]:
            problem = f"is not a key of networks with a command{suggestion(foreign[0], _KEYS)}"
            raise ConfigError((*path, foreign[0]), problem)
        if "command" not in network:
            raise ConfigError(path, f"has architecture: {PROGRAM}, expected the key command")
        if "python" in network and "conda" in network:
            raise ConfigError(path, "has python and conda, expected one of them")
        command = network["command"] if isinstance(network["command"], Mapping) else {}
        for step, text in command.items():
            if step in ("train", "annotate") and isinstance(text, str):
                try:
                    check_command(step, text)
                except ValueError as error:
                    raise ConfigError((*path, "command", step), str(error)) from None


def without_keras_keys(networks: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Completed networks, those that are programs without the defaults of Keras networks."""
    return {
        name: {key: value for key, value in network.items() if key in _KEYS or not is_program(network)}
        for name, network in networks.items()
    }


def names_of_programs(networks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names of the networks that are programs."""
    return [name for name, network in networks.items() if is_program(network)]


def files_of_network(network: Mapping[str, Any]) -> list[str]:
    """The user's model or weights that a network starts from, or the files of the program that it is."""
    if is_program(network):
        return program_files(network)
    return [network[key] for key in ("path", "weights") if network[key]]


def model_file(network: Mapping[str, Any]) -> str:
    """Name of the file that holds a trained model."""
    return "model.tar" if is_program(network) else "model.keras"
