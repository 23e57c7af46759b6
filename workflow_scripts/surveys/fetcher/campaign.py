"""All requests of a tile: sent side by side, recorded one by one, stopped where going on is hopeless."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from workflow_scripts.errors import InputError, JobError
from workflow_scripts.surveys.fetcher.journal import Journal
from workflow_scripts.surveys.fetcher.progress import Progress
from workflow_scripts.surveys.fetcher.requester import AccessLimits, Requester
from workflow_scripts.surveys.fetcher.service import Galaxy, Judgement, Service, failed, judged_status
from workflow_scripts.surveys.fetcher.single_request import NotReceived, Received

# So many galaxies that fail one after the other are no accident.
HOPELESS = 25
_SECONDS_BETWEEN_SYNCS = 2.0


@dataclass
class _Queued:
    """A request and how often it was sent."""

    galaxy: Galaxy
    attempts: int = 0
    ambiguous: int = 0


# The queue holds (0 for another attempt and 1 for the first, number, request): what is due again comes first.
_Queue = asyncio.PriorityQueue[tuple[int, int, _Queued]]


class Campaign:
    """Fetches what a journal lacks."""

    def __init__(
        self,
        service: Service,
        journal: Journal,
        limits: AccessLimits,
        limits_folder: str | Path,
        user_agent: str,
        all_are_covered: bool = False,
    ):
        """`all_are_covered`: by a coverage map there are images, so that a service is not believed at once."""
        self.service = service
        self.journal = journal
        self.requester = Requester(service.urls, limits, limits_folder, user_agent, journal.path.stem)
        self.limits = limits
        self.all_are_covered = all_are_covered
        self._in_a_row: deque[tuple[Galaxy, Judgement, bool]] = deque(maxlen=HOPELESS)

    async def fetch(self, galaxies: Sequence[Galaxy], progress: Progress) -> None:
        """Request galaxies that are not settled in the journal.

        Raises `InputError` where no request can succeed, or one after the other fails; the journal keeps what came.
        """
        keeping = asyncio.create_task(self._sync_now_and_then())
        try:
            async with self.requester:
                await self.service.prepare(galaxies, self.requester.until_judged, self.journal)
                queue = _Queue()
                for number, galaxy in enumerate(galaxies):
                    queue.put_nowait((1, number, _Queued(galaxy)))
                # Images are decoded in a thread, so that the network does not wait. One only: what decoders do to
                # the filters of Python's warnings is not safe in two.
                with ThreadPoolExecutor(1, "judging") as judging:
                    # More workers than connections: while the image of one is judged, another waits for the network.
                    workers = [self._work(queue, judging, progress) for _ in range(self.limits.concurrency * 2)]
                    tasks = [asyncio.create_task(task) for task in (queue.join(), *workers)]
                    try:
                        # Workers end only with an error.
                        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                        for task in ended:
                            task.result()
                    finally:
                        for task in tasks:
                            task.cancel()
                        await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            keeping.cancel()
            self.journal.sync()

    async def _sync_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_SYNCS)
            await asyncio.to_thread(self.journal.sync)

    async def _work(self, queue: _Queue, judging: Executor, progress: Progress) -> None:
        while True:
            _, number, request = await queue.get()
            galaxy = request.galaxy
            url = self.service.url(galaxy, request.attempts)
            if isinstance(url, Judgement):
                self._record(galaxy, url, "", 0, progress)
                queue.task_done()
                continue
            response = await self.requester.once(url, self.service.largest_bytes)
            judgement = await self._judged(request, response, judging)
            if self.requester.may_repeat(judgement, request.attempts, request.ambiguous):
                progress.retries += 1
                pause = self.requester.pause_before(request.attempts, response)
                # Meanwhile it counts as not done, and the worker goes on with another.
                asyncio.get_running_loop().call_later(pause, _put_back, queue, number, request)
                continue
            if judgement.kind == "misconfigured":
                raise InputError(f"surveys: {judgement.reason}")
            self._record(galaxy, judgement, url, request.attempts, progress)
            self._stop_if_hopeless(galaxy, judgement, isinstance(response, NotReceived) and response.unreachable)
            queue.task_done()

    async def _judged(self, request: _Queued, response: Received | NotReceived, judging: Executor) -> Judgement:
        if isinstance(response, Received):
            loop = asyncio.get_running_loop()
            judgement = await loop.run_in_executor(judging, self.service.judge, response, request.galaxy)
        else:
            judgement = judged_status(response) or failed("ambiguous", "no response")
        if self.all_are_covered and judgement.kind == "permanent" and judgement.outcome == "no_coverage":
            judgement = replace(judgement, kind="ambiguous")
        request.attempts += 1
        request.ambiguous += judgement.kind == "ambiguous"
        return judgement

    def _record(self, galaxy: Galaxy, judgement: Judgement, url: str, attempts: int, progress: Progress) -> None:
        """Write what came; what may still come another day is marked, so that the next start requests it."""
        head = {
            "outcome": judgement.outcome,
            "reason": judgement.reason,
            "format": judgement.image_format,
            "sha256": judgement.sha256,
            "url": url,
            "attempts": attempts,
            "at": round(time.time(), 3),
            "scale": self.service.scale_of(galaxy),
            "open": judgement.kind == "transient",
        }
        image = judgement.image or b""
        self.journal.write(galaxy.key, head, image)
        progress.count(judgement.outcome, len(image))

    def _stop_if_hopeless(self, galaxy: Galaxy, judgement: Judgement, unreachable: bool) -> None:
        if judgement.outcome in ("delivered", "no_coverage"):
            self._in_a_row.clear()
            return
        self._in_a_row.append((galaxy, judgement, unreachable))
        if len(self._in_a_row) < HOPELESS:
            return
        reasons = [one.reason for _, one, _ in self._in_a_row]
        most = max(dict.fromkeys(reasons), key=reasons.count)
        # Requested again at the next start, whatever kind of failure it seems to be.
        for failure, _, _ in self._in_a_row:
            self.journal.forget(failure.key)
        raise JobError(f"{self._advice(most)}; what came before is kept, and the next start goes on from there")

    def _advice(self, reason: str) -> str:
        where = f"surveys: {self.service.urls[0]}: {HOPELESS} cutouts one after the other failed, most often: {reason}"
        if all(unreachable for _, _, unreachable in self._in_a_row):
            return f"{where}; expected a network connection, and the host of the service in url"
        if reason.startswith(("429", "503")):
            return f"{where}; the service is busy, try later or with fewer access.requests_per_second and concurrency"
        if "expected" in reason and "pixels" in reason:
            return f"{where}; expected a cutout.size_px that the service gives"
        if "image" in reason:
            return f"{where}; the service may be down or have changed, expected what is at its url in a browser"
        return where


def _put_back(queue: _Queue, number: int, request: _Queued) -> None:
    queue.put_nowait((0, number, request))
    queue.task_done()
