"""SkyServer's ImgCutout: getjpeg, whose errors are JPEGs too, and which clamps sizes silently."""

import io
from hashlib import blake2b

import numpy as np
from PIL import Image, ImageDraw

from tests.services import image_files
from tests.services.coverage import is_near
from tests.services.exchange import JPEG, ServiceRequest, ServiceResponse, json_response
from tests.services.protocols.cutout_pixels import covered_mask, picture, stretched
from tests.services.sky_catalog import SkyCatalog

SMALLEST, LARGEST = 64, 2048
SMALLEST_SCALE, LARGEST_SCALE = 0.015, 2400.0
NATIVE_SCALE = 0.396127
# Half the diagonal of a frame: so far from its centre a frame is taken to show a position (degrees).
FRAME_HALF_DIAGONAL = 8.4 / 60
OUTSIDE = "NOT FOUND. Requested (ra, dec) is outside the SDSS footprint."


def get_jpeg(sky: SkyCatalog, received: ServiceRequest) -> ServiceResponse:
    """A cutout."""
    try:
        ra, dec = _angle(received.values["ra"], 15), _angle(received.values["dec"], 1)
        width, height = (int(received.values.get(name, 128)) for name in ("width", "height"))
        scale = float(received.values.get("scale", NATIVE_SCALE))
        if not np.isfinite([ra, dec, scale]).all():
            raise ValueError("not a number")
    except (KeyError, ValueError) as error:
        return _bad_request(f"Invalid or missing parameter: {error}")
    ra, dec = _folded(ra, dec)
    width, height = (min(max(side, SMALLEST), LARGEST) for side in (width, height))
    scale = min(max(scale, SMALLEST_SCALE), LARGEST_SCALE)
    half_diagonal = np.hypot(width, height) * scale / 3600 / 2
    if not is_near("sdss", ra, dec, FRAME_HALF_DIAGONAL + half_diagonal):
        return error_picture(OUTSIDE, 404, "no_coverage", width, height)
    mask = covered_mask("sdss", ra, dec, width, height, scale)
    galaxy = sky.galaxy_at(ra, dec)
    overlays = "".join(sorted(set(received.values.get("opt", "").upper()) - {"C", " "}))
    if mask is None and not overlays:
        image = picture(galaxy, "irg", width, height, scale, "sdss")
    else:
        pixels = stretched(galaxy, "irg", width, height, scale, "sdss").copy()
        if mask is not None:
            pixels[~mask] = 0
        image = image_files.jpeg(_with_overlays(pixels, overlays))
    empty = mask is not None and not mask.any()
    image = image_files.with_comment(image, f"sdss {ra:.7f} {dec:.7f} {scale:.6f}")
    return ServiceResponse(image, JPEG, outcome="black" if empty else "partly_black" if mask is not None else "ok")


def error_picture(text: str, status: int, outcome: str, width: int = 128, height: int = 128) -> ServiceResponse:
    """A black picture with an error text on it, which may lie off a small canvas."""
    canvas = Image.new("RGB", (width, height))
    ImageDraw.Draw(canvas).text((10, 10), text, fill=(255, 255, 255))
    file = io.BytesIO()
    canvas.save(file, "JPEG", quality=75)
    return ServiceResponse(file.getvalue(), JPEG, status, reason=text, outcome=outcome)


def _bad_request(message: str) -> ServiceResponse:
    given = {
        "ErrorCode": 400,
        "ErrorType": "Bad Request",
        "ErrorMessage": message,
        "LogMessageID": blake2b(message.encode(), digest_size=8).hexdigest(),
        "LogTime": "2024-01-01T00:00:00",
    }
    return json_response(given, 400, "bad_request")


def server_error(message: str) -> ServiceResponse:
    """The JSON object of an error that comes before there is a canvas."""
    return json_response({"ErrorCode": 500, "ErrorType": "InternalServerError", "ErrorMessage": message}, 500, "500")


def _angle(text: str, degrees_per_unit: int) -> float:
    """Degrees of a decimal number, or of sexagesimal hours (or degrees) where there is a colon."""
    if ":" not in text:
        return float(text)
    whole, minutes, seconds = (float(part) for part in [*text.split(":"), "0"][:3])
    size = abs(whole) + minutes / 60 + seconds / 3600
    return (-size if text.strip().startswith("-") else size) * degrees_per_unit


def _folded(ra: float, dec: float) -> tuple[float, float]:
    dec = (dec + 180) % 360 - 180
    if abs(dec) > 90:
        ra, dec = ra + 180, float(np.sign(dec)) * 180 - dec
    return ra % 360, dec


def _with_overlays(pixels, overlays: str):
    if "I" in overlays:
        pixels = 255 - pixels
    if overlays.strip("I"):
        # Grid, label, outlines and all others: green lines, which no training image may show.
        pixels[:: max(len(pixels) // 4, 1), :, 1] = 255
    return pixels
