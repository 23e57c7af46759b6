"""Which columns hold positions and labels: named by the user, or guessed from common names and UCDs."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from astropy import units

from workflow_scripts.audits.headers import Column
from workflow_scripts.errors import InputError

log = logging.getLogger(__name__)

_NAMES = {
    "ra": "ra raj2000 ra_j2000 ra_icrs raicrs _ra _raj2000 ra_deg radeg alpha_j2000 right_ascension ra_mean ramean"
    " alphawin_j2000",
    "dec": "dec dej2000 decj2000 dec_j2000 de_icrs dec_icrs deicrs _dec _dej2000 _de dec_deg decdeg delta_j2000"
    " declination dec_mean decmean deltawin_j2000",
    "label": "label class classification morphology annotation prediction predicted_class morph galaxy_type type spin"
    " direction",
}
_UCDS = {"ra": ("pos.eq.ra", "pos_eq_ra"), "dec": ("pos.eq.dec", "pos_eq_dec"), "label": ("src.morph.type",)}
# How programs write units of angle that astropy spells otherwise.
_SPELLINGS = {"degree": "deg", "degrees": "deg", "radian": "rad", "radians": "rad", "hours": "hourangle"}
_SPELLINGS |= {"hour": "hourangle", "h": "hourangle", "hr": "hourangle"}


@dataclass(frozen=True)
class ChosenColumns:
    """Columns of the table by the part they play, and what turns positions into degrees.

    `labels` are the annotation columns; `reference`, `score` and `source_id` are None where there is none.
    """

    ra: str
    dec: str
    labels: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    reference: str | None = None
    score: str | None = None
    source_id: str | None = None
    ra_degrees: float = 1.0
    dec_degrees: float = 1.0

    def as_dict(self) -> dict[str, Any]:
        """For the summary."""
        return {
            "ra": self.ra,
            "dec": self.dec,
            "label": list(self.labels),
            "covariates": list(self.covariates),
            "reference": self.reference,
            "score": self.score,
            "source_id": self.source_id,
        }


def choose_columns(
    header: Sequence[Column],
    file: str,
    ra: str | None = None,
    dec: str | None = None,
    labels: Sequence[str] = (),
    covariates: Sequence[str] = (),
    reference: str | None = None,
    score: str | None = None,
    source_id: str | None = None,
) -> ChosenColumns:
    """Find the columns that were named, guess the others, and look at the units of positions.

    Raises
    ------
    InputError
        for a column that is missing or that several columns could be, one that was named twice, or a unit of a position
        that is no angle.
    """
    position = {part: _one(header, file, part, name) for part, name in (("ra", ra), ("dec", dec))}
    chosen = [_one(header, file, "label", name) for name in labels] or [_one(header, file, "label", None)]
    found = ChosenColumns(
        ra=position["ra"].name,
        dec=position["dec"].name,
        labels=tuple(column.name for column in chosen),
        covariates=tuple(_one(header, file, "covariates", name).name for name in covariates),
        reference=_one(header, file, "reference", reference).name if reference else None,
        score=_one(header, file, "score", score).name if score else None,
        source_id=_one(header, file, "source-id", source_id).name if source_id else None,
        ra_degrees=_degrees(position["ra"], file),
        dec_degrees=_degrees(position["dec"], file),
    )
    roles = [found.ra, found.dec, *found.labels, *([found.reference] if found.reference else [])]
    twice = next((name for name in roles if roles.count(name) > 1), None)
    if twice:
        raise InputError(f"{file}: column '{twice}' was given for two things, expected a column for each")
    return found


def _one(header: Sequence[Column], file: str, part: str, name: str | None) -> Column:
    if name is None:
        return _guessed(header, file, part)
    exact = [column for column in header if column.name == name]
    matches = exact or [column for column in header if column.name.casefold().strip() == name.casefold().strip()]
    if len(matches) > 1:
        listed = ", ".join(f"'{column.name}'" for column in matches)
        raise InputError(f"{file}: {len(matches)} columns could be '{name}' (--{part}): {listed}; expected one")
    if matches:
        return matches[0]
    present = [column.name for column in header]
    folded = {other.casefold().strip(): other for other in present}
    near = get_close_matches(name.casefold().strip(), folded, n=3)
    hint = f"did you mean {' or '.join(repr(folded[match]) for match in near)}?" if near else None
    hint = hint or f"it has {', '.join(present[:20])}{', ...' if len(present) > 20 else ''}"
    raise InputError(f"{file}: has no column '{name}' (--{part}); {hint}")


def _guessed(header: Sequence[Column], file: str, part: str) -> Column:
    names = _NAMES[part].split()
    by_ucd = [column for column in header if column.ucd.lower().startswith(_UCDS[part])]
    # Errors and proper motions have the same start.
    by_ucd = [column for column in by_ucd if "stat" not in column.ucd.lower() and "pm" not in column.ucd.lower()]
    main = [column for column in by_ucd if "meta.main" in column.ucd.lower() or column.ucd.lower().endswith("_main")]
    # `ra [rad]` is a right ascension, too.
    by_name = [column for column in header if re.split(r"[\[(]", column.name.casefold())[0].strip() in names]
    for candidates, source in ((main, "UCD"), (by_ucd, "UCD"), (by_name, "name")):
        if len(candidates) == 1:
            log.info("column '%s' is taken for %s, by its %s", candidates[0].name, part, source)
            return candidates[0]
        if len(candidates) > 1:
            listed = ", ".join(f"'{column.name}'" for column in candidates)
            raise InputError(f"{file}: {len(candidates)} columns could be the {part}: {listed}; name one with --{part}")
    present = [column.name for column in header]
    shown = f"{', '.join(present[:20])}{', ...' if len(present) > 20 else ''}"
    raise InputError(f"{file}: no column looks like the {part}, name it with --{part}; it has {shown}")


def _degrees(column: Column, file: str) -> float:
    """Degrees in a unit of the column; 1 where it names none."""
    text = column.unit.strip()
    if not text:
        return 1.0
    try:
        unit = units.Unit(_SPELLINGS.get(text.casefold(), text))
        if unit == units.dimensionless_unscaled:
            return 1.0
        factor = float(unit.to(units.deg))
    except (ValueError, TypeError, units.UnitConversionError):
        raise InputError(
            f"{file}: column '{column.name}' is in {text}, expected degrees, or another unit of angle"
        ) from None
    if factor != 1:
        log.info("column '%s' is in %s: converted to degrees", column.name, text)
    return factor
