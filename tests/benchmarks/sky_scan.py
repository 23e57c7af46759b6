"""64,800 axes x 10,000 permuted skies at a million galaxies: pixel counts and matrix products beside literal scans.

    python -m tests.benchmarks.sky_scan [--galaxies 1000000] [--order 4]

Baselines, both measured for a few axes and skies and extrapolated, since they would take months: `scan of arrays`,
where NumPy goes over all galaxies for every axis of every sky; and `literal scan`, a loop over the galaxies too.
"""

import argparse
import math

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.measurement import line, measured, peak_mb
from workflow_scripts.sky.tiles import number_of_tiles, tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.nulls import dipole_score_test
from workflow_scripts.statistics.sky.scans import scan_quadrupole
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues

AXES = unit_vectors(*(grid.ravel() for grid in np.meshgrid(np.arange(360), np.arange(-90, 90))))
PERMUTATIONS = 10_000
LIMITS = (15.0, 2.0)
MEASURED_AXES, MEASURED_SKIES, MEASURED_GALAXIES = 10, 3, 20_000


def made_up_sky(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int8]]:
    """Right ascension, declination and labels without a dipole."""
    random = np.random.default_rng(0)
    ra, dec = random.uniform(0, 360, n), np.degrees(np.arcsin(random.uniform(-1, 1, n)))
    return ra, dec, (random.random(n) < 0.45).astype(np.int8)


def scan_of_arrays(axes: NDArray, vectors: NDArray, labels: NDArray, skies: int) -> NDArray[np.float64]:
    """z (skies, axes) of permuted labels: a pass over the galaxies for every axis of every sky."""
    random = np.random.default_rng(1)
    found = np.empty((skies, len(axes)))
    for sky in range(skies):
        permuted = random.permutation(labels).astype(float) if sky else labels.astype(float)
        for number, axis in enumerate(axes):
            cosine = vectors @ axis
            deviation = cosine**2 - (cosine**2).mean()
            found[sky, number] = deviation @ permuted / (permuted.std(ddof=1) * math.sqrt(deviation @ deviation))
    return found


def literal_scan(axes: NDArray, vectors: NDArray, labels: NDArray) -> list[float]:
    """The same of the labels as they are, a galaxy at a time."""
    found = []
    for axis in axes:
        total = labelled = squares = positives = 0.0
        for vector, label in zip(vectors, labels, strict=True):
            template = (vector @ axis) ** 2
            total += template
            labelled += template * label
            squares += template * template
            positives += label
        n = len(labels)
        variance = positives * (n - positives) / n / (n - 1)
        found.append((labelled - positives * total / n) / math.sqrt(variance * (squares - total**2 / n)))
    return found


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", type=int, default=1_000_000)
    parser.add_argument("--order", type=int, default=4, help="nside of the pixels is 2**order")
    arguments = parser.parse_args()
    n, n_pixels = arguments.galaxies, number_of_tiles(arguments.order)
    ra, dec, labels = made_up_sky(n)
    with measured() as whole:
        with measured() as binning:
            vectors, pixels = unit_vectors(ra, dec), tile_of(ra, dec, arguments.order)
            positions = PixelPositions.of(vectors, pixels, n_pixels)
            values = PixelValues.of(labels, vectors, pixels, n_pixels)
        with measured() as scanning:
            scan = scan_quadrupole(AXES, positions, values, PERMUTATIONS, seed=0)
    peak = peak_mb()
    with measured() as drawing:
        dipole_score_test(positions, values, PERMUTATIONS, seed=0)
    axes = AXES[:: len(AXES) // MEASURED_AXES]
    with measured() as arrays:
        z = scan_of_arrays(axes, vectors, labels, MEASURED_SKIES)
    few = slice(MEASURED_GALAXIES)
    with measured() as literal:
        literal_z = literal_scan(axes[:2], vectors[few], labels[few])
    # The scan has galaxies at the mean direction of their pixel.
    np.testing.assert_allclose(scan.z[:: len(AXES) // MEASURED_AXES], z[0], atol=0.1)
    np.testing.assert_allclose(literal_z, scan_of_arrays(axes[:2], vectors[few], labels[few], 1)[0], rtol=1e-6)
    cells = len(AXES) * PERMUTATIONS
    of_arrays, one_by_one = arrays.cpu * cells / z.size, literal.cpu * cells / 2 * n / MEASURED_GALAXIES
    baseline = (
        f"{of_arrays / whole.cpu:,.0f} times less CPU time than a scan of arrays ({of_arrays / 86400:,.0f} days) and"
        f" {one_by_one / whole.cpu:,.0f} times less than a literal scan ({one_by_one / 86400 / 365:,.0f} years), both"
        f" extrapolated; spent on: binning {binning.cpu:.1f} s,"
        f" draws {drawing.cpu:.1f} s, axes {scanning.cpu - drawing.cpu:.1f} s"
    )
    name = f"sky scan, {len(AXES)} axes x {PERMUTATIONS} permutations x {n} galaxies in {n_pixels} pixels"
    print(line(name, whole, peak, LIMITS, baseline), flush=True)


if __name__ == "__main__":
    main()
