"""What every survey implements: galaxies of one tile in; for each of them image bytes or the reason why not, out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import pandas as pd

Outcome = Literal["delivered", "no_coverage", "rejected", "failed"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)


@dataclass(frozen=True)
class CutoutResult:
    """The answer to one request.

    `image` holds the bytes exactly as received and is None unless the outcome is `delivered`. `no_coverage` is
    permanent and no fault; `rejected` means that bytes came which are not the image that was asked for; `failed`
    means that nothing usable came. `origin` says where the bytes are from (a URL, a member of an archive).
    """

    source_id: str
    outcome: Outcome
    reason: str
    image: bytes | None
    image_format: str
    origin: str
    attempts: int


class Survey(Protocol):
    """Where pixels come from."""

    def cutouts(self, requests: pd.DataFrame) -> Iterator[CutoutResult]:
        """Answer every request once, in any order.

        `requests` are catalog rows: `source_id`, `ra`, `dec` (ICRS degrees) and every other column of the catalog.
        """
        ...
