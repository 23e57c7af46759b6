"""Which test of the sky pattern? Size and power of candidates over shapes of responses, noise levels and skies.

    python -m tests.benchmarks.response_candidates [--mocks 300]

Twelve footprints about the HEALPix axes have dipoles d_f = d_0 + response + noise, with d_0 three times the response,
whose rms over footprints is 1 in the unit of the dipole. Noise is that of a fit on the sky, C^-1, and `noise` is its sd
along the best-measured axis. Prints the shares of mocks rejected at 5 % as tables of Markdown, in a minute of CPU time;
docs/calibration.md has those of 800 mocks.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.measurement import measured
from workflow_scripts.calibration_mocks.run_mocks import base_axes
from workflow_scripts.statistics.runs.pattern_response import common_direction
from workflow_scripts.statistics.runs.response_kernels import (
    curve_kernel,
    even_kernel,
    imaging_kernel,
    odd_kernel,
    permuted_forms,
    position_root,
    standardised_forms,
)

AXES = base_axes()
PERMUTATIONS = 199
LEVEL = 0.05
NOISE = (0.5, 0.8, 1.2)
SKIES = ("full sky", "Dec > -10", "SDSS-like cap", "Stripe 82", "half sky")
SHAPES = (
    "nothing",
    "odd along the common dipole",
    "odd, K = kappa I",
    "even along the common dipole",
    "step along the common dipole",
    "one pole of the common dipole",
    "odd, K perpendicular to it",
    "even about another axis",
    "imaging in patches, along it",
    "imaging in patches, elsewhere",
)
# The largest of which standardised forms decides.
LARGEST_OF = {
    "tr(H)/tr(T)": ("redundancy",),
    "mu, mu^2": ("curve",),
    "odd, even": ("odd", "even"),
    "mu, mu^2; odd; even": ("curve", "odd", "even"),
    "mu; mu^2; odd; even": ("mu", "mu^2", "odd", "even"),
    "the same with imaging": ("curve", "odd", "even", "imaging"),
    "with imaging along": ("curve", "odd", "even", "imaging along"),
}
AGAINST_RANDOM_SKY = "against random-sky sets"


def position_covariance(sky: str) -> NDArray[np.float64]:
    """Centred covariance (3, 3) of galaxies spread evenly over a sky."""
    z, longitude = (
        grid.ravel() for grid in np.meshgrid(np.linspace(-1, 1, 2001)[1:], np.radians(np.arange(360) + 0.5))
    )
    if sky == "Stripe 82":
        z = np.sin(np.radians(1.25)) * z
    radius, ra, dec = np.sqrt(1 - z**2), np.degrees(longitude), np.degrees(np.arcsin(z))
    inside = {
        "full sky": dec >= -90,
        "Dec > -10": dec > -10,
        "SDSS-like cap": (dec > 0) & (dec < 60) & (ra > 120) & (ra < 240),
        "Stripe 82": (ra > 310) | (ra < 60),
        "half sky": (ra < 90) | (ra > 270),
    }[sky]
    return np.cov(np.column_stack([radius * np.cos(longitude), radius * np.sin(longitude), z])[inside].T)


def mock_dipoles(shape: str, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Dipoles (12, 3) without noise, and the imaging (12, 2) of the training sets, which are independent of place."""
    common, other = (vector / np.linalg.norm(vector) for vector in random.normal(size=(2, 3)))
    across = np.cross(common, other) / np.linalg.norm(np.cross(common, other))
    mu, seeing = AXES @ common, random.normal(size=len(AXES))
    imaging = np.column_stack([seeing + 0.3 * random.normal(size=len(AXES)), random.normal(size=len(AXES))])
    response = {
        SHAPES[0]: np.zeros((len(AXES), 3)),
        SHAPES[1]: np.outer(mu, common),
        SHAPES[2]: AXES,
        SHAPES[3]: np.outer(mu**2, common),
        SHAPES[4]: np.outer(np.sign(mu - 0.2), common),
        SHAPES[5]: np.outer(np.maximum(0, mu) ** 2, common),
        SHAPES[6]: np.outer(AXES @ other, across),
        SHAPES[7]: np.outer((AXES @ other) ** 2, across),
        SHAPES[8]: np.outer(seeing, common),
        SHAPES[9]: np.outer(seeing, other),
    }[shape]
    response = response - response.mean(axis=0)
    size = np.sqrt((response**2).sum() / len(AXES))
    return 3 * common + response / (size if size > 0 else 1.0), imaging


def arrangements(n: int, seed: int) -> NDArray[np.int64]:
    """The observed one first."""
    return np.vstack(
        [np.arange(n), np.random.default_rng(seed).permuted(np.tile(np.arange(n), (PERMUTATIONS, 1)), axis=1)]
    )


