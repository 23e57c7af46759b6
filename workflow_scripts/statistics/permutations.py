"""p-values from permutations: all of them, each once, or random ones."""

import numpy as np
from numpy.typing import NDArray


def upper_p(null: NDArray[np.float64], observed: float, exact: bool) -> float:
    """Share of permuted statistics `null` at least as large as the observed one.

    With `exact`, `null` holds every permutation and so the observed arrangement; random ones (B,) count it as one more,
    (b + 1)/(B + 1) (Phipson & Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9, 39).
    """
    # Arrangements that give the same statistic must tie, whatever the order in which numbers were added.
    as_extreme = int((null >= observed * (1 - 1e-9)).sum())
    return as_extreme / len(null) if exact else (as_extreme + 1) / (len(null) + 1)


def smallest_p(n_permutations: int, exact: bool, ties: int = 1) -> float:
    """The least p that permutations can give, where `ties` of them always equal the observed one, itself among them."""
    return ties / n_permutations if exact else 1 / (n_permutations + 1)
