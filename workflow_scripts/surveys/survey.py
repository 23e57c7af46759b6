"""What every survey implements: galaxies of one tile in; for each of them image bytes or the reason why not, out."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, get_args

import pandas as pd

Outcome = Literal["delivered", "no_coverage", "rejected", "failed"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)


@dataclass(frozen=True)
class CutoutResult:
    """What came of one request.

    `image` holds the bytes exactly as received and is None unless the outcome is `delivered`. `no_coverage` is
    permanent and no fault; `rejected` means that bytes came which are not the requested image; `failed`
    means that nothing usable came. `origin` is where the bytes are from (a URL, a member of an archive).

    `stretch` is how brightness became pixel values: `fixed` (the same over the whole sky), `per_image`, `none` (they
    are physical units), `stack_counts` (they become such units by the FITS header of each image), or empty where that
    is unknown. `checked_sha256` is the digest of bytes that have passed the checks of the survey's own client; the
    archive does not decode them again.
    """

    source_id: str
    outcome: Outcome
    reason: str
    image: bytes | None
    image_format: str
    origin: str
    attempts: int
    fetched_at: datetime | None = None
    pixel_scale_arcsec: float = math.nan
    stretch: str = ""
    checked_sha256: str = ""


class Survey(Protocol):
    """Where pixels come from."""

    def cutouts(self, requests: pd.DataFrame) -> Iterator[CutoutResult]:
        """One result for every request, in any order.

        `requests` are catalog rows: `source_id`, `ra`, `dec` (ICRS degrees) and every other column of the catalog.
        """
        ...
