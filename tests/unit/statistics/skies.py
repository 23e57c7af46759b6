"""Skies that tests of several statistics draw: positions, pixels, and sums over them."""

import healpy
import numpy as np
from astropy import units
from astropy_healpix import HEALPix

from workflow_scripts.statistics.sky.pixels import PixelPositions, PixelValues


def random_sky(random, number, lowest=-1.0):
    """Unit vectors spread evenly over the sky north of a sine of declination."""
    z, ra = random.uniform(lowest, 1, number), random.uniform(0, 2 * np.pi, number)
    return np.column_stack([np.sqrt(1 - z**2) * np.cos(ra), np.sqrt(1 - z**2) * np.sin(ra), z])


def healpix_pixels(vectors, nside):
    ra, dec = np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0])), np.degrees(np.arcsin(vectors[:, 2]))
    return HEALPix(nside, order="nested").lonlat_to_healpix(ra * units.deg, dec * units.deg)


def binned(vectors, values, pixels=None, n_pixels=None) -> tuple[PixelPositions, PixelValues]:
    """Sums over pixels; by default each galaxy has its own."""
    pixels = np.arange(len(vectors)) if pixels is None else pixels
    n_pixels = len(vectors) if n_pixels is None else n_pixels
    return PixelPositions.of(vectors, pixels, n_pixels), PixelValues.of(values, vectors, pixels, n_pixels)


def at_centres(counts) -> PixelPositions:
    """Galaxies that sit exactly on the centres of all HEALPix pixels (ring), so many on each."""
    counts = np.asarray(counts, np.int64)
    centres = np.array(healpy.pix2vec(healpy.npix2nside(len(counts)), np.arange(len(counts)))).T
    return PixelPositions(counts, centres * counts[:, None], (centres * counts[:, None]).T @ centres)
