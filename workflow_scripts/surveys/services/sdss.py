"""SDSS: the ImgCutout service of SkyServer (JPEG in i, r, g with one asinh stretch, Lupton et al. 2004, PASP 116, 133).

It silently clamps width and height to 64..2048 pixels, sends 404 with a JPEG outside the footprint and 200 with black
pixels just outside the imaging.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from workflow_scripts.image_checks.acceptance import Judgement, Wanted, failed, largest_image, no_coverage, value_of
from workflow_scripts.images.decoding import decode, size_of
from workflow_scripts.images.fits_files import UndecodableImageError
from workflow_scripts.surveys.fetcher.connections import Received
from workflow_scripts.surveys.fetcher.service import Galaxy, Service, judged_image


class Sdss(Service):
    """Client of ImgCutout/getjpeg."""

    stretch = "fixed"

    def __init__(self, entry: Mapping[str, Any]):
        self.urls = (entry["url"],)
        self.size_px = entry["cutout"]["size_px"]
        self.largest_bytes = largest_image(self.size_px, "jpeg", 3)

    def url(self, galaxy: Galaxy, attempt: int) -> str:
        """`opt` stays empty: its letters draw overlays."""
        query = {
            **galaxy.position,
            "scale": f"{galaxy.pixel_scale:.7g}",
            "width": self.size_px,
            "height": self.size_px,
            "opt": "",
        }
        return f"{self.urls[0]}?{urlencode(query)}"

    def judge(self, response: Received, galaxy: Galaxy) -> Judgement:
        """404 with a JPEG is no coverage; any other 404 is a wrong URL or a service that is gone.

        The phrase beside the status names the footprint, but proxies drop it, and HTTP/2 has none.
        """
        if response.status == 404 and self._is_picture(response.body):
            return no_coverage("404: outside the SDSS footprint")
        return judged_image(response, Wanted(self.size_px, "jpeg", (0,), _of_blank))

    def _is_picture(self, body: bytes) -> bool:
        """Whether a body is a JPEG of the size that was requested: the canvas on which the service writes its error."""
        try:
            return body.startswith(b"\xff\xd8\xff") and size_of(decode(body)) == (self.size_px, self.size_px)
        except UndecodableImageError:
            return False


def _of_blank(pixels: Any) -> Judgement:
    if max(value_of(pixels)) <= 1:
        return no_coverage("black: outside the imaging")
    return failed("ambiguous", f"the image is constant {value_of(pixels)}")
