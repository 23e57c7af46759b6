"""ZIP files whose bytes depend on their content alone."""

import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from workflow_scripts.whole_file import whole_file

# The first day that a ZIP can name: files have no date of their own.
_NO_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX, _PLAIN_FILE, _PROGRAM, _FOLDER = 3, 0o100644 << 16, 0o100755 << 16, 0o040755 << 16


def write_zip(path: str | Path, members: Mapping[str, bytes]) -> None:
    """Write files, by their names, in the order of the names; the same content gives the same bytes.

    Folders have entries of their own, by which readers of RO-Crates find them. What begins with `#!` is executable.
    """
    folders = {f"{folder}/": b"" for name in members for folder in PurePosixPath(name).parents if folder.name}
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in sorted({**folders, **members}.items()):
            entry = zipfile.ZipInfo(name, _NO_DATE)
            kind = _FOLDER if name in folders else _PROGRAM if content.startswith(b"#!") else _PLAIN_FILE
            entry.create_system, entry.external_attr = _UNIX, kind
            entry.compress_type = zipfile.ZIP_DEFLATED if content else zipfile.ZIP_STORED
            archive.writestr(entry, content)
