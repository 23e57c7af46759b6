"""What the fetcher needs to know of a service: its requests, and what the responses mean."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workflow_scripts.http_services.politeness import kind_of_status
from workflow_scripts.image_checks.acceptance import Judgement, Wanted, check_image, failed
from workflow_scripts.surveys.fetcher.connections import Received, printable
from workflow_scripts.surveys.fetcher.journal import Journal
from workflow_scripts.surveys.fetcher.requester import Requester

# Types under which services send images; others (text/html, application/json) are those of an error.
_UNSPECIFIC = ("application/octet-stream", "binary/octet-stream", "application/fits", "")
_SHOWN = 80


def judged_status(response: Received) -> Judgement | None:
    """The judgement of a response by its status alone; None for status 200, where the body decides.

    A service may know better what its 404 or 400 means: it looks before it calls this.
    """
    if response.status == 200:
        return None
    line = f"{response.status} {response.reason_phrase}".strip()
    kind = kind_of_status(response.status)
    if kind == "permanent":
        line += quoted(response)
    return failed(kind, f"server_error: {line}" if kind == "ambiguous" and response.status >= 500 else line)


def judged_image(response: Received, wanted: Wanted) -> Judgement:
    """The judgement of a response that should be an image; `wanted` names its format."""
    if judgement := judged_status(response):
        return judgement
    kind = response.content_type.split(";")[0].strip().lower()
    if not response.body:
        return failed("transient", "an empty body with status 200")
    if not kind.startswith("image/") and kind not in _UNSPECIFIC:
        return failed("transient", f"{kind} where an image was expected{quoted(response)}")
    judgement = check_image(response.body, wanted)
    return replace(judgement, reason=judgement.reason + quoted(response)) if judgement.reason else judgement


def quoted(response: Received) -> str:
    """`: 'the first words'` of a body that is text, for messages."""
    head = response.body[: 4 * _SHOWN]
    if not head.strip() or b"\0" in head or head.startswith((b"\xff\xd8", b"\x89PNG", b"SIMPLE  =")):
        return ""
    words = " ".join(head.decode("utf-8", "replace").split())
    return f": '{printable(words, _SHOWN)}{'...' if len(words) > _SHOWN else ''}'"


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
        """What identifies a request: other rows of a catalog with the same id may lie elsewhere."""
        whole = f"{self.source_id} {self.ra:z.9f} {self.dec:z.9f} {self.pixel_scale:.7g}"
        return f"{whole} {self.part}" if self.part else whole

    @property
    def position(self) -> dict[str, str]:
        """`ra` and `dec` as they are requested: to 0.4 mas, and zero without a sign."""
        return {"ra": f"{self.ra:z.7f}", "dec": f"{self.dec:z.7f}"}

    @property
    def whole(self) -> "Galaxy":
        """The galaxy, of which this may be a part."""
        return replace(self, part="") if self.part else self


class Service(ABC):
    """A client of one service: it makes URLs and judges responses, and never opens a connection itself."""

    # All URLs of the service that the configuration names.
    urls: tuple[str, ...]
    # Limit of the bytes of one response.
    largest_bytes: int
    # How brightness became pixel values, as `CutoutResult` lists it.
    stretch: str
    # Bands that have a FITS file each, requested one by one, from red to blue; empty where one response is the image.
    parts: tuple[str, ...] = ()

    async def prepare(self, galaxies: Sequence[Galaxy], requester: Requester, journal: Journal) -> None:
        """Learn from the service what `url` needs, with as few requests as possible, and note it; mostly nothing."""
        return

    @abstractmethod
    def url(self, galaxy: Galaxy, attempt: int) -> str | Judgement:
        """The URL of a cutout at an attempt (from 0), or why there is none to request."""

    @abstractmethod
    def judge(self, response: Received, galaxy: Galaxy) -> Judgement:
        """What a response means; called in a thread beside the one that makes URLs, one response at a time."""

    def scale_of(self, galaxy: Galaxy) -> float:
        """Arcsec a pixel of the image that comes: as requested, unless the service rounds it."""
        return galaxy.pixel_scale
