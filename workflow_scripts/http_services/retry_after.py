"""The Retry-After header: how long a busy service asks to be left alone (RFC 9110, section 10.2.3)."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# More digits than a century of seconds has are no waiting time.
_SECONDS = re.compile(r"\d{1,10}(\.\d{1,6})?", re.ASCII)


def retry_after_seconds(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header asks to wait, given as seconds or as an HTTP date.

    Returns
    -------
    float or None
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
