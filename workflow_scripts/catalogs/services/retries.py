"""What goes wrong with a service, and how long it is put up with."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import TypeVar

from workflow_scripts.errors import InputError
from workflow_scripts.http_services.politeness import backoff_seconds

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

ATTEMPTS = 8
# A host that is not there at all is rather a mistake than a busy one.
UNREACHABLE_ATTEMPTS = 4
# Status 500: a server that stumbled, or one that says so of a query that it cannot run.
AMBIGUOUS_ATTEMPTS = 3
FIRST_WAIT_SECONDS = 4.0
LONGEST_WAIT_SECONDS = 120.0


class TransientError(Exception):
    """Worth asking again, after `wait_seconds` where the service names a time, but `attempts` times at most."""

    def __init__(self, reason: str, wait_seconds: float | None = None, attempts: int = ATTEMPTS):
        super().__init__(reason)
        self.wait_seconds = wait_seconds
        self.attempts = attempts


class RefusalError(Exception):
    """Asking again would give the same."""


def patiently(attempt: Callable[[], Answer], what: str) -> Answer:
    """Call `attempt` until it gives an answer, with growing waits in between.

    A wait that the service asks for is kept, up to `LONGEST_WAIT_SECONDS`; others double from `FIRST_WAIT_SECONDS`,
    with jitter, so that clients that failed together do not come back together.

    Raises
    ------
    InputError
        (beginning with `what`) for a `RefusalError`, and for a `TransientError` at the last of its attempts.
    """
    jitter = Random()
    failures: Counter[int] = Counter()
    while True:
        try:
            return attempt()
        except RefusalError as error:
            raise InputError(f"{what}: {error}") from None
        except TransientError as error:
            failures[error.attempts] += 1
            number = failures.total()
            if failures[error.attempts] >= error.attempts or number >= ATTEMPTS:
                raise InputError(f"{what}: {error}; given up after {number} attempts, run again later") from None
            wait = error.wait_seconds
            if wait is None:
                wait = backoff_seconds(number, jitter, FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
            wait = min(wait, LONGEST_WAIT_SECONDS)
            log.warning("%s: %s; again in %.0f s", what, error, wait)
            time.sleep(wait)
