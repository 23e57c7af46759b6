"""From the values of a FITS image to nanomaggies a square arcsec, the unit of a recipe's stretch.

The sky or a galaxy's outskirts then have one grey whatever the pixel scale of the survey. A nanomaggy has the AB
magnitude 22.5: 3.631e-6 Jy.
"""

import re
from functools import lru_cache

import astropy.units as u
import numpy as np
from astropy.io import fits

from workflow_scripts.images.fits_files import UnusableImageError

_SET = (
    "its values cannot become nanomaggies a square arcsec: {}; expected FITS in nanomaggies or Jy with a pixel scale,"
    " or recipes, stretch.unit: file with black, white and softening in the unit of the files"
)
_AREA = u.arcsec**2
_PLAIN_UNIT = re.compile(r"[A-Za-z]{1,20}([ /.]?[A-Za-z]{1,20}((\*\*|\^)?-?[1-9])?){0,3}")


def factor_to_surface_brightness(
    header: fits.Header, axes: np.ndarray | None, pixel_scale: float | None, in_nanomaggies: bool = False
) -> float:
    """What to multiply the values of an image by.

    Parameters
    ----------
    header
        has the unit of the values (BUNIT); without it they are nanomaggies a pixel.
    axes
        of a pixel, as `orientation.local_axes` gives them.
    pixel_scale
        arcsec a pixel where the survey knows it (the ledger), which counts before `axes`; else None.
    in_nanomaggies
        whether the values have become nanomaggies a pixel, whatever the header has.

    Raises
    ------
    UnusableImageError
        for values in another unit, or pixels of unknown size.
    """
    factor, of_area = (1.0, False) if in_nanomaggies else _nanomaggies_in(str(header.get("BUNIT", "")).strip())
    if of_area:
        return factor
    if pixel_scale:
        return factor / pixel_scale**2
    if axes is None:
        raise UnusableImageError(_SET.format("the pixel scale is not known (no WCS in its header)"))
    return factor / abs(float(np.linalg.det(axes)))


@lru_cache(maxsize=64)
def _nanomaggies_in(unit_name: str) -> tuple[float, bool]:
    """Nanomaggies (a pixel, or a square arcsec) in a unit, and whether it is one of area."""
    if unit_name.lower() in ("", "nanomaggies"):
        return 1.0, False
    # A power of numbers, 10**99999999, would be computed.
    unit = u.Unit(unit_name if _PLAIN_UNIT.fullmatch(unit_name) else "", parse_strict="silent")
    for flux, nanomaggies in ((u.nmgy, 1.0), (u.Jy, 1 / 3.631e-6)):
        for per, of_area in ((u.dimensionless_unscaled, False), (u.pix, False), (_AREA, True)):
            if unit.is_equivalent(flux / per):
                return float(unit.to(flux / per)) * nanomaggies, of_area
    raise UnusableImageError(_SET.format(f"they are in '{unit_name[:40]}' (BUNIT)"))
