"""The verdict of an experiment: every sentence of it, and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from workflow_scripts.bias.quantities import REFERENCE_DIPOLE
from workflow_scripts.bias.replicates import footprint_axes, rotating_runs
from workflow_scripts.bias.run_level import CONTRAST, RESPONSE, SCALAR_RESPONSE, RunLevelTest, RunLevelTests
from workflow_scripts.bias.training_comparison import OVERLAP
from workflow_scripts.sky.unit_vectors import unit_vectors

# Axes whose mean is shorter than this cancel: what all networks share is then none of their footprints' doing.
_AXES_CANCEL = 0.05
# Balanced accuracy of two classes is 0.5 by guessing; below this a network has hardly learned to distinguish them.
_HARDLY_LEARNED = 0.6
_WORDS = {"fraction": "the annotated fraction", "dipole": "the dipole of the annotations"}
_MEDIAN_BY_CHANCE = float(stats.norm.ppf(0.75))


def verdict_of_runs(
    runs: pd.DataFrame,
    found: RunLevelTests,
    primary: Mapping[str, Mapping[str, float]],
    paper_style: Mapping[str, Any],
    alpha: float,
) -> str:
    """A few sentences: does the footprint change the catalog, how much, and what galaxies as the unit would show.

    `runs` is a `run_table`, `primary` the adjusted p of `found`'s primary tests, `paper_style` a `paper_style_summary`.
    """
    by_galaxies, common = _galaxy_by_galaxy(paper_style), _common_dipole(runs)
    return " ".join(filter(None, (_answer(found, primary, alpha), _learned(runs), by_galaxies, common)))


def _answer(found: RunLevelTests, primary: Mapping[str, Mapping[str, float]], alpha: float) -> str:
    decided = [test for test in found.tests if test.name in primary]
    untested = (
        f" Could not be tested: {', '.join(_what(test).rstrip(',') for test in found.untested)}."
        if found.untested
        else ""
    )
    limits = untested + _limits(decided)
    if not decided:
        return f"Whether the training footprint changes the catalog cannot be answered by these runs.{limits}"
    how = f"with the training run as the unit of replication, at the level {alpha:g} after Holm's adjustment"
    changes = [test for test in decided if primary[test.name]["p_holm"] < alpha]
    if not changes and (floor := len(decided) * min(test.p_smallest or 0.0 for test in decided)) >= alpha:
        return (
            f"Whether the training footprint changes the catalog cannot be answered at the level {alpha:g}: so few"
            f" training sets, or permutations, give no adjusted p below {floor:.2g}"
            f" ({_p_values(decided, primary)}).{limits}"
        )
    if not changes:
        return (
            f"No effect of the training footprint was found, {how} ({_p_values(decided, primary)}).{limits}"
            f"{_excluded(decided)}"
        )
    effects = " and ".join(f"{_size(test)} (adjusted p = {primary[test.name]['p_holm']:.2g})" for test in changes)
    others = [test for test in decided if test not in changes]
    nothing_else = f"; nothing else was found ({_p_values(others, primary)})" if others else ""
    verb = "may change" if any(OVERLAP in note for test in changes for note in test.notes) else "changes"
    return f"The training footprint {verb} the catalog, {how}: {effects}{nothing_else}.{limits}"


def _p_values(tests: Sequence[RunLevelTest], primary: Mapping[str, Mapping[str, float]]) -> str:
    return ", ".join(f"{_what(test)} p = {primary[test.name]['p_holm']:.2g}" for test in tests)


def _limits(decided: Sequence[RunLevelTest]) -> str:
    """What these tests cannot decide."""
    sentences = []
    overlap = next((note for test in decided for note in test.notes if OVERLAP in note), "")
    if overlap:
        sentences.append(f" But {overlap}.")
    if decided and not any(test.design in (RESPONSE, SCALAR_RESPONSE) for test in decided):
        sentences.append(
            " Two regions were compared, without rotating footprints: they may differ in more than where they lie."
        )
    return "".join(sentences)


def _excluded(decided: Sequence[RunLevelTest]) -> str:
    """The largest effect that is still compatible with the runs."""
    largest = [(test, max(map(abs, test.size_ci95))) for test in decided if test.size_ci95]
    within = " and ".join(f"{_what(test)} by no more than {value:.3f}" for test, value in largest)
    return f" At 95 % confidence, the training footprint changes {within} between opposite regions." if within else ""


def _what(test: RunLevelTest) -> str:
    """What a test is about, with its footprints and network where there are several such tests."""
    words = "scalar dipole" if test.design == SCALAR_RESPONSE else _WORDS.get(test.quantity)
    return (words or test.quantity.replace("_", " ")) + (f", {test.label}," if test.label else "")


def _size(test: RunLevelTest) -> str:
    """How far a footprint moves the catalog: from one region to the other, or to the opposite hemisphere."""
    size = test.size if test.size is not None else float(np.linalg.norm(np.asarray(test.estimate, float)))
    interval = " (95 %: {:.3f} to {:.3f})".format(*test.size_ci95) if test.size_ci95 else ""
    if test.design == CONTRAST:
        return f"{_what(test)} differs by {size:.3f}{interval}"
    return f"{_what(test)} moves by {size:.3f}{interval} between opposite hemispheres"


def _learned(runs: pd.DataFrame) -> str:
    """A warning where networks did not learn what they were trained for: what they share then means little."""
    guessing = runs["balanced_accuracy"] < _HARDLY_LEARNED
    alike = runs["fraction"].isin([0.0, 1.0])
    sentences = []
    if guessing.any():
        sentences.append(
            f"{guessing.sum()} of {len(runs)} networks hardly learned to distinguish the classes (balanced accuracy"
            f" below {_HARDLY_LEARNED}, lowest {runs['balanced_accuracy'].min():.2f}; guessing gives 0.5), so that the"
            " experiment shows little about networks that do."
        )
    if alike.any() and not (runs["n_reference"] > 0).any():
        sentences.append(f"{alike.sum()} of {len(runs)} networks gave all galaxies the same label.")
    return " ".join(sentences)


def _galaxy_by_galaxy(paper: Mapping[str, Any]) -> str:
    if "median_max_sigma" not in paper:
        return "The paper-style all-sky scan is not defined for these galaxies."
    sentence = (
        f"Read galaxy by galaxy in the style of the original study, single networks show a cosine dipole of"
        f" {paper['median_max_sigma']:.1f} 'sigma' in the median, largest {paper['largest_max_sigma']:.1f}, where their"
        f" mix of labels gives {paper['median_sigma_without_dipole']:.1f} on this sky without any dipole; that shows"
        " nothing of the footprint"
    )
    if "seeds_pairs" in paper:
        z = paper["seeds_median_absolute_mcnemar_z"]
        sentence += f", and networks that differ in the seed alone differ by {z:.1f} 'sigma' in their fraction"
        sentence += f" ({_MEDIAN_BY_CHANCE:.1f} by chance)"
    return sentence + "."


def _common_dipole(runs: pd.DataFrame) -> str:
    """The dipole that all networks share; d_0 where the axes of the footprints cancel in it."""
    if not (runs["n_reference"] > 0).any():
        return (
            "No galaxy has a reference label, so each network was compared with the mean of all of them, and what is"
            " common to all cannot be seen."
        )
    rotating = rotating_runs(runs)
    axes = footprint_axes(rotating)
    cancel = len(axes) > 0 and np.linalg.norm(unit_vectors(*axes.to_numpy().T).mean(axis=0)) < _AXES_CANCEL
    used = rotating if cancel else runs
    common = used.groupby("footprint")[REFERENCE_DIPOLE].mean().mean().to_numpy()
    if not np.isfinite(common).all():
        return ""
    galaxies = float(np.sqrt((used[[f"{name}_se" for name in REFERENCE_DIPOLE]] ** 2).sum(axis=1)).median())
    cause = "which is the imaging and the labels and not the footprint" if cancel else "whatever its cause"
    return (
        f"All networks together share a dipole of {np.linalg.norm(common):.3f} against the reference (the galaxies' own"
        f" noise: {galaxies:.3f}), {cause}."
    )
