"""A survey whose cutouts are cut from bricks: one request a file, whatever lies in it.

The folders of a release's coadds have one file a brick and band.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.image_checks.acceptance import Judgement, accepted, failed, no_coverage
from workflow_scripts.images.decoding import LARGEST_BYTES
from workflow_scripts.images.fits_files import UndecodableImageError
from workflow_scripts.surveys.bricks.brick_images import NoPixelsError, WrongBrickError, as_fits, cut, read_brick_image
from workflow_scripts.surveys.bricks.geometry import Brick, bricks_of
from workflow_scripts.surveys.fetcher.campaign import FetchProgress
from workflow_scripts.surveys.fetcher.connections import Received
from workflow_scripts.surveys.fetcher.journal import Head, Journal, remove_journal
from workflow_scripts.surveys.fetcher.service import Galaxy, Service, judged_status, quoted
from workflow_scripts.surveys.service_survey import ServiceSurvey, is_open

# Bricks that are fetched before their galaxies are cut out and their files, some 10 MB each, removed.
BRICKS_AT_ONCE = 32


class BrickCoadds(Service):
    """Client of a web server of files. A request is a brick's centre, with name and band in place of an id."""

    def __init__(self, entry: Mapping[str, Any]):
        self.base = entry["url"].rstrip("/")
        self.urls = (self.base,)
        self.bands: str = entry["bands"]
        self.size_px: int = entry["cutout"]["size_px"]
        self.pixel_scale = float(entry["cutout"]["pixel_scale_arcsec"])
        self.stretch = "none"
        self.largest_bytes = LARGEST_BYTES

    def request(self, brick: Brick, band: str) -> Galaxy:
        """The request for the file of a brick in a band."""
        return Galaxy(f"{brick.name} {band}", brick.ra, brick.dec, self.pixel_scale)

    def url(self, galaxy: Galaxy, attempt: int) -> str:
        """The file of a brick in a band."""
        return self.url_of(*galaxy.source_id.split())

    def url_of(self, name: str, bands: str) -> str:
        """The file of a brick in a band, or in several at once, as the shell and curl write them: `{g,r,z}`."""
        listed = bands if len(bands) == 1 else f"{{{','.join(bands)}}}"
        return f"{self.base}/{name[:3]}/{name}/legacysurvey-{name}-image-{listed}.fits.fz"

    def judge(self, response: Received, galaxy: Galaxy) -> Judgement:
        """A file that there is not is a brick without exposures in the band."""
        name, band = galaxy.source_id.split()
        if response.status in (404, 410):
            return no_coverage(f"{response.status}: no image of the brick in band {band}")
        if judgement := judged_status(response):
            return judgement
        try:
            read_brick_image(response.body, Brick(name, galaxy.ra, galaxy.dec), band, self.pixel_scale)
        except UndecodableImageError as error:
            return failed("transient", f"not the image of a brick: {error}{quoted(response)}")
        except WrongBrickError as error:
            return Judgement("ambiguous", "rejected", f"not the image of this brick in band {band}: {error}")
        return accepted(response.body, "fits")


class BrickSurvey(ServiceSurvey):
    """Fetches bricks side by side, then cuts one at a time; a second journal keeps their files until all are cut."""

    service: BrickCoadds

    def fetch(self, wanted: Sequence[Galaxy], journal: Journal, known: int) -> None:
        """Cut the wanted galaxies out of their bricks, into the journal; fetch the bricks that it takes."""
        galaxies: dict[Brick, list[Galaxy]] = defaultdict(list)
        places = np.array([(galaxy.ra, galaxy.dec) for galaxy in wanted])
        for galaxy, brick in zip(wanted, bricks_of(*places.T), strict=True):
            galaxies[brick].append(galaxy)
        files_of_bricks = len(galaxies) * len(self.service.bands)
        with FetchProgress(self.side_folder.what, files_of_bricks, "files of bricks") as progress:
            for group in self._groups(list(galaxies)):
                with Journal(self._files) as files:
                    requests = [request for brick in group for request in self._requests(brick)]
                    missing = [request for request in requests if is_open(files, request)]
                    progress.skip(len(requests) - len(missing))
                    if missing:
                        self.request(missing, files, progress)
                    for brick in group:
                        for galaxy, head, image in self._cutouts_of_brick(brick, galaxies[brick], files):
                            journal.write(galaxy.key, head, image)
                remove_journal(self._files)

    @property
    def _files(self) -> Path:
        return self.side_folder.journal.with_suffix(".bricks")

    def _groups(self, bricks: list[Brick]) -> Iterator[list[Brick]]:
        """Bricks in the order of their names, but first those of which a killed job has files."""
        with Journal(self._files) as files:
            recorded = {brick for brick in bricks if any(request.key in files for request in self._requests(brick))}
        bricks.sort(key=lambda brick: (brick not in recorded, brick.name))
        for start in range(0, len(bricks), BRICKS_AT_ONCE):
            yield bricks[start : start + BRICKS_AT_ONCE]

    def _requests(self, brick: Brick) -> list[Galaxy]:
        return [self.service.request(brick, band) for band in self.service.bands]

    def _cutouts_of_brick(
        self, brick: Brick, galaxies: Sequence[Galaxy], files: Journal
    ) -> Iterator[tuple[Galaxy, Head, bytes]]:
        """Galaxy, what the journal keeps of it, and its FITS file, empty where there is none."""
        bands = self.service.bands
        heads = [files.head(request.key) for request in self._requests(brick)]
        common: Head = {
            "reason": "",
            "format": "",
            "sha256": "",
            "url": self.service.url_of(brick.name, bands),
            "attempts": max(head["attempts"] for head in heads),
            "at": max(head["at"] for head in heads),
            "scale": self.service.pixel_scale,
        }
        if lacking := [head for head in heads if head["outcome"] != "delivered"]:
            # A band that there is not decides: the others cannot make up for it.
            worst = next((head for head in lacking if head["outcome"] == "no_coverage"), lacking[0])
            common |= {key: worst[key] for key in ("outcome", "reason", "url")}
            yield from ((galaxy, common, b"") for galaxy in galaxies)
            return
        images = {
            band: read_brick_image(files.read(request.key)[1], brick, band, self.service.pixel_scale)
            for band, request in zip(bands, self._requests(brick), strict=True)
        }
        if len({image.pixels.shape for image in images.values()}) > 1:
            common |= {"outcome": "rejected", "reason": "the images of the brick differ in size from band to band"}
            yield from ((galaxy, common, b"") for galaxy in galaxies)
            return
        digests = {band: head["sha256"] for band, head in zip(bands, heads, strict=True)}
        source = "cut from files with the SHA-256 " + ", ".join(f"{band} {digest}" for band, digest in digests.items())
        for galaxy in galaxies:
            try:
                pixels, place = cut(images, galaxy.ra, galaxy.dec, self.service.size_px)
            except NoPixelsError as error:
                yield galaxy, {**common, "outcome": "no_coverage", "reason": str(error)}, b""
                continue
            image = as_fits(pixels, place, brick.name, digests)
            head = {"outcome": "delivered", "reason": source, "format": "fits"}
            yield galaxy, {**common, **head, "sha256": hashlib.sha256(image).hexdigest()}, image
