"""What an answer means for what is asked next.

accepted        the bytes are the image that was asked for
permanent       asking again cannot change it (a position without coverage, a request that the service refuses)
transient       the same request may succeed later (a timeout, a full queue, a body cut short)
ambiguous       it may be either (a crash of the service): asked a few times, then recorded as what it is
misconfigured   no request of this survey can succeed: the run stops
"""

from dataclasses import dataclass
from typing import Literal

from workflow_scripts.surveys.fetcher.download import NotReceived, Received
from workflow_scripts.surveys.interface import Outcome

Kind = Literal["accepted", "permanent", "transient", "ambiguous", "misconfigured"]

_TRANSIENT = frozenset({408, 425, 429, 502, 503, 504})
_SHOWN = 80


@dataclass(frozen=True)
class Verdict:
    """The meaning of one answer; `reason` goes into the ledger."""

    kind: Kind
    outcome: Outcome
    reason: str = ""
    image: bytes | None = None
    image_format: str = ""
    sha256: str = ""


def failed(kind: Kind, reason: str) -> Verdict:
    """Nothing usable came."""
    return Verdict(kind, "failed", reason)


def no_coverage(reason: str) -> Verdict:
    """The survey has no image there, now and later."""
    return Verdict("permanent", "no_coverage", reason)


def of_status(answer: Received | NotReceived) -> Verdict | None:
    """The verdict of an answer that cannot be an image, by its status alone; None for status 200.

    A service may know better what its 404 or 400 means: it looks before it asks this.
    """
    if isinstance(answer, NotReceived):
        return failed("transient" if answer.transient else "ambiguous", answer.reason)
    if answer.status == 200:
        return None
    line = f"{answer.status} {answer.reason_phrase}".strip()
    if answer.status in _TRANSIENT:
        return failed("transient", line)
    if answer.status >= 500:
        return failed("ambiguous", f"server_error: {line}")
    if answer.status in (401, 403) or not 400 <= answer.status < 500:
        # An address that is blocked, a login page of the network that one is in.
        return failed("ambiguous", line)
    return failed("permanent", f"{line}{quoted(answer)}")


def quoted(answer: Received) -> str:
    """`: 'the first words'` of a body that is text, for messages."""
    head = answer.body[: 4 * _SHOWN]
    if not head.strip() or b"\0" in head or head.startswith((b"\xff\xd8", b"\x89PNG")):
        return ""
    words = " ".join(head.decode("utf-8", "replace").split())
    shown = "".join(letter if letter.isprintable() else "?" for letter in words[:_SHOWN])
    return f": '{shown}{'...' if len(words) > _SHOWN else ''}'"
