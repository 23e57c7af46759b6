"""The local survey: images in a folder, tar or zip of unknown origin, named by columns of the catalog."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from workflow_scripts.errors import InputError
from workflow_scripts.surveys.image_sources import ImageSource, UnreadableFileError, open_images
from workflow_scripts.surveys.name_matching import NameMatcher, leads_out, shown_names, words_of
from workflow_scripts.surveys.name_patterns import DEFAULT_FILE_COLUMN, DEFAULT_FILE_PATTERN, pattern_columns
from workflow_scripts.surveys.survey import CutoutResult
from workflow_scripts.tables import reading_parquet

log = logging.getLogger(__name__)

_SHOWN = 3
# The largest whole numbers of which a float has every digit.
_EXACT = 2**53
_SEVERAL = "several files may be meant by the name"
_OF_ANOTHER = "the only such file may be that of another galaxy"


class LocalSurvey:
    """Images that lie on disk.

    The name of a galaxy's image is in the catalog column `file_column`, or made of columns by `file_pattern`. A name
    that no file has means the file whose name differs least (`name_matching`), if that is one and no other galaxy's.
    Names that lead out of the folder or archive and mean no file in it are rejected.

    Attributes
    ----------
    about_names
        a sentence on names without a file, once all images are read; empty where all have one.
    """

    def __init__(self, entry: Mapping[str, Any], images: str | Path, catalog: str | Path | None = None):
        """`catalog`: the table (Parquet) with all galaxies of the survey, of which requests are a part."""
        self.entry = entry
        self.images = Path(images)
        self.catalog = catalog
        self.about_names = ""

    def cutouts(self, requests: pd.DataFrame) -> Iterator[CutoutResult]:
        """Read the image of every request, in the order in which the files lie; no such file gives `failed`.

        Raises `InputError` where the images are no folder, tar or zip, an archive is not whole, or the catalog lacks
        a column of the names.
        """
        names = file_names(requests, self.entry)
        ids = requests["source_id"].astype(str)
        pairs = [
            (source_id, name if isinstance(name, str) else None) for source_id, name in zip(ids, names, strict=True)
        ]
        wanted = {_plain(name) for _, name in pairs if name is not None}
        with closing(open_images(self.images, wanted)) as source:
            taken = self._taken(source, requests)
            self._report(source, wanted, taken)
            for source_id, name in sorted(
                pairs, key=lambda pair: source.places.get(source.files.get(_plain(pair[1] or ""), ""), 0)
            ):
                yield _result(source, source_id, name, taken)

    def _taken(self, source: ImageSource, requests: pd.DataFrame) -> set[str]:
        """Names that differ from their file's, while the name of another galaxy differs as little or less."""
        if not source.levels:
            return set()
        files = {source.files[name] for name in source.levels}
        claims: dict[str, dict[str, tuple[int, int]]] = {file: {} for file in files}
        matcher = NameMatcher(files)
        for name in self._all_names(requests):
            for file, level, distance in matcher.related(name):
                claims[file][name] = (level, distance)
        return {
            name
            for name, how in source.levels.items()
            if any(other != name and claim <= how for other, claim in claims[source.files[name]].items())
        }

    def _all_names(self, requests: pd.DataFrame) -> Iterable[str]:
        """Names of all galaxies of the catalog, piece by piece."""
        if self.catalog is None:
            yield from map(_plain, file_names(requests, self.entry).dropna())
            return
        columns = {self.entry.get("file_column", DEFAULT_FILE_COLUMN)}
        columns |= set(pattern_columns(self.entry.get("file_pattern", DEFAULT_FILE_PATTERN)))
        with reading_parquet(self.catalog, "a catalog"), pq.ParquetFile(self.catalog) as table:
            there = [name for name in table.schema_arrow.names if name in columns]
            for batch in table.iter_batches(columns=there):
                yield from map(_plain, file_names(batch.to_pandas(), self.entry).dropna())

    def _report(self, source: ImageSource, wanted: set[str], taken: set[str]) -> None:
        inside = sum(name.startswith("/") for name in source.files.keys() - source.levels.keys())
        ways = Counter(words_of(level) for name, (level, _) in source.levels.items() if name not in taken)
        ways += Counter({"a path from the root into the folder": inside})
        if ways:
            listed = ", ".join(f"{count} by {words}" for words, count in ways.most_common())
            log.info("%d file names are not written as those in %s and mean one: %s", ways.total(), self.images, listed)
        lost = sorted((wanted - source.files.keys()) | taken)
        if lost:
            files = f"has {shown_names(source.shown)}" if source.shown else "has no file"
            self.about_names = (
                f"the catalog has file names such as {shown_names(lost[:_SHOWN])}, and {self.images} {files}"
            )
            log.warning("%d file names mean no file: %s", len(lost), self.about_names)


