"""Image files by name, in a folder, a tar or a zip of unknown origin.

The rules import this module whenever Snakemake starts: it needs nothing but the standard library.
"""

import hashlib
import lzma
import os
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from pathlib import Path, PurePosixPath

from workflow_scripts.errors import InputError

_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


class UnreadableFileError(ValueError):
    """One file that is there and cannot be used; the message is the reason."""


class ImageFiles(ABC):
    """Files by name, of at most `largest_bytes` each; use it in a `with`."""

    largest_bytes: int

    def __enter__(self) -> "ImageFiles":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Bytes of a file; `KeyError` where it is absent, `UnreadableFileError` where it is too large or broken."""

    def position(self, name: str) -> int:
        """Where a file lies: reading in this order never goes back, which a compressed tar can only do from its start.

        0 where the order does not matter, and for a file that is absent.
        """
        return 0

    def check_size(self, size: int) -> None:
        """Raise `UnreadableFileError` for a file that is too large."""
        if size > self.largest_bytes:
            raise UnreadableFileError(f"{size} bytes, expected at most {self.largest_bytes}")

    @abstractmethod
    def close(self) -> None:
        """Close what is open."""


def open_image_files(path: Path, largest_bytes: int) -> ImageFiles:
    """A folder, tar (also compressed) or zip, whose larger files cannot be read.

    Raises `InputError` for anything else and for a truncated archive.
    """
    if path.is_dir():
        return _Folder(path, largest_bytes)
    if not path.is_file():
        raise InputError(f"{path}: does not exist, expected a folder, tar or zip of images (surveys, path)")
    return (_Zip if zipfile.is_zipfile(path) else _Tar)(path, largest_bytes)


def is_plain_name(name: str) -> bool:
    """Whether a relative name stays below the folder that it is read from."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\0" not in name and "\\" not in name


def _without_dot(name: str) -> str:
    return name.removeprefix("./")


class _Folder(ImageFiles):
    def __init__(self, path: Path, largest_bytes: int):
        self.path, self.largest_bytes = path, largest_bytes

    def read(self, name: str) -> bytes:
        # Symbolic links are followed: folders of links are how large surveys are shared.
        file = self.path / name
        try:
            if not file.is_file():
                raise KeyError(name)
            self.check_size(file.stat().st_size)
            return file.read_bytes()
        except OSError as error:
            raise UnreadableFileError(error.strerror or str(error)) from None

    def close(self) -> None:
        """Each file was closed when it was read."""


class _Zip(ImageFiles):
    def __init__(self, path: Path, largest_bytes: int):
        self.largest_bytes = largest_bytes
        try:
            self.archive = zipfile.ZipFile(path)
        except _BROKEN as error:
            raise InputError(f"{path}: expected a whole zip of images, but {error}") from None
        self.members = {_without_dot(member.filename): member for member in self.archive.infolist()}

    def read(self, name: str) -> bytes:
        member = self.members[_without_dot(name)]
        if member.is_dir():
            raise KeyError(name)
        self.check_size(member.file_size)
        try:
            # Gives no more than `file_size` bytes, whatever the compressed data would grow to.
            return self.archive.read(member)
        except (*_BROKEN, RuntimeError, NotImplementedError) as error:  # encrypted, unknown compression
            raise UnreadableFileError(f"broken in the zip: {error}") from None

    def position(self, name: str) -> int:
        member = self.members.get(_without_dot(name))
        return member.header_offset if member else 0

    def close(self) -> None:
        self.archive.close()


def _tar_members(archive: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """The files of a tar by name; a hard link stands for the earlier file it names, with that file's size."""
    members: dict[str, tarfile.TarInfo] = {}
    for member in archive:
        if member.isfile():
            members[_without_dot(member.name)] = member
        elif member.islnk() and _without_dot(member.linkname) in members:
            members[_without_dot(member.name)] = members[_without_dot(member.linkname)]
    return members


class _Tar(ImageFiles):
    def __init__(self, path: Path, largest_bytes: int):
        self.path, self.largest_bytes = path, largest_bytes
        try:
            self.archive = tarfile.open(path)  # noqa: SIM115  closed by close()
        except _BROKEN:
            raise InputError(f"{path}: expected a folder, tar or zip of images, but it is none of them") from None
        try:
            self.members = _tar_members(self.archive)
            whole = self._ends_in_zeros()
        except _BROKEN as error:
            self.archive.close()
            raise InputError(f"{path}: expected a whole tar of images, but it is broken or cut off: {error}") from None
        if not whole:
            self.archive.close()
            raise InputError(
                f"{path}: expected a whole tar of images, but it is broken or cut off after {len(self.members)} files"
            )

    def read(self, name: str) -> bytes:
        member = self.members[_without_dot(name)]
        self.check_size(member.size)
        try:
            file = self.archive.extractfile(member)
            data = file.read() if file else b""
        except _BROKEN as error:
            raise InputError(f"{self.path}: expected a whole tar, but {name} cannot be read: {error}") from None
        if len(data) != member.size:
            raise InputError(f"{self.path}: expected a whole tar, but it ends inside {name}")
        return data

    def position(self, name: str) -> int:
        member = self.members.get(_without_dot(name))
        return member.offset_data if member else 0

    def close(self) -> None:
        self.archive.close()

    def _ends_in_zeros(self) -> bool:
        """Whether zeros follow the last member; tarfile takes a cut or a broken header there for the end."""
        file = self.archive.fileobj
        assert file is not None
        file.seek(self.archive.offset)
        return file.read(tarfile.BLOCKSIZE) == tarfile.NUL * tarfile.BLOCKSIZE


def folder_digest(folder: str | Path) -> str:
    """Digest of the names and sizes of all files below a folder; their dates change when they are copied.

    Hidden files are left out: file managers leave some behind. Links are followed.
    """
    digest = hashlib.sha256()
    for path, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            file = os.path.join(path, name)  # noqa: PTH118  half the time of pathlib, for a million files
            digest.update(f"{os.path.relpath(file, folder)}\0{_size_of(file)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def _size_of(file: str) -> int:
    try:
        return os.stat(file).st_size  # noqa: PTH116
    except OSError:
        return -1
