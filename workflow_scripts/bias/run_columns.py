"""A dipole as columns of a table."""

import numpy as np
from numpy.typing import NDArray

AXES = ("x", "y", "z")


def components(name: str) -> tuple[str, str, str]:
    """The columns `NAME_x`, `NAME_y` and `NAME_z`."""
    return f"{name}_x", f"{name}_y", f"{name}_z"


def dipole_keys(name: str, beta: NDArray, covariance: NDArray, p: float) -> dict[str, float]:
    """`NAME_x ... NAME_z`, their standard errors `NAME_x_se ...`, and `NAME_p`."""
    se = np.sqrt(np.diag(covariance))
    columns = dict(zip(components(name), map(float, beta), strict=True))
    columns |= {f"{column}_se": float(value) for column, value in zip(components(name), se, strict=True)}
    return columns | {f"{name}_p": float(p)}
