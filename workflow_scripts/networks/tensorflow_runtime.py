"""TensorFlow and Keras, started quickly and in silence, and set to give the same numbers every time.

Every module of this package takes `keras` and `tf` from here, so that the settings below come first.
"""

import gc
import logging
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from workflow_scripts.errors import InputError

log = logging.getLogger(__name__)

# The driver makes the first where there is a card; the second is what Windows gives to Linux within it.
_CARDS = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
_REMARKS = (b"cuda", b"cuInit", b"cudnn", b"cuBLAS", b"cuFFT", b"TensorRT", b"oneDNN custom operations", b"absl::Init")


@contextmanager
def without_remarks_on_cards() -> Iterator[None]:
    """Drop the lines about CUDA that TensorFlow writes while it starts and looks for cards.

    TensorFlow writes them past Python, and before its own level of logging holds. All other lines are written when
    the block ends, also where it ends with an error; where a card is, every line is written as it comes.
    """
    if any(card.exists() for card in _CARDS):
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            written.seek(0)
            for line in written:
                if not any(remark.lower() in line.lower() for remark in _REMARKS):
                    os.write(2, line)


os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Stated, because other defaults on other machines would give other last digits. It trains three times as fast.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"

# Importing makes a million objects that live as long as the process. Keeping the garbage collector from walking over
# them, now and at exit, halves the CPU time of start and end (3.6 to 1.8 s).
_STARTED = time.process_time()
gc.disable()
# Keras imports matplotlib for its galleries when it can; no step that uses networks draws.
_WITHOUT_MATPLOTLIB = "matplotlib" not in sys.modules
if _WITHOUT_MATPLOTLIB:
    sys.modules["matplotlib"] = None  # type: ignore[assignment]
try:
    with without_remarks_on_cards():
        import keras
        import tensorflow as tf

        # The first look for cards writes lines of its own.
        tf.config.list_physical_devices("GPU")
finally:
    if _WITHOUT_MATPLOTLIB:
        del sys.modules["matplotlib"]
    gc.freeze()
    gc.enable()
START_UP_CPU_SECONDS = time.process_time() - _STARTED

__all__ = ["device", "keras", "set_up", "tf"]


def set_up(seed: int, threads: int, cores: int, gpu: bool = False) -> None:
    """Seed every generator, make operations deterministic, fix the number of threads, choose the device.

    The number of threads is part of the result (sums are split over them), so it comes from the network's entry and
    not from the number of `cores` that were given: fewer are a warning. It cannot change once TensorFlow has computed
    something in this process (`RuntimeError`). The device is part of the result as well: with `gpu` a graphics card
    (`InputError` where TensorFlow sees none), without it the processor, also where there is a card.
    """
    if cores < threads:
        log.warning("the network uses %d threads on %d cores", threads, cores)
    if tf.config.threading.get_intra_op_parallelism_threads() != threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    if tf.config.threading.get_inter_op_parallelism_threads() != 1:
        tf.config.threading.set_inter_op_parallelism_threads(1)
    _choose_device(gpu)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    log.info("TensorFlow %s on %s, started in %.1f CPU seconds", tf.__version__, device(), START_UP_CPU_SECONDS)


def _choose_device(gpu: bool) -> None:
    cards = tf.config.list_physical_devices("GPU")
    if not gpu:
        tf.config.set_visible_devices([], "GPU")
        return
    if not cards:
        raise InputError(
            f"gpu: enabled is true, but TensorFlow sees no graphics card on {platform.node()}; expected CUDA in the"
            " environment (`make environment GPU=1`) and a card that this job may use (`nvidia-smi` lists them)"
        )
    # TensorFlow would put every job on the first card; and several can share one.
    card = cards[os.getpid() % len(cards)]
    tf.config.set_visible_devices(card, "GPU")
    tf.config.experimental.set_memory_growth(card, True)


def device() -> str:
    """`GPU` when TensorFlow computes on a graphics card, otherwise `CPU`."""
    return "GPU" if tf.config.get_visible_devices("GPU") else "CPU"
