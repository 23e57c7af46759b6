"""What astropy writes beside a table of its own kinds of columns: masks, coordinates, units.

It stores a masked column as two, `label` and `label.mask`, and coordinates as `coord.ra` and `coord.dec`, and describes
in YAML what belongs together (astropy.table.serialize).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from astropy.table import meta

from workflow_scripts.catalogs.table_formats.table_file import Column, Piece, TableFile

_KEY = "__serialized_columns__"
_AXES = (("ra", "dec"), ("l", "b"), ("lon", "lat"))


def astropy_header(lines: Sequence[str]) -> dict[str, Any]:
    """The YAML header that astropy writes: `datatype`, a list of columns, and `meta`."""
    return dict(meta.get_header_from_yaml(lines))


def assembled(table: TableFile, header: Mapping[str, Any]) -> TableFile:
    """The table with masks applied, columns of masks left out, coordinates known, units and UCDs of the header."""
    stored = dict((header.get("meta") or {}).get(_KEY) or {})
    masks: dict[str, str] = {}
    coordinates: dict[str, tuple[str, str]] = {}
    frames: dict[str, str] = {}
    for name, description in stored.items():
        _collect_masks(description, masks, set())
        if (axes := _axes(description)) is not None:
            coordinates[name] = axes
            frames |= dict.fromkeys(axes, str(description.get("frame", "")))
    masks = {data: mask for data, mask in masks.items() if mask in {column.name for column in table.columns}}
    described = {entry["name"]: entry for entry in header.get("datatype") or ()}
    # Texts of columns of objects.
    in_json = {name for name, entry in described.items() if entry.get("subtype") == "json"}
    columns = [
        _described(column, described.get(column.name, {}), frames.get(column.name, ""))
        for column in table.columns
        if column.name not in masks.values()
    ]

    def pieces(names: Sequence[str], rows: int) -> Iterator[Piece]:
        wanted = dict.fromkeys([*names, *(masks[name] for name in names if name in masks)])
        for piece in table.pieces(list(wanted), rows):
            found = {name: _masked(piece[name], piece.get(masks.get(name, ""))) for name in names}
            yield {name: _from_json(cells) if name in in_json else cells for name, cells in found.items()}

    return replace(table, columns=tuple(columns), pieces=pieces, coordinates=coordinates)


def _masked(cells: pa.Array, mask: pa.Array | None) -> pa.Array:
    if mask is None:
        return cells
    if not pa.types.is_boolean(mask.type):
        # In text formats.
        mask = pc.equal(pc.utf8_lower(mask.cast(pa.string())), "true")
    return pc.if_else(pc.fill_null(mask, False), pa.scalar(None, cells.type), cells)


def _from_json(cells: pa.Array) -> pa.Array:
    """Texts without the quotes of JSON; other cells as they are."""
    if not pa.types.is_string(cells.type):
        return cells
    known = (None if cell == "null" else cell for cell in cells.to_pylist())
    return pa.array((json.loads(cell) if cell and cell[0] == cell[-1] == '"' else cell for cell in known), pa.string())


def _stored_in(node: Any) -> str | None:
    return node.get("name") if isinstance(node, Mapping) and "__class__" not in node else None


def _collect_masks(node: Any, masks: dict[str, str], seen: set[int]) -> None:
    """Masks by the column that they are of, in a description and in what it is made of; each part once (aliases)."""
    if not isinstance(node, Mapping) or id(node) in seen:
        return
    seen.add(id(node))
    mask = _stored_in(node.get("mask"))
    for key, part in node.items():
        if mask and key != "mask" and (data := _stored_in(part)):
            masks[data] = mask
        _collect_masks(part, masks, seen)


def _axes(description: Any) -> tuple[str, str] | None:
    """The columns of longitude and latitude of coordinates; None for anything else."""
    if not isinstance(description, Mapping):
        return None
    for names in _AXES:
        found = [_first_stored(description.get(name)) for name in names]
        if all(found):
            return str(found[0]), str(found[1])
    return None


def _first_stored(node: Any) -> str | None:
    """The column in which the values of an angle are."""
    if not isinstance(node, Mapping):
        return None
    return _stored_in(node) or _first_stored(node.get("value")) or _first_stored(node.get("data"))


def _described(column: Column, entry: Mapping[str, Any], frame: str) -> Column:
    own = entry.get("meta") or {}
    return Column(
        column.name,
        column.unit or str(entry.get("unit") or ""),
        column.ucd or str(own.get("ucd") or ""),
        column.frame or frame,
    )
