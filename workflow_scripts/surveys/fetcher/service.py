"""What the fetcher needs to know of a service."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from workflow_scripts.surveys.fetcher.download import Body, Received
from workflow_scripts.surveys.fetcher.judgements import Verdict


@dataclass(frozen=True, slots=True)
class Galaxy:
    """One request: position in ICRS degrees, scale in arcsec a pixel, and which part of the image (see `Service`)."""

    source_id: str
    ra: float
    dec: float
    pixel_scale: float
    part: str = ""

    @property
    def key(self) -> str:
        """What an answer is an answer to: other rows of a catalog with the same id may lie elsewhere."""
        whole = f"{self.source_id} {self.ra:.9f} {self.dec:.9f} {self.pixel_scale:.7g}"
        return f"{whole} {self.part}" if self.part else whole

    @property
    def whole(self) -> "Galaxy":
        """The galaxy, of which this may be a part."""
        return replace(self, part="") if self.part else self


# Asks a URL, again where that can help, until it is judged; gives the last answer (None if none came) and its verdict.
Ask = Callable[[str, Body | None, Callable[[Received], Verdict]], Awaitable[tuple[Received | None, Verdict]]]


class Notes(Protocol):
    """What a service said before, kept when the job is killed."""

    def noted(self, key: str) -> dict[str, Any] | None:
        """A note; None where there is none."""

    def note(self, key: str, content: Mapping[str, Any]) -> None:
        """Keep a note."""


class Service(Protocol):
    """A client of one service: it makes URLs and judges answers, and never opens a connection itself."""

    # All URLs of the service that the configuration names.
    urls: tuple[str, ...]
    # Limit of the bytes of one answer.
    largest_bytes: int
    # How brightness became pixel values, as `CutoutResult` lists it.
    stretch: str
    # Bands that have a FITS file each, asked for one by one, from red to blue; empty where one answer is the image.
    parts: tuple[str, ...]

    async def prepare(self, galaxies: Sequence[Galaxy], ask: Ask, notes: Notes) -> None:
        """Learn from the service what `url` needs, with as few requests as possible, and note it."""

    def url(self, galaxy: Galaxy, attempt: int) -> str | Verdict:
        """The URL of a cutout at an attempt (from 0), or why there is none to ask for."""

    def judge(self, answer: Received, galaxy: Galaxy) -> Verdict:
        """What an answer means; called in a thread beside the one that makes URLs, one answer at a time."""

    def scale_of(self, galaxy: Galaxy) -> float:
        """Arcsec a pixel of the image that comes, which a service may round."""
