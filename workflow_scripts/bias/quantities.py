"""The table of quantities: what is measured of every run, or pair of runs, and how it is tested. Each is declared once.

Two kinds of tests use it. With the galaxy as the unit, a network (or pair) has a p of its own, in the column
`p_column` of a table: it holds for the given networks only. With the training run as the unit, `columns` are compared
between training sets (`run_level`) and averaged over arms (`replicates`).
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


def dipole_keys(name: str, beta: NDArray, covariance: NDArray, p: float) -> dict[str, float]:
    """A dipole as columns: `NAME_x ... NAME_z`, their standard errors `NAME_x_se ...`, and `NAME_p`."""
    se = np.sqrt(np.diag(covariance))
    columns = dict(zip(components(name), map(float, beta), strict=True))
    columns |= {f"{column}_se": float(value) for column, value in zip(components(name), se, strict=True)}
    return columns | {f"{name}_p": float(p)}


# Between two runs, a dipole against any reference common to both differs by the same.
DIPOLE = list(components("relative_dipole"))
REFERENCE_DIPOLE = list(components("dipole"))
# The family, before an experiment chooses its primary tests, of quantities that may be among these.
MAIN = "main"


@dataclass(frozen=True)
class Quantity:
    """One number, or a vector, of every row of a `table`: its `columns`, and what it is in `words`.

    Between training runs: `family` is that of its tests (`MAIN` where an experiment may name them as primary, none
    where it is not tested), `response` the name of the test of its response to the footprint's axis and `model` what
    that estimates, where these do not follow from name and words. `centre` are the columns of what all footprints
    share, where that needs another reference than the differences between them.

    With the galaxy as the unit: `galaxy_family`, the `null` in words, where the p stands (`NAME_p` unless given) and
    the `kind` of that p.
    """

    name: str
    columns: tuple[str, ...] = ()
    words: str = ""
    family: str = ""
    galaxy_family: str = ""
    null: str = ""
    p_column: str = ""
    kind: str = "parametric"
    table: str = "runs"
    response: str = ""
    model: str = ""
    centre: tuple[str, ...] = ()

    @property
    def level_columns(self) -> tuple[str, ...]:
        """Columns of the quantity itself, not only of its differences between runs."""
        return self.centre or self.columns

    @property
    def contrast_name(self) -> str:
        """Name of the test between two arms."""
        return f"{self.name}_contrast"

    @property
    def response_name(self) -> str:
        """Name of the test of the response to the footprint's axis."""
        return self.response or f"{self.name}_response"

    @property
    def response_estimand(self) -> str:
        """What that response is."""
        if self.model:
            return self.model
        if len(self.columns) == 1:
            return f"k of x_f = x_0 + k . a_f, x the {self.words}"
        return f"K (3x3, x y z) of d_f = d_0 + K a_f, d the {self.words}"

    def sizes(self, table: pd.DataFrame) -> pd.Series:
        """Its effect in each row of a table, never below zero so that effects can be compared; NaN where unknown."""
        columns = list(self.level_columns)
        if not columns or not set(columns) <= set(table):
            return pd.Series(np.nan, index=table.index)
        if len(columns) == 1:
            return table[columns[0]].abs()
        return np.sqrt((table[columns] ** 2).sum(axis=1, skipna=False))


def _vector(
    name: str, words: str = "", family: str = "", galaxy_family: str = "", null: str = "", **others: Any
) -> Quantity:
    """A quantity of which `NAME_x`, `NAME_y` and `NAME_z` are the columns."""
    return Quantity(name, components(name), words, family, galaxy_family, null, **others)


def _single(name: str, column: str, galaxy_family: str, null: str, p_column: str = "", **others: Any) -> Quantity:
    """A quantity that is tested with the galaxy as the unit alone; without a column, its size is not known."""
    return Quantity(
        name, (column,) if column else (), galaxy_family=galaxy_family, null=null, p_column=p_column, **others
    )


