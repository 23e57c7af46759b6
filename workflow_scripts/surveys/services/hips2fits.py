"""CDS hips2fits: a cutout of any HiPS, resampled to a TAN projection; with a mirror.

A name that fits several HiPS gives any one of them, so the full id is asked for. Cuts are numbers or left out: the
percentiles that some clients send would stretch every image by its own contents.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import numpy as np

from workflow_scripts.image_checks.acceptance import accepted, largest_answer, value_of
from workflow_scripts.surveys.fetcher.download import Received
from workflow_scripts.surveys.fetcher.judgements import Verdict, failed, no_coverage, of_status
from workflow_scripts.surveys.fetcher.service import Ask, Galaxy, Notes

_FORMATS = {"jpeg": "jpg", "png": "png", "fits": "fits"}


class Hips2fits:
    """Client of hips2fits and its mirrors."""

    parts: tuple[str, ...] = ()

    def __init__(self, entry: Mapping[str, Any]):
        self.urls: tuple[str, ...] = tuple(entry["urls"])
        self.hips = entry["hips"]
        self.format = entry["format"]
        self.cuts = entry["cuts"]
        self.size_px = entry["cutout"]["size_px"]
        # Without cuts, pictures of one band are stretched by the percentiles of each cutout; those in colour are not.
        fixed = self.cuts is not None or "color" in self.hips.lower()
        self.stretch = "none" if self.format == "fits" else "fixed" if fixed else "per_image"
        self.largest_bytes = largest_answer(self.size_px, self.format, 4)
        # The mirror that answered last is asked first.
        self.preferred = 0

    async def prepare(self, galaxies: Sequence[Galaxy], ask: Ask, notes: Notes) -> None:
        """Nothing to learn."""

    def url(self, galaxy: Galaxy, attempt: int) -> str:
        """Every further attempt goes to the next mirror."""
        query = {
            "hips": self.hips,
            "width": self.size_px,
            "height": self.size_px,
            "fov": f"{self.size_px * galaxy.pixel_scale / 3600:.9g}",
            "ra": f"{galaxy.ra:.7f}",
            "dec": f"{galaxy.dec:.7f}",
            "projection": "TAN",
            "coordsys": "icrs",
            "format": _FORMATS[self.format],
        }
        if self.cuts is not None:
            low, high = self.cuts
            query |= {"min_cut": f"{low:.9g}", "max_cut": f"{high:.9g}"}
        return f"{self.urls[(self.preferred + attempt) % len(self.urls)]}?{urlencode(query)}"

    def judge(self, answer: Received, galaxy: Galaxy) -> Verdict:
        """Errors are JSON with a title and a description."""
        if answer.status != 200:
            verdict = of_status(answer)
            if verdict is not None and (told := error_message(answer.body)):
                return failed(verdict.kind, f"{answer.status}: {told}")
            return verdict or failed("ambiguous", str(answer.status))
        verdict = accepted(answer, self.size_px, self.format, _of_blank)
        if verdict.kind == "accepted":
            self.preferred = next(
                (place for place, url in enumerate(self.urls) if answer.url.startswith(url)), self.preferred
            )
        return verdict

    def scale_of(self, galaxy: Galaxy) -> float:
        """As asked for."""
        return galaxy.pixel_scale


def error_message(body: bytes) -> str:
    """`title: description` of a JSON error of the service; empty for anything else."""
    if len(body) > 2**16:
        return ""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(told, dict):
        return ""
    parts = [part for part in (told.get("title"), told.get("description")) if isinstance(part, str)]
    return "".join(letter if letter.isprintable() else " " for letter in ": ".join(parts))[:300]


def _of_blank(pixels: np.ndarray) -> Verdict:
    # NaN as FITS; black or white as picture, after the colour of blank cells.
    values = value_of(pixels)
    if all(np.isnan(value) or value in (0.0, 255.0) for value in values):
        return no_coverage("blank: outside the HiPS")
    return failed("ambiguous", f"the image is constant {values}")
