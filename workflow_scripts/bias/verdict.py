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
                " (a claim about footprints needs rotating footprints, or several training sets an arm)."
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
    changes = [_size(test) for test in tests if test.name in primary and primary[test.name]["p_holm"] < alpha]
    return (
        f"The training footprint changes the catalog, with the training run as the unit: between opposite hemispheres"
        f" {' and '.join(changes)} (smallest Holm-adjusted p = {p:.2g}, level {alpha:g}; {listed})."
    )


def _size(test: TestResult) -> str:
    """What a footprint turned to the opposite hemisphere changes, along the direction of largest response."""
    matrix = np.atleast_2d(np.asarray(test.estimate, float))
    size = 2 * float(np.linalg.svd(matrix, compute_uv=False)[0])
    if test.name.startswith("fraction_response"):
        return f"the annotated fraction moves by {size:.3f}"
    if test.name.startswith("dipole_response"):
        return f"the dipole of the annotations moves by {size:.3f}"
    return f"{test.name.split(' [')[0].removesuffix('_response').replace('_', ' ')} moves by {size:.3f}"


def _paper_style(runs: pd.DataFrame) -> str:
    if "paper_max_sigma" not in runs or runs["paper_max_sigma"].isna().all():
        return "The paper-style all-sky scan is not defined for these galaxies."
    sigma = runs["paper_max_sigma"].dropna()
    return (
        f"Read galaxy by galaxy in the style of the original study, single networks show a cosine dipole of"
        f" {sigma.median():.1f} 'sigma' in the median (largest {sigma.max():.1f}; of {len(sigma)} networks"
        f" {(sigma > 3).mean():.0%} exceed 3 and {(sigma > 5).mean():.0%} exceed 5), which says nothing of the"
        " footprint and is a scanned maximum (5 % point 2.8 without any dipole)."
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
