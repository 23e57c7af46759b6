"""experiments/handedness.yaml on several skies: accuracies, what networks make of mirror images, and the answers.

    python -m tests.benchmarks.handedness_skies --folder F [--seeds 1 2 3] [--arms NAME ...]
        [--galaxies N] [--per-class N] [--epochs N]

One experiment a seed, run by Snakemake from this repository's rules in the folder F; what is finished there is not made
again. The truth has no dipole: `no` and `cannot tell` are right for the common dipole of the annotations' fraction, and
for its difference from one half. Whether networks of different footprints differ is open.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import yaml

from tests.benchmarks.planted_skies import REPOSITORY, cpu_seconds, run_sky

EXPERIMENT = REPOSITORY / "experiments" / "handedness.yaml"
CONFIG = "handedness_skies.yaml"


def named(seed: int) -> str:
    """Name of catalog, survey and experiment of a seed."""
    return f"handed_seed{seed}"


def overlay(
    seeds: Sequence[int], arms: Sequence[str], galaxies: int | None, per_class: int | None, epochs: int | None
) -> dict[str, Any]:
    """The configuration of all seeds, over config.yaml and the experiment; None leaves a number as it is there."""
    default = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))["experiments"]["default"]
    kept = {name: default["arms"][name] for name in arms or default["arms"]}
    footprints = {footprint for arm in kept.values() for footprint in arm["footprints"]}
    opposite = [pair for pair in default["opposite"] if set(pair) <= footprints]
    sky = {} if galaxies is None else {"n_galaxies": galaxies}
    tests = yaml.safe_load(EXPERIMENT.read_text(encoding="utf-8"))["experiments"]["handedness"]["tests"]
    return {
        "active_experiments": [named(seed) for seed in seeds],
        "catalogs": {named(seed): {"like": "handed_sky", "seed": seed, **sky} for seed in seeds},
        "surveys": {named(seed): {"like": "handed", "catalog": named(seed)} for seed in seeds},
        "experiments": {
            # Parts of the design may answer little: that is for the table to show.
            named(seed): {
                "survey": named(seed),
                "arms": kept,
                "opposite": opposite,
                "tests": tests,
                "allow_unanswerable": bool(arms or galaxies or per_class),
            }
            for seed in seeds
        },
        "matchings": {} if per_class is None else {"standard": {"per_class": per_class}},
        "networks": {} if epochs is None else {"lenet5": {"epochs": epochs}},
    }


def accuracy_of_truth(folder: Path, seed: int) -> pd.Series:
    """The balanced accuracy of every run against the true senses, which no network was shown."""
    truth = pq.read_table(
        folder / "results/catalog" / named(seed) / "truth.parquet", columns=["source_id", "true_class"]
    ).to_pandas()
    true_class, found = truth.set_index("source_id")["true_class"], []
    for file in sorted((folder / "results/inference" / named(seed)).rglob("annotations.parquet")):
        given = pq.read_table(file, columns=["source_id", "label"]).to_pandas()
        right = given["label"].to_numpy() == true_class.loc[given["source_id"]].to_numpy()
        classes = true_class.loc[given["source_id"]].to_numpy()
        found.append(np.mean([right[classes == kind].mean() for kind in (0, 1)]))
    return pd.Series(found, dtype=float)


def report_lines(folder: Path, seed: int, seconds: float) -> Iterator[str]:
    """What became of one sky: a line on its networks, and one for each answer."""
    results = folder / "results/bias" / named(seed)
    runs = pd.read_csv(results / "runs.csv")
    of_truth = accuracy_of_truth(folder, seed)
    asymmetry, of_labels = runs["mirror_asymmetry"], runs["balanced_accuracy"]
    yield (
        f"{named(seed)}: {len(runs)} networks, {seconds / 60:.0f} minutes"
        f" ({cpu_seconds(folder, named(seed)) / 60:.0f} CPU)"
    )
    yield (
        f"  balanced accuracy {of_labels.mean():.3f} (sd {of_labels.std():.3f}) of labels,"
        f" {of_truth.mean():.3f} (sd {of_truth.std():.3f}) of the truth"
    )
    yield (
        f"  mirrored asymmetry {asymmetry.mean():+.4f} (sd between networks {asymmetry.std():.4f}), same label for"
        f" {runs['mirror_same_label'].mean():.0%} of mirror images"
    )
    for answer in json.loads((results / "summary.json").read_text(encoding="utf-8"))["answers"]:
        effect, p = answer["effect"], answer["p_adjusted"]
        value = "" if effect["value"] is None else f", {effect['value']:+.4f} {effect['unit'] or ''}".rstrip()
        value += "" if p is None else f", p {p:.2g}"
        yield f"  {answer['answer']}: {answer['question']} ({answer['test']}{value})"


def main() -> None:
    """Run the skies one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where the experiments run and stay")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--arms", nargs="+", default=[], help="only these of the default experiment: rotating, ...")
    parser.add_argument("--galaxies", type=int, help="default: as the experiment")
    parser.add_argument("--per-class", type=int, help="default: as the experiment")
    parser.add_argument("--epochs", type=int, help="default: as the experiment")
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = overlay(arguments.seeds, arguments.arms, arguments.galaxies, arguments.per_class, arguments.epochs)
    (folder / CONFIG).write_text(yaml.safe_dump(configuration, sort_keys=False), encoding="utf-8")
    for seed in arguments.seeds:
        seconds = run_sky(folder, named(seed), None, arguments.cores, False, [EXPERIMENT, Path(CONFIG)])
        for line in report_lines(folder, seed, seconds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
