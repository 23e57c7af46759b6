"""Whether networks learned what they were trained for: what they share, or do not, means little where they did not."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.bias.annotations import Annotations
from workflow_scripts.errors import InputError
from workflow_scripts.networks.mirrored_classes import FLIPS_HINT, flips_keep_classes, positions_averaged
from workflow_scripts.tables import recorded_config

# Balanced accuracy of two classes is 0.5 by guessing; below this a network has hardly learned to distinguish them.
HARDLY_LEARNED = 0.6
# Share of the errors of the constant answer that a network avoids.
_LEAST_AVOIDED = 0.2
# A fraction is far from the reference's where it is off by more than this, and by this share of the rarer class.
_FAR, _FAR_SHARE = 0.05, 0.2
# A network prefers one side of mirror images where its mean score is off by more than this, and by so many errors.
_UNEVEN, _ERRORS = 0.01, 3
# So many networks are named in one sentence.
_MOST_NAMED = 6


def cautions_of_networks(runs: pd.DataFrame, annotations: Annotations, classes: Sequence[str]) -> list[str]:
    """Sentences on networks that hardly learned, or whose fraction is far from that of the reference.

    `runs` is a `run_table` of the annotations; `classes` are the words for the labels 0 and 1.
    """
    if not annotations.labelled.any():
        alike = int(runs["fraction"].isin([0.0, 1.0]).sum())
        return [f"{alike} of {len(runs)} networks gave all galaxies the same label."] if alike else []
    sentences = []
    guessing = runs["balanced_accuracy"] < HARDLY_LEARNED
    if guessing.any():
        sentences.append(
            f"{guessing.sum()} of {len(runs)} networks hardly learned to distinguish the classes (balanced accuracy"
            f" below {HARDLY_LEARNED}, lowest {runs['balanced_accuracy'].min():.2f}; guessing gives 0.5), so that the"
            f" experiment shows little about networks that do. These are {_named(runs.loc[guessing, 'run_id'])}."
        )
    share = float(annotations.against.mean())
    constant = max(share, 1 - share)
    poor = (runs["accuracy"] - constant) < _LEAST_AVOIDED * (1 - constant)
    if poor.any() and not guessing.all():
        verb = "is" if poor.sum() == 1 else "are"
        accuracy = runs.loc[poor, "accuracy"].median()
        sentences.append(
            f"{poor.sum()} of {len(runs)} networks {verb} right hardly more often ({accuracy:.0%} in the median) than"
            f" if all galaxies were called {classes[int(share > 0.5)]} ({constant:.0%})."
        )
    called = float(np.median([labels[annotations.known].mean() for labels in annotations.labels]))
    if abs(called - share) > max(_FAR, _FAR_SHARE * (1 - constant)):
        sentences.append(
            f"The networks call {called:.0%} of the labelled galaxies {classes[1]} (median), where the reference has"
            f" {share:.0%}. That changes no difference between footprints; the fraction itself is not the reference's."
        )
    return sentences


def read_trainings(files: Sequence[str | Path]) -> list[dict[str, Any]]:
    """What the `run.json` of runs say of learning: `learned`, `at_inference`, `device`, `network` and `mirrored`.

    Raises `InputError` where one is not that of a training.
    """
    return [_training(file) for file in files]


def mirror_columns(trainings: Sequence[Mapping[str, Any]], annotations: Sequence[str | Path]) -> pd.DataFrame:
    """Columns of runs on images and their mirror images, where a mirror swaps the classes; no column where none does.

    `mirror_asymmetry` is the mean of s(image) + s(mirror image) - 1, `mirror_same_label` the share of galaxies whose
    mirror image has the same label, both of single images; `mirror_averaged` says whether the files of `annotations`
    have the mean over both.
    """
    found = [training["mirrored"] or {} for training in trainings]
    if not any(found):
        return pd.DataFrame(index=range(len(found)))
    keys = ("asymmetry", "asymmetry_se", "same_label")
    columns = {f"mirror_{key}": [of.get(key) for of in found] for key in keys}
    averaged = [positions_averaged(recorded_config(file).get("network", {})) > 1 for file in annotations]
    return pd.DataFrame({**columns, "mirror_averaged": averaged}).astype(dict.fromkeys(columns, float))


def cautions_of_mirrors(runs: pd.DataFrame) -> list[str]:
    """A sentence on the networks that prefer one side of mirror images; `runs` with `mirror_columns`, or without."""
    if "mirror_asymmetry" not in runs:
        return []
    size = runs["mirror_asymmetry"].abs()
    uneven = ~runs["mirror_averaged"] & (size / 2 > _UNEVEN) & (size > _ERRORS * runs["mirror_asymmetry_se"])
    if not uneven.any():
        return []
    largest = runs.loc[size[uneven].idxmax()]
    return [
        f"{uneven.sum()} of {len(runs)} networks prefer one side of mirror images: the mean of s(image) + s(mirror"
        f" image) - 1 is up to {largest['mirror_asymmetry']:+.3f} ± {largest['mirror_asymmetry_se']:.3f}"
        f" ({largest['run_id']}), which moves a mean score of 1/2 by half of that on any sky. mirror_average: true for"
        " the network takes it out."
    ]


def cautions_of_trainings(
    run_ids: Sequence[str], trainings: Sequence[Mapping[str, Any]], n_classes: int = 2
) -> list[str]:
    """Sentences on the networks that do no better than guessing, by name, and on networks trained on different devices.

    `trainings` as `read_trainings` gives them, in the order of `run_ids`; `n_classes` of the catalog.
    """
    idle = [(run_id, of) for run_id, of in zip(run_ids, trainings, strict=True) if of["learned"] is False]
    sentences = []
    if idle:
        named = _named([f"{run_id} ({_accuracies(training['at_inference'])})" for run_id, training in idle])
        sentences.append(f"{len(idle)} of {len(trainings)} networks cannot be distinguished from guessing: {named}.")
        if any(flips_keep_classes(training["network"], n_classes) for _, training in idle):
            sentences.append(FLIPS_HINT)
    # A program of the user's says neither whether it learned nor on what.
    devices = [training["device"] for training in trainings if training["device"]]
    cards = devices.count("GPU")
    if 0 < cards < len(devices):
        sentences.append(
            f"{cards} of {len(trainings)} networks were trained on a graphics card and the others on a processor, which"
            " round differently."
        )
    return sentences


def _named(names: Sequence[str] | pd.Series) -> str:
    more = f", and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _training(file: str | Path) -> dict[str, Any]:
    try:
        record = json.loads(Path(file).read_text(encoding="utf-8"))
        training = {"mirrored": None, **record["training"], "network": record["config"]["network"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{file}: cannot be read, expected the run.json that `train` writes") from None
    if missing := [key for key in ("learned", "at_inference", "device") if key not in training]:
        raise InputError(
            f"{file}: has no {' and no '.join(missing)}, as from an earlier version of skybias; delete its folder, and"
            " the network is trained again"
        )
    return training


def _accuracies(at_inference: dict[str, Any]) -> str:
    held_out, trained = at_inference["held_out"], at_inference["training"]
    of_trained = f", {trained['balanced_accuracy']:.2f} on its training galaxies" if trained else ""
    return (
        f"balanced accuracy {held_out['balanced_accuracy']:.2f} on {held_out['n']} galaxies that it was not trained on"
        f"{of_trained}"
    )
