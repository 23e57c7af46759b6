"""What tests of several statistics share: skies and sums over them, and how often a calibrated test may reject."""

import healpy
import numpy as np
from astropy import units
from astropy_healpix import HEALPix
from scipy import stats

from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues

# Of all HEALPix pixels at Nside 8, ring order.
CENTRES = np.array(healpy.pix2vec(8, np.arange(768))).T


def band(mocks, share=0.05):
    """99.9 % binomial band of a share, such as the size of a test, over so many mocks."""
    return stats.binom.ppf([0.0005, 0.9995], mocks, share) / mocks


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


def one_a_pixel(vectors) -> PixelPositions:
    """A pixel for each galaxy: fits without binning."""
    return PixelPositions.of(vectors, np.arange(len(vectors)), len(vectors))


def at_centres(counts) -> PixelPositions:
    """Galaxies that sit exactly on the centres of all HEALPix pixels (ring), so many on each."""
    counts = np.asarray(counts, np.int64)
    centres = np.array(healpy.pix2vec(healpy.npix2nside(len(counts)), np.arange(len(counts)))).T
    return PixelPositions(counts, centres * counts[:, None], (centres * counts[:, None]).T @ centres)


def quadrupole_matrix(theta):
    """The symmetric, traceless S (3, 3) with n^T S n = theta . q(n) for the coefficients (5,) of `quadrupole_basis`."""
    xy, yz, xz, difference, polar = np.asarray(theta, float)
    third = polar / np.sqrt(12)
    return np.array(
        [
            [difference / 2 - third, xy / 2, xz / 2],
            [xy / 2, -difference / 2 - third, yz / 2],
            [xz / 2, yz / 2, 2 * third],
        ]
    )
