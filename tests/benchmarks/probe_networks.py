"""The probes by networks that are trained for real, on small skies with and without a seeing dipole: size and power.

    python -m tests.benchmarks.probe_networks --results FILE [--null 40] [--dipole 12] [--galaxies 2000]

Each sky is a simulated survey with three pairs of opposite hemispheres and two training sets a side, from the renderer
to the answers by the functions of the product, in one process: TensorFlow starts once. The results have a line a sky;
skies that have one are not made again.
"""

import argparse
import json
import logging
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.measurement import measured
from workflow_scripts import probe_features, probe_pixels, train
from workflow_scripts.bias.probe_answers import measured_probe
from workflow_scripts.causes.probe_runs import pixel_runs
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.probe_entries import FEATURES, SCORES, probe_parameter, probed_footprints
from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.images.arrays import write_images, write_index
from workflow_scripts.images.decoding import sky_pixels
from workflow_scripts.images.recipes import apply_recipe
from workflow_scripts.networks.tensorflow_runtime import keras
from workflow_scripts.runs import Run
from workflow_scripts.simulate_sky import simulated_sky
from workflow_scripts.statistics.p_values import holm
from workflow_scripts.surveys.simulated.simulated_survey import SimulatedSurvey
from workflow_scripts.training_sets.matching import draw_training_set

LEVELS = (0.05, 0.01)
# Relative amplitude of the seeing's dipole; 0.35 is that of the default sky.
DIPOLES = (0.15, 0.35)
PAIRS = {"x": ((0, 0), (180, 0)), "y": ((90, 0), (270, 0)), "z": ((0, 90), (0, -90))}
# p of features is no smaller than 1 in 200.
EXCHANGES = 199
TRAINING_SET = "results/training/{survey}/{footprint}/resample{resample}/training_set.parquet"


