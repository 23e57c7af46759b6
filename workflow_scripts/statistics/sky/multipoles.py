"""Real functions of second and third degree on the sky: the columns that carry a quadrupole and an octopole.

Each set is a spherical harmonic degree in its real form, up to a factor that its functions share, so that the length of
a set of coefficients, and the space that the columns span, do not change when the sky is turned.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def quadrupole_basis(vectors: ArrayLike) -> NDArray[np.float64]:
    """The real functions of l = 2 at vectors (n, 3): xy, yz, xz, (x^2 - y^2)/2, (3z^2 - 1)/(2 sqrt 3), as (n, 5).

    All have variance 1/15 over the sphere, and sum_j q_j(a) q_j(n) = ((a . n)^2 - 1/3)/2 for unit vectors.
    Vectors are scaled to length 1 first, so that means over a pixel may be passed; zero vectors stay zero vectors.
    """
    x, y, z = _scaled(vectors)
    return np.column_stack([x * y, y * z, x * z, (x**2 - y**2) / 2, (3 * z**2 - 1) / np.sqrt(12)])


def octopole_basis(vectors: ArrayLike) -> NDArray[np.float64]:
    """The real functions of l = 3 at vectors (n, 3), as (n, 7): sqrt(4 pi/7) times the real spherical harmonics.

    (5z^3 - 3z)/2, sqrt(3/8) (5z^2 - 1) {x, y}, sqrt(15/4) (x^2 - y^2) z, sqrt(15) xyz, sqrt(5/8) {x^3 - 3xy^2,
    3x^2y - y^3}. All have variance 1/7 over the sphere, and by the addition theorem sum_j o_j(a) o_j(n) = P_3(a . n)
    for unit vectors: coefficients D o(a) are the zonal octopole D P_3(a . n), and D is their length. Vectors are scaled
    as in `quadrupole_basis`.
    """
    x, y, z = _scaled(vectors)
    across = np.sqrt(3 / 8) * (5 * z**2 - 1)
    return np.column_stack(
        [
            (5 * z**2 - 3) * z / 2,
            across * x,
            across * y,
            np.sqrt(15 / 4) * (x**2 - y**2) * z,
            np.sqrt(15) * x * y * z,
            np.sqrt(5 / 8) * (x**2 - 3 * y**2) * x,
            np.sqrt(5 / 8) * (3 * x**2 - y**2) * y,
        ]
    )


def _scaled(vectors: ArrayLike) -> NDArray[np.float64]:
    """Components (3, n) of the vectors' directions; zero for zero vectors."""
    vectors = np.asarray(vectors, float)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1.0)).T
