"""All requests of a tile: asked side by side, recorded one by one, stopped where going on is hopeless."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from workflow_scripts.errors import InputError
from workflow_scripts.surveys.fetcher.asking import Access, Asker
from workflow_scripts.surveys.fetcher.download import NotReceived, Received
from workflow_scripts.surveys.fetcher.journal import Journal
from workflow_scripts.surveys.fetcher.judgements import Verdict, failed, of_status
from workflow_scripts.surveys.fetcher.progress import Progress
from workflow_scripts.surveys.fetcher.request_queue import Agenda, Asked
from workflow_scripts.surveys.fetcher.service import Galaxy, Service

# So many galaxies that fail one after the other are no accident.
HOPELESS = 25
_SECONDS_BETWEEN_SYNCS = 2.0
_NOTE = "note "


class Campaign:
    """Fetches what a journal lacks."""

    def __init__(
        self,
        service: Service,
        journal: Journal,
        access: Access,
        limits_folder: str | Path,
        user_agent: str,
        all_are_covered: bool = False,
    ):
        """`all_are_covered`: a coverage map says that there are images, so that a service is not believed at once."""
        self.service = service
        self.journal = journal
        self.asker = Asker(service.urls, access, limits_folder, user_agent, journal.path.stem)
        self.access = access
        self.all_are_covered = all_are_covered
        self._in_a_row: deque[tuple[Galaxy, Verdict, bool]] = deque(maxlen=HOPELESS)

    async def fetch(self, galaxies: Sequence[Galaxy], progress: Progress) -> None:
        """Ask for galaxies that have no answer in the journal.

        Raises
        ------
        InputError
            where no request can succeed, or one after the other fails; what came is kept in the journal.
        """
        keeping = asyncio.create_task(self._sync_now_and_then())
        try:
            async with self.asker:
                await self.service.prepare(galaxies, self.asker.until_judged, self)
                agenda = Agenda(iter(galaxies))
                # Images are decoded in a thread, so that the network does not wait. One only: what decoders do to
                # the filters of Python's warnings is not safe in two.
                with ThreadPoolExecutor(1, "judging") as judging:
                    # More workers than connections: while the image of one is judged, another waits for the network.
                    workers = [
                        asyncio.create_task(self._work(agenda, judging, progress))
                        for _ in range(self.access.concurrency * 2)
                    ]
                    try:
                        await asyncio.gather(*workers)
                    finally:
                        for worker in workers:
                            worker.cancel()
                        await asyncio.gather(*workers, return_exceptions=True)
        finally:
            keeping.cancel()
            self.journal.sync()

    def noted(self, key: str) -> dict[str, Any] | None:
        """What the service said before about a galaxy."""
        return self.journal.head(_NOTE + key)["content"] if _NOTE + key in self.journal else None

    def note(self, key: str, content: Mapping[str, Any]) -> None:
        """Keep what the service said about a galaxy."""
        self.journal.write(_NOTE + key, {"content": content})

    async def _sync_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_SYNCS)
            await asyncio.to_thread(self.journal.sync)

    async def _work(self, agenda: Agenda[Galaxy], judging: Executor, progress: Progress) -> None:
        while (asked := await agenda.next()) is not None:
            galaxy = asked.item
            url = self.service.url(galaxy, asked.attempts)
            if isinstance(url, Verdict):
                self._record(galaxy, url, "", 0, progress)
                agenda.answered()
                continue
            answer = await self.asker.once(url, self.service.largest_bytes)
            verdict = await self._judged(asked, answer, judging)
            if self.asker.may_ask_again(verdict, asked.attempts, asked.ambiguous):
                progress.retries += 1
                agenda.again(asked, self.asker.pause_before(asked.attempts, answer))
                continue
            if verdict.kind == "misconfigured":
                raise InputError(f"surveys: {verdict.reason}")
            self._record(galaxy, verdict, url, asked.attempts, progress)
            agenda.answered()
            self._stop_if_hopeless(galaxy, verdict, isinstance(answer, NotReceived) and answer.unreachable)

    async def _judged(self, asked: Asked[Galaxy], answer: Received | NotReceived, judging: Executor) -> Verdict:
        if isinstance(answer, Received):
            loop = asyncio.get_running_loop()
            verdict = await loop.run_in_executor(judging, self.service.judge, answer, asked.item)
        else:
            verdict = of_status(answer) or failed("ambiguous", "no answer")
        if self.all_are_covered and verdict.kind == "permanent" and verdict.outcome == "no_coverage":
            verdict = replace(verdict, kind="ambiguous")
        asked.attempts += 1
        asked.ambiguous += verdict.kind == "ambiguous"
        return verdict

    def _record(self, galaxy: Galaxy, verdict: Verdict, url: str, attempts: int, progress: Progress) -> None:
        """Write the answer; what may still come another day is marked, so that the next start asks for it."""
        head = {
            "outcome": verdict.outcome,
            "reason": verdict.reason,
            "format": verdict.image_format,
            "sha256": verdict.sha256,
            "url": url,
            "attempts": attempts,
            "at": round(time.time(), 3),
            "scale": self.service.scale_of(galaxy),
            "open": verdict.kind == "transient",
        }
        image = verdict.image or b""
        self.journal.write(galaxy.key, head, image)
        progress.count(verdict.outcome, len(image))

    def _stop_if_hopeless(self, galaxy: Galaxy, verdict: Verdict, unreachable: bool) -> None:
        if verdict.outcome in ("delivered", "no_coverage"):
            self._in_a_row.clear()
            return
        self._in_a_row.append((galaxy, verdict, unreachable))
        if len(self._in_a_row) < HOPELESS:
            return
        reasons = [one.reason for _, one, _ in self._in_a_row]
        most = max(dict.fromkeys(reasons), key=reasons.count)
        # Asked again at the next start, whatever kind of failure it seems to be.
        for failure, _, _ in self._in_a_row:
            self.journal.forget(failure.key)
        raise InputError(f"{self._advice(most)}; what came before is kept, and the next start goes on from there")

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
