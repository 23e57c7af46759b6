"""Where the work on a tile is kept beside its output: what was fetched outlives the job, and the tile itself.

Snakemake deletes the output of a job before it runs again. Hidden folders, which it does not know, keep

    .progress/{digest}/tile0.journal    what a job that was killed has fetched
    .fetched/{digest}/tile0.parquet     the finished tile, as a second name of the same file

The digest is of what a cutout depends on: another size or layer never meets the files of this one. A tile that is
made again, because the program or the catalog changed, finds every image that it asked for before.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class SideFolder:
    """The side files of one tile of the archive."""

    def __init__(self, output: str | Path, entry: Mapping[str, Any]):
        output = Path(output)
        # How the tiles are cut, and how gently a service is asked, changes no image.
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
        self.journal.unlink(missing_ok=True)
        for folder in (self.journal.parent, self.journal.parent.parent):
            try:
                folder.rmdir()
            except OSError:
                return
