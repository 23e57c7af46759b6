"""Mock skies: the parts of the sky that they cover, and what the fraction of positive galaxies depends on.

In logits: S0 nothing, S1 a dipole along a random axis, S2 a quadrupole as well, S3 imaging templates as well, S4 a
clustered random field alone.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import healpy
import numpy as np
from astropy import units
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray
from scipy.special import expit

from workflow_scripts.errors import InputError
from workflow_scripts.sky.unit_vectors import right_ascension_declination
from workflow_scripts.statistics.sky.multipoles import quadrupole_basis
from workflow_scripts.statistics.sky.regression import standardised_templates
from workflow_scripts.statistics.sky.sky_sums import PixelPositions

# Pixels of 3.7 degrees. The galaxies of a pixel stand at its centre, in the mocks and in the tests alike.
NSIDE = 16
N_PIXELS = 12 * NSIDE**2


@dataclass(frozen=True)
class MockPositions:
    """Galaxies of the pixels that hold any, nested: `pixels` (p,), `counts` (p,), `vectors` (p, 3), `latitude` (p,).

    `positions` are the same galaxies over all pixels of the sky. `split` (p,) separates two halves of the galaxies
    along the direction in which they spread most; `centre` (3,) is the middle of the mask, the pole on the full sky.
    """

    pixels: NDArray[np.int64]
    counts: NDArray[np.int64]
    vectors: NDArray[np.float64]
    latitude: NDArray[np.float64]
    positions: PixelPositions
    split: NDArray[np.bool_]
    centre: NDArray[np.float64]


class Mask(NamedTuple):
    """A part of the sky: in words, for a panel, and by right ascension, declination and galactic latitude (degrees)."""

    description: str
    title: str
    inside: Callable[[NDArray, NDArray, NDArray], NDArray[np.bool_]]


MASKS = {
    "full_sky": Mask("full sky", "full sky", lambda ra, dec, latitude: np.ones(len(ra), bool)),
    "dec_and_latitude": Mask(
        "Dec > -10 and |b| > 20 degrees",
        "Dec > -10°, |b| > 20°",
        lambda ra, dec, latitude: (dec > -10) & (np.abs(latitude) > 20),
    ),
    "sdss_like_cap": Mask(
        "SDSS-like north cap (RA 120 to 250, Dec 0 to 60 degrees)",
        "SDSS-like cap",
        lambda ra, dec, latitude: (ra > 120) & (ra < 250) & (dec > 0) & (dec < 60),
    ),
    "half_sky": Mask("half sky (RA below 180 degrees)", "half sky", lambda ra, dec, latitude: ra < 180),
}


def mock_positions(mask: str, galaxies: int, seed: int) -> MockPositions:
    """`galaxies` spread evenly, at random, over the pixels of a mask; the same for all mocks on it.

    Raises `InputError` for fewer than 100 galaxies.
    """
    if galaxies < 100:
        raise InputError(f"--galaxies: {galaxies} are too few for a mock sky, expected 100 or more")
    vectors = np.column_stack(healpy.pix2vec(NSIDE, np.arange(N_PIXELS), nest=True))
    ra, dec = right_ascension_declination(vectors)
    latitude = SkyCoord(ra * units.deg, dec * units.deg, frame="icrs").galactic.b.deg
    inside = MASKS[mask].inside(ra, dec, latitude)
    counts = np.random.default_rng(seed).multinomial(galaxies, inside / inside.sum())
    pixels = np.flatnonzero(counts)
    positions = PixelPositions(counts, vectors * counts[:, None], (vectors * counts[:, None]).T @ vectors)
    at, number = vectors[pixels], counts[pixels]
    along = at @ np.linalg.eigh(positions.sums.centred)[1][:, -1]
    order = np.argsort(along)
    middle = along[order][np.searchsorted(np.cumsum(number[order]), galaxies / 2)]
    mean = vectors[inside].sum(axis=0)
    length = np.linalg.norm(mean)
    centre = mean / length if length > 1e-6 * inside.sum() else np.array([0.0, 0.0, 1.0])
    return MockPositions(pixels, number, at, latitude[pixels], positions, along > middle, centre)


# Otherwise it reports of every map that it smooths by nothing.
logging.getLogger("healpy").setLevel(logging.WARNING)

# Away from 1/2, where an unequal mix of labels would go unnoticed.
MEAN_FRACTION = 0.4
# Length of the five coefficients of the quadrupole, as a fraction.
QUADRUPOLE = 0.05
# Logits for a standard deviation of seeing and of dust.
TEMPLATE_LOGITS = np.array([0.15, -0.10])
# Standard deviation of the clustered field in logits.
CLUSTERING = 0.5
_FIELD_NSIDE = 64
_FIELD_LMAX = 3 * _FIELD_NSIDE - 1


@dataclass(frozen=True)
class Variant:
    """One kind of sky: dipole D as a fraction, and whether there is more; `clustered_deg` 0 for no field."""

    name: str
    dipole: float = 0.0
    quadrupole: bool = False
    templates: bool = False
    clustered_deg: float = 0.0

    @property
    def has_slow_tests(self) -> bool:
        """Whether the tests that take longest are made: where they have a size, and claim it."""
        return not (self.dipole or self.templates or self.clustered_deg)

    @property
    def is_simple(self) -> bool:
        """Whether there is nothing but a dipole, or nothing at all."""
        return not (self.quadrupole or self.templates or self.clustered_deg)


LADDER: dict[str, tuple[Variant, ...]] = {
    "S0_binomial": (Variant("isotropic"),),
    "S1_dipole": tuple(Variant(f"D = {d:g}", d) for d in (0.002, 0.005, 0.01, 0.02, 0.05)),
    "S2_quadrupole": tuple(Variant(f"quadrupole, D = {d:g}", d, True) for d in (0.0, 0.02)),
    "S3_templates": tuple(Variant(f"quadrupole, templates, D = {d:g}", d, True, True) for d in (0.0, 0.02)),
    "S4_clustered": tuple(Variant(f"clustered over {d:g} degrees", clustered_deg=d) for d in (1.0, 3.0)),
}


@dataclass(frozen=True)
class MockSkies:
    """Many skies of one kind on one mask.

    `logits` (m, p) of the dipole, quadrupole and templates, `fractions` (m, p) with the clustered field averaged over
    each pixel, `axes` (m, 3) of the dipole, or random ones without. `beta` is the length of the dipole in logits,
    `dipole` what it is as a fraction on the full sky, and `templates` (p, 2) are seeing and dust.
    """

    variant: Variant
    logits: NDArray[np.float64]
    fractions: NDArray[np.float64]
    axes: NDArray[np.float64]
    beta: float
    dipole: float
    templates: NDArray[np.float64]


def mock_skies(variant: Variant, positions: MockPositions, mocks: int, seed: int) -> MockSkies:
    """Draw what the fraction is in every pixel of `mocks` skies."""
    random = np.random.default_rng(seed)
    slope = MEAN_FRACTION * (1 - MEAN_FRACTION)
    axes = _directions(mocks, 3, random)
    beta = variant.dipole / slope
    logits = np.log(MEAN_FRACTION / (1 - MEAN_FRACTION)) + beta * axes @ positions.vectors.T
    if variant.quadrupole:
        logits += QUADRUPOLE / slope * _directions(mocks, 5, random) @ quadrupole_basis(positions.vectors).T
    templates = imaging_templates(positions)
    if variant.templates:
        logits += standardised_templates(templates, positions.counts) @ TEMPLATE_LOGITS
    fractions = expit(logits)
    if variant.clustered_deg:
        fractions = _clustered(logits, positions.pixels, variant.clustered_deg, random)
    return MockSkies(variant, logits, fractions, axes, beta, _as_fraction(beta), templates)


def imaging_templates(positions: MockPositions) -> NDArray[np.float64]:
    """Seeing, which grows away from Dec = +20 degrees and varies over some 20 degrees, and dust, 1/(|sin b| + 0.1)."""
    random = np.random.default_rng(20)
    spectrum = np.r_[0.0, 0.0, np.full(9, 1.0)]
    patches = _field(spectrum, NSIDE, random)[positions.pixels]
    away = np.degrees(np.arcsin(positions.vectors[:, 2])) - 20
    seeing = (away / 40) ** 2 + 0.4 * patches
    return np.column_stack([seeing, 1 / (np.abs(np.sin(np.radians(positions.latitude))) + 0.1)])


def _as_fraction(beta: float) -> float:
    """Dipole of expit(b0 + beta cos) on the full sky, 3 <p cos>: a little less than its slope at 0 times beta."""
    cosine, weight = np.polynomial.legendre.leggauss(40)
    return float(1.5 * weight @ (expit(np.log(MEAN_FRACTION / (1 - MEAN_FRACTION)) + beta * cosine) * cosine))


def _directions(number: int, dimensions: int, random: np.random.Generator) -> NDArray[np.float64]:
    drawn = random.standard_normal((number, dimensions))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def _clustered(
    logits: NDArray, pixels: NDArray[np.int64], scale_deg: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Fractions with a field of Gaussian correlation exp(-theta^2 / 2 scale^2), averaged over finer pixels."""
    degree = np.arange(_FIELD_LMAX + 1)
    spectrum = np.exp(-degree * (degree + 1) * np.radians(scale_deg) ** 2 / 2)
    # No monopole: it would only change the overall fraction.
    spectrum[0] = 0
    spectrum *= 4 * np.pi * CLUSTERING**2 / ((2 * degree + 1) @ spectrum)
    finer = (_FIELD_NSIDE // NSIDE) ** 2
    fields = (_field(spectrum, _FIELD_NSIDE, random).reshape(-1, finer)[pixels] for _ in logits)
    return np.array([expit(sky[:, None] + field).mean(axis=1) for sky, field in zip(logits, fields, strict=True)])


def _field(spectrum: NDArray, nside: int, random: np.random.Generator) -> NDArray[np.float64]:
    """A Gaussian random field of an angular power spectrum C_l, nested; as `healpy.synfast`, with its own generator."""
    lmax = len(spectrum) - 1
    degree, order = healpy.Alm.getlm(lmax)
    real, imaginary = random.standard_normal((2, len(degree)))
    alm = np.where(order == 0, real + 0j, (real + 1j * imaginary) / np.sqrt(2)) * np.sqrt(spectrum[degree])
    return healpy.reorder(healpy.alm2map(alm, nside, lmax=lmax), r2n=True)
