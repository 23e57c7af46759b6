"""CPU time of training and annotation beside `fit` and `predict` of bare Keras, in one process.

    python -m tests.benchmarks.bare_keras [--images 2000] [--epochs 5] [--repeats 3]

lenet5 on images of 48 x 48 pixels, one thread; both start from fresh models of the same weights, compile included. The
workflow also mirrors and turns its training images, and fills up the last batch of annotations; Keras does neither. Of
each, the least CPU time of the repeats, which alternate.
"""

import argparse
from collections.abc import Callable

import numpy as np

from tests.benchmarks.measurement import measured
from workflow_scripts.networks.annotation import BATCH, scored
from workflow_scripts.networks.architectures import build_model
from workflow_scripts.networks.tensorflow_runtime import keras, set_up
from workflow_scripts.networks.training import fit, make_optimizer

SIZE = 48
BATCH_SIZE = 32


def entry(epochs: int) -> dict:
    """A network's entry as the configuration completes it."""
    return {
        "architecture": "lenet5",
        "epochs": epochs,
        "batch_size": BATCH_SIZE,
        "optimizer": {"name": "adam", "learning_rate": 0.001, "schedule": "cosine"},
        "augmentation": {"flips": True, "quarter_turns": True},
    }


def fresh_model() -> "keras.Model":
    """lenet5 with the weights of seed 0."""
    keras.utils.set_random_seed(0)
    return build_model({"architecture": "lenet5"}, (SIZE, SIZE, 3), 2)


def trained_here(images: np.ndarray, labels: np.ndarray, spec: dict) -> None:
    """Train as the step does."""
    fit(fresh_model(), images, labels, spec, seed=0)


def trained_by_keras(images: np.ndarray, labels: np.ndarray, spec: dict) -> None:
    """Train with what a script would have."""
    model = fresh_model()
    steps = spec["epochs"] * -(-len(images) // BATCH_SIZE)
    model.compile(make_optimizer(spec, steps), loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(images, labels, batch_size=BATCH_SIZE, epochs=spec["epochs"], verbose=0)


def least_cpu(runs: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """The least CPU time (s) of each."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            with measured() as cost:
                run()
            found[name].append(cost.cpu)
    return {name: min(costs) for name, costs in found.items()}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    set_up(0, 1, 1)
    generator = np.random.default_rng(0)
    labels = np.arange(arguments.images) % 2
    images = generator.integers(0, 200, (arguments.images, SIZE, SIZE, 3), np.uint8)
    images[labels == 1] += 50
    spec = entry(arguments.epochs)
    stages: dict[str, dict[str, Callable[[], object]]] = {
        "training": {
            "skybias": lambda: trained_here(images, labels, spec),
            "keras": lambda: trained_by_keras(images, labels.astype(np.float32), spec),
        },
        "annotation": {
            "skybias": lambda: scored(fresh_model(), images),
            "keras": lambda: fresh_model().predict(images, batch_size=BATCH, verbose=0),
        },
    }
    for stage, runs in stages.items():
        cpu = least_cpu(runs, arguments.repeats)
        print(
            f"{stage}: {cpu['skybias']:.2f} s CPU, bare Keras {cpu['keras']:.2f} s, ratio"
            f" {cpu['skybias'] / cpu['keras']:.2f} ({arguments.images} images)",
            flush=True,
        )


if __name__ == "__main__":
    main()
