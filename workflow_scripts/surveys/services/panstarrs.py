"""Pan-STARRS PS1 (STScI): names of the stacks under many positions at once, then one cutout each by fitscut.

JPEGs are stretched by percentiles of each cutout, so that equal galaxies differ in brightness from field to field.
FITS cutouts hold the counts of a stack, whose header has what makes flux of them; each band is a request of its own.
STScI allows at most 10 requests at a time.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import numpy as np

from workflow_scripts.image_checks.acceptance import Judgement, Wanted, failed, largest_image, no_coverage
from workflow_scripts.images.decoding import decode
from workflow_scripts.images.fits_files import UndecodableImageError, is_packed
from workflow_scripts.surveys.fetcher.connections import Received, Upload, printable
from workflow_scripts.surveys.fetcher.journal import Journal
from workflow_scripts.surveys.fetcher.requester import Requester
from workflow_scripts.surveys.fetcher.service import Galaxy, Service, judged_image, judged_status

NATIVE_SCALE = 0.25
# fitscut cuts larger ones silently.
LARGEST_NATIVE = 6000
_BATCH = 500
# Columns of the tables of ps1filenames, with the stacks that cover a position in a band.
_NEEDED = ("ra", "dec", "filter", "type", "filename")
# What a name may be: it goes into a URL.
_NAME = re.compile(r"/[\w./+-]{1,300}", re.ASCII)
_MOST_ROWS = 10**6


class PanStarrs(Service):
    """Client of ps1filenames.py and fitscut.cgi."""

    def __init__(self, entry: Mapping[str, Any]):
        self.fitscut, self.ps1filenames = entry["url"], entry["names_url"]
        self.urls = (self.fitscut, self.ps1filenames)
        self.format = entry["format"]
        self.bands = list(entry["bands"])
        self.size_px = entry["cutout"]["size_px"]
        self.stretch = "stack_counts" if self.format == "fits" else "per_image"
        self.parts = tuple(self.bands) if self.format == "fits" and len(self.bands) > 1 else ()
        self.largest_bytes = largest_image(self.size_px, self.format, 3)
        self._names: dict[str, dict[str, str] | Judgement] = {}

    async def prepare(self, galaxies: Sequence[Galaxy], requester: Requester, journal: Journal) -> None:
        """Request the names of the stacks of all positions, many at a time."""
        # The bands of a galaxy are at one position.
        wholes = list(dict.fromkeys(part.whole for part in galaxies))
        unknown = [galaxy for galaxy in wholes if journal.noted(galaxy.key) is None]
        for start in range(0, len(unknown), _BATCH):
            if missing := await self._request_names(unknown[start : start + _BATCH], requester, journal):
                # A table that was cut at the end of a line looks as if the rest of the sky had no images.
                await self._request_names(missing, requester, journal, surely=True)
        for galaxy in wholes:
            if (found := journal.noted(galaxy.key)) is not None:
                self._names[galaxy.key] = self._usable(found)

    async def _request_names(
        self, galaxies: Sequence[Galaxy], requester: Requester, journal: Journal, surely: bool = False
    ) -> list[Galaxy]:
        """Learn names; gives the galaxies without any, unless the whole table is sure to have come."""
        positions = "".join(f"{position_text(galaxy)}\n" for galaxy in galaxies).encode()
        upload = Upload((("filters", "".join(dict.fromkeys(self.bands))), ("type", "stack")), positions)
        names: dict[str, dict[str, str]] = {}

        def judge(response: Received) -> Judgement:
            if judgement := judged_status(response):
                return judgement
            try:
                names.update(stack_names(response.body))
            except BrokenTableError as error:
                return failed("transient", f"ps1filenames: {error}")
            return Judgement("accepted", "delivered")

        judgement, response, *_ = await requester.until_judged(lambda _: self.ps1filenames, judge, upload=upload)
        if judgement.kind != "accepted" or not isinstance(response, Received):
            for galaxy in galaxies:
                self._names[galaxy.key] = failed("transient", f"no stack names: {judgement.reason}")
            return []
        surely = surely or response.end_was_marked
        without = []
        for galaxy in galaxies:
            found = names.get(position_text(galaxy), {})
            if not found and not surely:
                without.append(galaxy)
                continue
            journal.note(galaxy.key, found)
        return without

    def _usable(self, found: Mapping[str, str]) -> dict[str, str] | Judgement:
        if lacking := [band for band in self.bands if band not in found]:
            return no_coverage(f"no stack {f'in band {lacking[0]} ' if found else ''}at this position")
        return dict(found)

    def url(self, galaxy: Galaxy, attempt: int) -> str | Judgement:
        """`output_size` resamples pictures; FITS cutouts come in native pixels."""
        names = self._names.get(galaxy.whole.key)
        if names is None or isinstance(names, Judgement):
            return names or failed("transient", "no stack names")
        native = self._native_size(galaxy)
        if not 1 <= native <= LARGEST_NATIVE:
            return failed("permanent", f"{native} native pixels, expected 1 to {LARGEST_NATIVE}")
        query: dict[str, Any] = {**galaxy.position, "size": native}
        if self.format == "fits":
            query |= {"format": "fits", "red": names[galaxy.part or self.bands[0]]}
        else:
            query |= {"output_size": self.size_px, "format": "jpg"}
            query |= {colour: names[band] for colour, band in zip(("red", "green", "blue"), self.bands, strict=False)}
        return f"{self.fitscut}?{urlencode(query)}"

    def judge(self, response: Received, galaxy: Galaxy) -> Judgement:
        """Errors of fitscut are short texts, also with status 200."""
        judgement = judged_image(response, Wanted(self.size_px, self.format, (0,), _of_blank))
        if self.format == "fits" and judgement.kind == "accepted":
            return _of_stack(response) or judgement
        return judgement

    def scale_of(self, galaxy: Galaxy) -> float:
        """A whole number of native pixels goes into the image."""
        return self._native_size(galaxy) * NATIVE_SCALE / self.size_px

    def _native_size(self, galaxy: Galaxy) -> int:
        return self.size_px if self.format == "fits" else round(self.size_px * galaxy.pixel_scale / NATIVE_SCALE)


def _of_blank(pixels: np.ndarray) -> Judgement:
    # By the names there is a stack.
    return Judgement("ambiguous", "no_coverage", "empty: the stack has no pixels here")


def _of_stack(response: Received) -> Judgement | None:
    """What speaks against a FITS that is an image: more than one band, or a header without what makes flux of it."""
    try:
        bands = len(decode(response.body, of_stack=True))
    except UndecodableImageError as error:
        return Judgement("ambiguous", "rejected", str(error))
    if bands == 1 and not is_packed(response.body):
        return None
    return Judgement("ambiguous", "rejected", "several bands in a FITS file, expected one")


class BrokenTableError(ValueError):
    """A response that is not a whole table of names; the message is the reason."""


def position_text(galaxy: Galaxy) -> str:
    """How a position is sent; rows are matched to requests by it alone, because it is all they repeat."""
    return " ".join(galaxy.position.values())


def stack_names(table: bytes) -> dict[str, dict[str, str]]:
    """Names of stacks by position (as `position_text` writes it) and band, from a table in any order.

    The first of several stacks of one band counts. A table without rows is valid: no position has images.

    Raises
    ------
    BrokenTableError
        for anything that is not such a table, or not the whole of it.
    """
    try:
        text = table.decode("ascii")
    except UnicodeDecodeError:
        raise BrokenTableError("the table of names is no text") from None
    lines = text.splitlines()
    if not lines or not text.endswith("\n"):
        raise BrokenTableError("the table of names is cut off" if lines else "an empty response")
    header = lines[0].split()
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        start = printable(lines[0], 60)
        raise BrokenTableError(f"the table of names has no column '{missing[0]}' (it starts with '{start}')")
    if len(lines) > _MOST_ROWS:
        raise BrokenTableError(f"the table of names has {len(lines)} rows")
    names: dict[str, dict[str, str]] = {}
    for number, line in enumerate(lines[1:], start=2):
        try:
            row = dict(zip(header, line.split(), strict=True)) if line.strip() else {}
            if row.get("type") != "stack":
                continue
            position = f"{float(row['ra']):z.7f} {float(row['dec']):z.7f}"
        except ValueError:
            raise BrokenTableError(f"line {number} of the table of names is broken: '{printable(line, 60)}'") from None
        if not _NAME.fullmatch(row["filename"]) or ".." in row["filename"]:
            raise BrokenTableError(f"line {number} of the table of names has no file name")
        names.setdefault(position, {}).setdefault(row["filter"], row["filename"])
    return names
