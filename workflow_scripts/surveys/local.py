"""The local survey: a folder, tar or zip of images, named by a column of the catalog."""

import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from workflow_scripts.errors import InputError
from workflow_scripts.images.decoding import LARGEST_BYTES
from workflow_scripts.surveys.interface import CutoutResult


class LocalSurvey:
    """Images that lie on disk.

    The name of a galaxy's image is in the catalog column `file_column`; without that column it is `{source_id}.jpg`.
    Names that lead out of the folder or archive are refused.
    """

    def __init__(self, entry: Mapping[str, Any], images: str | Path):
        self.file_column = entry["file_column"]
        self.images = Path(images)
        if not self.images.exists():
            raise InputError(f"{self.images}: does not exist, expected a folder, tar or zip of images (surveys, path)")

    def cutouts(self, requests: pd.DataFrame) -> Iterator[CutoutResult]:
        """Read the image of every request; a name that is not there gives `failed`."""
        with open_collection(self.images) as collection:
            for galaxy in requests.to_dict("records"):
                source_id = str(galaxy["source_id"])
                name = str(galaxy.get(self.file_column) or f"{source_id}.jpg")
                yield self._read(collection, source_id, name)

    def _read(self, collection: "Collection", source_id: str, name: str) -> CutoutResult:
        if not is_plain_name(name):
            return CutoutResult(source_id, "rejected", f"the name {name!r} leads elsewhere", None, "", name, 1)
        try:
            data = collection.read(name)
        except KeyError:
            return CutoutResult(source_id, "failed", "no such file", None, "", name, 1)
        if data is None:
            return CutoutResult(source_id, "rejected", f"larger than {LARGEST_BYTES} bytes", None, "", name, 1)
        return CutoutResult(source_id, "delivered", "", data, "", name, 1)


def is_plain_name(name: str) -> bool:
    """Whether a relative name stays below the folder that it is read from."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\0" not in name and "\\" not in name


class Collection:
    """Files by name; `read` gives None for a file over the size limit and raises `KeyError` for one that is absent."""

    def __enter__(self) -> "Collection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, name: str) -> bytes | None:
        """Bytes of a file."""
        raise NotImplementedError

    def close(self) -> None:
        """Close what is open."""


def open_collection(path: Path) -> Collection:
    """A folder, tar (also compressed) or zip; raises `InputError` for anything else and for a truncated archive."""
    if path.is_dir():
        return _Folder(path)
    if zipfile.is_zipfile(path):
        return _Zip(path)
    return _Tar(path)


class _Folder(Collection):
    def __init__(self, path: Path):
        self.path = path.resolve()

    def read(self, name: str) -> bytes | None:
        file = (self.path / name).resolve()
        if not file.is_relative_to(self.path) or not file.is_file():
            raise KeyError(name)
        return None if file.stat().st_size > LARGEST_BYTES else file.read_bytes()


class _Zip(Collection):
    def __init__(self, path: Path):
        self.path = path
        try:
            self.archive = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise InputError(f"{path}: expected a whole zip of images, but {error}") from None

    def read(self, name: str) -> bytes | None:
        member = self.archive.getinfo(name)
        if member.file_size > LARGEST_BYTES:
            return None
        try:
            with self.archive.open(member) as file:
                return file.read(LARGEST_BYTES)
        except (zipfile.BadZipFile, OSError) as error:
            raise InputError(f"{self.path}: member {name} cannot be read: {error}") from None

    def close(self) -> None:
        self.archive.close()


class _Tar(Collection):
    def __init__(self, path: Path):
        self.path = path
        try:
            self.archive = tarfile.open(path)  # noqa: SIM115  closed by close()
            members = list(self.archive)
            # tarfile takes a file that ends between two members for whole: a whole one goes on with zeros.
            end = max((_end_of(member) for member in members), default=0)
            self.archive.fileobj.seek(end)  # type: ignore[union-attr]
            if self.archive.fileobj.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:  # type: ignore[union-attr]
                raise tarfile.ReadError("it is cut off")
        except (tarfile.TarError, OSError, EOFError) as error:
            raise InputError(f"{path}: expected a folder, or a whole tar or zip of images, but {error}") from None
        self.members = {_without_dot(member.name): member for member in members if member.isfile()}

    def read(self, name: str) -> bytes | None:
        member = self.members[_without_dot(name)]
        if member.size > LARGEST_BYTES:
            return None
        try:
            file = self.archive.extractfile(member)
            data = file.read() if file else b""
        except (tarfile.TarError, OSError, EOFError) as error:
            raise InputError(f"{self.path}: member {name} cannot be read: {error}") from None
        if len(data) != member.size:
            raise InputError(f"{self.path}: the tar ends inside {name}, expected a whole archive")
        return data

    def close(self) -> None:
        self.archive.close()


def _end_of(member: tarfile.TarInfo) -> int:
    """Offset of the block after a member."""
    blocks = -(-member.size // tarfile.BLOCKSIZE) if member.isreg() else 0
    return member.offset_data + blocks * tarfile.BLOCKSIZE


def _without_dot(name: str) -> str:
    return name.removeprefix("./")
