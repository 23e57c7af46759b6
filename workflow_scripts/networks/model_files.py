"""Keras model files: read with suspicion, written with the same bytes for the same model."""

import json
import math
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from workflow_scripts.errors import InputError
from workflow_scripts.networks.model_trial import ADAPTED, as_classifier, noise_images, reason_of
from workflow_scripts.networks.model_trial import check_scores as check_scores
from workflow_scripts.networks.tensorflow_runtime import keras
from workflow_scripts.whole_file import whole_file

METADATA = "metadata.json"
CONFIG = "config.json"
NO_DATE = (1980, 1, 1, 0, 0, 0)
LARGEST_CONFIG = 64 * 2**20
# Three times the largest that Keras offers.
LARGEST_FILE = 4 * 2**30
# Layers that run code, or open other files, named in the model file. Keras refuses most of them itself.
REFUSED_LAYERS = frozenset(
    {"Lambda", "__lambda__", "TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper"}
    | {"StringLookup", "IntegerLookup", "TextVectorization", "__typespec__"}
)
# Where Keras finds functions that a file names without their module.
FUNCTIONS = (keras.activations, keras.constraints, keras.initializers, keras.losses, keras.metrics, keras.regularizers)


def write_model(path: str | Path, model: "keras.Model", record: Mapping[str, Any]) -> None:
    """Write `model` as a .keras file that Keras loads, without dates, and `record` (its provenance) in the metadata.

    Keras stamps the time of day on the archive's members and into its metadata, and numbers objects that layers share
    by their address in memory; all of it is replaced.
    """
    with TemporaryDirectory() as folder, whole_file(path) as temporary:
        dated = Path(folder) / "model.keras"
        model.save(dated)
        with zipfile.ZipFile(dated) as source, zipfile.ZipFile(temporary, "w") as target:
            for member in source.namelist():
                content = source.read(member)
                if member == METADATA:
                    metadata = json.loads(content) | {"date_saved": "1980-01-01@00:00:00", "skybias": dict(record)}
                    content = json.dumps(metadata, sort_keys=True).encode()
                if member == CONFIG:
                    content = json.dumps(_renumbered(json.loads(content), {})).encode()
                target.writestr(zipfile.ZipInfo(member, NO_DATE), content)


def write_finished(path: str | Path, model: "keras.Model", given: str | Path) -> None:
    """Copy the file `given`, from which `model` was read; where `as_classifier` had to adapt it, write the model."""
    if model.name == ADAPTED:
        write_model(path, model, model_record(given))
        return
    with whole_file(path) as temporary:
        shutil.copyfile(given, temporary)


def _renumbered(value: Any, numbers: dict[int, int]) -> Any:
    """`value` with the numbers of shared objects replaced by 0, 1, ... in the order in which they occur."""
    if isinstance(value, list):
        return [_renumbered(part, numbers) for part in value]
    if isinstance(value, dict):
        return {
            key: numbers.setdefault(part, len(numbers)) if key == "shared_object_id" else _renumbered(part, numbers)
            for key, part in value.items()
        }
    return value


def model_record(path: str | Path) -> dict[str, Any]:
    """The provenance that `write_model` put in a model file; empty for a file from elsewhere."""
    with zipfile.ZipFile(path) as archive:
        if METADATA not in archive.namelist():
            return {}
        metadata = json.loads(archive.read(METADATA))
    record = metadata.get("skybias", {}) if isinstance(metadata, dict) else {}
    return record if isinstance(record, dict) else {}


def load_checked(path: str | Path, input_shape: tuple[int, int, int], n_classes: int | None = None) -> "keras.Model":
    """A model as `read_model` gives it, tried on noise: takes images of `input_shape`, gives probabilities of classes.

    Without `n_classes`, any number of classes will do.

    Raises
    ------
    InputError
        as `read_model` and `as_classifier`.
    """
    return as_classifier(path, read_model(path), noise_images(input_shape), n_classes)


def read_model(path: str | Path) -> "keras.Model":
    """Load a .keras file that may come from anywhere.

    The file may hold layers of Keras only, none of which runs code or opens another file. How it was compiled (loss,
    optimizer) is not read.

    Raises
    ------
    InputError
        if the file is missing, or is not such a file.
    """
    path = Path(path)
    config = _read_config(path)
    _check_config(path, config)
    _check_number_of_weights(path, config)
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (Exception, MemoryError) as error:
        # A hostile file can make Keras raise anything.
        raise InputError(f"{path}: Keras cannot load this model: {reason_of(error)}") from None
    if not isinstance(model, keras.Model):
        raise InputError(f"{path}: holds a {type(model).__name__}, expected a Keras model")
    if not model.built:
        raise InputError(
            f"{path}: was saved before its first call, without weights; expected a model with an Input layer, or one"
            " that has been called on images"
        )
    return model


