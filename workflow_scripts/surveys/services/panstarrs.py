"""Pan-STARRS PS1 (STScI): names of the stacks under many positions at once, then one cutout each by fitscut.

JPEGs are stretched by percentiles of each cutout, so that equal galaxies differ in brightness from field to field.
FITS cutouts hold the counts of a stack, whose header has what makes flux of them; each band is a request of its own.
STScI asks for at most 10 requests at a time.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import numpy as np

from workflow_scripts.image_checks.acceptance import accepted, largest_answer
from workflow_scripts.images.band_files import is_packed
from workflow_scripts.images.decoding import UndecodableImageError, decode
from workflow_scripts.surveys.fetcher.download import Body, Received
from workflow_scripts.surveys.fetcher.judgements import Verdict, failed, no_coverage, of_status
from workflow_scripts.surveys.fetcher.service import Ask, Galaxy, Notes
from workflow_scripts.surveys.services.stack_names import BrokenTableError, position_text, stack_names

NATIVE_SCALE = 0.25
# fitscut cuts larger ones without a word.
LARGEST_NATIVE = 6000
_BATCH = 500


class PanStarrs:
    """Client of ps1filenames.py and fitscut.cgi."""

    def __init__(self, entry: Mapping[str, Any]):
        self.fitscut, self.ps1filenames = entry["url"], entry["names_url"]
        self.urls: tuple[str, ...] = (self.fitscut, self.ps1filenames)
        self.format = entry["format"]
        self.bands = list(entry["bands"])
        self.size_px = entry["cutout"]["size_px"]
        self.stretch = "stack_counts" if self.format == "fits" else "per_image"
        self.parts: tuple[str, ...] = tuple(self.bands) if self.format == "fits" and len(self.bands) > 1 else ()
        self.largest_bytes = largest_answer(self.size_px, self.format, 3)
        self._names: dict[str, dict[str, str] | Verdict] = {}

    async def prepare(self, galaxies: Sequence[Galaxy], ask: Ask, notes: Notes) -> None:
        """Ask for the names of the stacks of all positions, many in one request."""
        unknown = []
        # The bands of a galaxy are at one position.
        for galaxy in dict.fromkeys(part.whole for part in galaxies):
            found = notes.noted(galaxy.key)
            if found is None:
                unknown.append(galaxy)
            else:
                self._names[galaxy.key] = self._usable(found)
        for start in range(0, len(unknown), _BATCH):
            batch = unknown[start : start + _BATCH]
            missing = await self._ask_for_names(batch, ask, notes)
            if missing:
                # A table that was cut at the end of a line looks as if the rest of the sky had no images.
                await self._ask_for_names(missing, ask, notes, surely=True)

    async def _ask_for_names(
        self, galaxies: Sequence[Galaxy], ask: Ask, notes: Notes, surely: bool = False
    ) -> list[Galaxy]:
        """Learn names; gives the galaxies without any, unless the whole table is sure to have come."""
        positions = "".join(f"{position_text(galaxy)}\n" for galaxy in galaxies).encode()
        body = Body((("filters", "".join(dict.fromkeys(self.bands))), ("type", "stack")), positions)
        names: dict[str, dict[str, str]] = {}

        def judge(answer: Received) -> Verdict:
            verdict = of_status(answer)
            if verdict is not None:
                return verdict
            try:
                names.update(stack_names(answer.body))
            except BrokenTableError as error:
                return failed("transient", f"ps1filenames: {error}")
            return Verdict("accepted", "delivered")

        answer, verdict = await ask(self.ps1filenames, body, judge)
        if verdict.kind != "accepted" or answer is None:
            for galaxy in galaxies:
                self._names[galaxy.key] = failed("transient", f"no stack names: {verdict.reason}")
            return []
        surely = surely or answer.end_was_marked
        without = []
        for galaxy in galaxies:
            found = names.get(position_text(galaxy), {})
            if not found and not surely:
                without.append(galaxy)
                continue
            self._names[galaxy.key] = self._usable(found)
            notes.note(galaxy.key, found)
        return without

    def _usable(self, found: Mapping[str, str]) -> dict[str, str] | Verdict:
        if not found:
            return no_coverage("no stack at this position")
        lacking = [band for band in self.bands if band not in found]
        if lacking:
            return no_coverage(f"no stack in band {lacking[0]} at this position")
        return dict(found)

    def url(self, galaxy: Galaxy, attempt: int) -> str | Verdict:
        """`output_size` resamples pictures; FITS cutouts come in native pixels."""
        names = self._names.get(galaxy.whole.key)
        if names is None or isinstance(names, Verdict):
            return names or failed("transient", "no stack names")
        native = self._native_size(galaxy)
        if not 1 <= native <= LARGEST_NATIVE:
            return failed("permanent", f"{native} native pixels, expected 1 to {LARGEST_NATIVE}")
        query = {"ra": f"{galaxy.ra:.7f}", "dec": f"{galaxy.dec:.7f}", "size": native}
        if self.format == "fits":
            query |= {"format": "fits", "red": names[galaxy.part or self.bands[0]]}
        else:
            query |= {"output_size": self.size_px, "format": "jpg"}
            query |= {colour: names[band] for colour, band in zip(("red", "green", "blue"), self.bands, strict=False)}
        return f"{self.fitscut}?{urlencode(query)}"

    def judge(self, answer: Received, galaxy: Galaxy) -> Verdict:
        """Errors of fitscut are short texts, also with status 200."""
        verdict = of_status(answer) or accepted(answer, self.size_px, self.format, _of_blank)
        return _of_stack(answer) or verdict if self.format == "fits" and verdict.kind == "accepted" else verdict

    def scale_of(self, galaxy: Galaxy) -> float:
        """A whole number of native pixels goes into the image."""
        return self._native_size(galaxy) * NATIVE_SCALE / self.size_px

    def _native_size(self, galaxy: Galaxy) -> int:
        return self.size_px if self.format == "fits" else round(self.size_px * galaxy.pixel_scale / NATIVE_SCALE)


def _of_blank(pixels: np.ndarray) -> Verdict:
    # The names said that there is a stack.
    return Verdict("ambiguous", "no_coverage", "empty: the stack has no pixels here")


def _of_stack(answer: Received) -> Verdict | None:
    """What speaks against a FITS that is an image: more than one band, or a header without what makes flux of it."""
    try:
        bands = len(decode(answer.body, of_stack=True))
    except UndecodableImageError as error:
        return Verdict("ambiguous", "rejected", str(error))
    if bands == 1 and not is_packed(answer.body):
        return None
    return Verdict("ambiguous", "rejected", "several bands in a FITS file, expected one")
