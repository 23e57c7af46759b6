"""hips2fits, which cuts any HiPS, and the MocServer, which tells where a HiPS has tiles."""

import io

import numpy as np

from tests.services import image_files, rendered_galaxies
from tests.services.coverage import HIPS, ORDER, SINGLE_BAND, moc
from tests.services.exchange import JPEG, PNG, Answer, Asked, json_answer
from tests.services.protocols.cutout_pixels import covered_mask, picture, stretched
from tests.services.sky_catalog import SkyCatalog

MOST_PIXELS = 50_000_000


def hips2fits(sky: SkyCatalog, asked: Asked) -> Answer:
    """A cutout as JPEG, PNG or FITS; blank where there are no tiles."""
    name = asked.values.get("hips", "")
    if name not in HIPS:
        return _refused("Bad HiPS", f"no HiPS is called {name!r}")
    try:
        ra, dec, fov = asked.number("ra") % 360, asked.number("dec"), asked.number("fov")
        width, height = int(asked.values.get("width", 1200)), int(asked.values.get("height", 900))
    except ValueError as error:
        return _refused("Bad request", f"missing or invalid parameter {error}")
    file_format = asked.values.get("format", "fits").lower()
    if file_format not in ("fits", "jpg", "png") or min(width, height) < 1 or fov <= 0 or abs(dec) > 90:
        return _refused("Bad request", "invalid format, size, fov or dec")
    if width * height > MOST_PIXELS:
        return _refused("Too large", f"at most {MOST_PIXELS} pixels")
    scale, coverage = fov * 3600 / max(width, height), HIPS[name]
    mask = covered_mask(coverage, ra, dec, width, height, scale)
    outcome = "ok" if mask is None else "partly_blank" if mask.any() else "blank"
    galaxy, one_band = sky.galaxy_at(ra, dec), name in SINGLE_BAND
    bands = name[-1] if one_band and name[-1] in "grizy" else "r" if one_band else "irg"
    cuts = [asked.values.get(cut, "") for cut in ("min_cut", "max_cut")]
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
        return Answer(
            image_files.fits_file(planes[:, ::-1], ra, dec, scale, keywords), "application/fits", outcome=outcome
        )
    if mask is None:
        image = picture(galaxy, bands, width, height, scale, stretch, file_format)
    else:
        pixels = stretched(galaxy, bands, width, height, scale, stretch).copy()
        pixels[~mask] = 0
        image = image_files.png(pixels) if file_format == "png" else image_files.jpeg(pixels)
    image = image_files.with_comment(image, f"hips2fits {ra:.7f} {dec:.7f} {scale:.6f}")
    return Answer(image, PNG if file_format == "png" else JPEG, outcome=outcome)


def moc_server(asked: Asked) -> Answer:
    """The coverage of a HiPS as a FITS MOC; an empty one for an unknown id."""
    name = asked.values.get("ivorn", asked.values.get("id", "")).removeprefix("ivo://")
    if asked.values.get("get") != "moc":
        return Answer((name + "\n").encode() if name in HIPS else b"")
    file = io.BytesIO()
    coverage = moc(HIPS.get(name), int(asked.values.get("order", ORDER)))
    coverage.serialize(format="fits").writeto(file)
    return Answer(file.getvalue(), "application/fits", outcome="ok" if name in HIPS else "empty_moc")


def _refused(title: str, description: str) -> Answer:
    return json_answer({"title": title, "description": description}, 400, "bad_request")
