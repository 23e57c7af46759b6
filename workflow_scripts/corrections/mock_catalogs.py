"""A user's mock catalog: positions, true labels or probabilities, and what is known of the images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workflow_scripts.catalogs.cells import joined_cells
from workflow_scripts.catalogs.readers import CatalogTable, Parts, TableOptions
from workflow_scripts.corrections.bias_model import ModelTemplates
from workflow_scripts.corrections.imaging_map import read_imaging_map
from workflow_scripts.errors import InputError

# Before the parts of columns that only go through.
_KEPT = "kept:"


@dataclass(frozen=True)
class MockCatalog:
    """n galaxies: ICRS degrees `ra`, `dec`, `truth` (n,) 0 to 1, `properties` (n,) by name, and all `columns`."""

    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    truth: NDArray[np.float64]
    properties: Mapping[str, NDArray[np.float64]]
    columns: pa.Table


def read_mock(
    path: str,
    positions: tuple[str | None, str | None],
    truth: str,
    positive: str | None,
    properties: Mapping[str, str],
    table_format: str | None = None,
) -> MockCatalog:
    """Read a table of any format.

    Parameters
    ----------
    positions
        columns of right ascension and declination; None is guessed.
    truth
        column of true labels or probabilities; of texts, those that are `positive` are.
    properties
        columns of the properties of the images, by name.

    Raises
    ------
    InputError
        as the reader does, for a galaxy without a position, truth or property, and for a truth that is not 0 to 1.
    """
    keys = {"ra": "--ra", "dec": "--dec", "truth": "--truth", **dict.fromkeys(properties, "--imaging")}
    numbers = {**properties, **({} if positive is not None else {"truth": truth})}
    texts = {"truth": truth} if positive is not None else {}
    options = TableOptions(table_format, keys=keys)
    parts = Parts(positions, texts=texts, numbers=numbers, keys=keys)
    table = CatalogTable.of(path, parts, options)
    kept = {f"{_KEPT}{column.name}": column for column in table.file.columns}
    names = {part: column.name for part, column in kept.items()}
    table = replace(table, parts=replace(parts, others=names), columns={**table.columns, **kept})
    pieces = list(table.pieces())
    if not sum(len(piece["ra"]) for piece in pieces):
        raise InputError(f"{path}: the table has no rows, expected galaxies")
    ra, dec = (np.concatenate([piece[name] for piece in pieces]) for name in ("ra", "dec"))
    if positive is None:
        true = np.concatenate([piece["truth"] for piece in pieces])
    else:
        words = pa.chunked_array([piece["truth"] for piece in pieces]).to_pandas()
        true = np.where(words.isna(), np.nan, words == positive).astype(float)
        if not (true == 1).any():
            raise InputError(f"{table.where('truth')}: no galaxy is '{positive}' (--positive), expected some")
    found = {name: np.concatenate([piece[name] for piece in pieces]) for name in properties}
    _check_rows(np.isfinite(ra) & np.isfinite(dec), f"{path}: position")
    _check_rows(np.isfinite(true), table.where("truth"))
    for name, values in found.items():
        _check_rows(np.isfinite(values), table.where(name))
    if not ((true >= 0) & (true <= 1)).all():
        odd = true[(true < 0) | (true > 1)][0]
        raise InputError(f"{table.where('truth')} has {odd:g}, expected 0 to 1 (or texts, with --positive)")
    columns = {
        name: joined_cells([piece[part] for piece in pieces], f"{path}: column '{name}'")
        for part, name in names.items()
    }
    return MockCatalog(ra, dec, true, found, pa.table(columns))


def _check_rows(usable: NDArray[np.bool_], where: str) -> None:
    if not usable.all():
        row = int(np.flatnonzero(~usable)[0])
        raise InputError(f"{where}: row {row + 1} has none ({(~usable).sum()} in all), expected one for each galaxy")


def templates_of_mock(
    mock: MockCatalog, model: ModelTemplates, own_map: str, map_file: str | None, path: str
) -> tuple[NDArray[np.float64], int]:
    """Templates (n, k) of a mock's galaxies, and how many are outside of what was measured.

    From its columns, where it has these; else from the user's map `map_file` of the properties, or (None) from the
    templates in the correction's `own_map`. Raises `InputError` where a galaxy is outside the map.
    """
    if mock.properties:
        return model.of(np.column_stack([mock.properties[name] for name in model.names]))
    names: Sequence[str] = model.called if map_file is None else model.names
    where = own_map if map_file is None else map_file
    found = read_imaging_map(where, list(names))
    values = np.column_stack([found.at(name, mock.ra, mock.dec) for name in names])
    outside = ~np.isfinite(values).all(axis=1)
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise InputError(
            f"{path}: row {row + 1} (RA {mock.ra[row]:.4f}, Dec {mock.dec[row]:+.4f}) is outside of the map {where}"
            f" ({outside.sum()} in all), expected columns of {', '.join(model.names)} (--imaging) or a mock within it"
        )
    return model.within(values) if map_file is None else model.of(values)
