"""Positions as unit vectors."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def unit_vectors(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
    """Unit vectors (..., 3) of positions in ICRS degrees: (cos d cos a, cos d sin a, sin d)."""
    ra, dec = np.radians(np.asarray(ra, float)), np.radians(np.asarray(dec, float))
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


def right_ascension_declination(vectors: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """ICRS degrees of vectors (..., 3) of any length above zero; ra in [0, 360)."""
    vectors = np.asarray(vectors, float)
    ra = np.degrees(np.arctan2(vectors[..., 1], vectors[..., 0])) % 360
    dec = np.degrees(np.arctan2(vectors[..., 2], np.hypot(vectors[..., 0], vectors[..., 1])))
    # A tiny negative angle wraps to exactly 360.
    return np.where(ra >= 360, 0.0, ra), dec
