"""Where the files of a local survey lie: a folder, tar or zip of unknown origin, read by the names of its files."""

import heapq
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path

from workflow_scripts.errors import InputError
from workflow_scripts.images.decoding import LARGEST_BYTES
from workflow_scripts.surveys.name_matching import NameMatcher, is_plain_name, leads_out

_BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, ValueError, OverflowError, NotImplementedError),
)
_SHOWN = 3
# A chain of hard links is as deep as the archive is read again.
_MOST_LINKS = 4
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_NOT_READ = {b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf": "7-Zip", b"Rar!": "RAR", b"\x1f\x9d": "compress"}
_UTF8 = 0x800


class UnreadableFileError(ValueError):
    """One file that is there and cannot be used; the message is the reason."""


class ImageSource(ABC):
    """Files by name.

    Attributes
    ----------
    files
        the file that each of the wanted names means (names without a file, or with several, are not in it).
    ambiguous
        wanted names that several files may be meant by.
    levels
        by how much the names differ (`name_matching.difference`), for those of `files` that differ.
    shown
        three names of files, where some wanted name has none.
    places
        where files lie in an archive. Reading in that order never goes back, which a compressed tar can only do from
        its start.
    """

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.ambiguous: set[str] = set()
        self.levels: dict[str, tuple[int, int]] = {}
        self.shown: list[str] = []
        self.places: dict[str, int] = {}

    @abstractmethod
    def read(self, file: str) -> bytes:
        """Bytes of one of `files`; `KeyError` where it is absent, `UnreadableFileError` where too large or broken."""

    def close(self) -> None:
        """Close what is open; each file of a folder was closed when it was read."""
        return

    def _settle(self, matcher: NameMatcher) -> None:
        for name, best in matcher.best.items():
            if not best.is_alone:
                self.ambiguous.add(name)
                continue
            self.files[name] = best.file
            if best.level >= 0:
                self.levels[name] = (best.level, best.distance)


def open_images(path: Path, names: Iterable[str]) -> ImageSource:
    """A folder, tar (also compressed) or zip, in which the files of these names were looked for.

    Raises `InputError` for anything else and for a truncated archive.
    """
    names = {_without_dot(name) for name in names}
    if path.is_dir():
        return _Folder(path, names)
    if not path.is_file():
        raise InputError(f"{path}: does not exist, expected a folder, tar or zip of images (surveys, path)")
    with open(path, "rb") as file:
        start = file.read(4)
    for magic, kind in _NOT_READ.items():
        if start.startswith(magic):
            raise InputError(
                f"{path}: expected a folder, zip or tar (also .gz, .bz2 or .xz) of images, but it is of {kind}"
            )
    # The end of a tar may look like that of a zip; a zip with something before its start is no tar.
    if start in _ZIP or not (_is_tar(path) or not zipfile.is_zipfile(path)):
        return _Zip(path, names)
    return _Tar(path, names)


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except _BROKEN:
        return False


def _check_size(size: int) -> None:
    if size > LARGEST_BYTES:
        raise UnreadableFileError(f"{size} bytes, expected at most {LARGEST_BYTES}")


def _without_dot(name: str) -> str:
    return name.removeprefix("./")


class _Folder(ImageSource):
    def __init__(self, path: Path, names: set[str]):
        super().__init__()
        self.path = path
        missing = []
        for name in names:
            if (file := self._exact(name)) is not None:
                self.files[name] = file
            else:
                missing.append(name)
        if missing:
            # Only now are all files listed.
            matcher = NameMatcher(missing)
            self.shown = heapq.nsmallest(_SHOWN, self._seen(matcher))
            self._settle(matcher)

    def _exact(self, name: str) -> str | None:
        if leads_out(name):
            return None
        inside = [name] if is_plain_name(name) else []
        if name.startswith("/"):
            roots = dict.fromkeys((self.path.absolute(), self.path.resolve()))
            inside = [name.removeprefix(f"{root}/") for root in roots if name.startswith(f"{root}/")]
        try:
            return next((each for each in inside if (self.path / each).is_file()), None)
        except (OSError, ValueError):
            return None

    def _seen(self, matcher: NameMatcher) -> Iterator[str]:
        """Names of all files below the folder that are not hidden; every folder once, whatever links lead to it."""
        waiting, known = [""], set()
        while waiting:
            below = waiting.pop()
            try:
                with os.scandir(self.path / below) as entries:
                    status = os.stat(self.path / below)  # noqa: PTH116
                    if (status.st_dev, status.st_ino) in known:
                        continue
                    known.add((status.st_dev, status.st_ino))
                    for entry in entries:
                        name = below + entry.name
                        if entry.name.startswith("."):
                            continue
                        if entry.is_dir():
                            waiting.append(name + "/")
                        elif entry.is_file():
                            matcher.see(name)
                            yield name
            except OSError:
                continue

    def read(self, file: str) -> bytes:
        # Symbolic links are followed: folders of links are how large surveys are shared.
        path = self.path / file
        try:
            if not path.is_file():
                raise KeyError(file)
            _check_size(path.stat().st_size)
            return path.read_bytes()
        except OSError as error:
            raise UnreadableFileError(error.strerror or str(error)) from None


class _Zip(ImageSource):
    def __init__(self, path: Path, names: set[str]):
        super().__init__()
        try:
            self.archive = zipfile.ZipFile(path)
        except _BROKEN as error:
            raise InputError(f"{path}: expected a whole zip of images, but {error}") from None
        matcher = NameMatcher(names)
        self.members: dict[str, zipfile.ZipInfo] = {}
        files = (member for member in self.archive.infolist() if not member.is_dir())
        self.shown = heapq.nsmallest(_SHOWN, (self._see(matcher, member) for member in files))
        self.places = {file: member.header_offset for file, member in self.members.items()}
        self._settle(matcher)

    def _see(self, matcher: NameMatcher, member: zipfile.ZipInfo) -> str:
        name = _without_dot(_name_in_zip(member))
        if not leads_out(name) and matcher.see(name):
            self.members[name] = member
        return name

    def read(self, file: str) -> bytes:
        member = self.members[file]
        _check_size(member.file_size)
        try:
            # Gives no more than `file_size` bytes, whatever the compressed data would grow to.
            return self.archive.read(member)
        except (*_BROKEN, RuntimeError) as error:  # encrypted, unknown compression
            raise UnreadableFileError(f"broken in the zip: {error}") from None

    def close(self) -> None:
        self.archive.close()


def _name_in_zip(member: zipfile.ZipInfo) -> str:
    """Many programs write UTF-8 without saying so; then the name was taken for code page 437."""
    if member.flag_bits & _UTF8 or member.filename.isascii():
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


class _Tar(ImageSource):
    def __init__(self, path: Path, names: set[str]):
        super().__init__()
        self.path = path
        self.members: dict[str, tarfile.TarInfo] = {}
        try:
            self.archive = tarfile.open(path)  # noqa: SIM115  closed by close()
        except _BROKEN:
            raise InputError(f"{path}: expected a folder, tar or zip of images, but it is none of them") from None
        matcher = NameMatcher(names)
        try:
            self.shown = heapq.nsmallest(_SHOWN, self._seen(matcher))
            self._follow_links()
        except _BROKEN as error:
            self.archive.close()
            raise InputError(f"{path}: expected a whole tar of images, but it is broken or cut off: {error}") from None
        self.places = {file: member.offset_data for file, member in self.members.items()}
        self._settle(matcher)

    def read(self, file: str) -> bytes:
        member = self.members[file]
        _check_size(member.size)
        try:
            content = self.archive.extractfile(member)
            data = content.read() if content else b""
        except _BROKEN as error:
            raise InputError(f"{self.path}: expected a whole tar, but {file} cannot be read: {error}") from None
        if len(data) != member.size:
            raise InputError(f"{self.path}: expected a whole tar, but it ends inside {file}")
        return data

    def close(self) -> None:
        self.archive.close()

    def _listed(self) -> Iterator[tuple[str, tarfile.TarInfo]]:
        """Files and hard links, of which tarfile itself would keep every one."""
        count = 0
        while member := self.archive.next():
            self.archive.members.clear()  # type: ignore[attr-defined]
            count += 1
            if member.isfile() or member.islnk():
                yield _without_dot(member.name), member
        if not self._ends_in_zeros():
            raise EOFError(f"there is no end after {count} files")

    def _seen(self, matcher: NameMatcher) -> Iterator[str]:
        for name, member in self._listed():
            if not leads_out(name) and matcher.see(name):
                self.members[name] = member
            yield name

    def _follow_links(self) -> None:
        """Put the file that it names in the place of every hard link; links to none are left out."""
        for _ in range(_MOST_LINKS):
            links = {file: _without_dot(member.linkname) for file, member in self.members.items() if member.islnk()}
            if not links:
                return
            self.archive.close()
            self.archive = tarfile.open(self.path)  # noqa: SIM115  closed by close()
            targets, wanted = {}, set(links.values())
            for name, member in self._listed():
                if name in wanted:
                    targets[name] = member
            for file, target in links.items():
                if target in targets and target != file:
                    self.members[file] = targets[target]
                else:
                    del self.members[file]
        self.members = {file: member for file, member in self.members.items() if not member.islnk()}

    def _ends_in_zeros(self) -> bool:
        """Whether zeros follow the last member; tarfile takes a cut or a broken header there for the end."""
        file = self.archive.fileobj
        assert file is not None
        file.seek(self.archive.offset)
        return file.read(tarfile.BLOCKSIZE) == tarfile.NUL * tarfile.BLOCKSIZE
