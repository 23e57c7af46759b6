"""The folders of a release's coadds: one file a brick and band."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from workflow_scripts.images.decoding import LARGEST_BYTES, UndecodableImageError
from workflow_scripts.surveys.bricks.brick_images import WrongBrickError, read_brick_image
from workflow_scripts.surveys.bricks.geometry import Brick
from workflow_scripts.surveys.fetcher.download import Received
from workflow_scripts.surveys.fetcher.judgements import Verdict, failed, no_coverage, of_status, quoted
from workflow_scripts.surveys.fetcher.service import Ask, Galaxy, Notes


class BrickCoadds:
    """Client of a web server of files. A request is a brick's centre, with name and band in place of an id."""

    def __init__(self, entry: Mapping[str, Any]):
        self.base = entry["url"].rstrip("/")
        self.urls: tuple[str, ...] = (self.base,)
        self.parts: tuple[str, ...] = ()
        self.bands: str = entry["bands"]
        self.size_px: int = entry["cutout"]["size_px"]
        self.pixel_scale = float(entry["cutout"]["pixel_scale_arcsec"])
        self.stretch = "none"
        self.largest_bytes = LARGEST_BYTES

    def request(self, brick: Brick, band: str) -> Galaxy:
        """The request for the file of a brick in a band."""
        return Galaxy(f"{brick.name} {band}", brick.ra, brick.dec, self.pixel_scale)

    async def prepare(self, galaxies: Sequence[Galaxy], ask: Ask, notes: Notes) -> None:
        """Nothing to learn."""

    def url(self, galaxy: Galaxy, attempt: int) -> str:
        """The file of a brick in a band."""
        return self.url_of(*galaxy.source_id.split())

    def url_of(self, name: str, bands: str) -> str:
        """The file of a brick in a band, or in several at once, as the shell and curl write them: `{g,r,z}`."""
        listed = bands if len(bands) == 1 else f"{{{','.join(bands)}}}"
        return f"{self.base}/{name[:3]}/{name}/legacysurvey-{name}-image-{listed}.fits.fz"

    def judge(self, answer: Received, galaxy: Galaxy) -> Verdict:
        """A file that there is not is a brick without exposures in the band."""
        name, band = galaxy.source_id.split()
        if answer.status in (404, 410):
            return no_coverage(f"{answer.status}: no image of the brick in band {band}")
        verdict = of_status(answer)
        if verdict is not None:
            return verdict
        try:
            read_brick_image(answer.body, Brick(name, galaxy.ra, galaxy.dec), band, self.pixel_scale)
        except UndecodableImageError as error:
            return failed("transient", f"not the image of a brick: {error}{quoted(answer)}")
        except WrongBrickError as error:
            return Verdict("ambiguous", "rejected", f"not the image of this brick in band {band}: {error}")
        return Verdict("accepted", "delivered", "", answer.body, "fits", hashlib.sha256(answer.body).hexdigest())

    def scale_of(self, galaxy: Galaxy) -> float:
        """That of all bricks."""
        return self.pixel_scale
