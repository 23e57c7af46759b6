"""The archive: one Parquet file a tile with the bytes exactly as received and a ledger row for every request."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workflow_scripts.errors import InputError, JobError
from workflow_scripts.image_checks.acceptance import Wanted, check_image
from workflow_scripts.progress import counted
from workflow_scripts.surveys.survey import OUTCOMES, CutoutResult, Survey
from workflow_scripts.surveys.waiting_results import WaitingResults, waiting_results
from workflow_scripts.tables import parquet_metadata, reading_parquet
from workflow_scripts.whole_file import whole_file

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
TILE_SCHEMA = LEDGER_SCHEMA.append(pa.field("image", pa.binary()))
# Small groups: Arrow puts at most 2 GiB into one chunk of binary values, and readers need not hold a whole tile.
ROWS_A_GROUP = 256


def fetch_batches(
    survey: Survey,
    requests: pd.DataFrame,
    size_px: int | None,
    folder: str | Path | None = None,
    extensions: Sequence[str] = (),
) -> Iterator[pa.RecordBatch]:
    """Request every galaxy of a tile (catalog rows) from a survey; images have a side of `size_px`, or any for None.

    `extensions` are those of FITS files with several images that are their bands.

    Yields batches of `ROWS_A_GROUP` rows with the columns of `TILE_SCHEMA`, one row a request in the order of the
    requests. In memory there is one batch; images that a survey gives before their turn are kept in `folder` where
    they are many (`waiting_results`). Raises `RuntimeError` where the survey has two results for a request, none, or
    one for a request that was not made.
    """
    with waiting_results(folder) as results:
        rows = _rows_in_order(survey, requests, Wanted(size_px, extensions=extensions), results)
        while group := list(islice(rows, ROWS_A_GROUP)):
            yield pa.RecordBatch.from_pylist(group, schema=TILE_SCHEMA)


def _rows_in_order(
    survey: Survey, requests: pd.DataFrame, wanted: Wanted, results: WaitingResults
) -> Iterator[dict[str, Any]]:
    places = list(requests[["source_id", "ra", "dec"]].itertuples(index=False))
    waiting = {galaxy.source_id for galaxy in places}
    written = 0
    for result in counted(survey.cutouts(requests), len(places), "cutouts", "checked", rate=True):
        if result.source_id not in waiting:
            raise RuntimeError(f"the survey gave a second result for {result.source_id}, or it was not requested")
        waiting.remove(result.source_id)
        results.put(checked(result, wanted))
        while written < len(places) and places[written].source_id in results:
            yield _row(places[written], results.take(places[written].source_id))
            written += 1
    if waiting:
        received = len(places) - len(waiting)
        raise RuntimeError(f"the survey gave {received} results for {len(places)} requests")


def checked(result: CutoutResult, wanted: Wanted) -> CutoutResult:
    """The result, as `rejected` if its bytes are no whole image, or not the one that is wanted."""
    if result.outcome not in OUTCOMES:
        raise RuntimeError(f"the survey gave {result.source_id} the outcome {result.outcome!r}, which is none")
    if result.outcome != "delivered":
        return result
    data = result.image or b""
    if result.checked_sha256 == hashlib.sha256(data).hexdigest():
        return result
    found = check_image(data, wanted)
    if found.kind != "accepted":
        return replace(result, outcome="rejected", reason=found.reason, image=None, image_format="")
    return replace(result, image_format=found.image_format, checked_sha256=found.sha256)


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


def stretches(ledger: pa.Table) -> dict[str, int]:
    """Delivered images by how brightness became pixel values (`unknown` where the survey has no record of it)."""
    delivered = ledger.filter(pc.equal(ledger["outcome"], "delivered"))
    return dict(sorted(Counter(name or "unknown" for name in delivered["stretch"].to_pylist()).items()))


def image_warnings(ledger: pa.Table) -> list[str]:
    """Sentences for the report; empty where nothing is wrong with the images."""
    found = []
    by_stretch = stretches(ledger)
    if by_stretch.get("per_image"):
        found.append(
            f"{by_stretch['per_image']} images were scaled by the service, each by its own contents: equal galaxies"
            " differ in brightness from field to field, and a network can learn the depth and the seeing of a field"
            " from it. Images in physical units (format: fits) are free of this."
        )
    kinds = [kind for kind in by_stretch if kind != "unknown"]
    if len(kinds) > 1:
        found.append(f"Images of different stretches are mixed ({', '.join(kinds)}).")
    return found


def check_failed_share(ledger: pa.Table, limit: float, what: str, hint: str = "") -> None:
    """Raise `InputError` where more than `limit` of the requests of a ledger were rejected or failed.

    Both count, because both are images that should be there; `no_coverage` does not. The limit is rounded up to a
    whole request: one broken image among ten does not exceed 1 %. `hint` is added to the sentence.
    """
    counts = count_outcomes(ledger)
    bad = counts["rejected"] + counts["failed"]
    if bad > math.ceil(limit * counts["requested"]):
        listed = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        # What a survey does not cover is no fault, whatever its share.
        first = next(row for row in reasons(ledger, len(OUTCOMES) * bad) if row["outcome"] in ("rejected", "failed"))
        raise JobError(
            f"{what}: {bad / counts['requested']:.1%} rejected or failed ({listed}), expected at most {limit:.1%}"
            f" (surveys, max_failed_share); most often: {first['reason']} ({first['requests']} times, for example"
            f" {first['origin']} of {first['source_id']}){'; ' * bool(hint)}{hint}"
        )


def write_batches(
    path: str | Path, batches: Iterable[pa.RecordBatch], record: Mapping[str, Any], check: Callable[[pa.Table], None]
) -> pa.Table:
    """Write a tile of the archive batch by batch; its ledger.

    `check` is called with the ledger before the tile gets its name: what it raises leaves no tile.
    """
    schema = TILE_SCHEMA.with_metadata(parquet_metadata(record))
    ledger: list[pa.RecordBatch] = []
    with whole_file(path) as temporary:
        # Dictionaries of images that are all different cost time and memory.
        with pq.ParquetWriter(temporary, schema, compression="zstd", use_dictionary=LEDGER_SCHEMA.names) as writer:
            for batch in batches:
                writer.write_batch(batch, row_group_size=ROWS_A_GROUP)
                ledger.append(batch.select(LEDGER_SCHEMA.names))
        table = pa.Table.from_batches(ledger, schema=LEDGER_SCHEMA)
        check(table)
    return table


def read_ledger(path: str | Path) -> pa.Table:
    """The ledger of a tile, without its images; `InputError` where the file is no tile of an archive."""
    with _open_tile(path) as file:
        return file.read(columns=LEDGER_SCHEMA.names).replace_schema_metadata(None)


class ArchivedImage(NamedTuple):
    """A delivered image of a tile, with fields as those of `CutoutResult`; None for a scale that is not known."""

    source_id: str
    image: bytes
    stretch: str
    pixel_scale_arcsec: float | None


def read_images(path: str | Path) -> Iterator[ArchivedImage]:
    """Every delivered image of a tile, group by group, in the order of its ledger."""
    with _open_tile(path) as file:
        columns = [*ArchivedImage._fields, "outcome"]
        for batch in file.iter_batches(batch_size=ROWS_A_GROUP, columns=columns):
            for row in batch.to_pylist():
                if row.pop("outcome") == "delivered":
                    yield ArchivedImage(**row)


def recorded_extensions(path: str | Path) -> tuple[str, ...]:
    """The extensions of the tile's FITS files that are bands, as its survey names them; () for none."""
    with _open_tile(path) as file:
        record = json.loads((file.schema_arrow.metadata or {}).get(b"skybias", b"{}"))
    survey = (record.get("config") or {}).get("survey") or {}
    return tuple(map(str, survey.get("extensions") or ()))


def _open_tile(path: str | Path) -> pq.ParquetFile:
    with reading_parquet(path, "a tile of cutouts"):
        file = pq.ParquetFile(path)
    missing = [name for name in TILE_SCHEMA.names if name not in file.schema_arrow.names]
    if missing:
        file.close()
        raise InputError(f"{path}: expected a tile of cutouts, but it has no column '{missing[0]}'")
    return file


def _row(galaxy: Any, result: CutoutResult) -> dict[str, Any]:
    """A row of a tile: the fields of a result have the names of its columns."""
    row = {**vars(result), "ra": galaxy.ra, "dec": galaxy.dec, "sha256": result.checked_sha256}
    if result.outcome != "delivered":
        row |= {"image": None, "image_format": "", "sha256": ""}
    return row | {"pixel_scale_arcsec": None if math.isnan(result.pixel_scale_arcsec) else result.pixel_scale_arcsec}
