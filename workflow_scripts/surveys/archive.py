"""The archive: one Parquet file a tile with the bytes exactly as received and a ledger row for every request."""

import hashlib
import logging
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.errors import InputError
from workflow_scripts.images.decoding import UndecodableImageError, decode, image_format, is_constant
from workflow_scripts.provenance import write_table
from workflow_scripts.surveys.interface import OUTCOMES, CutoutResult, Survey

log = logging.getLogger(__name__)

LEDGER_SCHEMA = pa.schema(
    {
        "source_id": pa.string(),
        "ra": pa.float64(),
        "dec": pa.float64(),
        "outcome": pa.string(),
        "reason": pa.string(),
        "image_format": pa.string(),
        "sha256": pa.string(),
        "origin": pa.string(),
        "attempts": pa.int32(),
    }
)
SCHEMA = LEDGER_SCHEMA.append(pa.field("image", pa.binary()))
# Small groups: Arrow puts at most 2 GiB into one chunk of binary values, and readers need not hold a whole tile.
ROW_GROUP = 256
LOG_EVERY_SECONDS = 30


def fetch_tile(survey: Survey, requests: pd.DataFrame, size_px: int | None) -> pa.Table:
    """Ask a survey for every galaxy of a tile and check what comes.

    Parameters
    ----------
    requests
        catalog rows of the tile.
    size_px
        expected side of every image, or None where the survey's images differ in size.

    Returns
    -------
    pyarrow.Table
        one row a request in the order of `requests`, with the columns of `SCHEMA`.

    Raises
    ------
    RuntimeError
        where the survey answers a request twice, not at all, or answers one that was not made.
    """
    answers: dict[str, CutoutResult] = {}
    started = last_line = time.monotonic()
    for answer in survey.cutouts(requests):
        if answer.source_id in answers:
            raise RuntimeError(f"the survey answered the request for {answer.source_id} twice")
        answers[answer.source_id] = checked(answer, size_px)
        if time.monotonic() - last_line > LOG_EVERY_SECONDS:
            last_line = time.monotonic()
            rate = len(answers) / (last_line - started)
            left = (len(requests) - len(answers)) / rate
            log.info("%d of %d cutouts, %.1f a second, %.0f s left", len(answers), len(requests), rate, left)
    if answers.keys() != set(requests["source_id"]):
        raise RuntimeError(f"the survey gave {len(answers)} answers to {len(requests)} requests")
    rows = [_row(galaxy, answers[galaxy.source_id]) for galaxy in requests.itertuples(index=False)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def checked(answer: CutoutResult, size_px: int | None) -> CutoutResult:
    """The answer, as `rejected` if its bytes are no image, or not the one asked for."""
    if answer.outcome != "delivered":
        return answer
    data = answer.image or b""
    try:
        found = image_format(data)
        pixels = decode(data)
    except UndecodableImageError as error:
        return _rejected(answer, f"not an image: {error}")
    height, width = pixels.shape[-2:] if found == "fits" else pixels.shape[:2]
    if size_px is not None and (height, width) != (size_px, size_px):
        return _rejected(answer, f"{width} x {height} pixels, expected {size_px} x {size_px}")
    if is_constant(pixels):
        return _rejected(answer, "the image is constant")
    return CutoutResult(answer.source_id, "delivered", "", data, found, answer.origin, answer.attempts)


def count_outcomes(ledger: pd.DataFrame) -> dict[str, int]:
    """Requests by outcome; requested = delivered + no_coverage + rejected + failed."""
    counts = {outcome: int((ledger["outcome"] == outcome).sum()) for outcome in OUTCOMES}
    if sum(counts.values()) != len(ledger):
        raise RuntimeError(f"{len(ledger)} requests, but outcomes {counts}")
    return {"requested": len(ledger), **counts}


def check_failed_share(counts: Mapping[str, int], limit: float, what: str) -> None:
    """Raise `InputError` where more than `limit` of the requests were rejected or failed."""
    bad = counts["rejected"] + counts["failed"]
    if bad > limit * counts["requested"]:
        listed = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        share = bad / counts["requested"]
        raise InputError(f"{what}: {share:.1%} rejected or failed, expected at most {limit:.1%} ({listed})")


def write_tile(path: str | Path, table: pa.Table, record: Mapping[str, Any]) -> None:
    """Write a tile of the archive."""
    write_table(path, table, record, row_group_size=ROW_GROUP)


def read_ledger(path: str | Path) -> pd.DataFrame:
    """The ledger of a tile, without its images."""
    return pq.read_table(path, columns=LEDGER_SCHEMA.names).to_pandas()


def read_images(path: str | Path) -> Iterator[tuple[str, bytes]]:
    """(source_id, bytes) of every delivered image of a tile, group by group."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROW_GROUP, columns=["source_id", "outcome", "image"]):
            for row in batch.to_pylist():
                if row["outcome"] == "delivered":
                    yield row["source_id"], row["image"]


def _rejected(answer: CutoutResult, reason: str) -> CutoutResult:
    return CutoutResult(answer.source_id, "rejected", reason, None, "", answer.origin, answer.attempts)


def _row(galaxy: Any, answer: CutoutResult) -> dict[str, Any]:
    delivered = answer.outcome == "delivered" and answer.image is not None
    return {
        "source_id": galaxy.source_id,
        "ra": galaxy.ra,
        "dec": galaxy.dec,
        "outcome": answer.outcome,
        "reason": answer.reason,
        "image_format": answer.image_format if delivered else "",
        "sha256": hashlib.sha256(answer.image).hexdigest() if delivered and answer.image else "",
        "origin": answer.origin,
        "attempts": answer.attempts,
        "image": answer.image if delivered else None,
    }
