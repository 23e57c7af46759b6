"""Where a training keeps its last finished epoch, so that it can resume and end as if never interrupted."""

import hashlib
import json
import logging
import shutil
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.networks.tensorflow_runtime import keras
from workflow_scripts.provenance import sha256
from workflow_scripts.whole_file import whole_file

log = logging.getLogger(__name__)

# Epoch, loss, accuracy.
History = list[tuple[int, float, float]]


def digest_of(determinants: Mapping[str, Any]) -> str:
    """Hex digest (32 digits) of everything that determines a training, this package's source code included."""
    sources = {file.name: sha256(file) for file in sorted(Path(__file__).parent.glob("*.py"))}
    text = json.dumps({"determinants": determinants, "sources": sources}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Checkpoints:
    """The last finished epoch of one training: weights, the optimizer's state and the history so far.

    Parameters
    ----------
    folder
        of this training only: its name holds the digest of all that determines the result
    every_seconds
        a checkpoint is written after an epoch when this much time has passed since the last one. The result does not
        depend on it.
    """

    def __init__(self, folder: str | Path, every_seconds: float):
        self.file = Path(folder) / "last_epoch.npz"
        self.every_seconds = every_seconds
        self._last = time.monotonic()

    def restore(self, model: "keras.Model", optimizer: Any) -> History:
        """Put the kept state into `model` and `optimizer` (built) and give the history; empty when nothing is kept."""
        if not self.file.exists():
            return []
        variables = [*model.variables, *optimizer.variables]
        try:
            with np.load(self.file, allow_pickle=False) as kept:
                values = [kept[str(number)] for number in range(len(variables))]
                rows = kept["history"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            log.warning("%s: damaged, training starts again from the first epoch", self.file)
            return []
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        log.info("%s: resuming after epoch %d", self.file, len(rows))
        return [(int(epoch), float(loss), float(accuracy)) for epoch, loss, accuracy in rows]

    def epoch_done(self, model: "keras.Model", optimizer: Any, history: History) -> None:
        """Keep the state, if enough time has passed."""
        if time.monotonic() - self._last < self.every_seconds:
            return
        variables = [*model.variables, *optimizer.variables]
        arrays = {str(number): np.asarray(variable) for number, variable in enumerate(variables)}
        with whole_file(self.file) as temporary, open(temporary, "wb") as file:
            np.savez(file, history=np.array(history, dtype=np.float64), **arrays)  # type: ignore[arg-type]
        self._last = time.monotonic()

    def remove(self) -> None:
        """Remove the folder: the training is finished and written."""
        shutil.rmtree(self.file.parent, ignore_errors=True)