def configuration(amplitude: float, seed: int, galaxies: int, epochs: int) -> Configuration:
    """The experiment on one sky."""
    poles = {f"{name}{end}": pole for name, pair in PAIRS.items() for end, pole in enumerate(pair)}
    hemispheres = {name: {"hemisphere": {"ra": ra, "dec": dec}} for name, (ra, dec) in poles.items()}
    seeing = {"dipole": {"amplitude": amplitude, "ra": 120, "dec": 30}}
    sky = {"source": "simulated", "n_galaxies": galaxies, "seed": seed, "split": {"annotation_fraction": 0.5}}
    arm = {"footprints": list(poles), "networks": ["net"], "replicates": 2}
    entries = {
        "active_experiments": ["sky"],
        "catalogs": {"sky": {**sky, "imaging": {"seeing": seeing}}},
        "surveys": {
            "sky": {"kind": "simulated", "catalog": "sky", "cutout": {"size_px": 32, "pixel_scale_arcsec": 0.8}}
        },
        "recipes": {"rgb32": {"size_px": 32}},
        # Three in ten galaxies of a side are ellipticals to train on, and two sets share none.
        "matchings": {"sets": {"per_class": galaxies // 30, "bins": {}, "disjoint": True}},
        "footprints": {name: {"region": region, "matching": "sets"} for name, region in hemispheres.items()},
        "networks": {"net": {"architecture": "lenet5", "recipe": "rgb32", "epochs": epochs, "batch_size": 32}},
        "experiments": {
            "sky": {
                "survey": "sky",
                "arms": {"hemispheres": arm},
                "opposite": [[f"{name}0", f"{name}1"] for name in PAIRS],
                "why": {"probe": {"controls": []}},
            }
        },
    }
    return load(entries)


def rendered(settings: Configuration, folder: Path) -> None:
    """Catalog, images and training sets of the sky, in `folder` as the workflow has them in `results`."""
    catalog, random = settings.sky_parameter("sky"), np.random.default_rng([3, settings.catalog("sky")["seed"]])
    sky = simulated_sky(catalog)
    sky["split"] = np.where(random.random(len(sky)) < 0.5, "annotation", "training")
    sky.to_parquet(folder / "catalog.parquet", index=False)
    survey = SimulatedSurvey(settings.survey("sky"), folder / "catalog.parquet")
    recipe, scale = settings.recipe("rgb32"), survey.cutout["pixel_scale_arcsec"]
    images = (apply_recipe(sky_pixels(one.image, False, (), scale), recipe) for one in survey.cutouts(sky))
    write_images(folder / "tile0.npy", (len(sky), 32, 32, 3), images)
    places = pd.DataFrame({"source_id": sky["source_id"], "row": np.arange(len(sky), dtype=np.int32)})
    places.to_parquet(folder / "tile0.parquet", index=False)
    write_index(folder / "index.parquet", [folder / "tile0.npy"], [folder / "tile0.parquet"])
    pool = sky[sky["split"] == "training"]
    for footprint, resample in settings.training_sets("sky"):
        path = folder / TRAINING_SET.format(survey="sky", footprint=footprint, resample=resample)
        path.parent.mkdir(parents=True, exist_ok=True)
        draw_training_set(pool, settings.training_set_parameter(footprint), resample).to_parquet(path, index=False)


def run(step: Any, **options: Any) -> None:
    """Run a step in this process, with the options of its command line."""
    words = []
    for name, value in options.items():
        values = value if isinstance(value, list) else [value]
        words += [f"--{name.replace('_', '-')}", *(one if isinstance(one, str) else str(one) for one in values)]
    step.main(step.parser.parse_args(words))


def probed(settings: Configuration, folder: Path) -> dict[str, Any]:
    """Train all networks of the sky, and give what its two answers rest on."""
    experiment, network = settings.experiment("sky"), json.dumps(settings.network("net"))
    shared = {"index": folder / "index.parquet", "catalog": folder / "catalog.parquet"}
    probe = probe_parameter(settings, "sky")

    def set_of(footprint: str, resample: int) -> Path:
        return folder / TRAINING_SET.format(survey="sky", footprint=footprint, resample=resample)

    for one in pixel_runs(experiment, probe["trained"]):
        output = folder / SCORES.format(survey="sky", pixels="whole", **vars(one))
        sides = json.dumps(probed_footprints(settings, one.footprint, one.other))
        sets = [set_of(name, one.resample) for name in (one.footprint, one.other)]
        given = {"network": network, "training_sets": sets, "footprints": sides, "seed": one.seed}
        output.parent.mkdir(parents=True, exist_ok=True)
        run(probe_pixels, **given, **shared, resume_folder=folder / "resume", output=output)
    for each in settings.runs("sky"):
        of_run(each, network, shared, set_of(each.footprint, each.resample), folder)
    scores, features = (str(folder / pattern.replace("{survey}", "sky")) for pattern in (SCORES, FEATURES))
    training_sets = str(folder / TRAINING_SET.replace("{survey}", "sky"))
    found = measured_probe(
        settings.bias_parameter("sky"), probe, scores, features, training_sets, str(folder / "catalog.parquet")
    )
    (pixels,), (of_features,) = found.entries["pixels"], found.entries["features"]
    whole = pixels["auc"]["whole"]
    return {
        "auc": whole["estimate"],
        "ci95": whole["ci95"],
        "p_pixels": whole["p"],
        "r2": of_features["r2"]["estimate"],
        "p_features": of_features["p"],
        "answers": [one.answer for one in found.answers],
    }


def of_run(each: Run, network: str, shared: Mapping[str, Path], training_set: Path, folder: Path) -> None:
    """Train one network on classes, and probe its features."""
    output = folder / FEATURES.format(survey="sky", **vars(each))
    model, files = folder / "model.keras", {"history": folder / "history.csv", "run": folder / "run.json"}
    names = {"footprint": each.footprint, "seed": each.seed, "resume_folder": folder / "resume"}
    run(train, network=network, training_set=training_set, **shared, **names, model=model, **files)
    output.parent.mkdir(parents=True, exist_ok=True)
    run(probe_features, model=model, **shared, permutations=EXCHANGES, output=output)


def table_row(name: str, skies: pd.DataFrame) -> str:
    """Rejections at each level, coverage of 0.5 and means over the skies of one amplitude."""

    def shares(p: Sequence[float] | np.ndarray) -> str:
        return " / ".join(f"{np.mean(np.asarray(p) < level):.1%}" for level in LEVELS)

    either = [min(holm([*pair])) for pair in zip(skies["p_pixels"], skies["p_features"], strict=True)]
    covers = np.mean([low < 0.5 < high for low, high in skies["ci95"]])
    cells = [name, str(len(skies)), *map(shares, (skies["p_pixels"], skies["p_features"], either)), f"{covers:.1%}"]
    cells += [f"{skies['auc'].mean():.3f} ({skies['auc'].std():.3f})", f"{skies['r2'].mean():.4f}"]
    return "| " + " | ".join([*cells, f"{skies['cpu_s'].mean():.0f} s"]) + " |"


def main() -> None:
    """Make the skies that are not there yet, and print a row for each amplitude."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, help="a line of JSON for each sky, added to")
    parser.add_argument("--null", type=int, default=40, help="skies of uniform imaging")
    parser.add_argument("--dipole", type=int, default=12, help="skies of each amplitude")
    parser.add_argument("--galaxies", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    made = {"galaxies": arguments.galaxies, "epochs": arguments.epochs}
    lines = arguments.results.read_text().splitlines() if arguments.results.exists() else []
    done = [one for one in map(json.loads, lines) if made.items() <= one.items()]
    there = {(one["amplitude"], one["seed"]) for one in done}
    wanted = [(0.0, seed) for seed in range(arguments.null)]
    wanted += [(amplitude, seed) for amplitude in DIPOLES for seed in range(arguments.dipole)]
    for amplitude, seed in wanted:
        if (amplitude, seed) in there:
            continue
        with tempfile.TemporaryDirectory() as folder, measured() as cost:
            settings = configuration(amplitude, seed, **made)
            rendered(settings, Path(folder))
            found = probed(settings, Path(folder))
        keras.backend.clear_session()
        done.append({"amplitude": amplitude, "seed": seed, **made, **found, "cpu_s": cost.cpu})
        with arguments.results.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")
        print(f"{time.strftime('%H:%M:%S')} {json.dumps(done[-1])}", flush=True)
    table = pd.DataFrame([one for one in done if (one["amplitude"], one["seed"]) in wanted])
    print("| seeing dipole | skies | pixels, 5 % / 1 % | features | either (Holm) | 0.5 in 95 % | AUC | R^2 | CPU |")
    for amplitude in (0.0, *DIPOLES):
        if len(skies := table[table["amplitude"] == amplitude]):
            print(table_row(f"{amplitude:g}", skies))


if __name__ == "__main__":
    main()
