"""A tiny survey on disk in the form that training and annotation read: image arrays, catalog, training set."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.images import arrays as image_arrays
from workflow_scripts.networks.tensorflow_runtime import set_up
from workflow_scripts.step import run_step as run_in_this_process

# Before anything is computed, so that steps can run in the process of the tests.
set_up(0, threads=1, cores=1)

SIZE = 20
CLASSES = 2


def galaxy_images(labels: np.ndarray, seed: int) -> np.ndarray:
    """Round blobs (class 0) and blobs with a bar (class 1) with noise, (n, SIZE, SIZE, 3) uint8."""
    generator = np.random.default_rng(seed)
    y, x = np.indices((SIZE, SIZE)) - (SIZE - 1) / 2
    blob = np.exp(-(x**2 + y**2) / 18)
    angle = generator.uniform(0, np.pi, len(labels))[:, None, None]
    bar = np.exp(-((x * np.sin(angle) - y * np.cos(angle)) ** 2) / 3 - (x**2 + y**2) / 80)
    flux = np.where(labels[:, None, None] == 1, bar, blob)[..., None] * 150 + 40
    return (flux + generator.normal(0, 12, (len(labels), SIZE, SIZE, 3))).clip(0, 255).astype(np.uint8)


def network(**changes) -> dict:
    """A network's entry as the configuration completes it."""
    entry = {
        "architecture": "lenet5",
        "path": None,
        "mode": "train",
        "recipe": "tiny",
        "optimizer": {"name": "adam", "learning_rate": 0.002, "schedule": "cosine"},
        "epochs": 4,
        "batch_size": 32,
        "augmentation": {"flips": True, "quarter_turns": True},
        "weights": None,
        "threads": 1,
    }
    return entry | changes


def write_images(folder: Path, ids: np.ndarray, images: np.ndarray, tile_of: np.ndarray) -> Path:
    """Image arrays by tile and their index, rows in the given order within each tile."""
    folder.mkdir(parents=True)
    arrays, tables = [], []
    for tile in np.unique(tile_of):
        chosen = tile_of == tile
        arrays.append(folder / f"tile{tile}.npy")
        tables.append(folder / f"tile{tile}.parquet")
        image_arrays.write_images(arrays[-1], images[chosen].shape, images[chosen])
        table = pd.DataFrame({"source_id": ids[chosen], "row": np.arange(chosen.sum(), dtype=np.int32)})
        table.to_parquet(tables[-1], index=False)
    image_arrays.write_index(folder / "index.parquet", arrays, tables)
    return folder / "index.parquet"


@pytest.fixture(scope="session")
def tiny_survey(tmp_path_factory) -> Path:
    """A folder with images/index.parquet (3 tiles), catalog.parquet and training_set.parquet: 600 galaxies."""
    folder = tmp_path_factory.mktemp("tiny_survey")
    n = 600
    labels = np.arange(n) % CLASSES
    ids = np.array([f"g{number:04d}" for number in range(n)])
    split = np.where(np.arange(n) < 200, "training", "annotation")
    split = np.random.default_rng(1).permutation(split)
    write_images(folder / "images", ids, galaxy_images(labels, 0), np.arange(n) * 3 // n)
    catalog = pd.DataFrame({"source_id": ids, "ra": np.linspace(0, 359, n), "dec": np.linspace(-80, 80, n)})
    catalog["label"] = pd.array(labels, dtype="Int8")
    catalog["split"] = split
    # Galaxies without an image are in the catalog too, and the order is not that of the index.
    lost = catalog.head(5).assign(source_id=[f"lost{number}" for number in range(5)], split="annotation")
    pd.concat([catalog, lost]).iloc[::-1].to_parquet(folder / "catalog.parquet", index=False)
    training = catalog[catalog["split"] == "training"]
    training[["source_id", "label", "ra", "dec"]].astype({"label": "int8"}).to_parquet(
        folder / "training_set.parquet", index=False
    )
    return folder


@pytest.fixture
def run_step(tiny_survey, repository) -> Callable[..., subprocess.CompletedProcess]:
    """Run a step as a program of its own, in the folder of the tiny survey; `before` is code that runs first."""

    def run(step: str, *arguments: str, before: str = "", expect: int | None = 0) -> subprocess.CompletedProcess:
        code = (
            f"import sys\n{before}\nfrom workflow_scripts import {step}\nfrom workflow_scripts.step import run_step\n"
            f"run_step({step}.main, {step}.parser, sys.argv[1:])"
        )
        path = os.pathsep.join([str(repository), *filter(None, [os.environ.get("PYTHONPATH")])])
        finished = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=tiny_survey,
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=120,
        )
        if expect is not None:
            assert finished.returncode == expect, finished.stderr
        return finished

    return run


@pytest.fixture
def run_here(tiny_survey, monkeypatch, capsys) -> Callable[..., str]:
    """Run a step in this process, in the folder of the tiny survey, and give what it writes to stderr.

    Five seconds less than a program of its own, for what does not depend on the process.
    """
    monkeypatch.chdir(tiny_survey)

    def run(step: ModuleType, *arguments: str, expect: int = 0) -> str:
        with pytest.raises(SystemExit) as stopped:
            run_in_this_process(step.main, step.parser, arguments)
        captured = capsys.readouterr().err
        assert (stopped.value.code or 0) == expect, captured
        return captured

    return run


def train_arguments(output: Path, seed: int = 0, **changes) -> list[str]:
    """Command line of the train step on the tiny survey; the outputs go to `output`."""
    pairs = {
        "--network": json.dumps(network(**changes), sort_keys=True),
        "--training-set": "training_set.parquet",
        "--index": "images/index.parquet",
        "--catalog": "catalog.parquet",
        "--footprint": "north",
        "--resample": "0",
        "--seed": str(seed),
        "--resume-folder": str(output / "resume"),
        "--checkpoint-seconds": "0",
        "--model": str(output / "model.keras"),
        "--history": str(output / "history.csv"),
        "--run": str(output / "run.json"),
    }
    return [word for pair in pairs.items() for word in pair]


@pytest.fixture(name="train_arguments", scope="session")
def _train_arguments() -> Callable[..., list[str]]:
    return train_arguments


@pytest.fixture(name="network", scope="session")
def _network() -> Callable[..., dict]:
    return network


@pytest.fixture(name="write_images", scope="session")
def _write_images() -> Callable[..., Path]:
    return write_images


@pytest.fixture(name="galaxy_images", scope="session")
def _galaxy_images() -> Callable[..., np.ndarray]:
    return galaxy_images