_PAPER, _SKY, _IMAGING, _THRESHOLDS = (
    "networks: paper-style",
    "networks: sky",
    "networks: imaging",
    "networks: thresholds",
)
_ERRORS, _CALIBRATION, _POWERED = "networks: errors", "networks: calibration", "networks: prediction-powered"
_FRACTIONS, _PAIRS = "networks: fractions", "pairs of networks"
# In the order in which tests with the galaxy as the unit are listed.
_GALAXY_FAMILIES = (_PAPER, _SKY, _IMAGING, _THRESHOLDS, _ERRORS, _CALIBRATION, _POWERED, _FRACTIONS, _PAIRS)

_NO_DIPOLE = "the label does not depend on position"
_HALVES, _DIFFER_ALIKE = "both halves are alike", "both networks differ alike in both halves"

# Families other than MAIN are secondary: each is adjusted by itself, and none decides the verdict.
_QUANTITIES = (
    Quantity(
        "fraction",
        ("fraction",),
        "fraction",
        MAIN,
        model="k of fraction_f = m_0 + k . a_f, a unit vector of the footprint's axis",
    ),
    Quantity(
        "mean_score",
        ("mean_score",),
        "mean score",
        MAIN,
        response="score_response",
        model="k of mean score_f = m_0 + k . a_f",
    ),
    _single("paper_style_scan", "paper_max_sigma", _PAPER, "either class with probability 1/2", "paper_global_p"),
    _single("centred_dipole", "centred_amplitude", _SKY, _NO_DIPOLE, "centred_p"),
    _vector("glm_dipole", "", "", _SKY, _NO_DIPOLE),
    _single("glm_quadrupole", "glm_quadrupole", _SKY, "no quadrupole beside a dipole"),
    _single("glm_dipole_given_quadrupole", "", _SKY, "no dipole beside a quadrupole"),
    Quantity(
        "dipole",
        tuple(DIPOLE),
        "dipole of prediction - reference",
        MAIN,
        _SKY,
        "label minus reference does not depend on position",
        centre=tuple(REFERENCE_DIPOLE),
    ),
    _vector(
        "score_dipole",
        "dipole of score - reference",
        "scores",
        _SKY,
        "score minus reference does not depend on position",
    ),
    _vector("relative_dipole", "", "", _SKY, "label minus the mean of all runs does not depend on position"),
    _vector(
        "sensitivity_dipole",
        "part of the labels' dipole that missed positives make",
        "errors",
        _ERRORS,
        "the true-positive rate does not depend on position",
    ),
    _vector(
        "false_alarm_dipole",
        "part of the labels' dipole that false positives make",
        "errors",
        _ERRORS,
        "the false-positive rate does not depend on position",
    ),
    _vector(
        "calibration_dipole",
        "dipole of reference - score",
        "calibration",
        _CALIBRATION,
        "reference minus score does not depend on position",
    ),
    # Not tested between arms, because the mean score is.
    Quantity(
        "calibration_mean",
        ("calibration_mean",),
        "mean of reference - score",
        "",
        _CALIBRATION,
        "scores are true probabilities on average",
    ),
    Quantity(
        "calibration_error",
        ("calibration_error",),
        "debiased expected calibration error",
        "calibration",
        _CALIBRATION,
        "scores are true probabilities",
        kind="drawings",
    ),
    _vector(
        "matched_dipole",
        "dipole of prediction - reference at the matched threshold",
        "thresholds",
        _THRESHOLDS,
        "label at the matched threshold minus reference does not depend on position",
    ),
    _vector(
        "confident_dipole",
        "dipole of the labels that pass the largest cut",
        "thresholds",
        _THRESHOLDS,
        "labels that pass the largest cut do not depend on position",
    ),
    _vector(
        "unannotated_dipole",
        "dipole of being left out by the largest cut",
        "thresholds",
        _THRESHOLDS,
        "being left out by the largest cut does not depend on position",
    ),
    Quantity("unannotated_fraction", ("unannotated_fraction",), "share that the largest cut leaves out", "thresholds"),
    _single("glm_dipole_given_templates", "", _IMAGING, "no dipole beside the templates"),
    _single("glm_dipole_given_quadrupole_and_templates", "", _IMAGING, "no dipole beside templates and quadrupole"),
    _vector(
        "cleaned_dipole",
        "dipole of the labels that imaging templates leave",
        "imaging",
        _IMAGING,
        "no dipole in what templates fitted in other patches of sky leave",
    ),
    Quantity("powered_fraction", ("powered_fraction",), "prediction-powered fraction", "prediction-powered"),
    _vector(
        "powered_dipole",
        "prediction-powered dipole",
        "prediction-powered",
        _POWERED,
        "the true class does not depend on position",
    ),
    _single("cosine_in_ra", "amplitude", _FRACTIONS, "no cosine in right ascension", "p", table="cosine"),
    _single("ra_bins", "bins_chi2", _FRACTIONS, "all bins of right ascension are alike", "bins_p", table="cosine"),
    _single("ra_half", "ra_half_difference", _FRACTIONS, _HALVES, table="cosine"),
    _single("dec_half", "dec_half_difference", _FRACTIONS, _HALVES, table="cosine"),
    _single("mcnemar", "difference", _PAIRS, "both networks have the same fraction", "p", table="contrasts"),
    _single("ra_half_did", "ra_half_did", _PAIRS, _DIFFER_ALIKE, table="contrasts"),
    _single("dec_half_did", "dec_half_did", _PAIRS, _DIFFER_ALIKE, table="contrasts"),
    _vector(
        *("difference_dipole", "", "", _PAIRS, "the difference of the labels does not depend on position"),
        table="contrasts",
    ),
    _vector(
        *("cleaned_difference_dipole", "", "", _PAIRS, "no dipole of the difference in what templates leave"),
        table="contrasts",
    ),
)
TESTED = tuple(quantity for quantity in _QUANTITIES if quantity.family)
# For means over arms: what has words. The dipole against the reference first, then what is tested, then the rest.
DESCRIBED = tuple(
    sorted((quantity for quantity in _QUANTITIES if quantity.words), key=lambda one: (not one.centre, not one.family))
)
_OF_GALAXIES = tuple(
    sorted((one for one in _QUANTITIES if one.null), key=lambda one: _GALAXY_FAMILIES.index(one.galaxy_family))
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
                found.append(Quantity(column, (column,), change, "imaging"))
    return tuple(found)


def galaxy_level_p(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """A row for each p with the galaxy as its unit, from the tables `runs`, `cosine` and `contrasts`.

    `name` (quantity and run, or pair of runs), `family, p, kind, unit_of_replication`, `quantity` and `run_ids`.
    """
    members = {name: [[run_id] for run_id in tables[name]["run_id"].astype(str)] for name in ("runs", "cosine")}
    pairs = tables["contrasts"][["a_run_id", "b_run_id"]].astype(str)
    members["contrasts"] = pairs.to_numpy().tolist()
    return [
        {
            "name": f"{quantity.name} {' and '.join(run_ids)}",
            "family": quantity.galaxy_family,
            "p": float(p),
            "kind": quantity.kind,
            "unit_of_replication": "galaxy",
            "quantity": quantity.name,
            "run_ids": run_ids,
        }
        for quantity in _OF_GALAXIES
        if (column := quantity.p_column or f"{quantity.name}_p") in tables[quantity.table]
        for run_ids, p in zip(members[quantity.table], tables[quantity.table][column], strict=True)
        if np.isfinite(p)
    ]


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
    for quantity in _OF_GALAXIES:
        if rows := [row for row in adjusted if row["quantity"] == quantity.name]:
            entries.append(
                {
                    "name": quantity.name,
                    "null": quantity.null,
                    "unit_of_replication": "galaxy",
                    "family": quantity.galaxy_family,
                    "n": n,
                    "networks": len(rows),
                    "median_estimate": quantity.sizes(tables[quantity.table]).median(),
                    "median_p": float(np.median([row["p"] for row in rows])),
                    "share_below_alpha": float(np.mean([row["below_alpha"] for row in rows])),
                }
            )
    return entries
