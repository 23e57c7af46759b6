"""Whether networks learned what they were trained for: what they share, or do not, means little where they did not."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workflow_scripts.bias.annotations import Annotations

# Balanced accuracy of two classes is 0.5 by guessing; below this a network has hardly learned to distinguish them.
_HARDLY_LEARNED = 0.6
# Share of the errors of the constant answer that a network avoids.
_LEAST_AVOIDED = 0.2
# A fraction is far from the reference's where it is off by more than this, and by this share of the rarer class.
_FAR, _FAR_SHARE = 0.05, 0.2


def cautions_of_networks(runs: pd.DataFrame, annotations: Annotations, classes: Sequence[str]) -> list[str]:
    """Sentences on networks that hardly learned, or whose fraction is far from that of the reference.

    `runs` is a `run_table` of the annotations; `classes` are the words for the labels 0 and 1.
    """
    if not annotations.labelled.any():
        alike = int(runs["fraction"].isin([0.0, 1.0]).sum())
        return [f"{alike} of {len(runs)} networks gave all galaxies the same label."] if alike else []
    sentences = []
    guessing = runs["balanced_accuracy"] < _HARDLY_LEARNED
    if guessing.any():
        sentences.append(
            f"{guessing.sum()} of {len(runs)} networks hardly learned to distinguish the classes (balanced accuracy"
            f" below {_HARDLY_LEARNED}, lowest {runs['balanced_accuracy'].min():.2f}; guessing gives 0.5), so that the"
            " experiment shows little about networks that do."
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
            f" {share:.0%}."
        )
    return sentences
