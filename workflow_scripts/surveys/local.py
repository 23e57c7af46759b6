"""The local survey: images in a folder, tar or zip of unknown origin, named by a column of the catalog."""

import lzma
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

import pandas as pd

from workflow_scripts.errors import InputError
from workflow_scripts.images.decoding import LARGEST_BYTES
from workflow_scripts.surveys.survey import CutoutResult

# A catalog need not have this column; one of another name it must have.
DEFAULT_FILE_COLUMN = "file"
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


class UnreadableFileError(ValueError):
    """One file that is there and cannot be used; the message is the reason."""


class ImageFiles(ABC):
    """Files by name; `places` has where each lies in an archive.

    Reading in that order never goes back, which a compressed tar can only do from its start.
    """

    places: Mapping[str, int] = MappingProxyType({})

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Bytes of a file; `KeyError` where it is absent, `UnreadableFileError` where it is too large or broken."""

    def close(self) -> None:
        """Close what is open; each file of a folder was closed when it was read."""
        return


def open_image_files(path: Path) -> ImageFiles:
    """A folder, tar (also compressed) or zip; raises `InputError` for anything else and for a truncated archive."""
    if path.is_dir():
        return _Folder(path)
    if not path.is_file():
        raise InputError(f"{path}: does not exist, expected a folder, tar or zip of images (surveys, path)")
    return _Zip(path) if zipfile.is_zipfile(path) else _Tar(path)


def is_plain_name(name: str) -> bool:
    """Whether a relative name stays below the folder that it is read from."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\0" not in name and "\\" not in name


def _check_size(size: int) -> None:
    if size > LARGEST_BYTES:
        raise UnreadableFileError(f"{size} bytes, expected at most {LARGEST_BYTES}")


def _without_dot(name: str) -> str:
    return name.removeprefix("./")


class _Folder(ImageFiles):
    def __init__(self, path: Path):
        self.path = path

    def read(self, name: str) -> bytes:
        # Symbolic links are followed: folders of links are how large surveys are shared.
        file = self.path / name
        try:
            if not file.is_file():
                raise KeyError(name)
            _check_size(file.stat().st_size)
            return file.read_bytes()
        except OSError as error:
            raise UnreadableFileError(error.strerror or str(error)) from None


class _Zip(ImageFiles):
    def __init__(self, path: Path):
        try:
            self.archive = zipfile.ZipFile(path)
        except _BROKEN as error:
            raise InputError(f"{path}: expected a whole zip of images, but {error}") from None
        self.members = {_without_dot(member.filename): member for member in self.archive.infolist()}
        self.places = {name: member.header_offset for name, member in self.members.items()}

    def read(self, name: str) -> bytes:
        member = self.members[_without_dot(name)]
        if member.is_dir():
            raise KeyError(name)
        _check_size(member.file_size)
        try:
            # Gives no more than `file_size` bytes, whatever the compressed data would grow to.
            return self.archive.read(member)
        except (*_BROKEN, RuntimeError, NotImplementedError) as error:  # encrypted, unknown compression
            raise UnreadableFileError(f"broken in the zip: {error}") from None

    def close(self) -> None:
        self.archive.close()


class _Tar(ImageFiles):
    def __init__(self, path: Path):
        self.path = path
        try:
            self.archive = tarfile.open(path)  # noqa: SIM115  closed by close()
        except _BROKEN:
            raise InputError(f"{path}: expected a folder, tar or zip of images, but it is none of them") from None
        try:
            self.members = self._members()
            if not self._ends_in_zeros():
                raise EOFError(f"there is no end after {len(self.members)} files")
        except _BROKEN as error:
            self.archive.close()
            raise InputError(f"{path}: expected a whole tar of images, but it is broken or cut off: {error}") from None
        self.places = {name: member.offset_data for name, member in self.members.items()}

    def read(self, name: str) -> bytes:
        member = self.members[_without_dot(name)]
        _check_size(member.size)
        try:
            file = self.archive.extractfile(member)
            data = file.read() if file else b""
        except _BROKEN as error:
            raise InputError(f"{self.path}: expected a whole tar, but {name} cannot be read: {error}") from None
        if len(data) != member.size:
            raise InputError(f"{self.path}: expected a whole tar, but it ends inside {name}")
        return data

    def close(self) -> None:
        self.archive.close()

    def _members(self) -> dict[str, tarfile.TarInfo]:
        """Files by name; a hard link stands for the earlier file it names, with that file's size."""
        members: dict[str, tarfile.TarInfo] = {}
        for member in self.archive:
            file = members.get(_without_dot(member.linkname)) if member.islnk() else member
            if file is not None and file.isfile():
                members[_without_dot(member.name)] = file
        return members

    def _ends_in_zeros(self) -> bool:
        """Whether zeros follow the last member; tarfile takes a cut or a broken header there for the end."""
        file = self.archive.fileobj
        assert file is not None
        file.seek(self.archive.offset)
        return file.read(tarfile.BLOCKSIZE) == tarfile.NUL * tarfile.BLOCKSIZE


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

        Raises `InputError` where the images are no folder, tar or zip, an archive is not whole, or the catalog lacks
        `file_column`.
        """
        names = self._names(requests)
        with closing(open_image_files(self.images)) as files:
            for source_id, name in sorted(names, key=lambda pair: files.places.get(_without_dot(pair[1]), 0)):
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
        return CutoutResult(source_id, "rejected", "the file name leads out of the images", origin=name, attempts=1)
    try:
        data = files.read(name)
    except KeyError:
        return CutoutResult(source_id, "failed", "no such file", origin=name, attempts=1)
    except UnreadableFileError as error:
        return CutoutResult(source_id, "rejected", str(error), origin=name, attempts=1)
    return CutoutResult(source_id, "delivered", "", data, "", name, 1)
