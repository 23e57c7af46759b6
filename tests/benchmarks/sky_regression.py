"""Dipole, quadrupole and five templates fitted to a million galaxies, binned and one row a galaxy.

    python -m tests.benchmarks.sky_regression [--galaxies 1000000] [--order 6]

Baseline: the same four nested models with a row a galaxy, fitted by Newton's method (iteratively reweighted least
squares). Binning loses what varies within a pixel, so the two differ by a part of the standard error.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tests.benchmarks.measurement import line, measured, peak_mb
from workflow_scripts.sky.tiles import number_of_tiles, tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.multipoles import quadrupole_basis
from workflow_scripts.statistics.sky.regression import sky_glm
from workflow_scripts.statistics.sky.sky_sums import PixelPositions

TEMPLATES = 5
LIMITS = (5.0, 2.0)


def made_up_galaxies(n: int) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Right ascension, declination, templates (n, 5) that vary over the sky (and a little otherwise), labels."""
    random = np.random.default_rng(0)
    ra, dec = random.uniform(0, 360, n), np.degrees(np.arcsin(random.uniform(-1, 1, n)))
    vectors = unit_vectors(ra, dec)
    waves = np.sin(3 * vectors @ random.normal(size=(3, TEMPLATES)) + random.uniform(0, 6, TEMPLATES))
    templates = waves + 0.05 * random.normal(size=(n, TEMPLATES))
    logit = 0.1 + vectors @ [0.05, 0.0, -0.03] + templates @ np.full(TEMPLATES, 0.04)
    return ra, dec, templates, random.random(n) < expit(logit)


def row_a_galaxy(design: NDArray, labels: NDArray) -> NDArray[np.float64]:
    """Coefficients of the logistic regression of labels (n,) on the columns of the design (n, k)."""
    coefficients = np.zeros(design.shape[1])
    for _ in range(25):
        fitted = expit(design @ coefficients)
        score = design.T @ (labels - fitted)
        step = np.linalg.solve(design.T @ ((fitted * (1 - fitted))[:, None] * design), score)
        coefficients += step
        if score @ step < 1e-12:
            break
    return coefficients


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", type=int, default=1_000_000)
    parser.add_argument("--order", type=int, default=6, help="nside of the pixels is 2**order")
    arguments = parser.parse_args()
    n, n_pixels = arguments.galaxies, number_of_tiles(arguments.order)
    ra, dec, templates, labels = made_up_galaxies(n)
    with measured() as whole:
        with measured() as binning:
            vectors, pixels = unit_vectors(ra, dec), tile_of(ra, dec, arguments.order)
            positions = PixelPositions.of(vectors, pixels, n_pixels)
            positives = np.bincount(pixels[labels], minlength=n_pixels)
            sums = [np.bincount(pixels, weights=template, minlength=n_pixels) for template in templates.T]
            means = np.column_stack(sums) / np.maximum(positions.counts, 1)[:, None]
        fit = sky_glm(positions, positives, means)
    peak = peak_mb()
    with measured() as rows:
        standard = (templates - templates.mean(axis=0)) / templates.std(axis=0)
        base, basis = np.column_stack([np.ones(n), standard]), quadrupole_basis(vectors)
        for extra in ([], [vectors], [basis], [vectors, basis]):
            unbinned = row_a_galaxy(np.column_stack([base, *extra]), labels)
    deviation = np.abs(
        (fit.beta - unbinned[1 + TEMPLATES : 4 + TEMPLATES]) / np.sqrt(np.diag(fit.beta_covariance))
    ).max()
    assert fit.converged
    assert deviation < 1, "the binned and the unbinned dipole differ"
    baseline = (
        f"{rows.cpu / whole.cpu:.1f} times less CPU time than with a row a galaxy, {rows}, peak {peak_mb():.0f} MB"
        f" (dipoles differ by {deviation:.2f} standard errors); spent on: binning {binning.cpu:.2f} s, four nested fits"
        f" {whole.cpu - binning.cpu:.2f} s"
    )
    print(line(f"sky regression, {n} galaxies in {n_pixels} pixels", whole, peak, LIMITS, baseline), flush=True)


if __name__ == "__main__":
    main()
