"""The folders of coadds of the Legacy Surveys: a tile-compressed FITS file a brick and band, on the sky of the server.

Bricks are of the true size, with pixels ten times as large. Their centres are found from their names, by looking at
every brick of the row.
"""

import io
import re
from functools import lru_cache
from math import ceil, cos, radians

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from tests.services.coverage import is_covered
from tests.services.exchange import HTML, ServiceRequest, ServiceResponse
from tests.services.rendered_galaxies import NOISE, flux
from tests.services.sky_catalog import SkyCatalog

SIDE_PX, PIXEL_SCALE = 360, 2.62
BANDS = "griz"
_STAMP_PX = 15
_PATH = re.compile(r".*/coadd/(\d{3})/(\d{4}[mp]\d{3})/legacysurvey-(\d{4}[mp]\d{3})-image-([a-z])\.fits\.fz")
_NOT_FOUND = ServiceResponse(b"<h1>404 Not Found</h1>", HTML, 404, outcome="no_such_file")


def coadd(sky: SkyCatalog, received: ServiceRequest) -> ServiceResponse:
    """The image of a brick in a band."""
    found = _PATH.fullmatch(received.path)
    if not found:
        return _NOT_FOUND
    folder, name, again, band = found.groups()
    centre = centre_of(name)
    if folder != name[:3] or again != name or band not in BANDS or not centre or not is_covered("legacy", *centre):
        return _NOT_FOUND
    return ServiceResponse(_file(sky, name, centre, band), "application/fits")


def centre_of(name: str) -> tuple[float, float] | None:
    """The centre of the brick with a name; None where there is none."""
    tenths, sign = int(name[5:]), -1 if name[4] == "m" else 1
    for quarters in range(361):
        if int(quarters * 2.5 + 1e-6) != tenths:
            continue
        dec = sign * quarters / 4
        columns = 1 if quarters == 360 else 2 * ceil(720 * cos(radians(quarters / 4 - 0.125)))
        for column in range(columns):
            ra = (column + 0.5) * 360 / columns
            if int(ra * 10 + 1e-6) == int(name[:4]):
                return ra, dec
    return None


def wcs_of(centre: tuple[float, float], side_px: int = SIDE_PX) -> WCS:
    """TAN about the centre of a brick, north up, east left, with pixels as large as the number of them leaves."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = centre
    wcs.wcs.crpix = [side_px / 2 + 0.5] * 2
    wcs.wcs.cd = np.diag([-1, 1]) * PIXEL_SCALE * SIDE_PX / side_px / 3600
    return wcs


@lru_cache(maxsize=64)
def pixels_of(sky: SkyCatalog, name: str, centre: tuple[float, float], band: str):
    """(H, W) nanomaggies, row 0 south: noise, and the galaxies of the sky at their places."""
    pixels = np.random.default_rng([*name.encode(), ord(band)]).normal(0, NOISE, (SIDE_PX, SIDE_PX)).astype(np.float32)
    near = np.flatnonzero(np.abs(sky.dec - centre[1]) < 0.2)
    places = wcs_of(centre).wcs_world2pix(np.column_stack([sky.ra[near], sky.dec[near]]), 0)
    for index, place in zip(near, places, strict=True):
        if not np.isfinite(place).all():
            continue
        corner = np.rint(place).astype(int) - _STAMP_PX // 2
        inside = (corner >= 0) & (corner <= SIDE_PX - _STAMP_PX)
        if inside.all():
            galaxy = sky.galaxy_at(sky.ra[index], sky.dec[index])
            stamp = flux(galaxy, band, _STAMP_PX, _STAMP_PX, PIXEL_SCALE)[0, ::-1]
            pixels[corner[1] : corner[1] + _STAMP_PX, corner[0] : corner[0] + _STAMP_PX] = stamp
    return pixels


@lru_cache(maxsize=512)
def _file(sky: SkyCatalog, name: str, centre: tuple[float, float], band: str) -> bytes:
    return brick_file(pixels_of(sky, name, centre, band), centre, BRICKNAM=name, FILTER=band)


def brick_file(pixels, centre: tuple[float, float], **cards) -> bytes:
    """A file of a brick, with cards (as `CRVAL1`) other than those that it should have."""
    header = wcs_of(centre, len(pixels)).to_header()
    header.update(cards)
    image = fits.CompImageHDU(
        pixels,
        header,
        compression_type="RICE_1",
        tile_shape=(90, 90),
        quantize_level=-0.001,
        quantize_method=2,
        dither_seed=1,
    )
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(file, checksum=True)
    return file.getvalue()
