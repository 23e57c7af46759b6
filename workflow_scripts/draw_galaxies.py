"""Draw example galaxies: by class, by footprint, and those that opposite footprints disagree on."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.figures.galaxies import galaxy_rows
from workflow_scripts.figures.style import figure_settings, save
from workflow_scripts.images.arrays import ImageStore
from workflow_scripts.runs import listed_runs, paths_of_runs
from workflow_scripts.step import json_argument, run_step
from workflow_scripts.tables import read_table
from workflow_scripts.training_sets.split import hash_fractions

COLUMNS = 12


def build_parser() -> argparse.ArgumentParser:
    """Command line of this step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiment", type=json_argument, required=True, help="the experiment, as JSON")
    parser.add_argument("--index", required=True, help="index of the images (Parquet)")
    parser.add_argument("--annotations", required=True, help="annotations of a run (Parquet), with {run_id}")
    parser.add_argument("--training-sets", nargs="+", required=True, help="training sets to show (Parquet)")
    parser.add_argument("--figures", type=figure_settings, required=True, help="figure settings, as JSON")
    parser.add_argument("--folder", type=Path, required=True, help="folder for the figures (PNG and PDF)")
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Write gallery, footprint_examples and disagreement."""
    experiment, settings = arguments.experiment, arguments.figures
    store = ImageStore(arguments.index)
    classes = experiment["classes"]
    sets = {Path(file).parts[-3]: read_table(file) for file in arguments.training_sets}
    everything = pd.concat(sets.values()).drop_duplicates("source_id")
    gallery, by_footprint = [], []
    for label, name in enumerate(classes):
        chosen = shuffled(everything.loc[everything["label"] == label, "source_id"])
        gallery += [(name if row == 0 else "", chosen[row * COLUMNS : (row + 1) * COLUMNS]) for row in range(3)]
        for footprint, training_set in sets.items():
            ids = shuffled(training_set.loc[training_set["label"] == label, "source_id"])
            by_footprint.append((f"{footprint}\n{name}", ids[:COLUMNS]))
    for name, rows in (
        ("gallery", gallery),
        ("footprint_examples", by_footprint),
        ("disagreement", disagreements(experiment, arguments.annotations)),
    ):
        pictures = [(label, store.read(list(ids))) for label, ids in rows if len(ids)]
        save(galaxy_rows(pictures, COLUMNS), arguments.folder, name, settings)


def shuffled(source_ids: pd.Series) -> np.ndarray:
    """Ids in a fixed random order that does not depend on the order of the rows."""
    ids = source_ids.to_numpy(object)
    return ids[np.lexsort((ids.astype(str), hash_fractions(ids, "examples")))]


def disagreements(experiment: dict, pattern: str) -> list[tuple[str, np.ndarray]]:
    """For every opposite pair, the galaxies with the largest difference of mean score, both ways."""
    rows = []
    runs = listed_runs(experiment)
    for first, second in experiment["opposite"]:
        scores = {}
        for name in (first, second):
            files = paths_of_runs(pattern, [run for run in runs if run["footprint"] == name])
            tables = [read_table(file) for file in files]
            scores[name] = np.mean([table["score"].to_numpy() for table in tables], axis=0)
        ids = tables[0]["source_id"].to_numpy(object)
        order = np.argsort(scores[first] - scores[second], kind="stable")
        positive = experiment["classes"][1]
        rows += [(f"more {positive} for\n{first}", ids[order[::-1][:COLUMNS]])]
        rows += [(f"more {positive} for\n{second}", ids[order[:COLUMNS]])]
    return rows


if __name__ == "__main__":
    run_step(main, build_parser())
