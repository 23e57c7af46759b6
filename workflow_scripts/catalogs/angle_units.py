"""Units of angle as headers and people write them."""

import re

import numpy as np
from astropy import units

from workflow_scripts.catalogs.formats import POSITION_UNITS

_SPELLINGS = {
    "degrees": "deg degs degree degrees degr decimaldegree decimaldegrees decdeg ddeg dd decimaldeg arcdeg degdecimal"
    " degreesdecimal degreeeast degreenorth degreeseast degreesnorth degreee degreen d:m:s"
    " dms ddmmss d:':\" °'\" °:':\" ° º",
    "hours": "h hr hrs hour hours hourangle hourangles hangle decimalhour decimalhours dechour dechours h:m:s"
    " hms hhmmss",
    "radians": "rad rads radian radians",
    "arcmin": "arcmin arcmins arcminute arcminutes amin ' ′",
    "arcsec": "arcsec arcsecs arcsecond arcseconds asec as \" '' ″",
    "mas": "mas milliarcsec milliarcsecs milliarcsecond milliarcseconds",
}
_BY_SPELLING = {spelling: name for name, listed in _SPELLINGS.items() for spelling in listed.split()}
_NO_UNIT = ("", "-", "--", "---", "none", "null", "unitless", "dimensionless", "n/a")
# A format of sexagesimal text in place of a unit: `HH:MM:SS.ss`.
_FORMAT = re.compile(r"([hd]{1,3}):?m{1,2}:?s{1,2}(?:\.[sf]*)?|[hd]{1,3}\.[hdf]+")
_LONGEST = 40
# What headers add to a unit: the system of coordinates, which is that of this project. `deg (J2000)`, `deg, ICRS`.
_SYSTEM = re.compile(r"[\s,;_]+[(\[]?\s*(?:j2000(?:\.0*)?|icrs|fk5)\s*[)\]]?\s*$", re.IGNORECASE)


def angle_unit(text: str) -> str | None:
    """The name in `POSITION_UNITS` of a unit as a header writes it; None for no unit. `ValueError` for any other."""
    folded = re.sub(r"[\s_]+", "", _SYSTEM.sub("", text[:_LONGEST]).casefold())
    if folded in _BY_SPELLING:
        return _BY_SPELLING[folded]
    folded = folded.strip("\"'[](){}<>")
    plain = folded.replace(".", "")
    if text.strip().casefold() in _NO_UNIT or not plain:
        return None
    if plain in _BY_SPELLING:
        return _BY_SPELLING[plain]
    if found := _FORMAT.fullmatch(folded):
        return "hours" if found[0].startswith("h") else "degrees"
    try:
        if len(text) > _LONGEST:
            raise ValueError("too long for a unit")
        unit = units.Unit(text.strip())
        if unit == units.dimensionless_unscaled:
            return None
        degrees = float(unit.to(units.deg))
    except (ValueError, TypeError, units.UnitConversionError):
        raise ValueError(f"is in {text[:_LONGEST]}") from None
    named = next((name for name, size in POSITION_UNITS.items() if np.isclose(size, degrees, rtol=1e-12)), None)
    if named is None:
        raise ValueError(f"is in {text[:_LONGEST]}")
    return named


def names_angle_unit(text: str) -> bool:
    """Whether a text is a unit of angle, as a line of units below names of columns has it."""
    try:
        return len(text) <= _LONGEST and angle_unit(text) is not None
    except ValueError:
        return False
