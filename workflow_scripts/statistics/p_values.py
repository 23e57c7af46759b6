"""p-values: from permutations, all of them or random ones, and adjusted where there are many tests."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.statistics.result import TestResult

BY_HOLM = ("primary", "secondary design", "common dipole", "expected fraction")


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


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down adjusted p-values (Holm 1979, Scand. J. Stat. 6, 65), in the order given.

    Raises `ValueError` for a p outside 0 to 1 or NaN.
    """
    p = _checked(p)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]))
    return adjusted


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """Benjamini-Hochberg adjusted p-values (1995, JRSS B 57, 289), in the order given.

    Raises `ValueError` for a p outside 0 to 1 or NaN.
    """
    p = _checked(p)
    order = np.argsort(p, kind="stable")
    stepped = p[order] * len(p) / np.arange(1, len(p) + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(stepped[::-1])[::-1])
    return adjusted


def ledger(tests: Sequence[TestResult], alpha: float, sets: int = 1) -> list[dict[str, Any]]:
    """Every p that was computed, in the order of the tests, adjusted within its family.

    A row has `name, family, p` (the one that decides), `kind` (`permutation` or `parametric`), `unit_of_replication`,
    and what `adjusted_within_families` adds. Tests without a p are left out.
    """
    rows: list[dict[str, Any]] = []
    for test in tests:
        if (p := test.deciding_p) is not None:
            kind = "permutation" if p == test.p_permutation else "parametric"
            row = {"name": test.name, "family": test.family, "p": float(p), "kind": kind}
            rows.append(row | {"unit_of_replication": test.unit_of_replication})
    return adjusted_within_families(rows, alpha, sets)


def adjusted_within_families(rows: Sequence[Mapping[str, Any]], alpha: float, sets: int = 1) -> list[dict[str, Any]]:
    """Rows with `family` and `p`, each with `adjusted, method` and `below_alpha` beside them.

    Families in `BY_HOLM`, whose tests are answers, are adjusted by Holm (false alarms of the family), the others by
    Benjamini & Hochberg (share of false discoveries). Where these are one of several `sets` of the same tests, such as
    those of each class against the rest, all are multiplied by their number, by Bonferroni: the level then holds for
    all sets together, whatever depends on what. Raises `ValueError` for a p outside 0 to 1 or NaN.
    """
    made = [dict(row) for row in rows]
    for family in dict.fromkeys(row["family"] for row in made):
        members = [row for row in made if row["family"] == family]
        by_holm = family in BY_HOLM
        adjusted = (holm if by_holm else benjamini_hochberg)([row["p"] for row in members])
        for row, value in zip(members, np.minimum(1.0, sets * adjusted), strict=True):
            row |= {"adjusted": float(value), "method": "Holm" if by_holm else "Benjamini-Hochberg"}
            row["below_alpha"] = bool(value < alpha)
    return made


def _checked(p: ArrayLike) -> NDArray[np.float64]:
    p = np.asarray(p, float)
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError("a p-value must be a number between 0 and 1")
    return p
