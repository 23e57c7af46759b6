"""Size, coverage and power of the probes on simulated scores whose noise neighbours and networks share.

    python -m tests.benchmarks.probe_size [--skies 400] [--galaxies 2000]

Every sky has patches of some 7 degrees. A network's score of a galaxy is noise of its own, noise of the patch that all
networks share, noise of the patch that is this network's alone, and, for the power, a shift in one hemisphere. Beside
the test, what it would be with networks as independent (a t test of their AUCs) or galaxies as independent.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial import cKDTree

from tests.benchmarks.measurement import measured
from workflow_scripts.sky.unit_vectors import right_ascension_declination
from workflow_scripts.statistics.place_auc import NO_INFORMATION, place_auc
from workflow_scripts.statistics.runs.shared_galaxies import mean_of_networks
from workflow_scripts.statistics.sky.position_probe import position_probe
from workflow_scripts.statistics.sky.sky_blocks import blocks_of

PATCHES, NETWORKS = 800, 6
LEVELS = (0.05, 0.01)
# Shared and own noise of patches, the scatter of a network's shift, and the mean shift.
CASES = {
    "independent galaxies": (0.0, 0.0, 0.0, 0.0),
    "patches that networks share": (0.7, 0.0, 0.0, 0.0),
    "patches of each network": (0.0, 0.7, 0.0, 0.0),
    "both": (0.5, 0.5, 0.0, 0.0),
    "AUC 0.52": (0.3, 0.3, 0.02, 0.071),
    "AUC 0.55": (0.3, 0.3, 0.02, 0.178),
}


def directions(random: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Unit vectors (n, 3) all over the sky."""
    vectors = random.normal(size=(n, 3))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float64)


def patches_of(random: np.random.Generator, vectors: NDArray[np.float64]) -> NDArray[np.int64]:
    """Patch (n,) of every galaxy: the nearest of random centres."""
    return np.asarray(cKDTree(directions(random, PATCHES)).query(vectors)[1], np.int64)


def of_pixels(skies: int, n: int) -> None:
    """Rejections at each level, coverage of the interval, and the mean width of it, for each case."""
    for case, (shared, own, scatter, shift) in CASES.items():
        found, alone, of_galaxies = [], [], []
        for sky in range(skies):
            random = np.random.default_rng([1, sky])
            vectors, classes = directions(random, n), random.integers(0, 2, n)
            blocks, patches = blocks_of(*right_ascension_declination(vectors)), patches_of(random, vectors)
            blocks, east = np.unique(blocks, return_inverse=True)[1], vectors[:, 1] > 0
            common = shared * random.normal(size=PATCHES)[patches]
            values, influences, variance = [], [], 0.0
            for _ in range(NETWORKS):
                moved = (shift + scatter * random.normal()) * east
                noise = common + own * random.normal(size=PATCHES)[patches] + random.normal(size=n)
                auc = place_auc(noise + moved * np.sqrt(1 + shared**2 + own**2), east, classes)
                values.append(auc.value)
                influences.append(np.bincount(blocks, auc.influence))
                variance += (auc.influence**2).sum() / NETWORKS**2
            found.append(mean_of_networks(values, influences, [0] * NETWORKS, np.arange(NETWORKS), NO_INFORMATION))
            alone.append(stats.ttest_1samp(values, NO_INFORMATION, alternative="greater").pvalue)
            of_galaxies.append(stats.norm.sf((np.mean(values) - NO_INFORMATION) / np.sqrt(variance)))
        truth = stats.norm.cdf(shift / np.sqrt(2))
        covered = np.mean([one.ci95[0] < truth < one.ci95[1] for one in found])
        shares = {
            name: "/".join(f"{np.mean(np.array(p) < level):.3f}" for level in LEVELS)
            for name, p in {"": [one.p for one in found], "networks": alone, "galaxies": of_galaxies}.items()
        }
        print(
            f"{case:>28}: rejects {shares['']} (networks as independent {shares['networks']}, galaxies"
            f" {shares['galaxies']}), covers {covered:.3f}, se {np.mean([one.se for one in found]):.4f}"
        )


def of_features(skies: int, n: int) -> None:
    """Rejections of the probe of positions, with features that patches share and with a gradient."""
    for case, shared, gradient in (("patches", 0.7, 0.0), ("gradient, R^2 0.004", 0.7, 0.235)):
        p, r2 = [], []
        for sky in range(skies):
            random = np.random.default_rng([2, sky])
            vectors = directions(random, n)
            patches = patches_of(random, vectors)
            features = random.normal(size=(n, 20)) + shared * random.normal(size=(PATCHES, 20))[patches]
            features[:, 0] += gradient * vectors[:, 2]
            blocks = blocks_of(*right_ascension_declination(vectors))
            found = position_probe(features, vectors, np.zeros(n), blocks, 99, 0)
            p.append(found.p_permutation)
            r2.append(found.r2)
        shares = "/".join(f"{np.mean(np.array(p) <= level):.3f}" for level in LEVELS)
        print(f"{'features, ' + case:>28}: rejects {shares}, R^2 {np.mean(r2):.4f}")


def main() -> None:
    """Print a line a case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skies", type=int, default=400)
    parser.add_argument("--galaxies", type=int, default=2000)
    arguments = parser.parse_args()
    with measured() as cost:
        of_pixels(arguments.skies, arguments.galaxies)
        of_features(max(1, arguments.skies // 4), arguments.galaxies)
    print(f"{arguments.skies} skies of {arguments.galaxies} galaxies: {cost}")


if __name__ == "__main__":
    main()
