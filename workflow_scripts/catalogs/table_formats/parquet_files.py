"""Parquet: a file, a folder of files, a pattern of names, or a HATS catalog, read file by file and piece by piece."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from workflow_scripts.catalogs.angle_units import angle_unit
from workflow_scripts.catalogs.formats import matching_files
from workflow_scripts.catalogs.table_formats.serialized_columns import assembled, astropy_header
from workflow_scripts.catalogs.table_formats.table_file import Column, Piece, TableFile, guarded, reading
from workflow_scripts.errors import InputError

_SUFFIXES = (".parquet", ".parq", ".pq")
_MAGIC = b"PAR1"
# Of HATS catalogs (IVOA note "HATS: A Standard for the Hierarchical Adaptive Tiling Scheme in the VO").
_COLLECTION = "collection.properties"
_PROPERTIES = ("hats.properties", "properties")
# Where VO-Parquet keeps the VOTable that describes its columns.
_VO_PARQUET = b"IVOA.VOTable-Parquet.content"
_MAIN_UCD = {"ra": "pos.eq.ra;meta.main", "dec": "pos.eq.dec;meta.main"}


def parquet_tables(path: str) -> list[TableFile]:
    """The one table of a file, folder, pattern or HATS catalog.

    Raises
    ------
    InputError
        where there is no Parquet file, or the files have different columns.
    """
    folder, files, properties = _files(path)
    main = {properties.get(f"hats_col_{part}", ""): ucd for part, ucd in _MAIN_UCD.items()}
    if folder is None:
        return [_one_file(files[0], main)]
    rows = {}
    for file in files:
        with reading(file, "parquet"):
            rows[file] = pq.read_metadata(file).num_rows
    # What an empty file says of its columns does not matter.
    files = [file for file in files if rows[file]] or files[:1]
    dataset = ds.dataset(files, format="parquet", partitioning="hive", partition_base_dir=folder)
    values = {
        fragment.path: ds.get_partition_keys(fragment.partition_expression) for fragment in dataset.get_fragments()
    }
    # Each by itself: one may have masks or units that others do not have.
    first = _one_file(files[0], main)
    in_first = {column.name for column in first.columns}
    keys = [name for name in dataset.schema.names if any(name in found for found in values.values())]
    keys = [name for name in keys if name not in in_first]

    def pieces(wanted: Sequence[str], size: int) -> Iterator[Piece]:
        stored = [name for name in wanted if name not in keys]
        for file in files:
            table = _one_file(file, main)
            _check_alike(path, first, table, file, stored)
            for piece in table.pieces(stored or [table.columns[0].name], size):
                n = len(next(iter(piece.values())))
                yield {name: pa.array([values[file].get(name)] * n) if name in keys else piece[name] for name in wanted}

    columns = (*first.columns, *map(Column, keys))
    notes = (f"{len(files)} Parquet files",)
    return [TableFile(columns, guarded(pieces, path, "parquet"), "", notes, first.coordinates, sum(rows.values()))]


def _check_alike(path: str, first: TableFile, table: TableFile, file: str, names: Sequence[str]) -> None:
    """Raise `InputError` where a file lacks one of some columns of the first file, or has it in another unit."""
    expected = {column.name: column for column in first.columns}
    found = {column.name: column for column in table.columns}
    for name in names:
        if name not in found:
            raise InputError(f"{file}: has no column '{name}', expected the same columns in all files of {path}")
        if (_unit(found[name]), found[name].frame) != (_unit(expected[name]), expected[name].frame):
            raise InputError(
                f"{file}: column '{name}' has the unit '{found[name].unit}', in the first file '{expected[name].unit}';"
                f" expected the same units in all files of {path}"
            )


def _unit(column: Column) -> str:
    """The name of a unit of angle, however it is spelled; any other unit as it is."""
    try:
        return angle_unit(column.unit) or ""
    except ValueError:
        return column.unit


def _one_file(path: str, main: Mapping[str, str]) -> TableFile:
    """The table of one file; `main` has UCDs by column that are known from elsewhere."""
    metadata = pq.read_metadata(path)
    schema = metadata.schema.to_arrow_schema()
    described = _described(schema.metadata or {})
    columns = []
    for name in schema.names:
        field = schema.field(name).metadata or {} if schema.names.count(name) == 1 else {}
        unit, ucd = described.get(name, ("", ""))
        unit, ucd = field.get(b"unit", b"").decode() or unit, field.get(b"ucd", b"").decode() or ucd
        columns.append(Column(name, unit, main.get(name, ucd)))

    def pieces(wanted: Sequence[str], size: int) -> Iterator[Piece]:
        n = 0
        # Small buffers: else whole columns of a group of rows are held.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True) as file:
            for batch in file.iter_batches(batch_size=size, columns=list(wanted)):
                n += len(batch)
                # Text that is none, indices beyond their dictionary.
                batch.validate(full=True)
                yield {name: batch.column(name) for name in wanted}
        if n != metadata.num_rows:
            raise ValueError(f"it has {n} rows, and {metadata.num_rows} by its metadata")
        if not n:
            yield {name: schema.empty_table().column(name).combine_chunks() for name in wanted}

    table = TableFile(tuple(columns), guarded(pieces, path, "parquet"), rows=metadata.num_rows)
    header = (schema.metadata or {}).get(b"table_meta_yaml")
    return assembled(table, astropy_header(header.decode().split("\n"))) if header else table


def _files(path: str) -> tuple[str | None, list[str], dict[str, str]]:
    """The folder that files are in (None for one file), the files in order, and a HATS catalog's properties."""
    place = Path(path)
    if place.is_file():
        return None, [path], {}
    properties: dict[str, str] = {}
    if place.is_dir():
        if (place / _COLLECTION).is_file():
            place = _primary(place)
        properties = next((_properties(place / name) for name in _PROPERTIES if (place / name).is_file()), {})
        if properties and (place / "dataset").is_dir():
            place /= "dataset"
        found = [file for file in _below(place) if not _is_hidden(file.relative_to(place))]
    else:
        found = [Path(name) for name in matching_files(path)]
        # The part above the first asterisk: folders below may be keys (`class=spiral`).
        place = Path(path.partition("*")[0] + "-").parent
    found = sorted(file for file in found if file.is_file())
    files = [file for file in found if file.name.lower().endswith(_SUFFIXES)] or [
        file for file in found if _begins(file, _MAGIC)
    ]
    if not files:
        raise InputError(f"{path}: expected Parquet files ({', '.join(_SUFFIXES)}), found {len(found)} other files")
    return str(place), [str(file) for file in files], properties


