"""North up and east left, as in the JPEGs of all services: which way the pixels of a FITS image lie, and their area.

Row 0 of what networks see is the north, column 0 the east. A FITS image has a place on the sky (WCS), or else the order
of rows of the format, from the bottom up. Flips and quarter turns are exact. A turn by up to 15 degrees is left as it
is: fields of one tangent plane are turned by so much at their edges (those of Pan-STARRS by 2 tan(dec) degrees), in
JPEGs of the same pixels, too, and resampling would smooth the noise of these galaxies and of no others. A larger one is
refused.
"""

import re
import warnings

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS, Wcsprm
from astropy.wcs.utils import wcs_to_celestial_frame
from numpy.typing import NDArray

from workflow_scripts.errors import first_line
from workflow_scripts.images.fits_files import UnusableImageError
from workflow_scripts.sky.unit_vectors import unit_vectors

LARGEST_TURN_DEG = 15.0
# All that bears on direction and scale of the first two axes, which distortions (in other cards) change little.
_CARDS = re.compile(
    r"(CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CROTA)[12]|(CD|PC)[12]_[12]|PC00[12]00[12]|PV[12]_\d\d?"
    r"|LONPOLE|LATPOLE|RADE(CSYS|SYS)|EQUINOX|EPOCH"
)


def local_axes(header: fits.Header, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """What a step along x and along y (columns) is to the east and to the north (rows) at the centre, arcsec.

    None for a header without a place on the sky. `shape` is (..., H, W). Raises `UnusableImageError` for a place that
    makes no sense.
    """
    cards = {key: header[key] for key in header if _CARDS.fullmatch(key)}
    for key in ("CTYPE1", "CTYPE2"):
        cards[key] = str(cards.get(key, "")).removesuffix("-SIP")
    if not re.search(r"^(RA-|DEC-|.LON|.LAT)", cards["CTYPE1"]):
        return None
    x, y = (shape[-1] - 1) / 2, (shape[-2] - 1) / 2
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            place = fits.Header(cards)
            # Half the time of a WCS, which looks for all that a header may hold.
            wcs = Wcsprm(place.tostring().encode("ascii"), relax=True)
            places = wcs.p2s([[x, y], [x + 1, y], [x, y + 1]], 0)["world"]
            lon, lat = places[:, wcs.lng], places[:, wcs.lat]
            if wcs.lngtyp != "RA":
                equatorial = SkyCoord(lon, lat, unit="deg", frame=wcs_to_celestial_frame(WCS(place))).icrs
                lon, lat = equatorial.ra.degree, equatorial.dec.degree
    except Exception as error:  # a lying header can make astropy raise almost anything
        raise UnusableImageError(f"its place on the sky (WCS) cannot be read: {first_line(error)}") from None
    ra, dec = np.radians([lon[0], lat[0]])
    east = [-np.sin(ra), np.cos(ra), 0.0]
    north = [-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)]
    vectors = unit_vectors(lon, lat)
    axes = np.degrees(np.array([east, north]) @ (vectors[1:] - vectors[0]).T) * 3600
    if not (np.isfinite(axes).all() and abs(np.linalg.det(axes)) > 0):
        raise UnusableImageError("its place on the sky (WCS) has no north or no east")
    return axes


def north_up(pixels: NDArray, axes: NDArray[np.float64] | None) -> NDArray:
    """Pixels (..., H, W) as a file has them, turned north up and east left; without copying.

    `axes` are those of `local_axes`. Raises `UnusableImageError` for an image turned by more than 15 degrees.
    """
    if axes is None:
        return pixels[..., ::-1, :]
    if abs(axes[1, 0]) > abs(axes[1, 1]):
        # x runs along the meridian.
        pixels, axes = np.swapaxes(pixels, -1, -2), axes[:, ::-1]
    (east_of_x, east_of_y), (north_of_x, north_of_y) = axes
    turn = np.degrees([np.arctan2(abs(north_of_x), abs(east_of_x)), np.arctan2(abs(east_of_y), abs(north_of_y))]).max()
    if turn > LARGEST_TURN_DEG:
        raise UnusableImageError(
            f"its axes are turned by {turn:.0f} degrees against north and east (WCS), expected quarter turns, within"
            f" {LARGEST_TURN_DEG:g} degrees: resample it north up"
        )
    return pixels[..., :: -1 if north_of_y > 0 else 1, :: -1 if east_of_x > 0 else 1]
