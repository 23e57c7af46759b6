"""Scores of remedies on simulated runs: `python -m tests.benchmarks.remedy_scores --skies 400`.

Networks of a remedy are trained anew: their errors are independent of those of the untreated ones, or half the same
where they share training galaxies. A table of how often the 95 % interval of the ratio holds the truth, of the same for
what is kept of a planted dipole, and of how often one of nine remedies gets a yes that leaves just what is asked about.
"""

import argparse
from collections.abc import Callable, Sequence

import numpy as np

from workflow_scripts.answers.answer import YES
from workflow_scripts.bias.remedy_answers import remedy_answers
from workflow_scripts.bias.remedy_comparison import compared_remedies
from workflow_scripts.configuration.expansion import BASE_PIXELS
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.runs.footprint_response import footprint_response
from workflow_scripts.statistics.runs.shapley_shares import (
    LEFT,
    VersionedEffect,
    carried_shares,
    contrast_of_units,
    mean_of_units,
    response_of_units,
)

AXES = unit_vectors(*np.array(BASE_PIXELS).T)
DIRECTION = unit_vectors(120, 30)
OF_INTEREST, REMEDIES = 0.05, 9
# Standard deviation of a footprint's fraction; the effect from a footprint to its opposite is 0.1.
SD = 0.008
_Make = Callable[[np.random.Generator, float, float], VersionedEffect]


def errors(random: np.random.Generator, units: int, same: float, further: tuple[int, ...] = ()) -> np.ndarray:
    """Errors (units, 2, ...) of both versions, the share `same` of their variance in common."""
    common, own = random.normal(size=(units, 1, *further)), random.normal(size=(units, 2, *further))
    return SD * (np.sqrt(same) * common + np.sqrt(1 - same) * own)


def response(random: np.random.Generator, ratio: float, same: float) -> VersionedEffect:
    """Of twelve footprints."""
    along = 0.05 * (AXES @ DIRECTION)
    return response_of_units(AXES, along[:, None] * [1, ratio] + errors(random, len(AXES), same))


def contrast(random: np.random.Generator, ratio: float, same: float) -> VersionedEffect:
    """Of six training sets a side; the treated ones of one side scatter twice as much."""
    a, b = errors(random, 6, same), errors(random, 6, same)
    a[:, 1] *= 2
    a += 0.025 * np.array([1, ratio])
    b -= 0.025 * np.array([1, ratio])
    return contrast_of_units(a, b)


def common(random: np.random.Generator, ratio: float, same: float) -> VersionedEffect:
    """A dipole of twelve footprints, with noise of the galaxies that is half the same in both versions."""
    direction = np.array([0.05, 0.0, 0.0])
    shared = np.kron(0.5 + 0.5 * np.eye(2), np.eye(3)) * 0.005**2
    galaxies = (np.linalg.cholesky(shared) @ random.normal(size=6)).reshape(2, 3)
    values = np.array([1, ratio])[:, None] * direction + errors(random, 12, same, (3,)) + galaxies
    return mean_of_units(values, shared)


def kept(random: np.random.Generator, ratio: float, same: float) -> VersionedEffect:
    """What twelve footprints keep of a planted dipole, 0.68 where untreated."""
    return mean_of_units((0.68 * np.array([1, ratio]) + errors(random, 12, same))[:, :, None])


def coverage(make: _Make, ratio: float, same: float, skies: int) -> tuple[float, float]:
    """Share of skies whose interval holds the ratio, and the mean of the ratios."""
    inside, found = [], []
    for seed in range(skies):
        share = carried_shares(("remedy",), make(np.random.default_rng(seed), ratio, same)).shares[LEFT]
        if share.ci95 is not None:
            inside.append(share.ci95[0] <= ratio <= share.ci95[1])
            found.append(share.share)
    return float(np.mean(inside)), float(np.mean(found))


def yes_of_remedies(seed: int, remains: float, sd: float) -> int:
    """How many of nine remedies get a yes where each leaves a response of size `remains`."""
    random = np.random.default_rng(seed)
    scores = []
    for number in range(REMEDIES):
        values = remains / 2 * (AXES @ DIRECTION) + sd * random.normal(size=len(AXES))
        found = footprint_response(AXES, values, 1, 0)
        remaining = {"value": found.size, "ci95": found.size_ci95, "limit95": found.limit95, "p": found.p}
        effect = {"test": "fraction_response", "effect": "the effect", "unit": "fraction", "dof": 8.0}
        effect |= {"remaining": remaining, "untreated": remaining, "ratio": {"value": 0.5, "ci95": [0.3, 0.7]}}
        signal = {"kept": {"value": 1.0, "ci95": [0.99, 1.01], "dof": 11.0}}
        scores.append({"remedy": f"remedy_{number}", "effects": [effect], "signal": signal})
    comparison = compared_remedies(scores, {}, OF_INTEREST)
    answers = remedy_answers(comparison, {"fraction_response": YES}, 0.01)
    return sum(one.answer == YES for one in answers[:-1])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--skies", type=int, default=400)
    skies = parser.parse_args(arguments).skies
    for make in (response, contrast, common, kept):
        for ratio in (0.0, 0.5, 1.0) if make is not kept else (0.8, 1.0):
            for same in (0.0, 0.5):
                covers, mean = coverage(make, ratio, same, skies)
                print(f"{make.__name__:9s} ratio {ratio:.1f}, {same:.0%} shared: covers {covers:.3f}, mean {mean:.3f}")
    for remains, sd in ((OF_INTEREST, 0.002), (OF_INTEREST, SD), (0.01, 0.002)):
        yes = [yes_of_remedies(seed, remains, sd) for seed in range(skies // 4)]
        print(
            f"nine remedies that leave {remains:g} +- {sd:g}: any yes {np.mean(np.array(yes) > 0):.3f}, each"
            f" {np.mean(yes) / REMEDIES:.3f}"
        )


if __name__ == "__main__":
    main()
