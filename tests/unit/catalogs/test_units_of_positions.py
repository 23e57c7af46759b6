"""Units as headers spell them give the same positions in every format; values without a unit are not guessed."""

import re

import numpy as np
import pandas as pd
import pytest

from tests.unit.catalogs.test_make_catalog import entry
from tests.unit.catalogs.written_columns import WITH_UNITS, write
from workflow_scripts.audits.galaxy_pieces import overview
from workflow_scripts.audits.suite import HYGIENE
from workflow_scripts.audits.table_pieces import AuditColumns, TableSource
from workflow_scripts.catalogs.galaxies import galaxies_of_catalog, read_catalog
from workflow_scripts.catalogs.readers import TableOptions
from workflow_scripts.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore")
N = 40
RANDOM = np.random.default_rng(12)
RA, DEC = RANDOM.uniform(30, 350, N), RANDOM.uniform(-80, 80, N)
LABELS = np.array(["spiral", "elliptical"] * (N // 2))
# Degrees of right ascension and of declination that a unit of both columns stands for.
SIZES = {
    "degrees": (1, 1),
    "hours": (15, 1),
    "radians": (np.degrees(1), np.degrees(1)),
    "arcmin": (1 / 60, 1 / 60),
    "arcsec": (1 / 3600, 1 / 3600),
    "mas": (1 / 3.6e6, 1 / 3.6e6),
}
SPELLINGS = {
    "degrees": (
        *("deg", "deg.", "DEG", "degree", "degrees", "Degrees", "DEGREES", "degs", "decimal degrees", "Decimal Degree"),
        *("decimal deg", "dec. deg.", "[deg]", "(deg)", "degrees_east", "ddeg", "dd", "arcdeg", "deg (J2000)"),
        *("Degrees (J2000.0)", "deg, ICRS", "deg_J2000", "°"),
    ),
    "hours": (
        *("hours", "hr", "HOURS", "h", "H", "hourangle", "hour", "hrs", "hr.", "hour angle", "decimal hours"),
        *("hours (J2000)", "h:m:s", "HH:MM:SS", "HH.HHH"),
    ),
    "radians": ("radians", "rad", "RAD", "Radian", "rad.", "radians (J2000)"),
    "arcmin": ("arcmin", "'", "arc minutes"),
    "arcsec": ("arcsec", '"', "ARCSEC", "arcseconds", "arc sec", "asec", "''", "″"),
    "mas": ("mas", "milliarcsec"),
}
# Of no angle, of no known angle, and of a frame that is not ICRS.
UNKNOWN = ["furlong", "mas/yr", "mm", "deg2", "deg/s", "s", "m", "K", "1e3 deg", "deg (B1950)", "x" * 60, "pix"]


def written(folder, name, units, sizes=(1, 1)):
    """A table whose positions are divided by `sizes` and have two units."""
    columns = [LABELS, RA / sizes[0], DEC / sizes[1]]
    return write(folder, name, ["label", "RA", "Dec"], columns, ["", *units])


def read_by_both(path, **options):
    """Positions (2, n) as catalogs and audits read them, or the sentences with which they stop."""
    found = []
    for reader in ("catalog", "audit"):
        try:
            if reader == "catalog":
                read = read_catalog(path, {"ra": "RA", "dec": "Dec"}, TableOptions(**options))
            else:
                source = TableSource.of(path, AuditColumns(("label",), "RA", "Dec"), HYGIENE, TableOptions(**options))
                read = pd.concat(source.pieces())
            found.append(read[["ra", "dec"]].to_numpy().T)
        except InputError as error:
            found.append(str(error))
    return found


@pytest.mark.parametrize("name", WITH_UNITS)
def test_every_spelling_of_a_unit_is_the_same_in_every_format(tmp_path, name):
    wrong = {}
    for unit, listed in SPELLINGS.items():
        for spelling in listed:
            # FITS has no place for other characters than those of ASCII.
            if name == "t.fits" and not spelling.isascii():
                continue
            units = (spelling, "deg" if unit == "hours" else spelling)
            for read in read_by_both(written(tmp_path, name, units, SIZES[unit])):
                if isinstance(read, str) or not np.allclose(read, [RA, DEC], rtol=1e-12):
                    wrong[spelling] = read
    assert wrong == {}


@pytest.mark.parametrize("name", WITH_UNITS)
def test_a_unit_that_is_not_known_is_refused_in_every_format(tmp_path, name):
    for number, spelling in enumerate(UNKNOWN):
        part = ("RA", "Dec")[number % 2]
        path = written(tmp_path, name, (spelling, "deg") if part == "RA" else ("deg", spelling))
        keys = (f"catalogs, columns.{part.lower()}", f"--{part.lower()}")
        for sentence, key in zip(read_by_both(path), keys, strict=True):
            assert isinstance(sentence, str), spelling
            assert sentence.startswith(f"{path}: column '{part}' ({key}) is in {spelling[:40]}, expected ")
    # What the user states goes before.
    for read in read_by_both(path, position_unit="degrees"):
        np.testing.assert_array_equal(read, [RA, DEC])


@pytest.mark.parametrize("name", WITH_UNITS)
def test_a_declination_in_hours_is_refused(tmp_path, name):
    for sentence in read_by_both(written(tmp_path, name, ("hr", "hr"))):
        assert re.search(r"column 'Dec' \((catalogs, columns\.|--)dec\) is in hr, which no declination is", sentence)


# Values that have no unit.

SPHERE = np.degrees(np.arcsin(RANDOM.uniform(-1, 1, N)))
TURNS = RANDOM.uniform(0.001, 0.999, N)
STRIP = RANDOM.uniform(-1.25, 1.25, N)


def in_catalog(path, **options) -> pd.DataFrame:
    """Galaxies that `make_catalog` makes of a table, in its order."""
    columns = {"source_id": "id", "ra": "RA", "dec": "Dec"}
    galaxies, report = galaxies_of_catalog(entry(columns=columns, hygiene=HYGIENE, **options), path)
    galaxies.attrs["warnings"] = report["warnings"]
    return galaxies.sort_values("source_id", key=lambda ids: ids.astype(int), ignore_index=True)


def in_audit(path, **options) -> pd.DataFrame:
    """The same of an audit, but for right ascensions, which may be below 0 there."""
    source = TableSource.of(path, AuditColumns(("label",), "RA", "Dec"), HYGIENE, TableOptions(**options))
    doubt = overview(source).unit_in_doubt
    galaxies = pd.concat(source.pieces())
    galaxies["ra"] %= 360
    galaxies.attrs["warnings"] = [doubt] if doubt else []
    return galaxies


def both(folder, ra, dec, **options):
    """What `make_catalog` and an audit read from a CSV, or the sentences with which they stop."""
    path = str(folder / "t.csv")
    frame = pd.DataFrame({"id": np.arange(len(ra)), "RA": ra, "Dec": dec, "label": LABELS[: len(ra)]})
    frame.to_csv(path, index=False)
    found = []
    for read in (in_catalog, in_audit):
        try:
            found.append(read(path, **options))
        except InputError as error:
            found.append(str(error))
    return found


@pytest.mark.parametrize(
    ("ra", "dec", "unit"),
    [
        (24 * TURNS, SPHERE, "hours"),
        (24 * TURNS - 12, SPHERE, "hours"),
        (24 * TURNS, STRIP, "hours"),
        (24 * TURNS, np.abs(SPHERE), "hours"),
        (8 + 8 * TURNS, 30 + 30 * TURNS[::-1], "hours"),
        (9.97 + 0.09 * TURNS, 2.2 + STRIP / 2, "hours"),
        (2 * np.pi * TURNS, np.radians(SPHERE), "radians"),
        (2 * np.pi * TURNS - np.pi, np.radians(SPHERE), "radians"),
        (24 * TURNS, np.radians(SPHERE), "hours"),
        (2 * np.pi * TURNS, SPHERE, "hours"),
        (2 * np.pi * TURNS - np.pi, SPHERE, "hours"),
        (360 * TURNS, np.radians(90 * np.sin(np.arange(N))), "radians"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.min():.0f}..{value.max():.0f}",
)
def test_values_that_look_like_another_unit_are_refused_until_it_is_stated(tmp_path, ra, dec, unit):
    for sentence, key in zip(both(tmp_path, ra, dec), ("catalogs, position_unit", "--position-unit"), strict=True):
        assert f"which look like {unit}; expected degrees, or the unit stated ({key})" in str(sentence)
        assert f"{tmp_path / 't.csv'}: the columns 'RA' and 'Dec' have no unit" in sentence
    for found in both(tmp_path, ra, dec, position_unit="degrees"):
        np.testing.assert_allclose(found["ra"], ra % 360)
        assert found.attrs["warnings"] == []


@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        (9 + 2 * TURNS, 41 + STRIP),
        (9 + 2 * TURNS, STRIP),
        (5 + 10 * TURNS, 5 * STRIP),
        (np.array([0.7, 10.7, 23.0]), np.array([41.2, 60.0, -30.0])),
    ],
)
def test_a_field_that_could_be_in_hours_is_taken_for_degrees_with_a_warning(tmp_path, ra, dec):
    for found, key in zip(both(tmp_path, ra, dec), ("catalogs, position_unit", "--position-unit"), strict=True):
        np.testing.assert_allclose(found["ra"], ra)
        assert found.attrs["warnings"] == [
            f"'RA' has no unit, and its values from {ra.min():.4g} to {ra.max():.4g} were taken for degrees: if they"
            f" are hours, {key} states it."
        ]
    for unit, size in (("hours", 15), ("degrees", 1)):
        for found in both(tmp_path, ra, dec, position_unit=unit):
            np.testing.assert_allclose(found["ra"], size * ra)
            assert found.attrs["warnings"] == []


@pytest.mark.parametrize(
    ("ra", "dec"), [(360 * TURNS, SPHERE), (360 * TURNS - 180, SPHERE), (360 * TURNS, STRIP), (100 + TURNS, STRIP)]
)
def test_what_can_only_be_degrees_is_taken_for_them(tmp_path, ra, dec):
    for found in both(tmp_path, ra, dec):
        np.testing.assert_allclose(found["ra"], ra % 360)
        np.testing.assert_array_equal(found["dec"], dec)
        assert found.attrs["warnings"] == []
