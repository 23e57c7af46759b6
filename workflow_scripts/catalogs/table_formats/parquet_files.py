"""Parquet: a file, a folder of files, a pattern of names, or a HATS catalog, read file by file and piece by piece."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from workflow_scripts.catalogs.formats import matching_files
from workflow_scripts.catalogs.table_formats.serialized_columns import assembled, astropy_header
from workflow_scripts.catalogs.table_formats.table_file import Column, Piece, TableFile, guarded
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
    partitioning = "hive" if folder is not None else None
    dataset = ds.dataset(files, format="parquet", partitioning=partitioning, partition_base_dir=folder)
    fragments = sorted(dataset.get_fragments(), key=lambda fragment: fragment.path)
    names = dataset.schema.names
    keys = [name for name in names if name not in fragments[0].physical_schema.names]

    def pieces(wanted: Sequence[str], rows: int) -> Iterator[Piece]:
        for fragment in fragments:
            values = ds.get_partition_keys(fragment.partition_expression)
            # Small buffers: else whole columns of a group of rows are held.
            with pq.ParquetFile(fragment.path, pre_buffer=False, buffer_size=1 << 20) as file:
                stored = [name for name in wanted if name not in keys]
                lacking = next((name for name in stored if name not in file.schema_arrow.names), None)
                if lacking is not None:
                    raise InputError(
                        f"{fragment.path}: has no column '{lacking}', expected the same columns in all files of {path}"
                    )
                if not stored:
                    yield {name: pa.array([values.get(name)] * file.metadata.num_rows) for name in wanted}
                    continue
                for batch in file.iter_batches(batch_size=rows, columns=stored):
                    yield {
                        name: pa.array([values.get(name)] * len(batch)) if name in keys else batch.column(name)
                        for name in wanted
                    }

    schema = fragments[0].physical_schema
    described = _described(schema.metadata or {})
    main = {properties.get(f"hats_col_{part}", ""): ucd for part, ucd in _MAIN_UCD.items()}
    columns = []
    for name in names:
        field = {} if name in keys else schema.field(name).metadata or {}
        unit, ucd = described.get(name, ("", ""))
        unit, ucd = field.get(b"unit", b"").decode() or unit, field.get(b"ucd", b"").decode() or ucd
        columns.append(Column(name, unit, main.get(name, ucd)))
    notes = [f"{len(fragments)} Parquet files"] if folder is not None else []
    rows = sum(fragment.count_rows() for fragment in fragments)
    table = TableFile(tuple(columns), guarded(pieces, path, "parquet"), notes=tuple(notes), rows=rows)
    header = (schema.metadata or {}).get(b"table_meta_yaml")
    return [assembled(table, astropy_header(header.decode().split("\n"))) if header else table]


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
        found = [file for file in place.rglob("*") if not _is_hidden(file.relative_to(place))]
    else:
        found = [Path(name) for name in matching_files(path)]
        place = found[0].parent if found else place.parent
    found = sorted(file for file in found if file.is_file())
    files = [file for file in found if file.name.lower().endswith(_SUFFIXES)] or [
        file for file in found if _begins(file, _MAGIC)
    ]
    if not files:
        raise InputError(f"{path}: expected Parquet files ({', '.join(_SUFFIXES)}), found {len(found)} other files")
    return str(place), [str(file) for file in files], properties


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