class Candidates:
    """All tests of the dipoles of one sky."""

    def __init__(self, covariance: NDArray[np.float64]) -> None:
        self.covariance, self.root = covariance, position_root(covariance)
        centred = AXES - AXES.mean(axis=0)
        hat = np.linalg.qr(centred)[0]
        self.kernels = [odd_kernel(AXES), even_kernel(AXES), hat @ hat.T]
        self.orders, self.groups = arrangements(len(AXES), 1), arrangements(2 * len(AXES), 2)

    def rejections(self, dipoles: NDArray, imaging: NDArray, random_sky: NDArray) -> dict[str, bool]:
        """Whether each candidate rejects."""
        mean = dipoles.mean(axis=0)
        centred = dipoles - mean
        measured_dipoles = centred @ self.root
        direction = common_direction(mean, centred)
        amplitudes = centred @ (self.covariance @ direction)
        mu = AXES @ direction
        linear = np.outer(mu - mu.mean(), mu - mu.mean()) / ((mu - mu.mean()) ** 2).sum()
        curve, by_imaging = curve_kernel(mu), imaging_kernel(imaging)
        forms = np.concatenate(
            [
                permuted_forms([*self.kernels, by_imaging], measured_dipoles @ measured_dipoles.T, self.orders),
                permuted_forms(
                    [curve, linear, curve - linear, by_imaging], np.outer(amplitudes, amplitudes), self.orders
                ),
            ]
        )
        names = ("odd", "even", "redundancy", "imaging", "curve", "mu", "mu^2", "imaging along")
        standard = dict(zip(names, standardised_forms(forms), strict=True))
        found = {
            name: _rejects(np.max([standard[part] for part in parts], axis=0)) for name, parts in LARGEST_OF.items()
        }
        return found | {AGAINST_RANDOM_SKY: self._scatter_rejects(measured_dipoles, random_sky @ self.root)}

    def _scatter_rejects(self, footprints: NDArray, random_sky: NDArray) -> bool:
        """Scatter between footprints over that between as many random-sky training sets, labels permuted."""
        both = np.vstack([footprints, random_sky - random_sky.mean(axis=0)])
        squares, n = (both**2).sum(axis=1), len(footprints)
        scatter = [
            squares[side].sum(axis=1) - (both[side].sum(axis=1) ** 2).sum(axis=1) / n
            for side in (self.groups[:, :n], self.groups[:, n:])
        ]
        return _rejects(scatter[0] / scatter[1])


def _rejects(values: NDArray) -> bool:
    return bool(np.mean(values >= values[0] - 1e-9) <= LEVEL + 1e-12)


def rejected(mocks: int, seed: int) -> NDArray[np.float64]:
    """Shares (skies, noise levels, shapes, candidates) of mocks rejected at 5 %."""
    shares = np.zeros((len(SKIES), len(NOISE), len(SHAPES), len(LARGEST_OF) + 1))
    random = np.random.default_rng(seed)
    for i, sky in enumerate(SKIES):
        covariance = position_covariance(sky)
        candidates = Candidates(covariance)
        # Rows times this have the covariance C^-1, 1 along the best-measured axis.
        unit_noise = np.linalg.inv(candidates.root) * np.sqrt(np.linalg.eigvalsh(covariance)[-1])
        for j, noise in enumerate(NOISE):
            for k, shape in enumerate(SHAPES):
                for _ in range(mocks):
                    dipoles, imaging = mock_dipoles(shape, random)
                    drawn = noise * random.normal(size=(2 * len(AXES), 3)) @ unit_noise
                    found = candidates.rejections(dipoles + drawn[: len(AXES)], imaging, drawn[len(AXES) :])
                    shares[i, j, k] += np.array(list(found.values())) / mocks
    return shares


def table(title: str, shares: NDArray[np.float64], labels: tuple[str, ...]) -> str:
    """Markdown: a row each label, a column each candidate."""
    heads = [*LARGEST_OF, AGAINST_RANDOM_SKY]
    lines = [f"| {title} | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    lines += [
        f"| {name} | " + " | ".join(f"{x:.2f}" for x in row) + " |" for name, row in zip(labels, shares, strict=True)
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the tables and the time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mocks", type=int, default=300)
    arguments = parser.parse_args()
    with measured() as whole:
        shares = rejected(arguments.mocks, seed=0)
    print(table("size, by sky", shares[:, :, 0].mean(axis=1), SKIES), end="\n\n")
    print(
        table("power, mean of all skies and noise levels", shares[:, :, 1:].mean(axis=(0, 1)), SHAPES[1:]), end="\n\n"
    )
    for j, noise in enumerate(NOISE):
        print(table(f"power, full sky, noise {noise}", shares[0, j, 1:], SHAPES[1:]), end="\n\n")
    for i, sky in enumerate(SKIES[1:], 1):
        print(table(f"power, {sky}, all noise levels", shares[i, :, 1:].mean(axis=0), SHAPES[1:]), end="\n\n")
    print(table("least power over shapes, by sky", shares[:, :, 1:].mean(axis=1).min(axis=1), SKIES), end="\n\n")
    print(f"response_candidates: {arguments.mocks} mocks a cell, {whole}")


if __name__ == "__main__":
    main()
