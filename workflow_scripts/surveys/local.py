"""The local survey: a folder, tar or zip of images, named by a column of the catalog."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.errors import InputError
from workflow_scripts.images.decoding import LARGEST_BYTES
from workflow_scripts.surveys.image_files import ImageFiles, UnreadableFileError, is_plain_name, open_image_files
from workflow_scripts.surveys.survey import CutoutResult

# A catalog need not have this column; one of another name it must have.
DEFAULT_FILE_COLUMN = "file"


class LocalSurvey:
    """Images that lie on disk.

    The name of a galaxy's image is in the catalog column `file_column`; without a name it is `{source_id}.jpg`.
    Names that lead out of the folder or archive are rejected.
    """

    def __init__(self, entry: Mapping[str, Any], images: str | Path):
        self.file_column = entry.get("file_column", DEFAULT_FILE_COLUMN)
        self.images = Path(images)

    def cutouts(self, requests: pd.DataFrame) -> Iterator[CutoutResult]:
        """Read the image of every request, in the order in which the files lie; no such file gives `failed`.

        Raises
        ------
        InputError
            where the images are no folder, tar or zip, an archive is not whole, or the catalog lacks `file_column`.
        """
        names = self._names(requests)
        with open_image_files(self.images, LARGEST_BYTES) as files:
            for source_id, name in sorted(names, key=lambda pair: files.position(pair[1])):
                yield _result(files, source_id, name)

    def _names(self, requests: pd.DataFrame) -> list[tuple[str, str]]:
        source_ids = requests["source_id"].astype(str)
        names = source_ids + ".jpg"
        if self.file_column in requests:
            given = requests[self.file_column]
            names = given.where(given.notna(), names).astype(str)
        elif self.file_column != DEFAULT_FILE_COLUMN:
            raise InputError(
                f"surveys: the catalog has no column '{self.file_column}' (surveys, file_column),"
                f" expected one of {', '.join(requests)}"
            )
        return list(zip(source_ids, names, strict=True))


def _result(files: ImageFiles, source_id: str, name: str) -> CutoutResult:
    if not is_plain_name(name):
        return CutoutResult(source_id, "rejected", "the file name leads out of the images", None, "", name, 1)
    try:
        data = files.read(name)
    except KeyError:
        return CutoutResult(source_id, "failed", "no such file", None, "", name, 1)
    except UnreadableFileError as error:
        return CutoutResult(source_id, "rejected", str(error), None, "", name, 1)
    return CutoutResult(source_id, "delivered", "", data, "", name, 1)
