"""Formats and columns of catalogs: the lists that readers, help texts, messages and the configuration's schema go by.

Imports nothing of the project, so that everything may import it. A new format is a line here
and its reader, a module of `table_formats/` that `opening.py` lists.
"""

from glob import glob
from math import pi
from pathlib import Path
from typing import NamedTuple


class CatalogFormat(NamedTuple):
    """`name` in configuration and command lines, `shown` in prose, `suffixes` of names, and what files `begin` with."""

    name: str
    shown: str
    suffixes: tuple[str, ...]
    begin: tuple[bytes, ...] = ()


FORMATS = (
    CatalogFormat("csv", "CSV", (".csv", ".tsv", ".txt", ".dat", ".tab", ".psv")),
    CatalogFormat("ecsv", "ECSV", (".ecsv",), (b"# %ECSV",)),
    CatalogFormat("fits", "FITS", (".fits", ".fit", ".fts"), (b"SIMPLE  =",)),
    CatalogFormat("votable", "VOTable", (".vot", ".votable", ".xml"), (b"<?xml", b"<VOTABLE")),
    CatalogFormat("parquet", "Parquet", (".parquet", ".parq", ".pq"), (b"PAR1",)),
    CatalogFormat("cds", "CDS/MRT", (".mrt", ".cds")),
    CatalogFormat("ipac", "IPAC", (".tbl", ".ipac")),
)
FORMAT_NAMES = tuple(known.name for known in FORMATS)
FORMAT_SUFFIXES = tuple(suffix for known in FORMATS for suffix in known.suffixes)
# `CSV, ECSV, FITS, VOTable, Parquet, CDS/MRT or IPAC`
FORMATS_IN_WORDS = f"{', '.join(known.shown for known in FORMATS[:-1])} or {FORMATS[-1].shown}"
_PACKED = (".gz", ".bz2", ".xz")

# Degrees in each unit that positions come in; of hours the declination is in degrees.
POSITION_UNITS = {
    "degrees": 1.0,
    "hours": 15.0,
    "radians": 180 / pi,
    "arcmin": 1 / 60,
    "arcsec": 1 / 3600,
    "mas": 1 / 3_600_000,
}
POSITION_FRAMES = ("icrs", "galactic")

TEXT_COLUMNS = ("source_id", "label", "file")
POSITION_COLUMNS = ("ra", "dec")
COVARIATES = ("magnitude", "radius_arcsec", "redshift", "psf_fwhm_arcsec", "depth_mag", "ebv", "axis_ratio")
# What a simulated sky shows of itself, under the same names as a real catalog's columns.
SIMULATED_COLUMNS = ("source_id", "ra", "dec", "label", *COVARIATES)
# What decides, beside the column of labels, which galaxies have one, and what becomes of the others.
LABEL_KEYS = ("unlabelled", "classes", "label_values", "label_votes")


def matching_files(pattern: str) -> list[str]:
    """The files whose names match a pattern (`tables/*.parquet`, `**` for folders of any depth), sorted.

    One whose name is the pattern itself is meant by it.
    """
    return [pattern] if Path(pattern).exists() else sorted(glob(pattern, recursive=True))  # noqa: PTH207  absolute patterns, too


def format_suffix(name: str) -> str:
    """The end of a file's name that gives its format, in lower case, with `.gz`, `.bz2` or `.xz` if any; else ''."""
    name = name.lower()
    packed = next((suffix for suffix in _PACKED if name.endswith(suffix)), "")
    plain = name.removesuffix(packed)
    found = max((suffix for suffix in FORMAT_SUFFIXES if plain.endswith(suffix)), key=len, default="")
    return found + packed if found else ""


def format_of_name(name: str) -> str | None:
    """The format that a file's name gives; None where it gives none."""
    suffix = format_suffix(name)
    for packed in _PACKED:
        suffix = suffix.removesuffix(packed)
    return next((known.name for known in FORMATS if suffix in known.suffixes), None)
