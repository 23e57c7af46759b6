"""The smallest p that a primary test can have, adjusted by Holm over the primary tests.

A small module without SciPy, because every start of the workflow asks for it.
"""

from math import comb, factorial

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
