"""Answers of an earlier tile, taken into the journal of the one that is made now."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.errors import first_line
from workflow_scripts.surveys.archive import SCHEMA
from workflow_scripts.surveys.fetcher.journal import Journal
from workflow_scripts.surveys.fetcher.service import Galaxy, Service

log = logging.getLogger(__name__)

_SETTLED = ("delivered", "no_coverage", "rejected")


def take_over(tile: Path, galaxies: Sequence[Galaxy], service: Service, journal: Journal) -> int:
    """Copy from a tile the settled answers to these very requests that the journal lacks; how many.

    Failures are left out: making a tile again is a new try. A tile that cannot be read is as good as none.
    """
    if not tile.is_file():
        return 0
    wanted = {galaxy.source_id: galaxy for galaxy in galaxies if galaxy.key not in journal}
    copied = 0
    try:
        with pq.ParquetFile(tile) as file:
            if lacking := [name for name in SCHEMA.names if name not in file.schema_arrow.names]:
                log.warning(
                    "%s is of an older version, without %s: its images are fetched again", tile, ", ".join(lacking)
                )
                return 0
            for batch in file.iter_batches(batch_size=256, columns=SCHEMA.names):
                for row in batch.to_pylist():
                    galaxy = wanted.get(row["source_id"])
                    if galaxy is not None and _answers(row, galaxy, service.scale_of(galaxy)):
                        journal.write(galaxy.key, _head(row), row["image"] or b"")
                        copied += 1
    except (pa.ArrowException, OSError) as error:
        log.warning("%s cannot be read, its images are fetched again: %s", tile, first_line(error))
    journal.sync()
    return copied


def _answers(row: dict[str, Any], galaxy: Galaxy, scale: float) -> bool:
    same_place = (row["ra"], row["dec"]) == (galaxy.ra, galaxy.dec)
    same_scale = math.isclose(row["pixel_scale_arcsec"] or math.nan, scale, rel_tol=1e-9)
    return row["outcome"] in _SETTLED and row["attempts"] > 0 and same_place and same_scale


def _head(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "outcome": row["outcome"],
        "reason": row["reason"],
        "format": row["image_format"],
        "sha256": row["sha256"],
        "url": row["origin"],
        "attempts": row["attempts"],
        "at": row["fetched_at"].timestamp(),
        "scale": row["pixel_scale_arcsec"],
        "open": False,
    }
