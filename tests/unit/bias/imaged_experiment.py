"""Annotations whose errors follow the seeing, with reference labels and a catalog that knows the seeing."""

from pathlib import Path

import numpy as np
import pandas as pd

from tests.unit.bias.synthetic_experiment import experiment_runs, write_experiment
from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors

DIPOLE = unit_vectors(120, 30)
SKY = unit_vectors(30, 0)


def imaged_experiment(
    folder: Path,
    n: int = 6000,
    seed: int = 0,
    per_seeing: float = 0.0,
    sky_dipole: float = 0.0,
    east_scores: float = 0.0,
    per_seeing_by_axis: float = 0.0,
    labelled: float = 1.0,
    runs: list[dict] | None = None,
) -> tuple:
    """(experiment, annotation files, catalog) of halves with three training sets each, unless `runs` are given.

    `per_seeing`: change of the positive rate for one standard deviation of seeing, which varies by patches and has a
    dipole too; `sky_dipole`: dipole of the true fraction along `SKY`; `east_scores`: dipole along `DIPOLE` of the
    scores of networks trained in the east; `per_seeing_by_axis`: what the cosine between `DIPOLE` and the axis of a
    run's footprint, 1 in the east and -1 in the west, adds to `per_seeing`; `labelled`: share of galaxies with a
    reference label.
    """
    runs = runs or [run for run in experiment_runs(with_rotating=False, seeds=3) if run["arm"] == "halves"]
    experiment, files, catalog = write_experiment(folder, 0.0, runs, n=n)
    random = np.random.default_rng(seed)
    table = pd.read_parquet(catalog)
    vectors = unit_vectors(table["ra"], table["dec"])
    seeing = random.normal(size=12 * 8**2)[tile_of(table["ra"], table["dec"], 3)] + vectors @ DIPOLE
    table["psf_fwhm_arcsec"] = 1.2 + 0.1 * seeing
    table["ebv"] = 0.03
    truth = random.random(n) < 0.5 + sky_dipole * vectors @ SKY
    known = random.random(n) < labelled
    table["label"] = pd.array(np.where(known, truth, False).astype(int), dtype="Int8")
    table.loc[~known, "label"] = pd.NA
    table.to_parquet(catalog)
    hardness = random.normal(size=n)
    for run, file in zip(runs, files, strict=True):
        score = 0.5 + np.where(truth, 0.2, -0.2) + 0.15 * hardness + 0.1 * random.normal(size=n)
        score += 0.02 * random.normal() + (per_seeing + per_seeing_by_axis * cosine_of(run)) * seeing
        if run["footprint"] == "east":
            score += east_scores * vectors @ DIPOLE
        score = np.clip(score, 0.001, 0.999).astype(np.float32)
        annotations = pd.read_parquet(file).assign(score=score, label=(score > 0.5).astype(np.int8))
        annotations.to_parquet(file)
    return experiment, files, catalog


def cosine_of(run: dict) -> float:
    """Between `DIPOLE` and where a run was trained."""
    halves = {"east": 1.0, "west": -1.0}
    return float(DIPOLE @ unit_vectors(*run["axis"])) if run["axis"] else halves.get(run["footprint"], 0.0)


def write_balance(folder: Path, runs: list[dict]) -> str:
    """The balance of the training sets of runs: their seeing follows the axis, as that of the sky does."""
    means = {(run["footprint"], run["resample"]): 1.2 + 0.05 * cosine_of(run) for run in runs}
    rows = [(*key, label, "psf_fwhm_arcsec", 500, mean) for key, mean in means.items() for label in (0, 1)]
    columns = ["footprint", "resample", "label", "covariate", "n", "mean"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "balance.csv", index=False)
    return str(folder / "balance.csv")
