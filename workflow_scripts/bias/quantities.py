"""What is measured of every run, or pair of runs, and how it is tested: each quantity is declared once.

With the training run as the unit, a `Quantity` is compared between training sets (`run_level`) and averaged over arms
(`replicates`). With the galaxy as the unit, a network (or pair) has a p of its own, which holds for it only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def components(name: str) -> tuple[str, str, str]:
    """The columns `NAME_x`, `NAME_y` and `NAME_z` of a vector."""
    return f"{name}_x", f"{name}_y", f"{name}_z"


def dipole_keys(
    name: str, beta: NDArray, covariance: NDArray, p: float, further: Mapping[str, float] | None = None
) -> dict[str, float]:
    """A dipole as columns: `NAME_x ... NAME_z`, errors `NAME_x_se ...`, `NAME_KEY` of each further number, `NAME_p`."""
    se = np.sqrt(np.diag(covariance))
    columns = dict(zip(components(name), map(float, beta), strict=True))
    columns |= {f"{column}_se": float(value) for column, value in zip(components(name), se, strict=True)}
    return columns | {f"{name}_{key}": value for key, value in {**(further or {}), "p": float(p)}.items()}


# Between two runs, a dipole against any reference common to both differs by the same.
DIPOLE = list(components("relative_dipole"))
REFERENCE_DIPOLE = list(components("dipole"))
# The family, before an experiment chooses its primary tests, of quantities that may be among these.
MAIN = "main"


@dataclass(frozen=True)
class Quantity:
    """One number, or a `vector`, of every training run, and what it is in `words`.

    `family` is that of its tests (`MAIN` where an experiment may name them as primary, none where it is not tested),
    `response` the name of the test of its response to the footprint's axis and `model` what that estimates, where these
    do not follow from name and words. `difference` is the vector that is compared between runs, where that needs
    another reference than what all footprints share.
    """

    name: str
    words: str
    family: str = ""
    vector: bool = False
    response: str = ""
    model: str = ""
    difference: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are compared between runs."""
        return components(self.difference or self.name) if self.vector else (self.name,)

    @property
    def level_columns(self) -> tuple[str, ...]:
        """Columns of the quantity itself, not only of its differences between runs."""
        return components(self.name) if self.vector else (self.name,)

    @property
    def response_name(self) -> str:
        """Name of the test of the response to the footprint's axis."""
        return self.response or f"{self.name}_response"

    @property
    def response_estimand(self) -> str:
        """What that response is."""
        if self.model:
            return self.model
        if self.vector:
            return f"K (3x3, x y z) of d_f = d_0 + K a_f, d the {self.words}"
        return f"k of x_f = x_0 + k . a_f, x the {self.words}"


FRACTION = Quantity(
    "fraction", "fraction", MAIN, model="k of fraction_f = m_0 + k . a_f, a unit vector of the footprint's axis"
)
_SCORE_MODEL = "k of mean score_f = m_0 + k . a_f"
# Families other than MAIN are secondary: each is adjusted by itself, and none decides the verdict.
TESTED = (
    FRACTION,
    Quantity("mean_score", "mean score", MAIN, response="score_response", model=_SCORE_MODEL),
    Quantity("dipole", "dipole of prediction - reference", MAIN, vector=True, difference="relative_dipole"),
    Quantity("score_dipole", "dipole of score - reference", "scores", vector=True),
    Quantity("sensitivity_dipole", "part of the labels' dipole that missed positives make", "errors", vector=True),
    Quantity("false_alarm_dipole", "part of the labels' dipole that false positives make", "errors", vector=True),
    Quantity("calibration_dipole", "dipole of reference - score", "calibration", vector=True),
    Quantity("calibration_error", "debiased expected calibration error", "calibration"),
    Quantity("matched_dipole", "dipole of prediction - reference at the matched threshold", "thresholds", vector=True),
    Quantity("confident_dipole", "dipole of the labels that pass the largest cut", "thresholds", vector=True),
    Quantity("unannotated_dipole", "dipole of being left out by the largest cut", "thresholds", vector=True),
    Quantity("unannotated_fraction", "share that the largest cut leaves out", "thresholds"),
    Quantity("cleaned_dipole", "dipole of the labels that imaging templates leave", "imaging", vector=True),
    Quantity("powered_fraction", "prediction-powered fraction", "prediction-powered"),
    Quantity("powered_dipole", "prediction-powered dipole", "prediction-powered", vector=True),
)
# For means over arms: the dipole against the reference first, then what is tested, then the rest. The mean of reference
# - score is not tested between arms, because the mean score is.
DESCRIBED = (
    *(quantity for quantity in TESTED if quantity.difference),
    *(quantity for quantity in TESTED if not quantity.difference),
    Quantity("calibration_mean", "mean of reference - score"),
)

