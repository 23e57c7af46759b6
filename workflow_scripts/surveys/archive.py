"""The archive: one Parquet file a tile with the bytes exactly as received and a ledger row for every request."""

import hashlib
import logging
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.errors import InputError
from workflow_scripts.images.decoding import UndecodableImageError, decode, image_format, is_constant, size_of
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
    places = requests[["source_id", "ra", "dec"]].itertuples(index=False)
    return pa.Table.from_pylist([_row(galaxy, answers[galaxy.source_id]) for galaxy in places], schema=SCHEMA)


def checked(answer: CutoutResult, size_px: int | None) -> CutoutResult:
    """The answer, as `rejected` if its bytes are no image, or not the one asked for."""
    if answer.outcome not in OUTCOMES:
        raise RuntimeError(f"the survey answered {answer.source_id} with {answer.outcome!r}, which is no outcome")
    if answer.outcome != "delivered":
        return answer
    data = answer.image or b""
    try:
        found = image_format(data)
        pixels = decode(data)
    except UndecodableImageError as error:
        return _rejected(answer, f"not an image: {error}")
    if size_px is not None and size_of(pixels) != (size_px, size_px):
        width, height = size_of(pixels)
        return _rejected(answer, f"{width} x {height} pixels, expected {size_px} x {size_px}")
    if is_constant(pixels):
        return _rejected(answer, "the image is constant")
    return replace(answer, image_format=found)


def count_outcomes(ledger: pa.Table) -> dict[str, int]:
    """Requests by outcome; requested = delivered + no_coverage + rejected + failed, or `RuntimeError`."""
    found = ledger["outcome"].to_pylist()
    counts = {outcome: found.count(outcome) for outcome in OUTCOMES}
    if sum(counts.values()) != len(found):
        raise RuntimeError(f"{len(found)} requests, but outcomes {counts}")
    return {"requested": len(found), **counts}


def reasons(ledger: pa.Table, most: int) -> list[dict[str, str | int]]:
    """Why images are missing and how often, the `most` frequent reasons first, each with an example."""
    rows = ledger.select(["outcome", "reason", "source_id", "origin"]).to_pandas()
    groups = rows[rows["outcome"] != "delivered"].groupby(["outcome", "reason"])
    listed = sorted(groups, key=lambda group: (-len(group[1]), group[0]))[:most]
    return [
        {"outcome": outcome, "reason": reason, "requests": len(group), **group.iloc[0][["source_id", "origin"]]}
        for (outcome, reason), group in listed
    ]


def check_failed_share(ledger: pa.Table, limit: float, what: str) -> None:
    """Raise `InputError` where more than `limit` of the requests of a ledger were rejected or failed.

    Both count, because both are images that should be there; `no_coverage` does not. The limit is rounded up to a
    whole request: one broken image among ten does not exceed 1 %.
    """
    counts = count_outcomes(ledger)
    bad = counts["rejected"] + counts["failed"]
    if bad > math.ceil(limit * counts["requested"]):
        listed = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        # What a survey does not cover is no fault, whatever its share.
        first = next(row for row in reasons(ledger, len(OUTCOMES) * bad) if row["outcome"] in ("rejected", "failed"))
        raise InputError(
            f"{what}: {bad / counts['requested']:.1%} rejected or failed ({listed}), expected at most {limit:.1%}"
            f" (surveys, max_failed_share); most often: {first['reason']} ({first['requests']} times, for example"
            f" {first['origin']} of {first['source_id']})"
        )


def write_tile(path: str | Path, table: pa.Table, record: Mapping[str, Any]) -> None:
    """Write a tile of the archive."""
    write_table(path, table, record, row_group_size=ROW_GROUP)


def read_ledger(path: str | Path) -> pa.Table:
    """The ledger of a tile, without its images; `InputError` where the file is no tile of an archive."""
    with _open_tile(path) as file:
        return file.read(columns=LEDGER_SCHEMA.names).replace_schema_metadata(None)


def read_images(path: str | Path) -> Iterator[tuple[str, bytes]]:
    """(source_id, bytes) of every delivered image of a tile, group by group, in the order of its ledger."""
    with _open_tile(path) as file:
        for batch in file.iter_batches(batch_size=ROW_GROUP, columns=["source_id", "outcome", "image"]):
            for row in batch.to_pylist():
                if row["outcome"] == "delivered":
                    yield row["source_id"], row["image"]


def _open_tile(path: str | Path) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: expected a tile of cutouts (Parquet), but it cannot be read: {reason}") from None
    missing = [name for name in SCHEMA.names if name not in file.schema_arrow.names]
    if missing:
        file.close()
        raise InputError(f"{path}: expected a tile of cutouts, but it has no column '{missing[0]}'")
    return file


def _rejected(answer: CutoutResult, reason: str) -> CutoutResult:
    return replace(answer, outcome="rejected", reason=reason, image=None, image_format="")


def _row(galaxy: Any, answer: CutoutResult) -> dict[str, Any]:
    image = answer.image if answer.outcome == "delivered" else None
    return {
        "source_id": galaxy.source_id,
        "ra": galaxy.ra,
        "dec": galaxy.dec,
        "outcome": answer.outcome,
        "reason": answer.reason,
        "image_format": answer.image_format if image is not None else "",
        "sha256": hashlib.sha256(image).hexdigest() if image is not None else "",
        "origin": answer.origin,
        "attempts": answer.attempts,
        "image": image,
    }
