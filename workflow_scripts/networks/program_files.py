"""The files that a program of the user's is given and gives back: the folder of a job, packed models, scores."""

import hashlib
import json
import shutil
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from workflow_scripts.catalogs.cells import as_numbers, as_text, joined_cells
from workflow_scripts.catalogs.opening import open_table
from workflow_scripts.class_against_rest import score_columns
from workflow_scripts.errors import InputError, JobError
from workflow_scripts.networks.program_command import SCORE_FORMATS
from workflow_scripts.whole_file import whole_file

LARGEST_MODEL = 32 * 2**30
_MOST_FILES = 10_000
_RECORD = "record.json"
_LARGEST_RECORD = 2**24
# As of models: probabilities of single precision add up to one within this.
_MOST_OFF_ONE = 1e-3
_OUTPUTS = "out"


def work_folder(root: str | Path, determinants: Mapping[str, Any]) -> Path:
    """The folder of a job below `root`, named by a digest of all that determines its result.

    `resume/` in it is as the program left it when it was killed; what else a killed job left is removed.
    """
    text = json.dumps(determinants, sort_keys=True)
    folder = Path(root).absolute() / hashlib.sha256(text.encode()).hexdigest()[:32]
    for name in (_OUTPUTS, "tmp"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
    (folder / "resume").mkdir(exist_ok=True)
    return folder


def write_ids(path: Path, source_ids: pa.Array) -> None:
    """Identifiers as CSV with the header `source_id`, every one in quotes."""
    pyarrow.csv.write_csv(pa.table({"source_id": source_ids.cast(pa.string())}), path)


def placeholder_values(folder: Path, seed: int, threads: int) -> dict[str, str]:
    """What the placeholders of a command stand for in the folder of a job."""
    given = {"images": "images.npy", "labels": "labels.npy", "ids": "ids.csv", "resume": "resume"}
    made = {name: f"{_OUTPUTS}/{name}" for name in ("model", "scores")}
    paths = {name: str(folder / path) for name, path in {**given, **made}.items()}
    return {**paths, "seed": str(seed), "threads": str(threads), "positive": "1"}


def made_output(folder: Path, name: str, where: str) -> Path:
    """The file or folder that a program made as {`name`}, with any suffix; `InputError` unless there is one."""
    found = sorted(path for path in (folder / _OUTPUTS).iterdir() if path.name.partition(".")[0] == name)
    if len(found) != 1:
        listed = ", ".join(path.name for path in found) or "nothing"
        raise InputError(f"{where}: the program wrote {listed} as {{{name}}}, expected one file or folder")
    return found[0]


def pack_model(target: str | Path, model: Path, record: Mapping[str, Any], where: str) -> int:
    """Pack a model (a file or folder) and `record` as a tar archive, the same bytes for the same content.

    Gives the number of bytes of the model. Raises `InputError` for links and devices in it, and beyond the limits of
    size and number.
    """
    paths = [model, *sorted(model.rglob("*"))] if model.is_dir() and not model.is_symlink() else [model]
    states = [path.lstat() for path in paths]
    for path, state in zip(paths, states, strict=True):
        if not (stat.S_ISREG(state.st_mode) or stat.S_ISDIR(state.st_mode)):
            raise InputError(f"{where}: the model has {path.name}, a link or device; expected files and folders only")
    size = sum(state.st_size for state in states if stat.S_ISREG(state.st_mode))
    _check_size(size, len(paths), where)
    content = json.dumps(record, sort_keys=True).encode()
    with whole_file(target) as temporary, tarfile.open(temporary, "w", format=tarfile.GNU_FORMAT) as archive:
        about = tarfile.TarInfo(_RECORD)
        about.size, about.mode = len(content), 0o644
        archive.addfile(about, BytesIO(content))
        for path, state in zip(paths, states, strict=True):
            member = tarfile.TarInfo(path.relative_to(model.parent).as_posix())
            if stat.S_ISDIR(state.st_mode):
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(member)
            else:
                member.size, member.mode = state.st_size, 0o644
                with open(path, "rb") as file:
                    archive.addfile(member, file)
    return size


def unpack_model(source: str | Path, folder: Path) -> dict[str, Any]:
    """Unpack what `pack_model` packed into the folder of a job, and give its record, which has the training's seed.

    Raises `InputError` for an archive with other members than a model and its record.
    """
    record: dict[str, Any] | None = None
    try:
        with tarfile.open(source, "r:") as archive:
            members = archive.getmembers()
            _check_size(sum(member.size for member in members), len(members), str(source))
            for member in members:
                parts = PurePosixPath(member.name).parts
                plain = member.isreg() or member.isdir()
                if member.name == _RECORD and member.isreg() and member.size <= _LARGEST_RECORD:
                    record = json.loads(_opened(archive, member).read())
                elif not (plain and parts and parts[0].partition(".")[0] == "model" and ".." not in parts):
                    raise InputError(f"{source}: holds {member.name!r}, expected a model and its record only")
                elif member.isdir():
                    folder.joinpath(_OUTPUTS, *parts).mkdir(parents=True, exist_ok=True)
                else:
                    path = folder.joinpath(_OUTPUTS, *parts)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with open(path, "xb") as file:
                        shutil.copyfileobj(_opened(archive, member), file)
    except (tarfile.TarError, ValueError, EOFError, FileExistsError):
        record = None
    seeds = record.get("seeds") if isinstance(record, dict) else None
    if record is None or not isinstance(seeds, dict) or not isinstance(seeds.get("training"), int):
        raise InputError(f"{source}: is damaged, expected a model as train_program packs it")
    return record


def _opened(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Any:
    return archive.extractfile(member)


def _check_size(size: int, files: int, where: str) -> None:
    if size > LARGEST_MODEL or files > _MOST_FILES:
        raise InputError(
            f"{where}: the model has {size} bytes in {files} files, expected at most {LARGEST_MODEL} in {_MOST_FILES}"
        )


def read_scores(path: Path, source_ids: pa.Array, where: str, n_classes: int = 2) -> NDArray[np.float32]:
    """Scores of galaxies, (n, 1): P(class 1), or of three classes or more (n, classes): the probability of each.

    They are read from .npy in the order of `source_ids`, or from a table (.csv, .parquet) with columns `source_id` and
    `score_columns` in that order.

    Raises
    ------
    InputError
        for a file that is no such array or table, or has other galaxies or another order.
    JobError
        for scores that are not finite or not from 0 to 1.
    """
    if path.suffix not in SCORE_FORMATS:
        raise InputError(f"{where}: the program wrote {path.name!r}, expected scores as {' or '.join(SCORE_FORMATS)}")
    n = len(source_ids)
    state = path.lstat()
    columns = score_columns(n_classes)
    largest = 2**20 + 100 * n * len(columns) + 2 * (pc.sum(pc.binary_length(source_ids)).as_py() or 0)
    if not stat.S_ISREG(state.st_mode) or state.st_size > largest:
        raise InputError(
            f"{where}: the program wrote a {path.name} of {state.st_size} bytes or a link, expected a file of at most"
            f" {largest} bytes for {n} galaxies"
        )
    of_array = path.suffix == ".npy"
    scores = _array(path, (n, len(columns)), where) if of_array else _columns(path, source_ids, where, columns)
    if not np.isfinite(scores).all():
        first = int(np.flatnonzero(~np.isfinite(scores).all(axis=1))[0])
        raise JobError(f"{where}: the score of {source_ids[first]} is not finite, expected numbers from 0 to 1")
    if n and (scores.min() < 0 or scores.max() > 1):
        raise JobError(f"{where}: scores are {scores.min():.3g} to {scores.max():.3g}, expected probabilities, 0 to 1")
    if n_classes > 2 and (off := np.flatnonzero(np.abs(scores.sum(axis=1) - 1) > _MOST_OFF_ONE)).size:
        total = f"the scores of {source_ids[int(off[0])]} add up to {scores[off[0]].sum():.3g}"
        raise JobError(f"{where}: {total}, expected the probability of each of {n_classes} classes, together 1")
    return scores.astype(np.float32)


def _array(path: Path, shape: tuple[int, int], where: str) -> NDArray[np.float64]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError):
        array = None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        raise InputError(f"{where}: {path.name} is not an array of numbers, expected what numpy.save writes")
    n, n_scores = shape
    if array.shape != shape and (n_scores > 1 or array.shape != (n,)):
        expected = f"({n},), a score for each galaxy" if n_scores == 1 else f"{shape}, a score for each class"
        raise InputError(f"{where}: {path.name} has shape {array.shape}, expected {expected}")
    return np.asarray(array, np.float64).reshape(shape)


def _columns(path: Path, source_ids: pa.Array, where: str, score_names: Sequence[str]) -> NDArray[np.float64]:
    names = ("source_id", *score_names)
    table = open_table(str(path), path.suffix[1:], None, "", lambda _: True)
    if missing := [name for name in names if name not in [column.name for column in table.columns]]:
        raise InputError(f"{where}: {path.name} lacks the column {missing[0]}, expected {', '.join(names)}")
    pieces = list(table.pieces(names, max(1, len(source_ids))))
    ids, *of_classes = (
        joined_cells([piece[name] for piece in pieces], f"{where}: {path.name}: column '{name}'")
        if pieces
        else pa.array([])
        for name in names
    )
    if len(ids) != len(source_ids):
        raise InputError(f"{where}: {path.name} has {len(ids)} rows, expected {len(source_ids)}, one for each galaxy")
    expected = as_text(source_ids, "source_id")
    other = np.flatnonzero(pc.fill_null(pc.not_equal(as_text(ids, f"{where}: source_id"), expected), True))
    if len(other):
        raise InputError(
            f"{where}: row {other[0] + 1} of {path.name} is of {str(ids[int(other[0])])[:60]!r}, expected"
            f" {source_ids[int(other[0])]}: the galaxies of {{ids}} in their order"
        )
    scores = np.empty((len(source_ids), len(score_names)))
    for number, (name, cells) in enumerate(zip(score_names, of_classes, strict=True)):
        scores[:, number], no_numbers = as_numbers(cells, f"{where}: {path.name}: column '{name}'")
        if no_numbers:
            raise InputError(
                f"{where}: {path.name} has {no_numbers} scores that are no numbers, expected numbers from 0 to 1"
            )
    return scores


def images_in_order(store: Any, tiles: NDArray, rows: NDArray) -> Iterator[NDArray[np.uint8]]:
    """Images (H, W, C) of an `ImageStore` one by one, `rows` of `tiles`, each tile in one stretch."""
    starts = np.flatnonzero(np.diff(tiles, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(tiles)], strict=True):
        array = store.tile(int(tiles[start]))
        for row in rows[start:stop]:
            yield array[row]