# Columns of `template_coefficients`: what a property of the images does to the labels, alone and beside a dipole.
TEMPLATE_ALONE, TEMPLATE_BESIDE = "template_alone_", "template_beside_dipole_"


def template_quantities(columns: Iterable[str]) -> tuple[Quantity, ...]:
    """Coefficients of imaging templates among the columns of a table of runs: secondary, as many as the catalog has."""
    found = []
    for column in map(str, columns):
        for start, words in ((TEMPLATE_ALONE, "templates alone"), (TEMPLATE_BESIDE, "templates beside a dipole")):
            if column.startswith(start):
                template = column.removeprefix(start)
                change = f"change of the label for one standard deviation of {template}, {words}"
                found.append(Quantity(column, change, "imaging"))
    return tuple(found)


@dataclass(frozen=True)
class _GalaxyTest:
    """A test of one network or pair: its `null` in words, and where a table has its p (`NAME_p` unless given).

    `size` is the column of its effect, else the number or vector of its name; `kind` is that of the p.
    """

    name: str
    null: str
    size: str = ""
    p: str = ""
    kind: str = "parametric"

    @property
    def p_column(self) -> str:
        """The column of its p."""
        return self.p or f"{self.name}_p"

    def median_size(self, table: pd.DataFrame) -> float:
        """Median over a table of the effect, never below zero so that effects can be compared; NaN where unknown."""
        if (column := self.size or self.name) in table:
            return float(table[column].abs().median())
        squares = table.reindex(columns=list(components(self.name))) ** 2
        return float(np.sqrt(squares.sum(axis=1, skipna=False)).median())


