"""Labels from fractions of votes: a galaxy gets the class whose fractions all reach their thresholds.

A galaxy that reaches those of no class stays without a label, as does one that reaches those of both: people were
uncertain, which is not a third morphology.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from workflow_scripts.errors import InputError

Thresholds = Mapping[str, Mapping[str, float]]


def vote_columns(thresholds: Thresholds) -> dict[str, str]:
    """The columns of votes by the key of the configuration that names each (`label_votes.spiral.p_cs`)."""
    return {f"label_votes.{name}.{column}": column for name, wanted in thresholds.items() for column in wanted}


def labels_by_votes(
    galaxies: pd.DataFrame, thresholds: Thresholds, classes: Sequence[str], source: str
) -> tuple[pd.Series, dict[str, int]]:
    """Labels as indices into `classes`, and how many galaxies reached what.

    Parameters
    ----------
    galaxies
        fractions of votes as float64, in columns named as the keys of `vote_columns`.
    thresholds
        by class and column of the table, the smallest fraction of votes that counts.

    Returns
    -------
    labels, counts
        Int8, missing where uncertain; galaxies by class, and those of `no_class` and `several_classes`.

    Raises
    ------
    InputError
        where a column does not hold numbers, or no galaxy reaches a class.
    """
    reached = np.zeros((len(classes), len(galaxies)), bool)
    for number, name in enumerate(classes):
        if name not in thresholds:
            continue
        reached[number] = True
        for column, least in thresholds[name].items():
            votes = galaxies[f"label_votes.{name}.{column}"]
            if not pd.api.types.is_float_dtype(votes):
                raise InputError(
                    f"{source}: column '{column}' (catalogs, label_votes.{name}) is text, expected fractions of votes"
                )
            reached[number] &= votes.to_numpy(float) >= least
    number_reached = reached.sum(axis=0)
    labels = pd.Series(pd.NA, index=galaxies.index, dtype="Int8")
    labels[number_reached == 1] = np.argmax(reached, axis=0)[number_reached == 1]
    counts = {name: int((labels == number).sum()) for number, name in enumerate(classes)}
    for name in thresholds:
        if not counts[name]:
            raise InputError(
                f"{source}: none of {len(galaxies)} galaxies is {name} by its votes, expected lower thresholds"
                f" (catalogs, label_votes.{name})"
            )
    return labels, {
        **counts,
        "no_class": int((number_reached == 0).sum()),
        "several_classes": int((number_reached > 1).sum()),
    }
