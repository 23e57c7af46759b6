"""Which column of a table plays which part: as named, or guessed from UCDs and common names."""

import logging
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType

from workflow_scripts.catalogs.table_formats.table_file import Column
from workflow_scripts.errors import InputError

log = logging.getLogger(__name__)

_NAMES = {
    "ra": "ra raj2000 ra_j2000 ra_icrs raicrs _ra _raj2000 ra_deg radeg alpha_j2000 right_ascension ra_mean ramean"
    " alphawin_j2000 al2000 rah:ram:ras rah:ram",
    "dec": "dec dej2000 decj2000 dec_j2000 de_icrs dec_icrs deicrs _dec _dej2000 _de dec_deg decdeg delta_j2000"
    " declination dec_mean decmean deltawin_j2000 de2000 ded:dem:des ded:dem",
    "longitude": "glon gal_lon gal_l l_gal galactic_longitude",
    "latitude": "glat gal_lat gal_b b_gal galactic_latitude",
    "label": "label class classification morphology annotation prediction predicted_class morph galaxy_type type spin"
    " direction",
}
_UCDS = {
    "ra": ("pos.eq.ra", "pos_eq_ra"),
    "dec": ("pos.eq.dec", "pos_eq_dec"),
    "longitude": ("pos.galactic.lon", "pos_gal_lon"),
    "latitude": ("pos.galactic.lat", "pos_gal_lat"),
    "label": ("src.morph.type",),
}
_GALACTIC = MappingProxyType({"ra": "longitude", "dec": "latitude"})
# Two letters mean galactic coordinates where both stand together.
_SHORT_GALACTIC = MappingProxyType({"longitude": "l", "latitude": "b"})
_SHOWN_NAMES = 20


def looks_like(column: Column, part: str) -> bool:
    """Whether a column is by its UCD or name a `ra`, `dec`, galactic `longitude` or `latitude`, or `label`."""
    ucd = column.ucd.lower()
    if ucd.startswith(_UCDS[part]) and "stat" not in ucd and "pm" not in ucd:
        return True
    # `ra [rad]` is a right ascension, too.
    return re.split(r"[\[(]", column.name.casefold())[0].strip() in _NAMES[part].split()


def is_galactic(longitude: Column, latitude: Column) -> bool:
    """Whether two columns are by their UCDs or names galactic coordinates."""
    names = (longitude.name.casefold(), latitude.name.casefold())
    return (looks_like(longitude, "longitude") and looks_like(latitude, "latitude")) or names == tuple(
        _SHORT_GALACTIC.values()
    )


def find_column(columns: Sequence[Column], file: str, name: str, key: str) -> Column:
    """The column of a name, in any case where only one has it so; `InputError` with near names for none or several."""
    exact = [column for column in columns if column.name == name]
    matches = exact or [column for column in columns if column.name.casefold().strip() == name.casefold().strip()]
    if len(matches) > 1:
        listed = ", ".join(f"'{column.name}'" for column in matches)
        raise InputError(f"{file}: {len(matches)} columns could be '{name}' ({key}): {listed}; expected one")
    if matches:
        return matches[0]
    present = [column.name for column in columns]
    folded = {other.casefold().strip(): other for other in present}
    near = get_close_matches(name.casefold().strip(), folded, n=3)
    hint = f"did you mean {' or '.join(repr(folded[match]) for match in near)}?" if near else None
    if any(re.fullmatch(r"[+-]?\d+\.\d+", other.strip()) for other in present):
        hint = f"it has {_shown(present)}: is the row with the names of columns missing?"
    raise InputError(f"{file}: has no column '{name}' ({key}); {hint or f'it has {_shown(present)}'}")


def guess_column(columns: Sequence[Column], file: str, part: str, key: str) -> Column:
    """The column that looks like a part; `InputError` where none or several do."""
    found = _guessed(columns, part) or _guessed(columns, _GALACTIC.get(part, part))
    if not found:
        present = [column.name for column in columns]
        near = [name for name in present if re.split(r"[^a-z]", name.casefold())[0] == part]
        hint = f"; could it be {' or '.join(map(repr, near[:3]))}?" if near else f"; it has {_shown(present)}"
        raise InputError(f"{file}: no column looks like the {part}, name it with {key}{hint}")
    if len(found) > 1:
        listed = ", ".join(f"'{column.name}'" for column in found)
        raise InputError(f"{file}: {len(found)} columns could be the {part}: {listed}; name one with {key}")
    log.info("column '%s' is taken for %s", found[0].name, part)
    return found[0]


def _guessed(columns: Sequence[Column], part: str) -> list[Column]:
    alike = [column for column in columns if looks_like(column, part)]
    short = _SHORT_GALACTIC.get(part)
    if not alike and short and {column.name.casefold() for column in columns}.issuperset(_SHORT_GALACTIC.values()):
        return [column for column in columns if column.name.casefold() == short]
    # Errors and proper motions have the same start, and are left out by `looks_like`.
    by_ucd = [column for column in alike if column.ucd.lower().startswith(_UCDS[part])]
    main = [column for column in by_ucd if "meta.main" in column.ucd.lower() or column.ucd.lower().endswith("_main")]
    return main or by_ucd or alike


def _shown(names: Sequence[str]) -> str:
    names = [name or "(no name)" for name in names]
    return f"{', '.join(names[:_SHOWN_NAMES])}{', ...' if len(names) > _SHOWN_NAMES else ''}"


def has_positions(columns: Sequence[Column]) -> bool:
    """Whether columns of right ascension and declination, or of galactic coordinates, can be guessed."""
    return all(len(_guessed(columns, part) or _guessed(columns, _GALACTIC[part])) == 1 for part in ("ra", "dec"))


def has_named(columns: Sequence[Column], coordinates: Mapping[str, tuple[str, str]], names: Sequence[str]) -> bool:
    """Whether all of some names are those of columns, in any case, or of coordinates."""
    folded = {column.name.casefold().strip() for column in columns} | {name.casefold() for name in coordinates}
    return all(name.casefold().strip() in folded for name in names)
