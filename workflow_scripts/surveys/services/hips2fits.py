"""CDS hips2fits: a cutout of any HiPS, resampled to a TAN projection; with a mirror.

A name that fits several HiPS gives any one of them, so the full id is requested. Cuts are numbers or left out: the
percentiles that some clients send would stretch every image by its own contents.
"""

import io
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import numpy as np
from astropy.io import fits

from workflow_scripts.image_checks.acceptance import Judgement, Wanted, failed, largest_image, no_coverage, value_of
from workflow_scripts.surveys.fetcher.connections import Received, printable
from workflow_scripts.surveys.fetcher.service import Galaxy, Service, judged_image, judged_status

_FORMATS = {"jpeg": "jpg", "png": "png", "fits": "fits"}


class Hips2fits(Service):
    """Client of hips2fits and its mirrors."""

    def __init__(self, entry: Mapping[str, Any]):
        self.urls = tuple(entry["urls"])
        self.hips = entry["hips"]
        self.format = entry["format"]
        self.cuts = entry["cuts"]
        self.size_px = entry["cutout"]["size_px"]
        # Without cuts, pictures of one band are stretched by the percentiles of each cutout; those in colour are not.
        fixed = self.cuts is not None or "color" in self.hips.lower()
        self.stretch = "none" if self.format == "fits" else "fixed" if fixed else "per_image"
        self.largest_bytes = largest_image(self.size_px, self.format, 4)
        # The mirror that responded last comes first.
        self.preferred = 0

    def url(self, galaxy: Galaxy, attempt: int) -> str:
        """Every further attempt goes to the next mirror."""
        query = {
            "hips": self.hips,
            "width": self.size_px,
            "height": self.size_px,
            "fov": f"{self.size_px * galaxy.pixel_scale / 3600:.9g}",
            **galaxy.position,
            "projection": "TAN",
            "coordsys": "icrs",
            "format": _FORMATS[self.format],
        }
        if self.cuts is not None:
            low, high = self.cuts
            query |= {"min_cut": f"{low:.9g}", "max_cut": f"{high:.9g}"}
        return f"{self.urls[(self.preferred + attempt) % len(self.urls)]}?{urlencode(query)}"

    def judge(self, response: Received, galaxy: Galaxy) -> Judgement:
        """Errors are JSON with a title and a description."""
        if judgement := judged_status(response):
            message = error_message(response.body)
            return failed(judgement.kind, f"{response.status}: {message}") if message else judgement
        judgement = judged_image(response, Wanted(self.size_px, self.format, (0,), _of_blank))
        if judgement.kind == "accepted":
            if self.format == "fits" and fits.getheader(io.BytesIO(response.body))["BITPIX"] == 8:
                return failed(
                    "misconfigured",
                    f"the HiPS {self.hips} is one of pictures, which as FITS have no unit (surveys, format), expected"
                    " jpeg or png, or the HiPS of a band",
                )
            self.preferred = next(
                (place for place, url in enumerate(self.urls) if response.url.startswith(url)), self.preferred
            )
        return judgement


def error_message(body: bytes) -> str:
    """`title: description` of a JSON error of the service; empty for anything else."""
    try:
        error = dict(json.loads(body[: 2**16]))
    except (ValueError, TypeError, RecursionError):
        return ""
    parts = [part for part in (error.get("title"), error.get("description")) if isinstance(part, str)]
    return printable(" ".join(": ".join(parts).split()), 300)


def _of_blank(pixels: np.ndarray) -> Judgement:
    # NaN as FITS; black or white as picture, after the colour of blank cells.
    values = value_of(pixels)
    if all(np.isnan(value) or value in (0.0, 255.0) for value in values):
        return no_coverage("blank: outside the HiPS")
    return failed("ambiguous", f"the image is constant {values}")
