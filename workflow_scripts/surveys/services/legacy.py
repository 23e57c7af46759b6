"""DESI Legacy Imaging Surveys: cutouts of the sky viewer, JPEG (one stretch a layer) or FITS (nanomaggies).

Colours are uniform over the sky in the layers ls-dr9 and ls-dr10-grz, not in ls-dr10, whose south has four bands.
Positions without images give uniform JPEGs with status 200, and status 500 as FITS, which a crash gives as well: after
a 500 the JPEG of the same place is requested, and decides. Widths above 3000 pixels are cut silently.
"""

import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import numpy as np
from astropy.io import fits

from workflow_scripts.errors import InputError
from workflow_scripts.image_checks.acceptance import Judgement, Wanted, failed, largest_image, no_coverage, value_of
from workflow_scripts.surveys.fetcher.connections import Received
from workflow_scripts.surveys.fetcher.service import Galaxy, Service, judged_image

# Zero flux in the stretch of the layers ls-* (m = 0.03) and sdss (m = 0.02). Others may have blanks of their own.
_GREY = (32, 22)


class Legacy(Service):
    """Client of jpeg-cutout and fits-cutout."""

    def __init__(self, entry: Mapping[str, Any]):
        self.base = entry["url"].rstrip("/")
        self.urls = (self.base,)
        self.layer = entry["layer"]
        self.format = entry["format"]
        self.bands = entry["bands"]
        self.size_px = entry["cutout"]["size_px"]
        self.stretch = "none" if self.format == "fits" else "fixed"
        # Galaxies whose FITS gave status 500, False from when their JPEG has shown that there is an image.
        self._in_doubt: dict[str, bool] = {}
        self.largest_bytes = largest_image(self.size_px, self.format, len(self.bands))

    def url(self, galaxy: Galaxy, attempt: int) -> str:
        """`bands` goes with FITS only: for JPEG it would change the colours of a layer."""
        form = "jpeg" if self._in_doubt.get(galaxy.key) else self.format
        query = {
            **galaxy.position,
            "layer": self.layer,
            "pixscale": f"{galaxy.pixel_scale:.7g}",
            "size": self.size_px,
        }
        if form == "fits":
            query["bands"] = self.bands
        return f"{self.base}/{form}-cutout?{urlencode(query)}"

    def judge(self, response: Received, galaxy: Galaxy) -> Judgement:
        """Two of its errors are pages of text with status 200."""
        if response.status == 200 and len(response.body) < 1000:
            if b"no such layer" in response.body:
                return failed(
                    "misconfigured",
                    f"{self.base} has no layer '{self.layer}' (surveys, layer), expected one that the viewer lists,"
                    " for example ls-dr9 or ls-dr10-grz",
                )
            if b"No cutouts enabled" in response.body:
                return failed("transient", "the viewer's cutouts are switched off")
        if self._in_doubt.get(galaxy.key):
            judgement = judged_image(response, Wanted(self.size_px, "jpeg", None, _of_blank_probe))
            if judgement.kind != "accepted":
                return judgement
            self._in_doubt[galaxy.key] = False
            return failed("ambiguous", "server_error: 500 as FITS, where the layer has an image as JPEG")
        if self.format == "fits" and response.status == 500:
            self._in_doubt.setdefault(galaxy.key, True)
        judgement = judged_image(response, Wanted(self.size_px, self.format, _GREY, self._of_blank))
        if judgement.kind == "accepted" and self.format == "fits":
            found = str(fits.getheader(io.BytesIO(response.body)).get("BANDS", "")).strip()
            if found and found != self.bands:
                # A band that a layer lacks makes the viewer ignore the whole list.
                raise InputError(
                    f"{self.base}: gives bands {found} of layer {self.layer}, expected {self.bands} (surveys, bands)"
                )
        return judgement

    def _of_blank(self, pixels: np.ndarray) -> Judgement:
        values = value_of(pixels)
        if pixels.dtype != np.uint8:
            empty = all(value == 0 or np.isnan(value) for value in values)
        else:
            empty = len(set(values)) == 1 and values[0] in _GREY
        if empty:
            return no_coverage("empty: outside the survey")
        if not self.layer.startswith(("ls-", "sdss")):
            # The blank of the layer is not known; nothing else is without any noise.
            return Judgement("ambiguous", "no_coverage", f"empty: constant {values}")
        return failed("ambiguous", f"the image is constant {values}")


def _of_blank_probe(_: np.ndarray) -> Judgement:
    return no_coverage("500 as FITS, empty as JPEG: outside the survey")
