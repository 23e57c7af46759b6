"""Pan-STARRS: ps1filenames.py, which names the stacks at positions, and fitscut.cgi, which cuts pixels out of them."""

import re

import numpy as np
from numpy.typing import NDArray

from tests.services import image_files, rendered_galaxies
from tests.services.coverage import is_covered
from tests.services.exchange import JPEG, PNG, ServiceRequest, ServiceResponse
from tests.services.protocols.cutout_pixels import picture
from tests.services.sky_catalog import SkyCatalog

PIXEL_SCALE = 0.25
LARGEST = 6000
COLUMNS = "projcell subcell ra dec filter mjd type filename shortname badflag"
_STACK = re.compile(r"/rings\.v3\.skycell/\d{4}/\d{3}/rings\.v3\.skycell\.\d{4}\.\d{3}\.stk\.([grizy])\.unconv\.fits")


def file_names(sky: SkyCatalog, received: ServiceRequest) -> ServiceResponse:
    """A table of the stacks at one position, or at every position of an uploaded file."""
    filters = [band for band in received.values.get("filters", "grizy") if band in "grizy"]
    types = [name for name in re.split("[, ]", received.values.get("type", "stack")) if name]
    if received.file is not None:
        pairs = [line.split() for line in received.file.decode("ascii", "replace").splitlines() if line.strip()]
    else:
        pairs = [[received.values.get("ra", ""), received.values.get("dec", "")]]
    rows = []
    for pair in pairs:
        try:
            ra, dec = (float(text) for text in pair[:2])
            covered = "stack" in types and is_covered("panstarrs", ra % 360, dec)
        except ValueError:
            return ServiceResponse(b"Error: cannot read positions\n", status=400, outcome="bad_request")
        if covered:
            rows += [_row(pair[0], pair[1], ra, dec, band) for band in filters]
    table = "\n".join([COLUMNS, *rows]) + "\n"
    return ServiceResponse(table.encode("ascii"), outcome="ok" if rows else "no_coverage")


def _row(ra_text: str, dec_text: str, ra: float, dec: float, band: str) -> str:
    """The position is echoed as it was requested."""
    projection, cell = _sky_cell(ra, dec)
    path = _stack_path(projection, cell, band)
    return f"{projection} {cell:03d} {ra_text} {dec_text} {band} 0.0 stack {path} {path.rpartition('/')[2]} 0"


def _sky_cell(ra: float, dec: float) -> tuple[int, int]:
    return 635 + int((dec + 30) // 4) * 60 + int(ra % 360 // 6), int(ra % 6 * 16) % 100


def _stack_path(projection: int, cell: int, band: str) -> str:
    name = f"rings.v3.skycell.{projection:04d}.{cell:03d}.stk.{band}.unconv.fits"
    return f"/rings.v3.skycell/{projection:04d}/{cell:03d}/{name}"


def fitscut(sky: SkyCatalog, received: ServiceRequest) -> ServiceResponse:
    """Pixels: JPEG and PNG stretched by percentiles of each picture, in colour or grey, or FITS of one band."""
    try:
        ra, dec = received.number("ra") % 360, received.number("dec")
        size = min(int(received.values.get("size", 240)), LARGEST)
        shown = min(int(received.values.get("output_size") or size), LARGEST)
        stacks = [received.values[name] for name in ("red", "green", "blue") if received.values.get(name)]
        bands = "".join(_band(stack) for stack in stacks)
        in_stacks = all(stack == _stack_path(*_sky_cell(ra, dec), _band(stack)) for stack in stacks)
        if not bands or size < 1 or shown < 1 or not -90 <= dec <= 90 or len(bands) == 2:
            raise ValueError("parameters")
    except ValueError as error:
        return _failed(str(error))
    if not in_stacks or not is_covered("panstarrs", ra, dec):
        return _failed("position outside image")
    galaxy, file_format = sky.galaxy_at(ra, dec), received.values.get("format", "jpg").lower()
    if file_format == "fits":
        if len(bands) > 1:
            return _failed("one filter per FITS image")
        planes = rendered_galaxies.flux(galaxy, bands, size, size, PIXEL_SCALE)[:, ::-1]
        values, cards = _as_stacked(planes, _sky_cell(ra, dec)[1])
        body = image_files.fits_file(values, ra, dec, PIXEL_SCALE, {"FILTER": bands, "TELESCOP": "PS1", **cards})
        return ServiceResponse(body, "image/fits")
    if file_format not in ("jpg", "jpeg", "png"):
        return _failed("unknown format")
    scale = PIXEL_SCALE * size / shown
    image = picture(galaxy, bands, shown, shown, scale, "percentiles", "png" if file_format == "png" else "jpg")
    image = image_files.with_comment(image, f"panstarrs {ra:.7f} {dec:.7f} {scale:.6f}")
    return ServiceResponse(image, PNG if file_format == "png" else JPEG)


def _as_stacked(flux: NDArray[np.float32], cell: int) -> tuple[NDArray[np.float32], dict[str, float]]:
    """Nanomaggies as the counts of a stack and its cards: the depth differs from cell to cell.

    Cutouts have linear counts by STScI; in every other cell they are asinh of counts, as whole stacks are.
    """
    exposure = 300.0 + 150 * (cell % 3)
    counts, cards = flux * 10 * exposure, {"EXPTIME": exposure}
    if cell % 2:
        softening, offset = 20.0 + cell % 3, 5.0
        counts = 2.5 / np.log(10) * np.arcsinh((counts - offset) / (2 * softening))
        cards |= {"BSOFTEN": softening, "BOFFSET": offset}
    return counts.astype(np.float32), cards


def _band(stack: str) -> str:
    found = _STACK.fullmatch(stack)
    if not found:
        raise ValueError("no such file")
    return found[1]


def _failed(reason: str) -> ServiceResponse:
    """A short body that is no image, with status 200."""
    return ServiceResponse(f"fitscut: error: {reason}\n".encode(), outcome="error_with_200")
