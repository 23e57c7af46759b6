"""The galaxies from which a network learns on which side of a pair of footprints a galaxy lies."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.networks.galaxies_of_runs import read_training_set


def training_sides(first: str | Path, second: str | Path) -> tuple[NDArray[np.object_], NDArray[np.int8]]:
    """Identifiers (n,) of two training sets together, and sides (n,): 1 for those of the first, 0 of the second.

    Galaxies of both are left out. Raises `InputError` where one set has no other ones.
    """
    here, there = read_training_set(first)[0], read_training_set(second)[0]
    shared = np.intersect1d(here, there)
    here, there = here[~np.isin(here, shared)], there[~np.isin(there, shared)]
    if not (len(here) and len(there)):
        raise InputError(f"{first}: has the galaxies of {second}, expected footprints that differ")
    return np.concatenate([here, there]), np.repeat(np.array([1, 0], np.int8), [len(here), len(there)])
