"""Annotations of runs with a known footprint effect, written as the workflow writes them."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.configuration.expansion import BASE_PIXELS
from workflow_scripts.measure_bias import measure
from workflow_scripts.sky.unit_vectors import unit_vectors

SEEING = unit_vectors(120, 30)


def experiment_runs(with_rotating: bool = True, seeds: int = 2, own_sets: bool = True) -> list[dict]:
    runs = []
    members = (
        [(f"rotating_{n:02d}", "rotating", list(axis)) for n, axis in enumerate(BASE_PIXELS)] if with_rotating else []
    )
    members += [("east", "halves", None), ("west", "halves", None)]
    members += [(f"random_{n:02d}", "random_sky", None) for n in range(3)]
    for footprint, arm, axis in members:
        for seed in range(seeds):
            # Halves are replicated by training sets of their own, the others by seeds on one training set.
            resample = seed if arm == "halves" and own_sets else 0
            runs.append(
                {
                    "run_id": f"{footprint}/net/resample{resample}_seed{seed}",
                    "arm": arm,
                    "footprint": footprint,
                    "network": "net",
                    "resample": resample,
                    "seed": seed,
                    "axis": axis,
                    "family": "rotating" if axis else None,
                }
            )
    return runs


def runs_of_noise(footprints: Sequence[str], sets: int, sd: float, seed: int = 0) -> pd.DataFrame:
    """A run table in which the fraction and the dipole scatter by `sd` between training sets, and follow nothing."""
    random = np.random.default_rng(seed)
    axes = dict(zip(footprints, BASE_PIXELS, strict=False))
    return pd.DataFrame(
        {"network": "net", "footprint": name, "resample": r, "seed": 0, "family": "rotating"}
        | {"axis_ra": axes[name][0], "axis_dec": axes[name][1], "fraction": 0.5 + sd * random.normal()}
        | {f"relative_dipole_{axis}": sd * random.normal() for axis in "xyz"}
        for name in footprints
        for r in range(sets)
    )


def write_experiment(folder: Path, effect: float, runs: list[dict], n: int = 3000, labelled: bool = True) -> tuple:
    """(experiment, annotation files, catalog) with a fraction that follows the footprint's axis by `effect`."""
    random = np.random.default_rng(11)
    positions = random.normal(size=(n, 3))
    positions /= np.linalg.norm(positions, axis=1, keepdims=True)
    ra = np.degrees(np.arctan2(positions[:, 1], positions[:, 0])) % 360
    dec = np.degrees(np.arcsin(positions[:, 2]))
    ids = [f"g{number:05d}" for number in range(n)]
    truth = random.random(n) < 0.5
    threshold = random.random(n)
    files = []
    for run in runs:
        side = (
            SEEING @ unit_vectors(*run["axis"]) if run["axis"] else {"east": 0.8, "west": -0.8}.get(run["footprint"], 0)
        )
        shift = effect * side + random.normal(0, 0.004)
        score = np.clip(0.25 + 0.5 * truth + 0.3 * (threshold - 0.5) + shift + 0.02 * random.normal(size=n), 0, 1)
        label = (score > 0.5) | (threshold < 0.1 + shift)
        files.append(folder / f"annotations_{len(files)}.parquet")
        pd.DataFrame(
            {"source_id": ids, "ra": ra, "dec": dec, "score": score.astype(np.float32), "label": label.astype(np.int8)}
        ).to_parquet(files[-1])
    catalog = folder / "catalog.parquet"
    labels = pd.array(truth.astype(int) if labelled else [pd.NA] * n, dtype="Int8")
    pd.DataFrame({"source_id": ids, "ra": ra, "dec": dec, "label": labels}).to_parquet(catalog)
    experiment = {
        "name": "synthetic",
        "survey": "pixels",
        "simulated": False,
        "classes": ["elliptical", "spiral"],
        "arms": {},
        "opposite": [["east", "west"]] if any(run["footprint"] == "east" for run in runs) else [],
        "tests": {
            **{
                "alpha": 0.01,
                "effect": 0.05,
                "permutations": 2000,
                "seed": 0,
                "ra_bins": 12,
                "scan_nside": 8,
                "primary": [],
            },
            **{"templates": ["psf_fwhm_arcsec", "depth_mag", "ebv"], "confidence_cuts": [0.1, 0.2, 0.3]},
            "labelled_at_random": False,
        },
        "runs": runs,
    }
    return experiment, files, catalog


def moved(given: tuple, ra: np.ndarray, dec: np.ndarray) -> tuple:
    """The same experiment with its galaxies at other positions, ICRS degrees."""
    _, files, catalog = given
    for file in (*files, catalog):
        pd.read_parquet(file).assign(ra=ra, dec=dec).to_parquet(file)
    return given


def measured(folder: Path, given: tuple, training_sets: Sequence = (), balance: str | None = None) -> tuple[dict, dict]:
    """Summary, and the tables by name, of an (experiment, annotation files, catalog); written to `folder`/bias."""
    experiment, files, catalog = given
    output = folder / "bias"
    measure(experiment, experiment["runs"], files, catalog, output, [str(file) for file in training_sets], balance)
    tables = {path.stem: pd.read_csv(path) for path in output.glob("*.csv")}
    return json.loads((output / "summary.json").read_text()), tables


def write_training(
    file: Path, learned: bool = True, device: str = "CPU", network: dict | None = None, **others
) -> Path:
    """The part of a run.json that the bias stage reads."""
    accuracies = {"training": {"balanced_accuracy": 1.0}, "held_out": {"balanced_accuracy": 0.45, "n": 2000}}
    training = {"learned": learned, "device": device, "at_inference": accuracies, **others}
    file.write_text(json.dumps({"config": {"network": network or {}}, "training": training}))
    return file
