"""A survey behind a public service: from catalog rows to requests, and from the journal to results."""

import asyncio
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.errors import InputError
from workflow_scripts.images.fits_files import packed
from workflow_scripts.surveys.coverage import Coverage
from workflow_scripts.surveys.fetcher.campaign import Campaign, FetchProgress
from workflow_scripts.surveys.fetcher.connections import AccessLimits
from workflow_scripts.surveys.fetcher.journal import Head, Journal
from workflow_scripts.surveys.fetcher.requester import Requester
from workflow_scripts.surveys.fetcher.service import Galaxy, Service
from workflow_scripts.surveys.kept_tiles import SideFolder, take_over
from workflow_scripts.surveys.survey import OUTCOMES, SETTLED, CutoutResult


@dataclass
class ServiceSurvey:
    """Cutouts of a service, fetched through a journal that outlives the job."""

    service: Service
    pixel_scale: float | Mapping[str, Any]
    limits: AccessLimits
    side_folder: SideFolder
    limits_folder: str | Path | None
    user_agent: str
    coverage: Coverage | None
    max_failed_share: float

    def cutouts(self, requests: pd.DataFrame) -> Iterator[CutoutResult]:
        """Fetch what was not fetched before, then give every result in the order of the requests.

        Raises `InputError` where no request to the service can succeed; what came is kept for the next start.
        """
        galaxies = self._galaxies(requests)
        if not galaxies:
            return
        covered = np.ones(len(galaxies), bool)
        if self.coverage is not None:
            covered = self.coverage.contains(requests["ra"].to_numpy(float), requests["dec"].to_numpy(float))
        with Journal(self.side_folder.journal) as journal:
            take_over(self.side_folder.fetched, galaxies, self.service, journal)
            wanted = [
                part
                for galaxy, inside in zip(galaxies, covered, strict=True)
                if inside and math.isfinite(galaxy.pixel_scale)
                for part in self._parts(journal, galaxy)
                if is_open(journal, part)
            ]
            # What failed before comes last, so that a start that ends with it has brought all else.
            wanted.sort(key=lambda part: part.key in journal)
            if wanted:
                self.fetch(wanted, journal, len(galaxies) * max(len(self.service.parts), 1) - len(wanted))
            for galaxy, inside in zip(galaxies, covered, strict=True):
                yield self._result(journal, galaxy, bool(inside))

    def fetch(self, wanted: Sequence[Galaxy], journal: Journal, known: int) -> None:
        """Put the results of galaxies (or parts) that have none into the journal; `known` others have theirs."""
        with FetchProgress(self.side_folder.what, known + len(wanted)) as progress:
            progress.skip(known)
            self.request(wanted, journal, progress)

    def request(self, wanted: Sequence[Galaxy], journal: Journal, progress: FetchProgress) -> None:
        """Request galaxies from the service; what comes goes into the journal."""
        seed = journal.path.stem
        requester = Requester(self.service.urls, self.limits, self.limits_folder, self.user_agent, seed)
        covered = self.coverage is not None
        campaign = Campaign(self.service, journal, self.limits, requester, covered, self.max_failed_share)
        asyncio.run(campaign.fetch(wanted, progress))

    def _result(self, journal: Journal, galaxy: Galaxy, inside: bool) -> CutoutResult:
        if not inside:
            return CutoutResult(galaxy.source_id, "no_coverage", "outside the coverage map")
        if not math.isfinite(galaxy.pixel_scale):
            return CutoutResult(galaxy.source_id, "failed", "the catalog has no pixel scale for it")
        records = {part.part: journal.read(part.key) for part in self._parts(journal, galaxy)}
        head, image = records[""] if "" in records else joined(records)
        delivered = head["outcome"] == "delivered"
        return CutoutResult(
            galaxy.source_id,
            head["outcome"],
            head["reason"],
            image if delivered else None,
            head["format"],
            head["url"],
            head["attempts"],
            fetched_at=datetime.fromtimestamp(head["at"], UTC),
            pixel_scale_arcsec=head["scale"],
            stretch=self.service.stretch if delivered else "",
            checked_sha256=head["sha256"],
        )

    def _parts(self, journal: Journal, galaxy: Galaxy) -> list[Galaxy]:
        # A galaxy with parts is whole in the journal where an earlier tile had its image.
        if galaxy.key in journal or not self.service.parts:
            return [galaxy]
        return [replace(galaxy, part=part) for part in self.service.parts]

    def _galaxies(self, requests: pd.DataFrame) -> list[Galaxy]:
        scales = self._scales(requests)
        columns = zip(requests["source_id"].astype(str), requests["ra"], requests["dec"], scales, strict=True)
        return [Galaxy(source_id, float(ra), float(dec), float(scale)) for source_id, ra, dec, scale in columns]

    def _scales(self, requests: pd.DataFrame) -> np.ndarray:
        if not isinstance(self.pixel_scale, Mapping):
            return np.full(len(requests), float(self.pixel_scale))
        column = self.pixel_scale["column"]
        if column not in requests:
            raise InputError(
                f"surveys: the catalog has no column '{column}' (cutout.pixel_scale_arcsec.column), expected one of"
                f" {', '.join(requests)}"
            )
        scales = pd.to_numeric(requests[column], errors="coerce").to_numpy(float) * self.pixel_scale["times"]
        return np.where(scales > 0, scales, np.nan)


def is_open(journal: Journal, galaxy: Galaxy) -> bool:
    """Whether there is no result yet, or one that may be better another day."""
    return galaxy.key not in journal or journal.head(galaxy.key)["outcome"] not in SETTLED


def joined(parts: Mapping[str, tuple[Head, bytes]]) -> tuple[Head, bytes]:
    """The record of a galaxy from the records of its bands, as the journal has them.

    It is delivered where all are, and its image is then `fits_files.packed` of what came, in the order of `parts`.
    Otherwise it has the worst outcome (`no_coverage`, `rejected`, `failed`) with the reason of the first band that has
    it. Attempts are summed, the URLs stand one after the other, and the time is that of the last response.
    """
    heads: dict[str, dict[str, Any]] = {band: head for band, (head, _) in parts.items()}
    band, worst = max(heads.items(), key=lambda item: OUTCOMES.index(item[1]["outcome"]))
    delivered = worst["outcome"] == "delivered"
    image = packed({band: image for band, (_, image) in parts.items()}) if delivered else b""
    # What holds for the galaxy, such as a position without stacks, all bands have in common.
    same = len({head["reason"] for head in heads.values()}) == 1
    return {
        "outcome": worst["outcome"],
        "reason": worst["reason"] if same else f"band {band}: {worst['reason']}",
        "format": "fits" if delivered else "",
        "sha256": hashlib.sha256(image).hexdigest() if delivered else "",
        "url": " ".join(head["url"] for head in heads.values() if head["url"]),
        "attempts": sum(head["attempts"] for head in heads.values()),
        "at": max(head["at"] for head in heads.values()),
        "scale": worst["scale"],
    }, image
