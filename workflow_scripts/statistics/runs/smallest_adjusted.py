"""The smallest p that the tests of a design can have.

A small module without SciPy, because every start of the workflow asks for it.
"""

from math import comb, factorial

import numpy as np
from numpy.typing import ArrayLike

from workflow_scripts.statistics.p_values import smallest_p


def smallest_adjusted_p(n_a: int, n_b: int, n_tests: int, permutations: int) -> float:
    """The least adjusted p of a contrast of `n_a` and `n_b` training sets among `n_tests` primary tests.

    All groupings are tried where there are at most `permutations`; arms of equal number give every p twice. Raises
    `ValueError` for an arm of fewer than two sets, or fewer than one test or permutation.
    """
    if min(n_a, n_b) < 2 or n_tests < 1 or permutations < 1:
        raise ValueError("a contrast needs two training sets in each arm, one test and one permutation")
    groupings = comb(n_a + n_b, n_a)
    if groupings > permutations:
        return min(1.0, n_tests * smallest_p(permutations, exact=False))
    return min(1.0, n_tests * smallest_p(groupings, exact=True, ties=2 if n_a == n_b else 1))


def smallest_adjusted_p_rotating(n_footprints: int, n_tests: int, permutations: int) -> float:
    """The least adjusted p of a response to `n_footprints` axes among `n_tests` primary tests.

    All arrangements are tried where there are at most `permutations`. Axes that can be turned into each other give some
    p more than once, and a somewhat larger least one. Raises `ValueError` for fewer than five footprints, or fewer than
    one test or permutation.
    """
    if n_footprints < 5 or n_tests < 1 or permutations < 1:
        raise ValueError("a response needs five footprints, one test and one permutation")
    arrangements = factorial(n_footprints)
    exact = arrangements <= permutations
    return min(1.0, n_tests * smallest_p(arrangements if exact else permutations, exact))


def smallest_p_of_doses(doses: ArrayLike, sets: int, permutations: int) -> float:
    """The least p that permutations of the doses (m,) within so many training sets can give."""
    x = np.sort(np.asarray(doses, float))
    # Doses that lie symmetrically have the same slope, with the other sign, in the reverse order.
    ties = 2 if np.allclose(x - x.mean(), x.mean() - x[::-1]) else 1
    arrangements = factorial(len(x)) ** sets
    exact = arrangements <= permutations
    return smallest_p(arrangements if exact else permutations, exact, ties)
