"""Whether a refusal holds for one request or for all: what a busy host means with Retry-After."""

from workflow_scripts.http_services.retry_after import retry_after_seconds
from workflow_scripts.surveys.fetcher.download import NotReceived, Received

# So many refusals with no other answer between them: the whole host is busy, not one of the machines behind it.
IN_A_ROW = 4
_TOO_MANY_REQUESTS, _UNAVAILABLE = 429, 503


class Refusals:
    """The last answers of one host.

    429 is a limit on whoever asks, and holds for all requests. 503 while others are answered is the trouble of that
    request, which waits as it is told: if all did, a service that refuses one request of 20 for a second would give
    a few dozen images a second at most, whatever it can do.
    """

    def __init__(self) -> None:
        self._in_a_row = 0

    def pause_after(self, answer: Received | NotReceived) -> float:
        """Seconds for which the host is to be left alone after an answer, in the order of their arrival."""
        if isinstance(answer, NotReceived):
            return 0.0
        if answer.status not in (_TOO_MANY_REQUESTS, _UNAVAILABLE):
            self._in_a_row = 0
            return 0.0
        self._in_a_row += 1
        if answer.status == _UNAVAILABLE and self._in_a_row < IN_A_ROW:
            return 0.0
        return retry_after_seconds(answer.retry_after) or 0.0
