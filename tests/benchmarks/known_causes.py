"""Skies whose causes are known: the shares that are measured on them, and what each remedy leaves.

    python -m tests.benchmarks.known_causes --folder F shares|remedies [--seeds 2 3] [--skies NAME ...]

The skies are those of `planted_skies`, with one whose seeing and depth both vary; networks, twelve hemispheres with one
training each. What is finished in the folder F, also by `planted_skies`, is not made again. Shares are measured against
the reference labels, as a survey has them, and against the true classes, which only a simulation knows. Expected values
below were written before any run.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from tests.benchmarks.planted_skies import (
    DEPTH_DIPOLE,
    DEPTH_MAGNITUDE,
    DIRECTION,
    REPOSITORY,
    SEEING,
    SKIES,
    PlantedSky,
    experiment_name,
    planted_configuration,
    run_sky,
)
from workflow_scripts.answers.answer import YES
from workflow_scripts.bias.shares import measured_shares
from workflow_scripts.configuration.derived_runs import counterfactual_parameter
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.remedy_runs import REMEDIES
from workflow_scripts.configuration.sources import overlay

# Seeing moves the common dipole towards DIRECTION, depth away from it: opposite, they add.
OPPOSITE = {"ra": DIRECTION["ra"] + 180, "dec": -DIRECTION["dec"]}
SKIES["both"] = PlantedSky(
    "seeing and depth dipoles",
    {
        "imaging": {
            "seeing": {"dipole": {"amplitude": SEEING, **DIRECTION}},
            "depth": {"magnitude": DEPTH_MAGNITUDE, "dipole": {"amplitude": DEPTH_DIPOLE, **OPPOSITE}},
        }
    },
    (YES, YES, YES),
)
# Labels that people give miss blurred spirals, and networks learn from them: seeing acts through labels, too, which no
# version of the images changes. Here it does not.
SKIES["seeing_true_labels"] = PlantedSky(
    "seeing dipole, labels blind to seeing",
    # As many of either class as the training sets need: nobody mistakes spirals for ellipticals here.
    {**SKIES["seeing_dipole"].catalog, "labels": {"blurred": 0}, "galaxies": {"spiral_fraction": 0.5}},
    (YES, YES, YES),
)
PROPERTIES = ["seeing", "noise", "background", "extinction"]
# Shares by property of all effects, where networks are trained again and the truth is the true class; the others have
# 0, and so has what is left. Of two causes each must be above 0; alone, they make common dipoles of 0.125 and 0.088.
EXPECTED: Mapping[str, Mapping[str, float | None]] = {
    "seeing_dipole": {"seeing": 1.0},
    "seeing_true_labels": {"seeing": 1.0},
    "depth_dipole": {"noise": 1.0},
    "both": {"seeing": None, "noise": None},
    "nothing": {},
}
# Labels of a simulated sky are known for all galaxies.
TRIED = [remedy for remedy in REMEDIES if remedy != "prediction_powered"]


def known_configuration(seeds: Sequence[int], **changes: int | None) -> dict[str, Any]:
    """The configuration of all skies, with an experiment for shares and one for remedies on each."""
    config = planted_configuration(seeds, **changes)
    arms = {"rotating": {"footprints": ["planted_rotating"], "networks": ["planted_net"]}}
    asked = {
        "shares": {"why": {"counterfactual": PROPERTIES, "retrain": True}},
        "remedies": {"remedies": TRIED},
    }
    # Where the imaging is the same everywhere it has no strata.
    without = {"nothing": {"remedies": [remedy for remedy in TRIED if remedy != "strata"]}}
    config["experiments"] = {
        f"{experiment_name(sky, seed)}_{what}": {
            "survey": experiment_name(sky, seed),
            "arms": arms,
            **keys,
            **(without.get(sky, {}) if what == "remedies" else {}),
        }
        for sky in EXPECTED
        for seed in seeds
        for what, keys in asked.items()
    }
    config["active_experiments"] = list(config["experiments"])
    return config


def against_true_classes(folder: Path, config: dict[str, Any], name: str, survey: str) -> dict[str, Any]:
    """Shares of an experiment that has run, with the true classes in place of the reference labels."""
    settings = load(overlay(yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8")), config))
    found = counterfactual_parameter(settings, name)
    if not found or not found["properties"]:
        return {"effects": []}
    where = folder / "results" / "catalog" / survey
    catalog = pd.read_parquet(where / "catalog.parquet")
    truth = pd.read_parquet(where / "truth.parquet", columns=["source_id", "true_class"])
    labels = catalog[["source_id"]].merge(truth, on="source_id", how="left")["true_class"]
    made = folder / f"{survey}_true_classes.parquet"
    catalog.assign(label=pd.array(labels, dtype="Int8")).to_parquet(made)
    pattern = f"{folder}/results/inference/{{survey}}/{{run_id}}/annotations.parquet"
    return measured_shares(settings.bias_parameter(name), found, pattern, str(made))


def share_rows(sky: str, name: str, shares: Mapping[str, Any], reference: str) -> Iterator[list[str]]:
    """A row an effect: experiment, reference, effect, images made alike, shares, what is left, worth."""
    for effect in shares["effects"]:
        images = "trained and annotated" if effect["retrained"] else "annotated"
        if "shares" not in effect:
            yield [name, reference, effect["test"], images, effect["reason"], "", ""]
            continue
        entries = effect["shares"]
        text = ", ".join(f"{key} {_interval(entry)}" for key, entry in entries.items() if key != "left")
        complete = effect["retrained"] and reference == "true classes" and effect["p"] < 0.01
        worth = "" if not complete else _worth(entries, EXPECTED[sky])
        yield [name, reference, effect["test"], images, text, _interval(entries["left"]), worth]


def _worth(entries: Mapping[str, Any], expected: Mapping[str, float | None]) -> str:
    right = []
    for key, entry in entries.items():
        wanted = expected.get(key, 0.0)
        low, high = entry["ci95"] or (-float("inf"), float("inf"))
        right.append(low > 0 if wanted is None else low <= wanted <= high)
    return "right" if all(right) else "wrong"


def _interval(entry: Mapping[str, Any]) -> str:
    value = entry.get("share", entry.get("value"))
    if value is None:
        return "unknown"
    ends = entry.get("ci95")
    return f"{value:.2f}" + (f" ({ends[0]:.2f} to {ends[1]:.2f})" if ends else "")


def remedy_rows(name: str, folder: Path) -> Iterator[list[str]]:
    """A row a remedy: what is left of each effect as a ratio, the planted dipole kept, accuracy, price, answer."""
    compared = json.loads((folder / "results" / "remedies" / name / "comparison.json").read_text())
    summary = json.loads((folder / "results" / "bias" / name / "summary.json").read_text())
    answers = {one["test"]: one["answer"] for one in summary["answers"]}
    table = pd.read_csv(folder / "results" / "remedies" / name / "remedies.csv")
    for one in compared["remedies"]:
        rows = table[table["remedy"] == one["remedy"]]
        if rows["test"].isna().all():
            yield [name, one["remedy"], str(rows["reason"].iloc[0]), "", "", "", "not scored"]
            continue
        # Of what is not there, no ratio.
        ratios = [
            f"{row.test.split()[0]} "
            + ("-" if np.isnan(row.ratio) else f"{row.ratio:.2f} ({row.ratio_low:.2f} to {row.ratio_high:.2f})")
            for row in rows.itertuples()
        ]
        kept = rows["signal_kept"].iloc[0]
        gained = rows["balanced_accuracy_change"].iloc[0]
        given = answers.get(f"remedy_{one['remedy']}", "nothing to remedy")
        price = f"{one['core_s'] / 60:.0f}"
        yield [name, one["remedy"], "; ".join(ratios), f"{kept:.2f}", f"{gained:+.3f}", price, given]


HEADS = {
    "shares": ["sky", "against", "effect", "made alike", "shares (95 %)", "left", ""],
    "remedies": ["sky", "remedy", "what is left, as a ratio", "signal kept", "accuracy", "core minutes", "answer"],
}


def main() -> None:
    """Run the skies one after the other, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=list(HEADS))
    parser.add_argument("--folder", type=Path, required=True, help="where the experiments run and stay")
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--skies", nargs="+", choices=list(EXPECTED), default=list(EXPECTED))
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--table-alone", action="store_true", help="of what is finished; nothing is run")
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    config = known_configuration(arguments.seeds)
    file = folder / "known_causes.yaml"
    file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    rows: list[list[str]] = []
    for seed in arguments.seeds:
        for sky in arguments.skies:
            survey = experiment_name(sky, seed)
            name = f"{survey}_{arguments.what}"
            if not arguments.table_alone:
                seconds = run_sky(folder, name, None, arguments.cores, measure_again=True, config_files=[file])
                print(f"{name}: {seconds / 60:.1f} minutes", file=sys.stderr, flush=True)
            if arguments.what == "remedies":
                rows += remedy_rows(name, folder)
                continue
            found = json.loads((folder / "results" / "causes" / name / "shares.json").read_text())
            rows += share_rows(sky, survey, found, "labels")
            rows += share_rows(sky, survey, against_true_classes(folder, config, name, survey), "true classes")
    head = HEADS[arguments.what]
    print("\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]))


if __name__ == "__main__":
    main()