_NO_DIPOLE = "the label does not depend on position"
_HALVES, _DIFFER_ALIKE = "both halves are alike", "both networks differ alike in both halves"
# By family, in the order in which they are listed.
_GALAXY_TESTS = {
    "networks: paper-style": (
        _GalaxyTest("paper_style_scan", "either class with probability 1/2", "paper_max_sigma", "paper_global_p"),
    ),
    "networks: sky": (
        _GalaxyTest("centred_dipole", _NO_DIPOLE, "centred_amplitude", "centred_p"),
        _GalaxyTest("glm_dipole", _NO_DIPOLE),
        _GalaxyTest("glm_quadrupole", "no quadrupole beside a dipole"),
        _GalaxyTest("glm_dipole_given_quadrupole", "no dipole beside a quadrupole"),
        _GalaxyTest("dipole", "label minus reference does not depend on position"),
        _GalaxyTest("score_dipole", "score minus reference does not depend on position"),
        _GalaxyTest("relative_dipole", "label minus the mean of all runs does not depend on position"),
    ),
    "networks: imaging": (
        _GalaxyTest("glm_dipole_given_templates", "no dipole beside the templates"),
        _GalaxyTest("glm_dipole_given_quadrupole_and_templates", "no dipole beside templates and quadrupole"),
        _GalaxyTest("cleaned_dipole", "no dipole in what templates fitted in other patches of sky leave"),
    ),
    "networks: thresholds": (
        _GalaxyTest("matched_dipole", "label at the matched threshold minus reference does not depend on position"),
        _GalaxyTest("confident_dipole", "labels that pass the largest cut do not depend on position"),
        _GalaxyTest("unannotated_dipole", "being left out by the largest cut does not depend on position"),
    ),
    "networks: errors": (
        _GalaxyTest("sensitivity_dipole", "the true-positive rate does not depend on position"),
        _GalaxyTest("false_alarm_dipole", "the false-positive rate does not depend on position"),
    ),
    "networks: calibration": (
        _GalaxyTest("calibration_dipole", "reference minus score does not depend on position"),
        _GalaxyTest("calibration_mean", "scores are true probabilities on average"),
        _GalaxyTest("calibration_error", "scores are true probabilities", kind="drawings"),
    ),
    "networks: prediction-powered": (_GalaxyTest("powered_dipole", "the true class does not depend on position"),),
    "networks: fractions": (
        _GalaxyTest("cosine_in_ra", "no cosine in right ascension", "amplitude", "p"),
        _GalaxyTest("ra_bins", "all bins of right ascension are alike", "bins_chi2", "bins_p"),
        _GalaxyTest("ra_half", _HALVES, "ra_half_difference"),
        _GalaxyTest("dec_half", _HALVES, "dec_half_difference"),
    ),
    "pairs of networks": (
        _GalaxyTest("mcnemar", "both networks have the same fraction", "difference", "p"),
        _GalaxyTest("ra_half_did", _DIFFER_ALIKE),
        _GalaxyTest("dec_half_did", _DIFFER_ALIKE),
        _GalaxyTest("difference_dipole", "the difference of the labels does not depend on position"),
        _GalaxyTest("cleaned_difference_dipole", "no dipole of the difference in what templates leave"),
    ),
}
_TABLES = {"networks: fractions": "cosine", "pairs of networks": "contrasts"}


def galaxy_level_p(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """A row for each p with the galaxy as its unit, from the tables `runs`, `cosine` and `contrasts`.

    `name` (quantity and run, or pair of runs), `family, p, kind, unit_of_replication`, `quantity` and `run_ids`.
    """
    rows = []
    for family, tests in _GALAXY_TESTS.items():
        table = tables[_TABLES.get(family, "runs")]
        members = table[["run_id"] if "run_id" in table else ["a_run_id", "b_run_id"]].astype(str).to_numpy().tolist()
        for test in tests:
            for run_ids, p in zip(members, table.get(test.p_column, ()), strict=False):
                if np.isfinite(p):
                    row = {"name": f"{test.name} {' and '.join(run_ids)}", "family": family, "p": float(p)}
                    row |= {"kind": test.kind, "unit_of_replication": "galaxy", "quantity": test.name}
                    rows.append(row | {"run_ids": run_ids})
    return rows


def galaxy_level_summary(
    tables: Mapping[str, pd.DataFrame], adjusted: Sequence[Mapping[str, Any]], n: int
) -> list[dict[str, Any]]:
    """One entry a quantity: how often its test rejects, over all networks or pairs.

    Parameters
    ----------
    tables
        `runs`, `cosine` and `contrasts`.
    adjusted
        rows of `galaxy_level_p` with `below_alpha`.
    n
        galaxies that were annotated.

    Returns
    -------
    list of dict
        `name, null, unit_of_replication, family, n, networks` (or pairs), `median_estimate, median_p`, and
        `share_below_alpha` after the adjustment within the family.
    """
    entries = []
    for family, test in ((family, test) for family, tests in _GALAXY_TESTS.items() for test in tests):
        if rows := [row for row in adjusted if row["quantity"] == test.name]:
            entries.append(
                {
                    "name": test.name,
                    "null": test.null,
                    "unit_of_replication": "galaxy",
                    "family": family,
                    "n": n,
                    "networks": len(rows),
                    "median_estimate": test.median_size(tables[_TABLES.get(family, "runs")]),
                    "median_p": float(np.median([row["p"] for row in rows])),
                    "share_below_alpha": float(np.mean([row["below_alpha"] for row in rows])),
                }
            )
    return entries
