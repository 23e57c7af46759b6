"""Positions of a table as ICRS degrees: units, sexagesimal text, galactic coordinates; and what looks wrong."""

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
from astropy.coordinates import Galactic, SkyCoord
from numpy.typing import NDArray

from workflow_scripts.catalogs.angle_units import angle_unit
from workflow_scripts.catalogs.cells import as_numbers
from workflow_scripts.catalogs.columns import is_galactic, looks_like
from workflow_scripts.catalogs.formats import POSITION_UNITS
from workflow_scripts.catalogs.table_formats.table_file import Column
from workflow_scripts.errors import InputError

# Columns whose usual unit no header repeats: HyperLEDA.
_KNOWN_UNITS = {"al2000": "hours", "de2000": "degrees"}
# System of a header's coordinates -> frame. FK5 of J2000 is ICRS to 0.1 arcsec.
_SYSTEMS = {"icrs": "icrs", "fk5": "icrs", "eq_fk5": "icrs", "gcrs": "icrs", "galactic": "galactic", "gal": "galactic"}
_OLD_EQUINOX = re.compile(r"1950|b1950", re.IGNORECASE)
# Names of columns of other systems.
_OTHER_SYSTEMS = {
    "supergalactic": re.compile(r"_?sg[lb]|supergal.*", re.IGNORECASE),
    "ecliptic": re.compile(r"_?e(cl)?_?(lon|lat|long|longitude|latitude)|.*ecliptic.*", re.IGNORECASE),
    "horizontal": re.compile(r"az|azimuth|alt|altitude|zenith", re.IGNORECASE),
}
_SEXAGESIMAL = re.compile(
    r"^\s*(?P<sign>[+\-−]?)\s*(?P<whole>\d{1,3})\s*(?P<mark>[:hHdD°\s])\s*(?P<minutes>\d{1,2})\s*"
    r"(?:[:mM'′\s]\s*(?P<seconds>\d{1,2}(?:\.\d*)?)?\s*[sS\"″]?)?\s*$"
)
# So few positions can look like anything.
_FEW = 10
# Steps (degrees) that positions of a table may be rounded to; those of time and arc come from sexagesimal text.
_STEPS = (1.0, 0.5, 0.25, 1 / 60, 15 / 60, 0.1, 0.05, 0.01, 15 / 3600, 0.001, 1 / 3600)


@dataclass(frozen=True)
class PositionKeys:
    """What a user would write to settle a question, for messages: of the two columns, their unit and their frame."""

    ra: str
    dec: str
    unit: str
    frame: str


