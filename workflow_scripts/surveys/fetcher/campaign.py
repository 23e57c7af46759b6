"""All requests of a tile: sent side by side, recorded one by one, stopped where going on is hopeless."""

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace

from workflow_scripts.errors import InputError, JobError
from workflow_scripts.image_checks.acceptance import Judgement
from workflow_scripts.progress import Progress
from workflow_scripts.surveys.fetcher.connections import AccessLimits, NotReceived, Received
from workflow_scripts.surveys.fetcher.journal import Journal
from workflow_scripts.surveys.fetcher.requester import Judged, Requester
from workflow_scripts.surveys.fetcher.service import Galaxy, Service
from workflow_scripts.surveys.survey import SETTLED

# So many galaxies that fail one after the other are no accident. They end the run where the service is busy or gone, or
# where more failed than the user allows; else a survey with a hole could never be finished.
HOPELESS = 25


class FetchProgress(Progress):
    """Counts outcomes, repeated requests and bytes as well."""

    def __init__(self, what: str, total: int, unit: str = "cutouts"):
        """See `progress.counted`."""
        super().__init__(what, total, unit, rate=True)
        self.outcomes: Counter[str] = Counter()
        self.retries = self.bytes = 0

    def count(self, outcome: str, size: int) -> None:
        """One more result, of `size` bytes."""
        self.outcomes[outcome] += 1
        self.bytes += size
        counts = [f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items())]
        repeated = [f"{self.retries} repeated"] if self.retries else []
        self.note = ", ".join([*counts, *repeated, f"{self.bytes / 1e6:.1f} MB"])
        self.add()


class Campaign:
    """Fetches what a journal lacks."""

    def __init__(
        self,
        service: Service,
        journal: Journal,
        limits: AccessLimits,
        requester: Requester,
        all_are_covered: bool,
        max_failed_share: float,
    ):
        """`all_are_covered`: by a coverage map there are images, so that a service is not believed at once.

        `max_failed_share` (0 to 1): of all requests, also those that are settled already.
        """
        self.service = service
        self.journal = journal
        self.requester = requester
        # More than connections: while the image of one is judged, another waits for the network.
        self._free = asyncio.Semaphore(limits.concurrency * 2)
        self.all_are_covered = all_are_covered
        self.max_failed_share = max_failed_share
        self._in_a_row: deque[Judged] = deque(maxlen=HOPELESS)

    async def fetch(self, galaxies: Sequence[Galaxy], progress: FetchProgress) -> None:
        """Request galaxies that are not settled in the journal.

        Raises `InputError` where no request can succeed, or one after the other fails; the journal keeps what came.
        """
        try:
            async with self.requester, asyncio.TaskGroup() as tasks:
                await self.service.prepare(galaxies, self.requester, self.journal)
                for galaxy in galaxies:
                    await self._free.acquire()
                    tasks.create_task(self._settle(galaxy, progress))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _settle(self, galaxy: Galaxy, progress: FetchProgress) -> None:
        """Fetch one galaxy, for which a place was taken; the place is free for others while this one waits."""

        async def pause(seconds: float) -> None:
            progress.retries += 1
            self._free.release()
            await asyncio.sleep(seconds)
            await self._free.acquire()

        judged = await self.requester.until_judged(
            lambda attempt: self.service.url(galaxy, attempt),
            lambda response: self._judged(response, galaxy),
            self.service.largest_bytes,
            pause=pause,
        )
        if judged.judgement.kind == "misconfigured":
            raise InputError(f"surveys: {judged.judgement.reason}")
        self._record(galaxy, judged, progress)
        if judged.response is not None:
            self._stop_if_hopeless(judged, progress)
        self._free.release()

    def _judged(self, response: Received, galaxy: Galaxy) -> Judgement:
        judgement = self.service.judge(response, galaxy)
        if self.all_are_covered and judgement.kind == "permanent" and judgement.outcome == "no_coverage":
            return replace(judgement, kind="ambiguous")
        return judgement

    def _record(self, galaxy: Galaxy, judged: Judged, progress: FetchProgress) -> None:
        judgement = judged.judgement
        head = {
            "outcome": judgement.outcome,
            "reason": judgement.reason,
            "format": judgement.image_format,
            "sha256": judgement.sha256,
            "url": judged.url,
            "attempts": judged.attempts,
            "at": round(time.time(), 3),
            "scale": self.service.scale_of(galaxy),
        }
        self.journal.write(galaxy.key, head, judgement.image)
        progress.count(judgement.outcome, len(judgement.image))

    def _stop_if_hopeless(self, judged: Judged, progress: FetchProgress) -> None:
        if judged.judgement.outcome in SETTLED:
            self._in_a_row.clear()
            return
        self._in_a_row.append(judged)
        bad = progress.outcomes["failed"] + progress.outcomes["rejected"]
        tolerated = bad <= math.ceil(self.max_failed_share * (progress.total or 0))
        is_away = all(failure.judgement.kind == "transient" for failure in self._in_a_row)
        if len(self._in_a_row) < HOPELESS or (tolerated and not is_away):
            return
        reasons = [failure.judgement.reason for failure in self._in_a_row]
        most = max(dict.fromkeys(reasons), key=reasons.count)
        raise JobError(f"{self._advice(most)}; what came before is kept, and the next start goes on from there")

    def _advice(self, reason: str) -> str:
        where = f"surveys: {self.service.urls[0]}: {HOPELESS} cutouts one after the other failed, most often: {reason}"
        responses = [failure.response for failure in self._in_a_row]
        if all(isinstance(response, NotReceived) and response.unreachable for response in responses):
            return f"{where}; expected a network connection, and the host of the service in url"
        if reason.startswith(("429", "503")):
            return f"{where}; the service is busy, try later or with fewer access.requests_per_second and concurrency"
        if reason.startswith("server_error"):
            map_of = "" if self.all_are_covered else "a map of where the survey has images (surveys, coverage), or "
            return f"{where}; expected {map_of}a larger share that may fail (surveys, max_failed_share)"
        if "expected" in reason and "pixels" in reason:
            return f"{where}; expected a cutout.size_px that the service gives"
        if "image" in reason:
            return f"{where}; the service may be down or have changed, expected what is at its url in a browser"
        return where
