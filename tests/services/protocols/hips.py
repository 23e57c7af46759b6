"""hips2fits, which cuts any HiPS, and the MocServer, which knows where a HiPS has tiles."""

import io

import numpy as np

from tests.services import image_files, rendered_galaxies
from tests.services.coverage import HIPS, ORDER, SINGLE_BAND, moc
from tests.services.exchange import JPEG, PNG, ServiceRequest, ServiceResponse, json_response
from tests.services.protocols.cutout_pixels import covered_mask, picture, stretched
from tests.services.sky_catalog import SkyCatalog

MOST_PIXELS = 50_000_000


def hips2fits(sky: SkyCatalog, received: ServiceRequest) -> ServiceResponse:
    """A cutout as JPEG, PNG or FITS; blank where there are no tiles."""
    name = received.values.get("hips", "")
    if name not in HIPS:
        return _refused("Bad HiPS", f"no HiPS is called {name!r}")
    try:
        ra, dec, fov = received.number("ra") % 360, received.number("dec"), received.number("fov")
        width, height = int(received.values.get("width", 1200)), int(received.values.get("height", 900))
    except ValueError as error:
        return _refused("Bad request", f"missing or invalid parameter {error}")
    file_format = received.values.get("format", "fits").lower()
    if file_format not in ("fits", "jpg", "png") or min(width, height) < 1 or fov <= 0 or abs(dec) > 90:
        return _refused("Bad request", "invalid format, size, fov or dec")
    if width * height > MOST_PIXELS:
        return _refused("Too large", f"at most {MOST_PIXELS} pixels")
    scale, coverage = fov * 3600 / max(width, height), HIPS[name]
    mask = covered_mask(coverage, ra, dec, width, height, scale)
    outcome = "ok" if mask is None else "partly_blank" if mask.any() else "blank"
    galaxy, one_band = sky.galaxy_at(ra, dec), name in SINGLE_BAND
    bands = name[-1] if one_band and name[-1] in "grizy" else "r" if one_band else "irg"
    cuts = [received.values.get(cut, "") for cut in ("min_cut", "max_cut")]
    # A colour HiPS is shown as its tiles are, unless percentiles are requested.
    stretch = "percentiles" if one_band or any(cut.endswith("%") for cut in cuts) else "sdss"
    if file_format == "fits":
        if one_band:
            planes = rendered_galaxies.flux(galaxy, bands, width, height, scale).copy()
            if mask is not None:
                planes[:, ~mask] = np.nan
        else:
            planes = stretched(galaxy, bands, width, height, scale, stretch).transpose(2, 0, 1).copy()
            if mask is not None:
                planes[:, ~mask] = 0
        keywords = {"CPYRIGHT": "the survey", "HISTORY": "made by hips2fits"}
        return ServiceResponse(
            image_files.fits_file(planes[:, ::-1], ra, dec, scale, keywords), "application/fits", outcome=outcome
        )
    if mask is None:
        image = picture(galaxy, bands, width, height, scale, stretch, file_format)
    else:
        pixels = stretched(galaxy, bands, width, height, scale, stretch).copy()
        pixels[~mask] = 0
        image = image_files.png(pixels) if file_format == "png" else image_files.jpeg(pixels)
    image = image_files.with_comment(image, f"hips2fits {ra:.7f} {dec:.7f} {scale:.6f}")
    return ServiceResponse(image, PNG if file_format == "png" else JPEG, outcome=outcome)


def moc_server(received: ServiceRequest) -> ServiceResponse:
    """The coverage of a HiPS as a FITS MOC; an empty one for an unknown id."""
    name = received.values.get("ivorn", received.values.get("id", "")).removeprefix("ivo://")
    if received.values.get("get") != "moc":
        return ServiceResponse((name + "\n").encode() if name in HIPS else b"")
    file = io.BytesIO()
    coverage = moc(HIPS.get(name), int(received.values.get("order", ORDER)))
    coverage.serialize(format="fits").writeto(file)
    return ServiceResponse(file.getvalue(), "application/fits", outcome="ok" if name in HIPS else "empty_moc")


def _refused(title: str, description: str) -> ServiceResponse:
    return json_response({"title": title, "description": description}, 400, "bad_request")
