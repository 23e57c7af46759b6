"""Access to public services with consideration: who requests, what follows from a status, and how long to wait."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random
from typing import Literal

from workflow_scripts import __version__
from workflow_scripts.errors import InputError

# permanent: the same request gives the same again; transient: it may succeed later; ambiguous: it may be either, so it
# is repeated a few times.
Repeatable = Literal["permanent", "transient", "ambiguous"]

_BY_STATUS: dict[int, Repeatable] = {
    # An address that is blocked, or the login page of the network that one is in.
    401: "ambiguous",
    403: "ambiguous",
    408: "transient",
    425: "transient",
    429: "transient",
    502: "transient",
    503: "transient",
    504: "transient",
}
# After so many such responses of a host in a row, Retry-After holds for all requests to it, not only for the one that
# had the response: a limit on whoever requests (429) holds for all; 503 is one busy machine behind the host, or the
# whole host. If one 503 stopped all requests, a service that refuses one request of 20 for a second would give a few
# dozen images a second at most, whatever it can do.
PAUSES_HOST_AFTER = {429: 1, 503: 4}


def kind_of_status(status: int) -> Repeatable:
    """What a status other than 200 (or 206 to a request for a range) means: the one table for all services."""
    # Other errors of a server can be a crash, or its way to refuse what it cannot do.
    return _BY_STATUS.get(status, "permanent" if 400 <= status < 500 else "ambiguous")


# More digits than a century of seconds has are no waiting time.
_SECONDS = re.compile(r"\d{1,10}(\.\d{1,6})?", re.ASCII)


def retry_after_seconds(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header (RFC 9110, section 10.2.3) requests to wait, as seconds or as an HTTP date.

    0 for a date that is past; None where the header is absent or cannot be read. The caller sets a ceiling.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    if not text or len(text) > 64:
        return None
    try:
        date = parsedate_to_datetime(text)
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return max((date - (now or datetime.now(UTC))).total_seconds(), 0.0)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def backoff_seconds(attempt: int, random: Random, first: float = 1.0, ceiling: float = 60.0) -> float:
    """Seconds before the next attempt after `attempt` failed ones: exponential, with full jitter.

    Uniform between 0 and min(ceiling, first * 2**(attempt - 1)), so that clients that failed together do not return
    together. A generator with a seed makes it reproducible.
    """
    longest = min(ceiling, first * 2.0 ** min(attempt - 1, 32))
    return random.uniform(0.0, longest)


def user_agent(contact: str | None) -> str:
    """`skybias/VERSION (+CONTACT)`, so that the keepers of a service know who sends requests and can write to them.

    Raises `InputError` for a contact that cannot stand in a header.
    """
    name = f"skybias/{__version__}"
    if not contact:
        return name
    if not contact.isascii() or not contact.isprintable() or set(contact) & set("()\\") or len(contact) > 200:
        raise InputError(f"contact: {contact!r} cannot be sent in a header, expected an e-mail address or URL in ASCII")
    return f"{name} (+{contact})"