def _plain(name: str) -> str:
    return name.removeprefix("./")


def _result(source: ImageSource, source_id: str, name: str | None, taken: set[str]) -> CutoutResult:
    if name is None:
        return CutoutResult(source_id, "failed", "the catalog has no value for the file name", attempts=1)
    plain = _plain(name)
    file = source.files.get(plain)
    if file is None and plain not in source.ambiguous and (leads_out(name) or name.startswith("/")):
        return CutoutResult(source_id, "rejected", "the file name leads out of the images", origin=name, attempts=1)
    if file is None or plain in taken:
        why = _OF_ANOTHER if plain in taken else _SEVERAL if plain in source.ambiguous else "no such file"
        return CutoutResult(source_id, "failed", why, origin=name, attempts=1)
    origin = file if plain in source.levels else name
    try:
        data = source.read(file)
    except KeyError:
        return CutoutResult(source_id, "failed", "no such file", origin=name, attempts=1)
    except UnreadableFileError as error:
        return CutoutResult(source_id, "rejected", str(error), origin=origin, attempts=1)
    return CutoutResult(source_id, "delivered", "", data, "", origin, 1)


def file_names(galaxies: pd.DataFrame, entry: Mapping[str, Any]) -> pd.Series:
    """The name of every galaxy's file: from `file_column` of a survey's entry, else by its `file_pattern`.

    A name is missing where a column of the pattern has no value. Raises `InputError` for a column that the catalog has
    not, and for numbers in it that are not whole.
    """
    column = entry.get("file_column", DEFAULT_FILE_COLUMN)
    given = galaxies.get(column)
    if given is None and column != DEFAULT_FILE_COLUMN:
        raise InputError(
            f"surveys: the catalog has no column '{column}' (surveys, file_column), expected one of"
            f" {', '.join(galaxies)}"
        )
    if given is not None and given.notna().all():
        return given.astype(str)
    made = _made_names(galaxies, entry.get("file_pattern", DEFAULT_FILE_PATTERN))
    return made if given is None else given.astype(object).where(given.notna(), made).map(str, na_action="ignore")


def _made_names(galaxies: pd.DataFrame, pattern: str) -> pd.Series:
    columns = pattern_columns(pattern)
    for column in columns:
        if column not in galaxies:
            raise InputError(
                f"surveys: the catalog has no column '{column}' (surveys, file_pattern), expected one of"
                f" {', '.join(galaxies)}"
            )
    values = {column: _whole(galaxies[column], column) for column in columns}
    try:
        names = [pattern.format_map(dict(zip(columns, row, strict=True))) for row in zip(*values.values(), strict=True)]
    except ValueError as error:
        raise InputError(
            f"surveys: file_pattern '{pattern}' does not fit the catalog: {error}; {{column:06d}} is for whole numbers"
        ) from None
    known = pd.concat([galaxies[column].notna() for column in columns], axis=1).all(axis=1)
    return pd.Series(names, galaxies.index, dtype=object).where(known, None)


def _whole(values: pd.Series, column: str) -> list[Any]:
    """Values as they are written in a name: whole numbers that a table has as floats, without a decimal point."""
    if not pd.api.types.is_float_dtype(values):
        return values.astype(object).where(values.notna(), 0).tolist()
    numbers = values.fillna(0).to_numpy(np.float64)
    if not ((numbers == np.rint(numbers)) & (np.abs(numbers) < _EXACT)).all():
        raise InputError(
            f"surveys: column '{column}' (surveys, file_pattern) has numbers that are not whole or have lost digits,"
            " expected whole numbers or text"
        )
    return [int(number) for number in numbers]
