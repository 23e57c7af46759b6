"""A sky without any pattern: the same positions and the same galaxies, put together at random."""

import numpy as np
import pandas as pd

from workflow_scripts.training_sets.split import ANNOTATION, training_pool


def shuffled_positions(galaxies: pd.DataFrame, ledger: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The galaxies with positions permuted within the training pool, and within the annotation set.

    Parameters
    ----------
    galaxies
        `source_id, ra, dec` (ICRS degrees), `label`, `split` and covariates, in any order.
    ledger
        `source_id` and `outcome` of every cutout.
    seed
        of the permutations. They depend on the ids, and not on the order of the rows.

    Returns
    -------
    pandas.DataFrame
        the same rows in the same order. Galaxies that are neither trained on nor annotated, for want of a label or an
        image, keep their places: both sets fill the same sky as before, so that only the match of positions to images
        is lost.
    """
    delivered = galaxies["source_id"].isin(ledger.loc[ledger["outcome"] == "delivered", "source_id"])
    parts = [training_pool(galaxies, ledger).index, galaxies.index[delivered & (galaxies["split"] == ANNOTATION)]]
    shuffled = galaxies.copy()
    for number, part in enumerate(parts):
        members = galaxies.loc[part].sort_values("source_id")
        order = np.random.default_rng([seed, number]).permutation(len(members))
        shuffled.loc[members.index, ["ra", "dec"]] = members[["ra", "dec"]].to_numpy()[order]
    return shuffled
