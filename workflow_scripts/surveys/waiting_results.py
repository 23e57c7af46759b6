"""Results that came before their turn: their images in memory up to a limit, then in a file without a name."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from workflow_scripts.errors import InputError
from workflow_scripts.surveys.survey import CutoutResult

LARGEST_WAITING_BYTES = 32 * 2**20


class WaitingResults:
    """Results by galaxy, each taken out once."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._results: dict[str, CutoutResult] = {}
        # Where in the file the image of a result is: start and length, bytes.
        self._places: dict[str, tuple[int, int]] = {}
        self._in_memory = self._end = 0

    def __contains__(self, source_id: str) -> bool:
        return source_id in self._results

    def put(self, result: CutoutResult) -> None:
        """Keep a result; `InputError` where the disk is full."""
        image = result.image or b""
        if self._in_memory + len(image) > LARGEST_WAITING_BYTES:
            try:
                self._file.seek(self._end)
                self._file.write(image)
                self._file.flush()
            except OSError as error:
                raise InputError(f"cutouts: images that wait for their turn cannot be kept on disk: {error}") from None
            self._places[result.source_id] = (self._end, len(image))
            self._end += len(image)
            result = replace(result, image=None)
        else:
            self._in_memory += len(image)
        self._results[result.source_id] = result

    def take(self, source_id: str) -> CutoutResult:
        """Take a result out."""
        result = self._results.pop(source_id)
        if source_id in self._places:
            start, length = self._places.pop(source_id)
            self._file.seek(start)
            return replace(result, image=self._file.read(length))
        self._in_memory -= len(result.image or b"")
        return result


@contextmanager
def waiting_results(folder: str | Path | None = None) -> Iterator[WaitingResults]:
    """An empty collection, whose file lies in `folder` (None: where the system has temporary files)."""
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        yield WaitingResults(file)
