"""Where each test claims to be right, before any mock was drawn: the suite's own words, and methods.md, 3.

Galaxies that are independent of each other given the sky (S0, S1) are what most tests suppose. A quadrupole leaks into
a dipole on a part of the sky; imaging must be in the fit; and a clustered field makes neighbours alike, which blocks
of sky allow for, and differences of two networks on the same galaxies do not see.
"""

from dataclasses import dataclass

from workflow_scripts.calibration_mocks.ladder import LADDER, Variant

_ALL = frozenset(LADDER)
_INDEPENDENT = frozenset({"S0_binomial", "S1_dipole"})
_NONE: frozenset[str] = frozenset()
# A dipole of this many standard errors is far from zero.
_FAR = 3.0


@dataclass(frozen=True)
class Claim:
    """Steps on which a test claims its level, its coverage and its lack of bias; `full_sky` adds some on that sky only.

    `least_effect`: only for dipoles of so many standard errors.
    """

    steps: frozenset[str]
    full_sky: frozenset[str] = _NONE
    least_effect: float = 0.0


_ONE_CATALOG = Claim(_INDEPENDENT, frozenset({"S2_quadrupole"}))
_BLOCKS = Claim(_INDEPENDENT | {"S4_clustered"}, frozenset({"S2_quadrupole"}))
_NEVER = Claim(_NONE)

CLAIMS: dict[str, Claim] = {
    "dipole score, chi2": _ONE_CATALOG,
    "dipole score, permutation": _ONE_CATALOG,
    "block dipole, F": _BLOCKS,
    "block dipole, wild bootstrap": _BLOCKS,
    "hemisphere scan, largest": Claim(_INDEPENDENT),
    "octopole scan, largest": Claim(_INDEPENDENT),
    "cosine in right ascension": Claim(_INDEPENDENT),
    "linear probability, dipole LR": _ONE_CATALOG,
    "sky GLM, dipole LR": _ONE_CATALOG,
    "sky GLM, quadrupole LR": Claim(_INDEPENDENT),
    "sky GLM, dipole LR given quadrupole": Claim(_INDEPENDENT | {"S2_quadrupole"}),
    "sky GLM, octopole LR": Claim(_INDEPENDENT | {"S2_quadrupole"}),
    "sky GLM, dipole LR given octopole": Claim(_INDEPENDENT | {"S2_quadrupole"}),
    "sky GLM with templates, dipole LR": _ONE_CATALOG,
    "sky GLM with templates, quadrupole LR": Claim(_INDEPENDENT),
    "sky GLM with templates, dipole LR given quadrupole": Claim(_INDEPENDENT | {"S2_quadrupole", "S3_templates"}),
    "amplitude, debiased": Claim(_INDEPENDENT, least_effect=_FAR),
    "amplitude, calibrated interval": Claim(_INDEPENDENT),
    "hemisphere contrast": Claim(_INDEPENDENT),
    "paper-style sigma as a Gaussian": _NEVER,
    "paper-style sigma, chi with 3 dof": _NEVER,
    "McNemar, exact": Claim(_ALL),
    "McNemar, mid-p": Claim(_ALL),
    "difference-map dipole, chi2": Claim(_ALL - {"S3_templates"}),
    "difference-map dipole, robust": Claim(_ALL),
    "prediction-powered dipole": _ONE_CATALOG,
    "dipole of scores, no labels": _NEVER,
    "dipole of unbiased scores, chi2": _ONE_CATALOG,
    "dipole of unbiased scores, permutation": _ONE_CATALOG,
    "calibration dipole, robust": Claim(_ALL),
    "calibration dipole, equal scatter": _NEVER,
}

# Of the run-level tests all claim to be right; those that count galaxies speak of two networks, not of footprints.
GALAXIES_OF_RUNS = ("galaxies, one run an arm", "galaxies, all runs")


def is_claimed(test: str, step: str, mask: str, effect: float) -> bool:
    """Whether a test claims to be right on a step of the ladder and a mask, for a dipole of `effect` standard errors.

    Raises `KeyError` for a test that is not in `CLAIMS`.
    """
    claim = CLAIMS[test]
    steps = claim.steps | (claim.full_sky if mask == "full_sky" else _NONE)
    return step in steps and effect >= claim.least_effect


def null_holds(test: str, variant: Variant) -> bool:
    """Whether what a test tests for was left out of the sky, so that its rejections are its size."""
    return not variant.quadrupole if "quadrupole LR" in test else variant.dipole == 0
