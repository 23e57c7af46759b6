"""The answer in plain sentences."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from workflow_scripts.statistics.result import TestResult


def verdict(
    runs: pd.DataFrame, tests: list[TestResult], primary: Mapping[str, Mapping[str, float]], alpha: float
) -> str:
    """A few sentences: does the footprint change the catalog, how much, and what the paper-style sigma says."""
    sentences = [_answer(tests, primary, alpha), _paper_style(runs), _noise(runs, tests)]
    return " ".join(sentence for sentence in sentences if sentence)


def _answer(tests: list[TestResult], primary: Mapping[str, Mapping[str, float]], alpha: float) -> str:
    if not primary:
        return (
            "Whether the training footprint changes the catalog cannot be answered: the experiment has too few runs"
            " (a claim about footprints needs rotating footprints, or several training sets an arm)."
        )
    decided = [test for test in tests if test.name in primary]
    limits = _limits(decided)
    given = {test.name: f"{_quantity(test)} p = {primary[test.name]['p_holm']:.2g}" for test in decided}
    found = [test for test in decided if primary[test.name]["p_holm"] < alpha]
    how = f"with the training run as the unit of replication, at the level {alpha:g} after Holm's adjustment"
    if not found:
        return f"No effect of the training footprint was found, {how} ({', '.join(given.values())}).{limits}"
    changes = " and ".join(f"{_size(test)} (adjusted p = {primary[test.name]['p_holm']:.2g})" for test in found)
    others = ", ".join(text for name, text in given.items() if name not in {test.name for test in found})
    nothing_else = f"; nothing else was found ({others})" if others else ""
    return f"The training footprint changes the catalog, {how}: {changes}{nothing_else}.{limits}"


def _limits(decided: list[TestResult]) -> str:
    """What tests on two regions cannot tell."""
    if any(test.name.split(" ")[0].endswith("_response") for test in decided):
        return ""
    overlap = next((note for test in decided for note in test.notes if note.startswith("training sets of an arm")), "")
    because = f", and {overlap}" if overlap else ""
    return (
        " Two regions were compared, without rotating footprints: they may differ in more than where they lie"
        f"{because}."
    )


def _quantity(test: TestResult) -> str:
    """What a test is about, in words, and of which footprints or networks."""
    name, _, label = test.name.partition(" ")
    kind = name.removesuffix("_response").removesuffix("_contrast")
    words = {"fraction": "the annotated fraction", "dipole": "the dipole of the annotations"}
    return words.get(kind, kind.replace("_", " ")) + (f", {label}," if label else "")


def _size(test: TestResult) -> str:
    """What a footprint turned to the opposite hemisphere changes, along the direction of largest response."""
    estimate = np.asarray(test.estimate, float)
    if test.name.partition(" ")[0].endswith("_contrast"):
        return f"{_quantity(test)} differs by {float(np.linalg.norm(estimate)):.3f}"
    size = 2 * float(np.linalg.svd(np.atleast_2d(estimate), compute_uv=False)[0])
    return f"{_quantity(test)} moves by {size:.3f} between opposite hemispheres"


def _paper_style(runs: pd.DataFrame) -> str:
    if "paper_max_sigma" not in runs or runs["paper_max_sigma"].isna().all():
        return "The paper-style all-sky scan is not defined for these galaxies."
    sigma = runs["paper_max_sigma"].dropna()
    return (
        f"Read galaxy by galaxy in the style of the original study, single networks show a cosine dipole of"
        f" {sigma.median():.1f} 'sigma' in the median (largest {sigma.max():.1f}; of {len(sigma)} networks"
        f" {(sigma > 3).mean():.0%} exceed 3 and {(sigma > 5).mean():.0%} exceed 5), which says nothing of the"
        " footprint; being a scanned maximum, it exceeds 2.8 on one in 20 skies without any dipole."
    )


def _noise(runs: pd.DataFrame, tests: list[TestResult]) -> str:
    parts = [_common_response(runs)]
    seeds = [t for t in tests if t.name.startswith("fraction_variance") and t.estimate is not None]
    if seeds:
        sd = float(np.median([test.estimate[1] for test in seeds]))
        parts.append(
            f"two seeds on the same galaxies scatter by {sd:.4f} in the fraction,"
            f" {sd / runs['fraction_se'].median():.1f} times its binomial error"
        )
    text = "; ".join(part for part in parts if part)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _common_response(runs: pd.DataFrame) -> str:
    """The dipole that all networks share, d_0: rotating footprints cancel in it."""
    if not (runs["n_reference"] > 0).any():
        return (
            "no galaxy has a reference label, so each network was compared with the mean of all of them, and what is"
            " common to all cannot be seen"
        )
    rotating = runs[runs["axis_ra"].notna() & runs["family"].notna()]
    used = rotating if len(rotating) else runs
    names = ["dipole_x", "dipole_y", "dipole_z"]
    common = used.groupby("footprint")[names].mean().mean().to_numpy()
    if not np.isfinite(common).all():
        return ""
    galaxies = float(np.sqrt((used[[f"{name}_se" for name in names]] ** 2).sum(axis=1)).median())
    return (
        f"all networks together share a dipole of {np.linalg.norm(common):.3f} against the reference (the galaxies'"
        f" own noise: {galaxies:.3f}), which is the imaging and the labels and not the footprint"
    )