def check_size(path: str | Path) -> None:
    """Raise `InputError` for a file of a model or of weights that holds too much, unpacked where it is an archive.

    Raises `BadZipFile` for a file named *.keras that is no archive.
    """
    n_bytes = Path(path).stat().st_size
    if Path(path).suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            n_bytes = sum(member.file_size for member in archive.infolist())
    if n_bytes > LARGEST_FILE:
        raise InputError(f"{path}: holds {n_bytes / 2**30:.3g} GiB, expected at most {LARGEST_FILE / 2**30:.3g}")


def _read_config(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"{path}: the model file does not exist")
    if path.suffix != ".keras":
        raise InputError(f"{path}: expected a model in Keras's own format, a file named *.keras")
    try:
        check_size(path)
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(CONFIG).file_size > LARGEST_CONFIG:
                raise InputError(f"{path}: {CONFIG} is implausibly large, expected a Keras model")
            broken = archive.testzip()
            config = json.loads(archive.read(CONFIG))
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, NotImplementedError, RuntimeError, RecursionError):
        raise InputError(f"{path}: is not a .keras file (expected a zip archive with {CONFIG})") from None
    if broken:
        raise InputError(f"{path}: the archive is damaged at {broken}, expected a whole .keras file")
    # As Keras does without `compile`: a loss may be code, and is not used.
    return {**config, "compile_config": None} if isinstance(config, dict) else config


def _check_config(path: Path, config: Any) -> None:
    parts = [config]
    # The list grows while it is read: breadth first.
    for part in parts:
        if isinstance(part, list):
            parts += part
        elif isinstance(part, dict):
            parts += part.values()
            if isinstance(part.get("class_name"), str):
                _check_class(path, part)


def _check_class(path: Path, part: Mapping[str, Any]) -> None:
    """Refuse a class that is not Keras's own, or one of its own that can run code or open files."""
    name, module, config = part["class_name"], part.get("module"), part.get("config")
    if name in REFUSED_LAYERS:
        what = "a lambda" if name == "__lambda__" else f"{_named(part)} of class {name}"
        raise InputError(f"{path}: has {what}, which can run code or open files, and is not loaded")
    if name == "function" and module in (None, "builtins"):
        known = any(isinstance(config, str) and hasattr(part_of_keras, config) for part_of_keras in FUNCTIONS)
    else:
        # What was never registered has no module.
        known = module.split(".")[0] in ("keras", "builtins") if isinstance(module, str) else name.startswith("__")
    if not known:
        what = f"the function {config}" if name == "function" else f"{_named(part)} of class {name}"
        origin = f" from {module}" if module not in (None, "builtins") else ""
        raise InputError(f"{path}: has {what}{origin}, expected layers and functions of Keras only")


def _named(part: Mapping[str, Any]) -> str:
    """`a layer 'NAME'`, by which the user knows it."""
    config = part.get("config")
    name = config.get("name") if isinstance(config, Mapping) else None
    return f"a layer '{name}'" if isinstance(name, str) else "a part"


def _check_number_of_weights(path: Path, config: Any) -> None:
    """Refuse a model that would fill the memory with weights that the file does not hold."""
    with zipfile.ZipFile(path) as archive:
        stored = sum(member.file_size for member in archive.infolist() if member.filename.startswith("model.weights"))
    try:
        # Within this scope variables have a shape and take no memory.
        with keras.StatelessScope(initialize_variables=False):
            draft = keras.saving.deserialize_keras_object(config, safe_mode=True)
            n_weights = sum(math.prod(variable.shape) for variable in getattr(draft, "variables", []))
    except (Exception, MemoryError) as error:
        raise InputError(f"{path}: Keras cannot load this model: {reason_of(error)}") from None
    finally:
        # Keras would give the draft's variables their memory at the next occasion.
        keras.utils.clear_session(free_memory=False)
    if n_weights > stored:
        raise InputError(f"{path}: describes {n_weights} weights, more than the {stored} bytes of weights it holds")
