"""Whether positions have the digits that a cutout needs."""

import numpy as np
import pandas as pd

from workflow_scripts.errors import InputError

# Single precision holds seven digits; right ascensions with six are up to 1.8 arcsec off.
_DIGITS = 7
# So few positions can be round by chance.
_FEW = 20


def check_precision(galaxies: pd.DataFrame, source: str) -> None:
    """Raise `InputError` where all of `ra` or `dec` (degrees) have no more digits than single precision holds."""
    for name in ("ra", "dec"):
        values = galaxies[name].dropna().to_numpy(float)
        if len(values) < _FEW:
            continue
        with np.errstate(divide="ignore"):
            step = 10.0 ** (np.floor(np.log10(np.abs(values))) - _DIGITS + 1)
        single = values.astype(np.float32) == values
        off = np.abs(values - np.where(values == 0, 0, np.round(values / step) * step))
        if (single | (off <= 1e-3 * step)).all():
            raise InputError(
                f"{source}: '{name}' (catalogs, columns.{name}) has at most {_DIGITS} digits in all {len(values)} rows,"
                " as single precision has, expected the double precision of PhotoObj.ra and PhotoObj.dec"
            )
