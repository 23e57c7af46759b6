"""The numbers of a run that are tested between training sets: the primary ones, and what may explain them."""

from collections.abc import Iterable
from dataclasses import dataclass

from workflow_scripts.bias.collected_tests import DIPOLE, REFERENCE_DIPOLE
from workflow_scripts.bias.run_columns import components


@dataclass(frozen=True)
class Quantity:
    """One number, or a vector, of every run: its `columns`, what it is in `words`, and how its tests are called.

    `family` is None for those that an experiment may name as primary. `centre` are the columns of what all footprints
    share, where that needs another reference than the differences between them.
    """

    name: str
    columns: tuple[str, ...]
    words: str
    family: str | None = None
    response: str = ""
    model: str = ""
    centre: tuple[str, ...] = ()

    @property
    def contrast_name(self) -> str:
        """Of the test between two arms."""
        return f"{self.name}_contrast"

    @property
    def response_name(self) -> str:
        """Of the test of the response to the footprint's axis."""
        return self.response or f"{self.name}_response"

    @property
    def response_estimand(self) -> str:
        """What that response is."""
        if self.model:
            return self.model
        if len(self.columns) == 1:
            return f"k of x_f = x_0 + k . a_f, x the {self.words}"
        return f"K (3x3, x y z) of d_f = d_0 + K a_f, d the {self.words}"


MAIN = (
    Quantity(
        "fraction",
        ("fraction",),
        "fraction",
        model="k of fraction_f = m_0 + k . a_f, a unit vector of the footprint's axis",
    ),
    Quantity(
        "mean_score",
        ("mean_score",),
        "mean score",
        response="score_response",
        model="k of mean score_f = m_0 + k . a_f",
    ),
    Quantity("dipole", tuple(DIPOLE), "dipole of prediction - reference", centre=tuple(REFERENCE_DIPOLE)),
)


def _vector(name: str, words: str, family: str) -> Quantity:
    return Quantity(name, components(name), words, family)


# Secondary: each family is adjusted by itself, and none decides the verdict.
SECONDARY = (
    _vector("score_dipole", "dipole of score - reference", "scores"),
    _vector("sensitivity_dipole", "part of the labels' dipole that missed positives make", "errors"),
    _vector("false_alarm_dipole", "part of the labels' dipole that false positives make", "errors"),
    _vector("calibration_dipole", "dipole of reference - score", "calibration"),
    Quantity("calibration_error", ("calibration_error",), "debiased expected calibration error", "calibration"),
    _vector("matched_dipole", "dipole of prediction - reference at the matched threshold", "thresholds"),
    _vector("confident_dipole", "dipole of the labels that pass the largest cut", "thresholds"),
    _vector("unannotated_dipole", "dipole of being left out by the largest cut", "thresholds"),
    Quantity("unannotated_fraction", ("unannotated_fraction",), "share that the largest cut leaves out", "thresholds"),
    _vector("cleaned_dipole", "dipole of the labels that imaging templates leave", "imaging"),
    Quantity("powered_fraction", ("powered_fraction",), "prediction-powered fraction", "prediction-powered"),
    _vector("powered_dipole", "prediction-powered dipole", "prediction-powered"),
)
# Not tested between arms, because the mean score is.
DESCRIPTIVE = (Quantity("calibration_mean", ("calibration_mean",), "mean of reference - score", "calibration"),)
ALL = (*MAIN, *SECONDARY, *DESCRIPTIVE)

# Columns of `template_coefficients`: what a property of the images does to the labels, alone and beside a dipole.
TEMPLATE_ALONE, TEMPLATE_BESIDE = "template_alone_", "template_beside_dipole_"


def template_quantities(columns: Iterable[str]) -> tuple[Quantity, ...]:
    """Coefficients of imaging templates among the columns of a table of runs: secondary, as many as the catalog has."""
    found = []
    for column in map(str, columns):
        for start, words in ((TEMPLATE_ALONE, "templates alone"), (TEMPLATE_BESIDE, "templates beside a dipole")):
            if column.startswith(start):
                template = column.removeprefix(start)
                told = f"change of the label for one standard deviation of {template}, {words}"
                found.append(Quantity(column, (column,), told, "imaging"))
    return tuple(found)