def _below(folder: Path) -> Iterator[Path]:
    """All that is in a folder and below, also by way of symbolic links, each folder once."""
    seen = set()
    for place, below, names in os.walk(folder, followlinks=True):
        if (here := os.path.realpath(place)) in seen:
            below.clear()
            continue
        seen.add(here)
        yield from (Path(place) / name for name in names)


def _is_hidden(relative: Path) -> bool:
    """Whether programs that write folders of Parquet mean a path to be passed over: `_SUCCESS`, `_metadata`, `.crc`."""
    return any(part.startswith(("_", ".")) for part in relative.parts)


def _begins(file: Path, magic: bytes) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(magic)) == magic


def _primary(collection: Path) -> Path:
    """The folder of the catalog in a HATS collection, beside its margins and indices."""
    name = _properties(collection / _COLLECTION).get("hats_primary_table_url", "")
    folder = (collection / name).resolve()
    if not name or not folder.is_relative_to(collection.resolve()) or not folder.is_dir():
        raise InputError(f"{collection / _COLLECTION}: hats_primary_table_url is '{name}', expected a folder beside it")
    return folder


def _properties(file: Path) -> dict[str, str]:
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {key.strip(): value.strip() for key, value in pairs}


def _described(metadata: dict[bytes, bytes]) -> dict[str, tuple[str, str]]:
    """Units and UCDs by column, from the VOTable header of VO-Parquet."""
    if not (content := metadata.get(_VO_PARQUET)):
        return {}
    fields = (part for part in ElementTree.fromstring(content).iter() if part.tag.rpartition("}")[2] == "FIELD")
    return {field.get("name", ""): (field.get("unit", ""), field.get("ucd", "")) for field in fields}
