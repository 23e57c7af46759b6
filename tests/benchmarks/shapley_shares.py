"""Coverage of shares on simulated effects of runs: `python -m tests.benchmarks.shapley_shares --skies 400`.

A table of cases: what was injected, and how often the 95 % interval of each share holds the truth; without an effect,
how often there is found to be something to explain.
"""

import argparse
from collections.abc import Callable, Sequence

import numpy as np

from workflow_scripts.statistics.runs.shapley_shares import (
    LEFT,
    VersionedEffect,
    carried_shares,
    contrast_of_units,
    mean_of_units,
    response_of_units,
)

PROPERTIES = ("seeing", "noise", "background")
ALPHA = 0.01
# Shares of two properties, and what is left.
TWO = (0.7, 0.3, 0.0)


def effects_of_units(
    carried: Sequence[float], left: float, units: int, seed: int, d: int = 3, snr: float = 6.0, turned: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Values (units, 2^p, d) and the noise (2^p d, 2^p d) of galaxies in them, for shares that add up to 1, or to 0.

    Half of the variance of a unit is the same in all versions, as a training set's is; the noise of galaxies is half
    the same. `turned`: every property has a direction of its own, a right angle from that of the others at most.
    """
    random = np.random.default_rng(seed)
    directions = np.eye(d)[np.arange(len(carried) + 1) % d if turned else np.zeros(len(carried) + 1, int)]
    parts = np.array([*carried, left])[:, None] * directions
    versions = 2 ** len(carried)
    on = np.array([[not version >> j & 1 for j in range(len(carried))] + [True] for version in range(versions)])
    # The error of the mean has the length sd sqrt(d).
    sd = 1 / snr
    shared = np.kron(0.5 + 0.5 * np.eye(versions), np.eye(d)) * sd**2 / 3
    noise = np.sqrt(2 / 3) * sd * np.sqrt(units)
    values = on @ parts + noise * np.sqrt(0.5) * (
        random.normal(size=(units, 1, d)) + random.normal(size=(units, versions, d))
    )
    galaxies = np.linalg.cholesky(shared) @ random.normal(size=versions * d)
    return values + galaxies.reshape(versions, d), shared


def true_shares(carried: Sequence[float], left: float, turned: bool) -> np.ndarray:
    """Shares that were injected, what is left last: parts along their sum."""
    parts = np.array([*carried, left])
    weights = parts**2 if turned else parts
    return weights / weights.sum()


CASES = {
    "one property": ((1.0, 0.0, 0.0), 0.0, False),
    "two properties": ((0.7, 0.3, 0.0), 0.0, False),
    "half is left": ((0.5, 0.0, 0.0), 0.5, False),
    "two directions": ((0.8, 0.6, 0.0), 0.0, True),
}


def covered(case: tuple, units: int, skies: int, snr: float) -> tuple[np.ndarray, float, np.ndarray]:
    """Share of skies whose interval holds the truth by property, with an interval at all, and the mean shares."""
    carried, left, turned = case
    truth, inside, found = true_shares(carried, left, turned), [], []
    for seed in range(skies):
        result = carried_shares(
            PROPERTIES, mean_of_units(*effects_of_units(carried, left, units, seed, 3, snr, turned))
        )
        ends = [share.ci95 for share in result.shares.values()]
        # Without an effect, shares are not looked at.
        if result.p >= ALPHA or None in ends:
            continue
        inside.append([low <= share <= high for (low, high), share in zip(ends, truth, strict=True)])
        found.append([share.share for share in result.shares.values()])
    return np.mean(inside, axis=0), len(inside) / skies, np.mean(found, axis=0)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--skies", type=int, default=400)
    skies = parser.parse_args().skies
    print("case                 units  snr  explained   coverage of", *PROPERTIES, LEFT, "  mean shares")
    for name, case in CASES.items():
        for units, snr in ((12, 6.0), (12, 12.0), (6, 12.0)):
            inside, explained, means = covered(case, units, skies, snr)
            print(f"{name:20s} {units:5d} {snr:4.0f} {explained:9.2f}   ", np.round(inside, 3), np.round(means, 2))
    nothing = [
        carried_shares(PROPERTIES, mean_of_units(*effects_of_units((0, 0, 0), 0, 12, seed))).p < ALPHA
        for seed in range(skies)
    ]
    print(f"nothing injected     explained in {np.mean(nothing):.3f} of skies, at the level {ALPHA:g}")
    print("contrast of 6 and 6 training sets, 0.7 and 0.3: ", _covered_by(contrast_of_units, _contrasted, skies))
    print("response of 12 footprints, 0.7 and 0.3:         ", _covered_by(response_of_units, _responding, skies))


def _covered_by(effect_of: Callable[..., VersionedEffect], drawn: Callable[..., tuple], skies: int) -> np.ndarray:
    """Share of the skies with an effect whose interval holds the truth, by property."""
    found = [carried_shares(PROPERTIES[:2], effect_of(*drawn(np.random.default_rng(seed)))) for seed in range(skies)]
    inside = [
        [one.ci95 is not None and one.ci95[0] <= true <= one.ci95[1] for one, true in zip(shares, TWO, strict=True)]
        for shares in (one.shares.values() for one in found if one.p < ALPHA)
    ]
    return np.round(np.mean(inside, axis=0), 3)


def _contrasted(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    effect = effects_of_units(TWO[:2], 0, 1, 0, 1, 1e9)[0][0, :, 0]
    scatter = [0.15 * (random.normal(size=(6, 1)) + random.normal(size=(6, 4))) for _ in range(2)]
    return effect + scatter[0], scatter[1]


def _responding(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    axes = random.normal(size=(12, 3))
    effect = effects_of_units(TWO[:2], 0, 1, 0, 3, 1e9)[0][0]
    return axes, axes @ effect.T + 0.25 * (random.normal(size=(12, 1)) + random.normal(size=(12, 4)))


if __name__ == "__main__":
    main()
