"""The parts of the sky that mock catalogs cover, and where their galaxies lie."""

from collections.abc import Callable
from dataclasses import dataclass

import healpy
import numpy as np
from astropy import units
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.sky.unit_vectors import right_ascension_declination
from workflow_scripts.statistics.sky.sky_sums import PixelPositions

# Pixels of 3.7 degrees. The galaxies of a pixel stand at its centre, in the mocks and in the tests alike.
NSIDE = 16
N_PIXELS = 12 * NSIDE**2


@dataclass(frozen=True)
class MockPositions:
    """Galaxies of the pixels that hold any, nested: `pixels` (p,), `counts` (p,), `vectors` (p, 3), `latitude` (p,).

    `positions` are the same galaxies over all pixels of the sky. `split` (p,) tells two halves of the galaxies apart
    along the direction in which they spread most; `centre` (3,) is the middle of the mask, the pole on the full sky.
    """

    mask: str
    pixels: NDArray[np.int64]
    counts: NDArray[np.int64]
    vectors: NDArray[np.float64]
    latitude: NDArray[np.float64]
    positions: PixelPositions
    split: NDArray[np.bool_]
    centre: NDArray[np.float64]

    @property
    def n(self) -> int:
        """Number of galaxies."""
        return int(self.counts.sum())


def _full_sky(ra: NDArray, dec: NDArray, latitude: NDArray) -> NDArray[np.bool_]:
    return np.ones(len(ra), bool)


def _dec_and_latitude(ra: NDArray, dec: NDArray, latitude: NDArray) -> NDArray[np.bool_]:
    return (dec > -10) & (np.abs(latitude) > 20)


def _sdss_like_cap(ra: NDArray, dec: NDArray, latitude: NDArray) -> NDArray[np.bool_]:
    return (ra > 120) & (ra < 250) & (dec > 0) & (dec < 60)


def _half_sky(ra: NDArray, dec: NDArray, latitude: NDArray) -> NDArray[np.bool_]:
    return ra < 180


# Of pixel centres: right ascension, declination and galactic latitude, degrees.
MASKS: dict[str, Callable[[NDArray, NDArray, NDArray], NDArray[np.bool_]]] = {
    "full_sky": _full_sky,
    "dec_and_latitude": _dec_and_latitude,
    "sdss_like_cap": _sdss_like_cap,
    "half_sky": _half_sky,
}
DESCRIPTIONS = {
    "full_sky": "full sky",
    "dec_and_latitude": "Dec > -10 and |b| > 20 degrees",
    "sdss_like_cap": "SDSS-like north cap (RA 120 to 250, Dec 0 to 60 degrees)",
    "half_sky": "half sky (RA below 180 degrees)",
}


def mock_positions(mask: str, galaxies: int, seed: int) -> MockPositions:
    """`galaxies` spread evenly, at random, over the pixels of a mask; the same for all mocks on it.

    Raises `InputError` for a mask that is not in `MASKS`, or fewer than 100 galaxies.
    """
    if mask not in MASKS:
        raise InputError(f"--mask: '{mask}' is not known, expected one of {', '.join(MASKS)}")
    if galaxies < 100:
        raise InputError(f"--galaxies: {galaxies} are too few for a mock sky, expected 100 or more")
    vectors = np.column_stack(healpy.pix2vec(NSIDE, np.arange(N_PIXELS), nest=True))
    ra, dec = right_ascension_declination(vectors)
    latitude = SkyCoord(ra * units.deg, dec * units.deg, frame="icrs").galactic.b.deg
    inside = MASKS[mask](ra, dec, latitude)
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
    return MockPositions(mask, pixels, number, at, latitude[pixels], positions, along > middle, centre)
