"""Where a survey has images: a multi-order coverage map (MOC), known before anything is requested of its service."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from astropy import units
from mocpy import MOC
from numpy.typing import NDArray

from workflow_scripts.errors import InputError, first_line
from workflow_scripts.http_services.politeness import user_agent
from workflow_scripts.image_checks.acceptance import Judgement, accepted, failed
from workflow_scripts.surveys.fetcher.connections import AccessLimits, Received
from workflow_scripts.surveys.fetcher.requester import Judged, Requester
from workflow_scripts.surveys.fetcher.service import judged_status

# The finest maps of whole surveys have some megabytes.
_LARGEST_BYTES = 256 * 2**20
_MOC_SERVER = AccessLimits(
    concurrency=1,
    requests_per_second=1,
    attempts=6,
    ambiguous_attempts=3,
    timeout_seconds=120,
    longest_wait_seconds=300,
)


class Coverage:
    """A MOC from a FITS file."""

    def __init__(self, path: str | Path):
        """Raise `InputError` where the file is no MOC, or one of nothing."""
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: does not exist, expected a coverage map (MOC in FITS)")
        if path.stat().st_size > _LARGEST_BYTES:
            raise InputError(
                f"{path}: {path.stat().st_size} bytes, expected a coverage map of at most {_LARGEST_BYTES}"
            )
        try:
            self.moc = MOC.from_fits(str(path))
            empty = self.moc.empty()
        except Exception as error:  # the reader has errors of several libraries for a file that is no MOC
            reason = first_line(error)
            raise InputError(f"{path}: expected a coverage map (MOC), but it cannot be read: {reason}") from None
        if empty:
            raise InputError(f"{path}: is an empty coverage map, expected the map of a survey")

    def contains(self, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether positions (ICRS degrees) are covered."""
        return np.asarray(self.moc.contains_lonlat(ra * units.deg, dec * units.deg), bool)


def fetch_map(coverage: Mapping[str, Any], limits_folder: str | Path | None, contact: str | None) -> bytes:
    """The map of a HiPS (`hips`, `order` and `url`) from the MocServer; `InputError` where no FITS file comes."""
    query = {"ivorn": coverage["hips"], "get": "moc", "order": coverage["order"]}
    url = f"{coverage['url']}?{urlencode(query)}"
    judgement = asyncio.run(_requested(url, limits_folder, contact)).judgement
    if judgement.kind != "accepted":
        raise InputError(f"surveys: coverage: {coverage['url']}: {judgement.reason}")
    return judgement.image


async def _requested(url: str, limits_folder: str | Path | None, contact: str | None) -> Judged:
    async with Requester((url,), _MOC_SERVER, limits_folder, user_agent(contact), url) as requester:
        return await requester.until_judged(lambda _: url, _judged_map)


def _judged_map(response: Received) -> Judgement:
    if judgement := judged_status(response):
        return judgement
    if not response.body.startswith(b"SIMPLE  ="):
        return failed("transient", f"{response.content_type or 'something'} where a FITS file was expected")
    return accepted(response.body, "fits")
