"""Keras model files: read with suspicion, written with the same bytes for the same model."""

import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from workflow_scripts.errors import InputError, first_line
from workflow_scripts.networks.tensorflow_runtime import keras, tf
from workflow_scripts.whole_file import whole_file

METADATA = "metadata.json"
CONFIG = "config.json"
NO_DATE = (1980, 1, 1, 0, 0, 0)
LARGEST_CONFIG = 64 * 2**20
# Layers that run code, or open other files, named in the model file. Keras refuses most of them itself.
REFUSED_LAYERS = frozenset(
    {"Lambda", "__lambda__", "TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper"}
    | {"StringLookup", "IntegerLookup", "TextVectorization", "__typespec__"}
)


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
    """Load a .keras file that may come from anywhere, and check that it fits images and classes.

    The file may hold layers of Keras only, none of which runs code or opens another file. The model takes
    (n, height, width, channels) pixel values 0 to 255, and gives probabilities: (n, 1), of class 1, or (n, n_classes).
    Without `n_classes`, any number of classes will do.

    Raises
    ------
    InputError
        if the file is missing, is not such a file, or the model does not fit.
    """
    path = Path(path)
    config = _read_config(path)
    _check_config(path, config)
    _check_number_of_weights(path, config)
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (Exception, MemoryError) as error:
        # A hostile file can make Keras raise anything.
        raise InputError(f"{path}: Keras cannot load this model ({first_line(error)[:200]})") from None
    if not isinstance(model, keras.Model):
        raise InputError(f"{path}: holds a {type(model).__name__}, expected a Keras model")
    _check_shapes(path, model, input_shape, n_classes)
    _check_probabilities(path, model, input_shape)
    return model


def check_scores(path: str | Path, outputs: np.ndarray) -> None:
    """Raise `InputError` unless `outputs` (n, 1) or (n, classes) are probabilities."""
    if not np.isfinite(outputs).all():
        raise InputError(f"{path}: the model gives scores that are not finite, expected probabilities")
    sums = outputs.sum(axis=1)
    if outputs.min() < 0 or outputs.max() > 1 or (outputs.shape[1] > 1 and np.abs(sums - 1).max() > 1e-3):
        raise InputError(
            f"{path}: the model gives values from {outputs.min():.3g} to {outputs.max():.3g}, expected probabilities"
            " (a sigmoid or softmax at the end)"
        )


def _read_config(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"{path}: the model file does not exist")
    if path.suffix != ".keras":
        raise InputError(f"{path}: expected a model in Keras's own format, a file named *.keras")
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(CONFIG).file_size > LARGEST_CONFIG:
                raise InputError(f"{path}: {CONFIG} is implausibly large, expected a Keras model")
            broken = archive.testzip()
            config = json.loads(archive.read(CONFIG))
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, NotImplementedError, RuntimeError, RecursionError):
        raise InputError(f"{path}: is not a .keras file (expected a zip archive with {CONFIG})") from None
    if broken:
        raise InputError(f"{path}: the archive is damaged at {broken}, expected a whole .keras file")
    return config


def _check_config(path: Path, config: Any) -> None:
    parts = [config]
    # The list grows while it is read: breadth first.
    for part in parts:
        if isinstance(part, list):
            parts += part
        elif isinstance(part, dict):
            parts += part.values()
            name, module = part.get("class_name"), part.get("module")
            if isinstance(name, str) and name in REFUSED_LAYERS:
                raise InputError(f"{path}: has a {name} layer, which can run code or open files, and is not loaded")
            if isinstance(name, str) and isinstance(module, str) and module.split(".")[0] not in ("keras", "builtins"):
                raise InputError(f"{path}: has {module}.{name}, expected layers of Keras only")


def _check_number_of_weights(path: Path, config: Any) -> None:
    """Refuse a model that would fill the memory with weights that the file does not hold."""
    with zipfile.ZipFile(path) as archive:
        stored = sum(member.file_size for member in archive.infolist() if member.filename.startswith("model.weights"))
    try:
        # Within this scope variables have a shape and take no memory.
        with keras.StatelessScope(initialize_variables=False):
            draft = keras.saving.deserialize_keras_object({**config, "compile_config": None}, safe_mode=True)
            n_weights = sum(math.prod(variable.shape) for variable in getattr(draft, "variables", []))
    except (Exception, MemoryError) as error:
        raise InputError(f"{path}: Keras cannot load this model ({first_line(error)[:200]})") from None
    finally:
        # Keras would give the draft's variables their memory at the next occasion.
        keras.utils.clear_session(free_memory=False)
    if n_weights > stored:
        raise InputError(f"{path}: describes {n_weights} weights, more than the {stored} bytes of weights it holds")


def _check_shapes(path: Path, model: "keras.Model", input_shape: tuple[int, int, int], n_classes: int | None) -> None:
    takes = getattr(model, "input_shape", None)
    sizes = takes[1:] if isinstance(takes, tuple) and len(takes) == 4 else (0, 0, 0)
    if any(given not in (None, wanted) for given, wanted in zip(sizes, input_shape, strict=True)):
        shape = ", ".join(map(str, input_shape))
        raise InputError(f"{path}: takes input of shape {takes}, the recipe gives images of shape (n, {shape})")
    gives = getattr(model, "output_shape", None)
    one_output = isinstance(gives, tuple) and len(gives) == 2 and gives[0] is None and isinstance(gives[1], int)
    classes = max(gives[1], 2) if one_output else None  # type: ignore[index]
    if classes is None or n_classes not in (None, classes):
        expected = {None: "(None, 1) or (None, classes)", 2: "(None, 1) or (None, 2)"}.get(
            n_classes, f"(None, {n_classes})"
        )
        raise InputError(f"{path}: gives output of shape {gives}, expected {expected}")


def _check_probabilities(path: Path, model: "keras.Model", input_shape: tuple[int, int, int]) -> None:
    probe = np.random.default_rng(0).integers(0, 256, size=(4, *input_shape)).astype(np.float32)
    probe[0], probe[1] = 0, 255
    try:
        outputs = np.asarray(model(probe, training=False))
    except (ValueError, tf.errors.OpError) as error:
        raise InputError(
            f"{path}: the model fails on images of shape {input_shape} ({first_line(error)[:200]})"
        ) from None
    check_scores(path, outputs)
