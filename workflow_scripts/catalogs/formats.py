"""Formats and columns of catalogs: the lists that readers, help texts, messages and the configuration's schema go by.

Imports nothing, so that everything may import it. A new format is a line here and a function in `readers.py` (one that
reads the header before the table, for audits, in `audits/table_columns.py`).
"""

from typing import NamedTuple


class CatalogFormat(NamedTuple):
    """`name` in configuration and command lines, `shown` in prose, `suffixes` of file names."""

    name: str
    shown: str
    suffixes: tuple[str, ...]


FORMATS = (
    CatalogFormat("csv", "CSV", (".csv",)),
    CatalogFormat("ecsv", "ECSV", (".ecsv",)),
    CatalogFormat("fits", "FITS", (".fits", ".fit")),
    CatalogFormat("votable", "VOTable", (".vot", ".votable", ".xml")),
    CatalogFormat("parquet", "Parquet", (".parquet",)),
)
FORMAT_NAMES = tuple(known.name for known in FORMATS)
FORMAT_SUFFIXES = tuple(suffix for known in FORMATS for suffix in known.suffixes)
# `CSV, ECSV, FITS, VOTable or Parquet`
FORMATS_IN_WORDS = f"{', '.join(known.shown for known in FORMATS[:-1])} or {FORMATS[-1].shown}"
_GZIPPED = ".gz"

TEXT_COLUMNS = ("source_id", "label", "file")
POSITION_COLUMNS = ("ra", "dec")
COVARIATES = ("magnitude", "radius_arcsec", "redshift", "psf_fwhm_arcsec", "depth_mag", "ebv", "axis_ratio")
# What a simulated sky shows of itself, under the same names as a real catalog's columns.
SIMULATED_COLUMNS = ("source_id", "ra", "dec", "label", *COVARIATES)


def format_suffix(name: str) -> str:
    """The end of a file's name that gives its format, in lower case, with `.gz` where it has that; else ''."""
    name = name.lower()
    plain = name.removesuffix(_GZIPPED)
    found = max((suffix for suffix in FORMAT_SUFFIXES if plain.endswith(suffix)), key=len, default="")
    return found + name[len(plain) :] if found else ""


def format_of_name(name: str) -> str | None:
    """The format that a file's name gives; None where it gives none."""
    suffix = format_suffix(name).removesuffix(_GZIPPED)
    return next((known.name for known in FORMATS if suffix in known.suffixes), None)
