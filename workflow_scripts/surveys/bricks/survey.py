"""A survey whose cutouts are cut from bricks: every file of a brick is asked for once, whatever lies in it."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from workflow_scripts.surveys.bricks.brick_images import read_brick_image
from workflow_scripts.surveys.bricks.cutting import NoPixelsError, as_fits, cut
from workflow_scripts.surveys.bricks.geometry import Brick, bricks_of
from workflow_scripts.surveys.bricks.service import BrickCoadds
from workflow_scripts.surveys.fetcher.journal import Head, Journal
from workflow_scripts.surveys.fetcher.progress import Progress
from workflow_scripts.surveys.fetcher.service import Galaxy
from workflow_scripts.surveys.network import NetworkSurvey, is_open

# Bricks that are fetched before their galaxies are cut out and their files, some 10 MB each, removed.
BRICKS_AT_ONCE = 32


class BrickSurvey(NetworkSurvey):
    """Fetches bricks side by side, then cuts one at a time; a second journal keeps their files until all are cut."""

    service: BrickCoadds

    def fetch(self, wanted: Sequence[Galaxy], journal: Journal, known: int) -> None:
        """Cut the wanted galaxies out of their bricks, into the journal; fetch the bricks that it takes."""
        galaxies: dict[Brick, list[Galaxy]] = defaultdict(list)
        places = np.array([(galaxy.ra, galaxy.dec) for galaxy in wanted])
        for galaxy, brick in zip(wanted, bricks_of(*places.T), strict=True):
            galaxies[brick].append(galaxy)
        progress = Progress(self.side_folder.what, len(galaxies) * len(self.service.bands), 0, noun="files of bricks")
        try:
            for group in self._groups(list(galaxies)):
                with Journal(self._files) as files:
                    self._fetch_files(group, files, progress)
                    for brick in group:
                        for galaxy, head, image in self._cutouts_of_brick(brick, galaxies[brick], files):
                            journal.write(galaxy.key, head, image)
                    journal.sync()
                    files.remove()
        finally:
            progress.close()

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

    def _fetch_files(self, bricks: Sequence[Brick], files: Journal, progress: Progress) -> None:
        requests = [request for brick in bricks for request in self._requests(brick)]
        missing = [request for request in requests if is_open(files, request)]
        progress.known += len(requests) - len(missing)
        if missing:
            asyncio.run(self.campaign(files).fetch(missing, progress))

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
            "open": False,
        }
        lacking = [head for head in heads if head["outcome"] != "delivered"]
        if lacking:
            # A band that there is not decides: the others cannot make up for it.
            worst = next((head for head in lacking if head["outcome"] == "no_coverage"), lacking[0])
            common |= {key: worst[key] for key in ("outcome", "reason", "open", "url")}
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
            told = {"outcome": "delivered", "reason": source, "format": "fits"}
            yield galaxy, {**common, **told, "sha256": hashlib.sha256(image).hexdigest()}, image
