"""Access to public services with consideration: who requests, what follows from a status, and how long to wait."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random
from typing import Literal

from workflow_scripts import __version__
from workflow_scripts.errors import InputError

# permanent: the same request gives the same again; transient: it may succeed later; ambiguous: it may be either, so it
# is repeated a few times.
Repeatable = Literal["permanent", "transient", "ambiguous"]


@dataclass(frozen=True)
class NextStep:
    """What follows from a status that is no success.

    Retry-After holds for the request that had this response, and for all requests to the host after
    `pauses_host_after` such responses in a row (None: never).
    """

    kind: Repeatable
    pauses_host_after: int | None = None


_BY_STATUS = {
    # An address that is blocked, or the login page of the network that one is in.
    401: NextStep("ambiguous"),
    403: NextStep("ambiguous"),
    408: NextStep("transient"),
    425: NextStep("transient"),
    # A limit on whoever requests, which holds for all requests.
    429: NextStep("transient", pauses_host_after=1),
    502: NextStep("transient"),
    # One machine behind the host is busy, or the whole host. If one such response stopped all requests, a service that
    # refuses one request of 20 for a second would give a few dozen images a second at most, whatever it can do.
    503: NextStep("transient", pauses_host_after=4),
    504: NextStep("transient"),
}


def next_step(status: int) -> NextStep:
    """What to do after a status other than 200 (or 206 to a request for a range): the one table for all services."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    # Other errors of a server can be a crash, or its way to refuse what it cannot do.
    return NextStep("permanent" if 400 <= status < 500 else "ambiguous")


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
