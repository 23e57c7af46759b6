"""A whole experiment measured: 60 runs (12 rotating footprints, 5 seeds each) of a million galaxies.

    python -m tests.benchmarks.experiment_suite [--galaxies 1000000] [--profile]

Real step, made-up annotations, written as the workflow writes them. Baseline: the same files read with pandas, column
by column as the step needs them, and nothing computed. `--profile` lists what the time is spent on.
"""

import argparse
import cProfile
import pstats
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tests.benchmarks.measurement import line, measured, run_command
from workflow_scripts.configuration.expansion import BASE_PIXELS
from workflow_scripts.measure_bias import measure
from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.tables import write_table

SEEDS = 5
LIMITS = (300.0, 6.0)
EXPERIMENT: dict[str, Any] = {
    "name": "benchmark",
    "simulated": True,
    "opposite": [],
    "classes": ["elliptical", "spiral"],
    "tests": {
        "alpha": 0.01,
        "effect": 0.05,
        "permutations": 10_000,
        "seed": 0,
        "ra_bins": 12,
        "scan_nside": 32,
        "primary": [],
        "templates": ["psf_fwhm_arcsec", "depth_mag"],
        "confidence_cuts": [0.1, 0.2, 0.3, 0.4],
        "labelled_at_random": False,
    },
}


def listed_runs() -> list[dict[str, Any]]:
    """The runs, as `workflow_scripts.runs.listed_runs` gives them."""
    return [
        {
            "run_id": f"rotating_{number:02d}/net/resample0_seed{seed}",
            "arm": "rotating",
            "footprint": f"rotating_{number:02d}",
            "network": "net",
            "resample": 0,
            "seed": seed,
            "axis": list(axis),
            "family": "rotating",
        }
        for number, axis in enumerate(BASE_PIXELS)
        for seed in range(SEEDS)
    ]


def annotation_files(folder: Path) -> list[Path]:
    """One file a run, in the order of `listed_runs`."""
    return [folder / f"annotations_{number:02d}.parquet" for number in range(len(BASE_PIXELS) * SEEDS)]


def write_survey(folder: Path, n: int) -> None:
    """A catalog of `n` labelled galaxies with 19-digit ids, and how every run labels them."""
    random = np.random.default_rng(0)
    ids = pa.array([str(1_237_648_720_000_000_000 + number) for number in range(n)])
    ra, dec = random.uniform(0, 360, n), np.degrees(np.arcsin(random.uniform(-1, 1, n)))
    truth, hardness = random.random(n) < 0.5, random.random(n) - 0.5
    positions = {"source_id": ids, "ra": ra, "dec": dec}
    seeing = unit_vectors(120, 30)
    patches = random.normal(size=12 * 8**2)[tile_of(ra, dec, 3)]
    imaging = {"psf_fwhm_arcsec": 1.2 + 0.1 * patches + 0.05 * unit_vectors(ra, dec) @ seeing}
    imaging["depth_mag"] = 24.0 + random.normal(0, 0.1, n) - 0.05 * patches
    write_table(folder / "catalog.parquet", pa.table({**positions, "label": truth.astype(np.int8), **imaging}))
    for run, file in zip(listed_runs(), annotation_files(folder), strict=True):
        shift = 0.02 * seeing @ unit_vectors(*run["axis"]) + random.normal(0, 0.004)
        score = np.clip(0.25 + 0.5 * truth + 0.6 * hardness + shift + random.normal(0, 0.05, n), 0, 1)
        columns = {**positions, "score": score.astype(np.float32), "label": (score > 0.5).astype(np.int8)}
        write_table(file, pa.table(columns), {"config": {"run": run["run_id"]}})


def read_only(folder: Path) -> None:
    """The baseline."""
    files = annotation_files(folder)
    pd.read_parquet(files[0], columns=["source_id", "ra", "dec"])
    for file in files:
        pd.read_parquet(file, columns=["source_id", "score", "label"])


def measure_survey(folder: Path) -> None:
    """The step, without its command line."""
    measure(EXPERIMENT, listed_runs(), [str(file) for file in annotation_files(folder)],
            str(folder / "catalog.parquet"), folder / "bias")  # fmt: skip


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="keep the files here, and use those that are there")
    parser.add_argument("--profile", action="store_true", help="list what the time is spent on")
    parser.add_argument("--part", choices=["write", "read", "measure"], help="used by the benchmark itself")
    arguments = parser.parse_args()
    if arguments.part == "write":
        write_survey(arguments.folder, arguments.galaxies)
    elif arguments.part == "read":
        read_only(arguments.folder)
    elif arguments.part == "measure":
        measure_survey(arguments.folder)
    else:
        with tempfile.TemporaryDirectory() as temporary:
            folder = arguments.folder or Path(temporary)
            itself = ["-m", "tests.benchmarks.experiment_suite", "--folder", str(folder)]
            if not annotation_files(folder)[-1].exists():
                run_command([*itself, "--galaxies", str(arguments.galaxies), "--part", "write"])
            if arguments.profile:
                print_profile(folder)
                return
            cost, peak = run_command([*itself, "--part", "measure"])
            reading, _ = run_command([*itself, "--part", "read"])
            baseline = f"{cost.cpu / reading.cpu:.1f} times the CPU time of reading the files with pandas, {reading}"
            name = f"experiment suite, {len(annotation_files(folder))} runs x {arguments.galaxies} galaxies"
            print(line(name, cost, peak, LIMITS, baseline), flush=True)


def print_profile(folder: Path) -> None:
    """The functions that take most of the step's time."""
    profiler = cProfile.Profile()
    with measured() as cost:
        profiler.runcall(measure_survey, folder)
    print(cost)
    pstats.Stats(profiler).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    main()