@dataclass
class PositionReader:
    """Turns cells of two columns into right ascensions and declinations, and counts what it did.

    `units` are the names of the units of both columns, None where none is known, and `stated` is whether the user gave
    it. `sexagesimal` counts the rows that held text such as `12:30:00`, `unreadable` those of each column that held
    something else, `odd` one of these, and `as_numbers` and `as_text` whether right ascensions and declinations came
    as numbers and as text.
    """

    file: str
    columns: tuple[Column, Column]
    keys: PositionKeys
    units: tuple[str | None, str | None]
    frame: str
    stated: bool = False
    sexagesimal: int = 0
    unreadable: dict[str, int] = field(default_factory=dict)
    odd: dict[str, str] = field(default_factory=dict)
    as_numbers: list[bool] = field(default_factory=lambda: [False, False])
    as_text: list[bool] = field(default_factory=lambda: [False, False])

    @classmethod
    def of(
        cls, file: str, columns: tuple[Column, Column], keys: PositionKeys, unit: str | None, frame: str | None
    ) -> "PositionReader":
        """A reader of two columns.

        `unit`, one of `POSITION_UNITS` (hours: of right ascension, degrees of declination), and `frame` are what the
        user states, and go before what the table states.

        Raises
        ------
        InputError
            for a unit that is no angle, a frame that is neither ICRS nor galactic, and two columns in each other's
            place.
        """
        longitude, latitude = columns
        if looks_like(longitude, "dec") and looks_like(latitude, "ra"):
            raise InputError(
                f"{file}: '{longitude.name}' ({keys.ra}) is a declination by its name, and '{latitude.name}'"
                f" ({keys.dec}) a right ascension, expected the other way round"
            )
        found = []
        for column, key in ((longitude, keys.ra), (latitude, keys.dec)):
            try:
                found.append(angle_unit(column.unit) or _KNOWN_UNITS.get(column.name.casefold()))
            except ValueError as problem:
                if unit is None:
                    raise InputError(
                        f"{file}: column '{column.name}' ({key}) {problem}, expected degrees or another unit of"
                        f" angle; {keys.unit} states it"
                    ) from None
                found.append(None)
        if unit is None and found[1] == "hours":
            raise InputError(
                f"{file}: column '{latitude.name}' ({keys.dec}) is in {latitude.unit}, which no declination is;"
                f" {keys.unit} states its unit"
            )
        if unit is not None:
            found = [unit, "degrees" if unit == "hours" else unit]
        for place, other in ((0, 1), (1, 0)):
            if found[place] is None and found[other] not in (None, "degrees", "hours", "radians"):
                raise InputError(_one_unit_only(file, columns, keys, place))
        return cls(file, columns, keys, (found[0], found[1]), frame or _frame(file, columns, keys), unit is not None)

    def degrees(self, longitude: pa.Array, latitude: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """ICRS right ascensions and declinations (n,) in degrees, NaN where a cell is empty or no position."""
        found = [self._angles(cells, place) for place, cells in enumerate((longitude, latitude))]
        if self.frame == "icrs":
            return found[0], found[1]
        known = np.isfinite(found).all(axis=0) & (np.abs(found[1]) <= 90)
        ra, dec = np.full(len(known), np.nan), np.full(len(known), np.nan)
        icrs = SkyCoord(found[0][known], found[1][known], unit="deg", frame=Galactic()).icrs
        ra[known], dec[known] = icrs.ra.deg, icrs.dec.deg
        return ra, dec

    def _angles(self, cells: pa.Array, place: int) -> NDArray[np.float64]:
        column, unit = self.columns[place], self.units[place]
        key = (self.keys.ra, self.keys.dec)[place]
        numbers, bad = as_numbers(cells, f"{self.file}: column '{column.name}' ({key})")
        angles = numbers * POSITION_UNITS[unit or "degrees"]
        if bad:
            texts = pd.Series(cells.to_pylist(), dtype=object)
            rows = np.flatnonzero(np.isnan(numbers) & texts.notna().to_numpy())
            read = self._sexagesimal(texts.iloc[rows], place)
            angles[rows] = read
            self.sexagesimal += int(np.isfinite(read).sum())
            self.unreadable[column.name] = self.unreadable.get(column.name, 0) + int(np.isnan(read).sum())
            if np.isnan(read).any():
                self.odd.setdefault(column.name, str(texts.iloc[rows[np.isnan(read)][0]]))
            self.as_text[place] |= bool(np.isfinite(read).any())
        self.as_numbers[place] |= bool(np.isfinite(numbers).any())
        return angles

    def check(self) -> None:
        """Raise `InputError` where what was read leaves open what positions are.

        A column of text only; right ascensions of which some are sexagesimal, in hours, and others numbers in no unit.
        """
        for place, (column, key) in enumerate(zip(self.columns, (self.keys.ra, self.keys.dec), strict=True)):
            if column.name in self.odd and not self.as_numbers[place] and not self.as_text[place]:
                raise InputError(
                    f"{self.file}: column '{column.name}' ({key}) holds text such as '{self.odd[column.name]}',"
                    " expected degrees as numbers, or sexagesimal text (12:30:00)"
                )
        if self.as_numbers[0] and self.as_text[0] and self.units[0] is None and self.frame == "icrs":
            raise InputError(
                f"{self.file}: column '{self.columns[0].name}' ({self.keys.ra}) holds sexagesimal text and numbers,"
                f" expected one of these; or {self.keys.unit}, the unit of all"
            )

    def _sexagesimal(self, texts: pd.Series, place: int) -> NDArray[np.float64]:
        """Degrees of `12:30:00`, `12 30 00`, `12h30m00s`, `-00d30m`; NaN for anything else.

        A right ascension is in hours unless it is marked with d or its unit is degrees.
        """
        parts = texts.astype(str).str.extract(_SEXAGESIMAL)
        whole, minutes = pd.to_numeric(parts["whole"]), pd.to_numeric(parts["minutes"])
        seconds = pd.to_numeric(parts["seconds"]).fillna(0.0)
        mark = parts["mark"].str.lower()
        hours = mark.eq("h")
        if place == 0 and self.frame == "icrs" and self.units[0] != "degrees":
            hours |= ~mark.isin(["d", "°"])
        size = np.where(hours, 15.0, 1.0)
        angles = (whole + minutes / 60 + seconds / 3600) * size
        if (too_many := hours & ~mark.eq("h") & (whole >= 24)).any():
            shown = texts[too_many].iloc[0]
            raise InputError(
                f"{self.file}: column '{self.columns[0].name}' ({self.keys.ra}) holds '{shown}', which is no hour;"
                f" expected sexagesimal hours, or the unit stated ({self.keys.unit}: degrees)"
            )
        # Seconds of 60 come from rounding.
        good = (minutes < 60) & (seconds <= 60) & (~hours | (whole < 24)) & ~(hours & (place == 1))
        signs = np.where(parts["sign"].isin(["-", "−"]), -1.0, 1.0)
        return np.where(good, angles * signs, np.nan)


def _one_unit_only(file: str, columns: tuple[Column, Column], keys: PositionKeys, place: int) -> str:
    with_unit = columns[1 - place]
    return (
        f"{file}: column '{with_unit.name}' is in {with_unit.unit}, but '{columns[place].name}'"
        f" ({(keys.ra, keys.dec)[place]}) has no unit, expected one for both; {keys.unit} states it"
    )


def _frame(file: str, columns: tuple[Column, Column], keys: PositionKeys) -> str:
    longitude, latitude = columns
    for column in columns:
        system = column.frame.casefold()
        if (system and system not in _SYSTEMS) or _OLD_EQUINOX.search(column.name) or "1950" in system:
            what = column.frame or "B1950"
            raise _of_other_frame(file, column, what, keys)
        for what, names in _OTHER_SYSTEMS.items():
            if not system and names.fullmatch(column.name.strip()):
                raise _of_other_frame(file, column, f"{what} by its name", keys)
    if "galactic" in {_SYSTEMS.get(column.frame.casefold()) for column in columns} or is_galactic(longitude, latitude):
        return "galactic"
    return "icrs"


def _of_other_frame(file: str, column: Column, what: str, keys: PositionKeys) -> InputError:
    return InputError(
        f"{file}: column '{column.name}' is in the frame {what}, expected ICRS or galactic coordinates; if it is one of"
        f" these, {keys.frame} states it"
    )


@dataclass
class PositionExtent:
    """What positions of a table look like as a whole, from its pieces."""

    n: int = 0
    lowest: tuple[float, float] = (np.inf, np.inf)
    highest: tuple[float, float] = (-np.inf, -np.inf)
    steps: tuple[set[float], set[float]] = field(default_factory=lambda: (set(_STEPS), set(_STEPS)))

    def add(self, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> None:
        """Add usable positions (n,) in degrees."""
        if not len(ra):
            return
        self.n += len(ra)
        found = ((ra, self.steps[0]), (dec, self.steps[1]))
        self.lowest = tuple(min(old, float(new.min())) for old, (new, _) in zip(self.lowest, found, strict=True))  # type: ignore[assignment]
        self.highest = tuple(max(old, float(new.max())) for old, (new, _) in zip(self.highest, found, strict=True))  # type: ignore[assignment]
        for values, steps in found:
            for step in list(steps):
                cells = values / step
                # Digits that were cut when a grid of time or arc was written in degrees.
                if (np.abs(cells - np.rint(cells)) > 0.02).any():
                    steps.discard(step)

    def rounded_to(self) -> float | None:
        """The step (degrees) of the grid that all positions lie on, None where there is none."""
        if self.n < 2 * _FEW or not all(self.steps):
            return None
        return min(max(steps) for steps in self.steps)

    def suspected_unit(self) -> str | None:
        """`radians` or `hours` where numbers that were taken for degrees look like these, else None."""
        if self.n < _FEW:
            return None
        width, height = (high - low for high, low in zip(self.highest, self.lowest, strict=True))
        lowest, highest = self.lowest[0], self.highest[0]
        if self._declination() <= 1.58 and lowest >= -3.15 and highest <= 6.29:
            return "radians"
        # A field of degrees is about as wide as it is high; so is one of hours once it is taken for that.
        narrow = width * np.cos(np.radians((self.highest[1] + self.lowest[1]) / 2))
        if self.may_be_hours() and (width > (12 if lowest >= 0 else 20) or height > np.sqrt(15) * narrow):
            return "hours"
        return None

    def may_be_hours(self) -> bool:
        """Whether all right ascensions, taken for degrees, could as well be hours."""
        lowest, highest = self.lowest[0], self.highest[0]
        return self.n > 0 and ((lowest >= 0 and highest <= 24) or (lowest >= -12 and highest <= 12))

    def doubt(self, reader: PositionReader) -> str | None:
        """A sentence where numbers were taken for degrees, and look like or could be something else; else None."""
        if reader.stated or reader.sexagesimal or reader.frame != "icrs":
            return None
        if reader.units[0] == "degrees" and (found := self.suspected_unit()):
            return (
                f"{_both(reader)} are in degrees by the table, but have {self._values()}, which look like {found}: if"
                f" they are, {reader.keys.unit} states it."
            )
        if reader.units[0] is None and self.may_be_hours():
            return (
                f"'{reader.columns[0].name}' has no unit, and its values from {self.lowest[0]:.4g} to"
                f" {self.highest[0]:.4g} were taken for degrees: if they are hours, {reader.keys.unit} states it."
            )
        # Strips such as Stripe 82 lie on both sides of the equator alike.
        lopsided = abs(self.highest[1] + self.lowest[1]) > 0.2 * (self.highest[1] - self.lowest[1])
        wide = self.highest[0] - self.lowest[0] > 60
        if reader.units[1] is None and self._declination() <= 1.58 and wide and lopsided:
            return (
                f"'{reader.columns[1].name}' has no unit, and no value beyond {self._declination():.3g}: it was taken"
                f" for degrees of a strip along the equator, and could be radians; {reader.keys.unit} states which."
            )
        return None

    def _declination(self) -> float:
        return max(abs(self.lowest[1]), abs(self.highest[1]))

    def _values(self) -> str:
        return (
            f"values from {self.lowest[0]:.4g} to {self.highest[0]:.4g} and {self.lowest[1]:.4g} to"
            f" {self.highest[1]:.4g}"
        )

    def check(self, reader: PositionReader) -> None:
        """Raise `InputError` where a unit is not stated, or for one column only, and values look like no degrees."""
        for place, most in ((0, 6.29), (1, 1.58)):
            inside = max(abs(self.lowest[place]), abs(self.highest[place])) <= most
            if self.n and inside and reader.units[place] is None and reader.units[1 - place] == "radians":
                raise InputError(_one_unit_only(reader.file, reader.columns, reader.keys, place))
        if reader.sexagesimal:
            return
        found = self.suspected_unit() if reader.units[0] is None else None
        # Declinations of the whole sky, beside degrees; strips along the equator, such as Stripe 82, are not as high.
        high = 1.3 < self._declination() <= 1.58
        if reader.units[1] is None and self.n >= _FEW and high and self.highest[0] - self.lowest[0] > 90:
            found = "radians"
        if found:
            raise InputError(
                f"{reader.file}: the columns {_both(reader)} have no unit, and {self._values()}, which look like"
                f" {found}; expected degrees, or the unit stated ({reader.keys.unit})"
            )


def _both(reader: PositionReader) -> str:
    return f"'{reader.columns[0].name}' and '{reader.columns[1].name}'"
