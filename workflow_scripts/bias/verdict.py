"""The answer in plain sentences."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from workflow_scripts.statistics.result import TestResult


def verdict(
    runs: pd.DataFrame,
    tests: list[TestResult],
    primary: Mapping[str, Mapping[str, float]],
    missing: list[str],
    alpha: float,
) -> str:
    """Two or three sentences: does the footprint change the catalog, how much, and what the paper-style sigma says."""
    sentences = [_answer(tests, primary, missing, alpha), _paper_style(runs)]
    noise = _noise(runs, tests)
    return " ".join([*sentences, noise] if noise else sentences)


def _answer(
    tests: list[TestResult], primary: Mapping[str, Mapping[str, float]], missing: list[str], alpha: float
) -> str:
    if not primary:
        contrasts = [t for t in tests if t.name.startswith("fraction_contrast") and t.p_permutation is not None]
        if not contrasts:
            return (
                "Whether the training footprint changes the catalog cannot be answered: the experiment has too few runs"
                " (a claim about footprints needs several runs an arm)."
            )
        best = min(contrasts, key=lambda test: test.p_permutation or 1.0)
        found = best.p_permutation is not None and best.p_permutation * len(contrasts) < alpha
        effect = "changes" if found else "was not found to change"
        return (
            f"With the training run as the unit, the training footprint {effect} the annotated fraction"
            f" ({best.name.removeprefix('fraction_contrast ')}: {best.estimate:+.4f} +- {best.se:.4f}, permutation"
            f" p = {best.p_permutation:.2g}, {len(contrasts)} contrasts, level {alpha:g}); without rotating footprints"
            " this cannot be told from a difference of these regions alone."
        )
    strongest = min(primary, key=lambda name: primary[name]["p_holm"])
    p = primary[strongest]["p_holm"]
    listed = ", ".join(f"{name} p = {value['p']:.2g}" for name, value in primary.items())
    if p >= alpha:
        return (
            f"No effect of the training footprint was found with the training run as the unit (smallest Holm-adjusted"
            f" p = {p:.2g}, level {alpha:g}; {listed})."
        )
    size = ""
    for test in tests:
        if test.name.startswith("fraction_response") and test.estimate is not None:
            length = float(np.linalg.norm(test.estimate))
            size = f" the annotated fraction moves by {2 * length:.3f} between opposite hemispheres,"
    return (
        f"The training footprint changes the catalog, with the training run as the unit:{size} Holm-adjusted"
        f" p = {p:.2g} (level {alpha:g}; {listed})."
    )


def _paper_style(runs: pd.DataFrame) -> str:
    if "paper_max_sigma" not in runs or runs["paper_max_sigma"].isna().all():
        return "The paper-style all-sky scan is not defined for these galaxies."
    sigma = runs["paper_max_sigma"].dropna()
    return (
        f"Read galaxy by galaxy in the style of the original study, single networks show a cosine dipole of"
        f" {sigma.median():.1f} 'sigma' in the median (largest {sigma.max():.1f}; {(sigma > 3).mean():.0%} of"
        f" {len(sigma)} networks exceed 3), which says nothing of the footprint and is a scanned maximum (5 % point"
        " 2.8 without any dipole)."
    )


def _noise(runs: pd.DataFrame, tests: list[TestResult]) -> str:
    common = runs[["dipole_x", "dipole_y", "dipole_z"]].mean().to_numpy()
    parts = []
    if np.isfinite(common).all():
        parts.append(
            f"all networks together share a dipole of {np.linalg.norm(common):.3f} against the reference, which is the"
            " imaging and the labels and not the footprint"
        )
    seeds = [t for t in tests if t.name.startswith("fraction_variance") and t.estimate is not None]
    if seeds:
        sd = float(np.median([test.estimate[1] for test in seeds]))
        parts.append(
            f"two seeds on the same galaxies scatter by {sd:.4f} in the fraction,"
            f" {sd / runs['fraction_se'].median():.1f} times its binomial error"
        )
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""
