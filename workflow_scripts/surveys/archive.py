"""The archive: one Parquet file a tile with the bytes exactly as received and a ledger row for every request."""

import hashlib
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.errors import InputError, first_line
from workflow_scripts.images.decoding import UndecodableImageError, decode, image_format, is_constant, size_of
from workflow_scripts.surveys.interface import OUTCOMES, CutoutResult, Survey
from workflow_scripts.tables import parquet_metadata
from workflow_scripts.whole_file import whole_file

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
        # When the bytes came; null where they were rendered or lay on disk, so that the same work gives the same bytes.
        "fetched_at": pa.timestamp("ms", tz="UTC"),
        "pixel_scale_arcsec": pa.float64(),
        "stretch": pa.string(),
    }
)
SCHEMA = LEDGER_SCHEMA.append(pa.field("image", pa.binary()))
# Small groups: Arrow puts at most 2 GiB into one chunk of binary values, and readers need not hold a whole tile.
ROW_GROUP = 256
LOG_EVERY_SECONDS = 30


def fetch_tile(survey: Survey, requests: pd.DataFrame, size_px: int | None) -> pa.Table:
    """The batches of `fetch_batches` as one table."""
    return pa.Table.from_batches(fetch_batches(survey, requests, size_px), schema=SCHEMA)


def fetch_batches(survey: Survey, requests: pd.DataFrame, size_px: int | None) -> Iterator[pa.RecordBatch]:
    """Ask a survey for every galaxy of a tile and check what comes.

    Parameters
    ----------
    requests
        catalog rows of the tile.
    size_px
        expected side of every image, or None where the survey's images differ in size.

    Yields
    ------
    pyarrow.RecordBatch
        `ROW_GROUP` rows, one a request in the order of `requests`, with the columns of `SCHEMA`. A survey that answers
        in this order has no more than one batch in memory.

    Raises
    ------
    RuntimeError
        where the survey answers a request twice, not at all, or answers one that was not made.
    """
    places = list(requests[["source_id", "ra", "dec"]].itertuples(index=False))
    waiting = {galaxy.source_id for galaxy in places}
    answers: dict[str, CutoutResult] = {}
    rows: list[dict[str, Any]] = []
    written = answered = 0
    started = last_line = time.monotonic()
    for answer in survey.cutouts(requests):
        answered += 1
        if answer.source_id not in waiting:
            if any(galaxy.source_id == answer.source_id for galaxy in places):
                raise RuntimeError(f"the survey answered the request for {answer.source_id} twice")
            raise RuntimeError(f"the survey gave {answered} answers to {len(places)} requests")
        waiting.remove(answer.source_id)
        answers[answer.source_id] = checked(answer, size_px)
        while written < len(places) and places[written].source_id in answers:
            rows.append(_row(places[written], answers.pop(places[written].source_id)))
            written += 1
        while len(rows) >= ROW_GROUP:
            yield pa.RecordBatch.from_pylist(rows[:ROW_GROUP], schema=SCHEMA)
            rows = rows[ROW_GROUP:]
        if time.monotonic() - last_line > LOG_EVERY_SECONDS:
            last_line = time.monotonic()
            rate = answered / (last_line - started)
            log.info(
                "%d of %d cutouts, %.1f a second, %.0f s left",
                answered,
                len(places),
                rate,
                (len(places) - answered) / rate,
            )
    if waiting:
        raise RuntimeError(f"the survey gave {answered} answers to {len(places)} requests")
    for start in range(0, len(rows), ROW_GROUP):
        yield pa.RecordBatch.from_pylist(rows[start : start + ROW_GROUP], schema=SCHEMA)


def checked(answer: CutoutResult, size_px: int | None) -> CutoutResult:
    """The answer, as `rejected` if its bytes are no image, or not the one asked for."""
    if answer.outcome not in OUTCOMES:
        raise RuntimeError(f"the survey answered {answer.source_id} with {answer.outcome!r}, which is no outcome")
    if answer.outcome != "delivered":
        return answer
    data = answer.image or b""
    digest = hashlib.sha256(data).hexdigest()
    if answer.checked_sha256 == digest:
        return answer
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
    return replace(answer, image_format=found, checked_sha256=digest)


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
    write_batches(path, table.to_batches(max_chunksize=ROW_GROUP), record, lambda ledger: None)


def write_batches(
    path: str | Path,
    batches: Iterable[pa.RecordBatch],
    record: Mapping[str, Any],
    check: Callable[[pa.Table], None],
) -> pa.Table:
    """Write a tile of the archive batch by batch; its ledger.

    `check` is called with the ledger before the tile gets its name: what it raises leaves no tile.
    """
    schema = SCHEMA.with_metadata(parquet_metadata(record))
    ledger: list[pa.RecordBatch] = []
    with whole_file(path) as temporary:
        # Dictionaries of images that are all different cost time and memory.
        with pq.ParquetWriter(temporary, schema, compression="zstd", use_dictionary=LEDGER_SCHEMA.names) as writer:
            for batch in batches:
                writer.write_batch(batch, row_group_size=ROW_GROUP)
                ledger.append(batch.select(LEDGER_SCHEMA.names))
        table = pa.Table.from_batches(ledger, schema=LEDGER_SCHEMA)
        check(table)
    return table


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
        reason = first_line(error)
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
        "sha256": answer.checked_sha256 if image is not None else "",
        "origin": answer.origin,
        "attempts": answer.attempts,
        "fetched_at": answer.fetched_at,
        "pixel_scale_arcsec": None if math.isnan(answer.pixel_scale_arcsec) else answer.pixel_scale_arcsec,
        "stretch": answer.stretch,
        "image": image,
    }
