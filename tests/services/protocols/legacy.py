"""The sky viewer of the Legacy Surveys: jpeg-cutout and fits-cutout."""

import numpy as np

from tests.services import image_files, rendered_galaxies
from tests.services.coverage import is_covered
from tests.services.exchange import HTML, JPEG, ServiceRequest, ServiceResponse
from tests.services.protocols.cutout_pixels import picture, reddest_first
from tests.services.sky_catalog import SkyCatalog

LARGEST = 3000
_ALIASES = {"dr8": "ls-dr8", "sdss2": "sdss", "sdssco": "sdss"}
# Bands, native pixel (arcsec) and coverage of each layer.
LAYERS = {
    "ls-dr8": ("grz", 0.262, "legacy"),
    "ls-dr9": ("grz", 0.262, "legacy"),
    "ls-dr9-north": ("grz", 0.262, "legacy"),
    "ls-dr9-south": ("grz", 0.262, "legacy"),
    "ls-dr10": ("griz", 0.262, "legacy"),
    "ls-dr10-grz": ("grz", 0.262, "legacy"),
    "ls-dr10-gri": ("gri", 0.262, "legacy"),
    "sdss": ("gri", 0.396, "sdss"),
    "ps1": ("gri", 0.25, "panstarrs"),
}
_SPLIT = frozenset({"ls-dr9", "ls-dr10", "ls-dr10-grz", "ls-dr10-gri"})
_Position = tuple[float, float]
# Width and height (px), pixel scale (arcsec).
_Frame = tuple[int, int, float]
_SERVER_ERROR = ServiceResponse(b"<h1>Server Error (500)</h1>", HTML, 500, outcome="500")


def cutout(sky: SkyCatalog, received: ServiceRequest) -> ServiceResponse:
    """A cutout, JPEG or FITS by the path."""
    is_fits = "fits" in received.path
    try:
        ra, dec = received.number("ra") % 360, received.number("dec")
    except ValueError:
        return ServiceResponse(b"Need ra,dec keywords", HTML, 400, outcome="bad_request")
    layer = received.values.get("layer", "ls-dr9").replace(" ", "+")
    layer = _ALIASES.get(layer, layer)
    if layer not in LAYERS:
        return ServiceResponse(b"no such layer", HTML, outcome="no_such_layer")
    bands, native_scale, coverage = LAYERS[layer]
    try:
        size = received.values.get("size", "256")
        width, height = (min(int(received.values.get(name, size)), LARGEST) for name in ("width", "height"))
        scale = float(received.values.get("pixscale", native_scale))
    except ValueError:
        return _SERVER_ERROR
    wanted = received.values.get("bands", "")
    bands = wanted if wanted and set(wanted) <= set(bands) else bands
    if width < 1 or height < 1 or scale <= 0 or abs(dec) > 90 or (layer in _SPLIT and received.values.get("rotate")):
        return _SERVER_ERROR
    covered = bool(is_covered(coverage, ra, dec))
    return (_fits if is_fits else _jpeg)(sky, (ra, dec), layer, bands, (width, height, scale), covered)


def _jpeg(
    sky: SkyCatalog, position: _Position, layer: str, bands: str, frame: _Frame, covered: bool
) -> ServiceResponse:
    width, height, scale = frame
    stretch = "sdss" if layer == "sdss" else "legacy"
    if covered:
        colours = reddest_first(bands if len(bands) in (1, 3) else bands[:2] + bands[-1])
        image = picture(sky.galaxy_at(*position), colours, width, height, scale, stretch)
    else:
        grey = int(np.arcsinh(20 * (0.02 if layer == "sdss" else 0.03)) / np.sqrt(20) * 255)
        image = image_files.jpeg(np.full((height, width, 3), grey, np.uint8))
    image = image_files.with_comment(image, f"{layer} {position[0]:.7f} {position[1]:.7f} {scale:.6f}")
    return ServiceResponse(image, JPEG, outcome="ok" if covered else "grey")


def _fits(
    sky: SkyCatalog, position: _Position, layer: str, bands: str, frame: _Frame, covered: bool
) -> ServiceResponse:
    width, height, scale = frame
    if not covered:
        return _SERVER_ERROR
    planes = rendered_galaxies.flux(sky.galaxy_at(*position), bands, width, height, scale)[:, ::-1]
    keywords = {"BANDS": bands, **{f"BAND{number}": band for number, band in enumerate(bands)}, "SURVEY": layer}
    body = image_files.fits_file(planes, *position, scale, keywords)
    name = f"cutout_{position[0]:.4f}_{position[1]:.4f}.fits"
    return ServiceResponse(body, "image/fits", headers={"Content-Disposition": f'attachment; filename="{name}"'})
