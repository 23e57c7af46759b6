"""What is kept of a tile beside its output, which Snakemake deletes before its job runs again.

    .progress/{digest}/tile0.journal    what a job that was killed has fetched
    .fetched/{digest}/tile0.parquet     the finished tile, as a second name of the same file

The digest is of what a cutout depends on: another size or layer never meets the files of this one.
"""

import hashlib
import json
import logging
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.errors import first_line
from workflow_scripts.surveys.archive import TILE_SCHEMA
from workflow_scripts.surveys.fetcher.journal import Journal, remove_journal
from workflow_scripts.surveys.fetcher.service import Galaxy, Service
from workflow_scripts.surveys.survey import SETTLED

log = logging.getLogger(__name__)


class SideFolder:
    """The side files of one tile of the archive."""

    def __init__(self, output: str | Path, entry: Mapping[str, Any]):
        output = Path(output)
        # How the tiles are cut, and what is known of the coverage, changes no image.
        kept = {key: value for key, value in entry.items() if key not in ("tile_order", "coverage")}
        digest = hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]
        self.output = output
        self.what = output.stem
        self.journal = output.parent / ".progress" / digest / f"{output.stem}.journal"
        self.fetched = output.parent / ".fetched" / digest / output.name

    def finish(self) -> None:
        """The tile is written: keep a second name of it, and remove the journal."""
        self.fetched.parent.mkdir(parents=True, exist_ok=True)
        self.fetched.unlink(missing_ok=True)
        try:
            os.link(self.output, self.fetched)
        except OSError:
            # A file system without hard links: the tile would be fetched again if it were made again.
            self.fetched.unlink(missing_ok=True)
        remove_journal(self.journal)


def take_over(tile: Path, galaxies: Sequence[Galaxy], service: Service, journal: Journal) -> int:
    """Copy from a tile the settled results of these very requests that the journal lacks; how many.

    What failed or was rejected is left out: making a tile again is a new try. A tile that cannot be read is as good as
    none.
    """
    if not tile.is_file():
        return 0
    wanted = {galaxy.source_id: galaxy for galaxy in galaxies if galaxy.key not in journal}
    copied = 0
    try:
        with pq.ParquetFile(tile) as file:
            if lacking := [name for name in TILE_SCHEMA.names if name not in file.schema_arrow.names]:
                log.warning(
                    "%s is of an older version, without %s: its images are fetched again", tile, ", ".join(lacking)
                )
                return 0
            for batch in file.iter_batches(batch_size=256, columns=TILE_SCHEMA.names):
                for row in batch.to_pylist():
                    galaxy = wanted.get(row["source_id"])
                    if galaxy is not None and _is_result_of(row, galaxy, service.scale_of(galaxy)):
                        journal.write(galaxy.key, _head(row), row["image"] or b"")
                        copied += 1
    except (pa.ArrowException, OSError) as error:
        log.warning("%s cannot be read, its images are fetched again: %s", tile, first_line(error))
    return copied


def _is_result_of(row: dict[str, Any], galaxy: Galaxy, scale: float) -> bool:
    same_place = (row["ra"], row["dec"]) == (galaxy.ra, galaxy.dec)
    same_scale = math.isclose(row["pixel_scale_arcsec"] or math.nan, scale, rel_tol=1e-9)
    return row["outcome"] in SETTLED and row["attempts"] > 0 and same_place and same_scale


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
    }
