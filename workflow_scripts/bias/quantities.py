"""The table of quantities: what is measured of every run, or pair of runs, and how it is tested. Each is declared once.

With the training run as the unit, a quantity is compared between training sets (`run_level`) and averaged over arms
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
class GalaxyTest:
    """A test of one network or pair, with the galaxy as the unit: its `family`, and its `null` in words.

    `size` is the column of the effect, and `p` that of the p, where they do not follow from the quantity's name; `kind`
    is that of the p.
    """

    family: str
    null: str
    size: str = ""
    p: str = ""
    kind: str = "parametric"

    @property
    def table(self) -> str:
        """The table that has its columns."""
        return {_FRACTIONS: "cosine", _PAIRS: "contrasts"}.get(self.family, "runs")


@dataclass(frozen=True)
class Quantity:
    """One number, or a `vector`, of every training run, and what it is in `words`; or of every network, or pair.

    Between training runs: `family` is that of its tests (`MAIN` where an experiment may name them as primary, none
    where it is not tested), `response` the name of the test of its response to the footprint's axis and `model` what
    that estimates, where these do not follow from name and words. `difference` is the vector that is compared between
    runs, where that needs another reference than what all footprints share; `of_labelled` vectors are of the galaxies
    with a reference label. With the galaxy as the unit: `of_galaxies`.
    """

    name: str
    words: str = ""
    family: str = ""
    vector: bool = False
    response: str = ""
    model: str = ""
    difference: str = ""
    of_labelled: bool = False
    of_galaxies: GalaxyTest | None = None

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
        return f"k of x_f = x_0 + k . a_f, x the {self.words}; its size is 2 |k|"


# Tests with the galaxy as the unit are listed by family in this order.
_GALAXY_FAMILIES = (
    *(f"networks: {what}" for what in ("paper-style", "sky", "imaging", "thresholds", "errors", "calibration")),
    *("networks: prediction-powered", "networks: fractions", "pairs of networks"),
)
_PAPER, _SKY, _IMAGING, _, _, _CALIBRATION, _, _FRACTIONS, _PAIRS = _GALAXY_FAMILIES
_NO_DIPOLE = "the label does not depend on position"
_HALVES, _DIFFER_ALIKE = "both halves are alike", "both networks differ alike in both halves"


def _of_networks(name: str, family: str, null: str, size: str = "", p: str = "") -> Quantity:
    """A quantity that is tested with the galaxy as the unit alone."""
    return Quantity(name, of_galaxies=GalaxyTest(family, null, size, p))


def _vector(name: str, words: str, family: str, null: str, difference: str = "", labelled: bool = False) -> Quantity:
    """A vector that is tested with both units."""
    test = GalaxyTest(_SKY if family in (MAIN, "scores") else f"networks: {family}", null)
    return Quantity(name, words, family, True, difference=difference, of_labelled=labelled, of_galaxies=test)


FRACTION = Quantity(
    "fraction",
    "fraction",
    MAIN,
    model="k of fraction_f = m_0 + k . a_f, a unit vector of the footprint's axis; its size is 2 |k|",
)
DIPOLE_QUANTITY = _vector(
    "dipole",
    "dipole of prediction - reference",
    MAIN,
    "label minus reference does not depend on position",
    "relative_dipole",
)
# Families other than MAIN are secondary: each is adjusted by itself, and none decides the verdict.
_QUANTITIES = (
    FRACTION,
    Quantity(
        "mean_score",
        "mean score",
        MAIN,
        response="score_response",
        model="k of mean score_f = m_0 + k . a_f; its size is 2 |k|",
    ),
    _of_networks("paper_style_scan", _PAPER, "either class with probability 1/2", "paper_max_sigma", "paper_global_p"),
    _of_networks("centred_dipole", _SKY, _NO_DIPOLE, "centred_amplitude", "centred_p"),
    _of_networks("glm_dipole", _SKY, _NO_DIPOLE),
    _of_networks("glm_quadrupole", _SKY, "no quadrupole beside a dipole"),
    _of_networks("glm_dipole_given_quadrupole", _SKY, "no dipole beside a quadrupole"),
    DIPOLE_QUANTITY,
    # Not tested: the runs themselves choose the axis.
    Quantity("dipole_along_mean", "the same along its mean over all runs"),
    _vector(
        "score_dipole",
        "dipole of score - reference",
        "scores",
        "score minus reference does not depend on position",
        labelled=True,
    ),
    _of_networks("relative_dipole", _SKY, "label minus the mean of all runs does not depend on position"),
    _vector(
        "sensitivity_dipole",
        "part of the labels' dipole that missed positives make",
        "errors",
        "the true-positive rate does not depend on position",
        labelled=True,
    ),
    _vector(
        "false_alarm_dipole",
        "part of the labels' dipole that false positives make",
        "errors",
        "the false-positive rate does not depend on position",
        labelled=True,
    ),
    _vector(
        "calibration_dipole",
        "dipole of reference - score",
        "calibration",
        "reference minus score does not depend on position",
        labelled=True,
    ),
    # Not tested between arms, because the mean score is.
    Quantity(
        "calibration_mean",
        "mean of reference - score",
        of_galaxies=GalaxyTest(_CALIBRATION, "scores are true probabilities on average"),
    ),
    Quantity(
        "calibration_error",
        "debiased expected calibration error",
        "calibration",
        of_galaxies=GalaxyTest(_CALIBRATION, "scores are true probabilities", kind="drawings"),
    ),
    _vector(
        "matched_dipole",
        "dipole of prediction - reference at the matched threshold",
        "thresholds",
        "label at the matched threshold minus reference does not depend on position",
        labelled=True,
    ),
    _vector(
        "confident_dipole",
        "dipole of the labels that pass the largest cut",
        "thresholds",
        "labels that pass the largest cut do not depend on position",
    ),
    _vector(
        "unannotated_dipole",
        "dipole of being left out by the largest cut",
        "thresholds",
        "being left out by the largest cut does not depend on position",
    ),
    Quantity("unannotated_fraction", "share that the largest cut leaves out", "thresholds"),
    _of_networks("glm_dipole_given_templates", _IMAGING, "no dipole beside the templates"),
    _of_networks("glm_dipole_given_quadrupole_and_templates", _IMAGING, "no dipole beside templates and quadrupole"),
    _vector(
        "cleaned_dipole",
        "dipole of the labels that imaging templates leave",
        "imaging",
        "no dipole in what templates fitted in other patches of sky leave",
    ),
    Quantity("powered_fraction", "prediction-powered fraction", "prediction-powered"),
    _vector(
        "powered_dipole",
        "prediction-powered dipole",
        "prediction-powered",
        "the true class does not depend on position",
    ),
    _of_networks("cosine_in_ra", _FRACTIONS, "no cosine in right ascension", "amplitude", "p"),
    _of_networks("ra_bins", _FRACTIONS, "all bins of right ascension are alike", "bins_chi2", "bins_p"),
    _of_networks("ra_half", _FRACTIONS, _HALVES, "ra_half_difference"),
    _of_networks("dec_half", _FRACTIONS, _HALVES, "dec_half_difference"),
    _of_networks("mcnemar", _PAIRS, "both networks have the same fraction", "difference", "p"),
    _of_networks("ra_half_did", _PAIRS, _DIFFER_ALIKE),
    _of_networks("dec_half_did", _PAIRS, _DIFFER_ALIKE),
    _of_networks("difference_dipole", _PAIRS, "the difference of the labels does not depend on position"),
    _of_networks("cleaned_difference_dipole", _PAIRS, "no dipole of the difference in what templates leave"),
)
# Among columns of runs: vectors of the galaxies with a reference label alone.
VECTORS_OF_LABELLED = ("dipole", "truth_dipole", *(one.name for one in _QUANTITIES if one.of_labelled))
TESTED = tuple(quantity for quantity in _QUANTITIES if quantity.family)
# For means over arms: what has words. The dipole against the reference first, then what is tested, then the rest.
DESCRIBED = tuple(
    sorted((one for one in _QUANTITIES if one.words), key=lambda one: (not one.difference, not one.family))
)
_OF_GALAXIES = [
    (quantity.name, test)
    for family in _GALAXY_FAMILIES
    for quantity in _QUANTITIES
    if (test := quantity.of_galaxies) and test.family == family
]

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


def galaxy_level_p(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """A row for each p with the galaxy as its unit, from the tables `runs`, `cosine` and `contrasts`.

    `name` (quantity and run, or pair of runs), `family, p, kind, unit_of_replication`, `quantity` and `run_ids`.
    """
    rows = []
    for name, test in _OF_GALAXIES:
        table, column = tables[test.table], test.p or f"{name}_p"
        if column not in table:
            continue
        members = table[["run_id"] if "run_id" in table else ["a_run_id", "b_run_id"]].astype(str).to_numpy().tolist()
        for run_ids, p in zip(members, table[column], strict=True):
            if np.isfinite(p):
                row = {"name": f"{name} {' and '.join(run_ids)}", "family": test.family, "p": float(p)}
                row |= {"kind": test.kind, "unit_of_replication": "galaxy", "quantity": name, "run_ids": run_ids}
                rows.append(row)
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
    for name, test in _OF_GALAXIES:
        if rows := [row for row in adjusted if row["quantity"] == name]:
            entries.append(
                {
                    "name": name,
                    "null": test.null,
                    "unit_of_replication": "galaxy",
                    "family": test.family,
                    "n": n,
                    "networks": len(rows),
                    "median_estimate": _median_size(name, test, tables[test.table]),
                    "median_p": float(np.median([row["p"] for row in rows])),
                    "share_below_alpha": float(np.mean([row["below_alpha"] for row in rows])),
                }
            )
    return entries


def _median_size(name: str, test: GalaxyTest, table: pd.DataFrame) -> float:
    """Median over a table of the effect, never below zero so that effects can be compared; NaN where unknown."""
    if (column := test.size or name) in table:
        return float(table[column].abs().median())
    squares = table.reindex(columns=list(components(name))) ** 2
    return float(np.sqrt(squares.sum(axis=1, skipna=False)).median())
