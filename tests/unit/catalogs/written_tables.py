"""One table of 600 galaxies, written in the formats, encodings and dialects in which people keep catalogs.

`WRITERS` has, by name, a function that writes the table into a folder and gives a `Written`.
"""

import bz2
import csv
import gzip
import io
import lzma
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.coordinates import Angle

N = 600
COLUMNS = {"source_id": "objID", "ra": "RA", "dec": "Dec", "label": "class", "redshift": "z"}


@dataclass(frozen=True)
class Written:
    """A file, folder or pattern; what a user says of it beyond names of columns; whether positions kept every bit."""

    path: str
    columns: dict[str, str | None] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    exact: bool = True


WRITERS: dict[str, Callable[[Path], Written]] = {}


@lru_cache
def galaxies() -> pd.DataFrame:
    """19-digit ids, positions of full double precision of which 25 are unknown, gaps in labels and redshifts."""
    random = np.random.default_rng(12)
    ra, dec = random.uniform(0, 360, N), np.degrees(np.arcsin(random.uniform(-1, 1, N)))
    ra[3], dec[3] = 1.0000000000000002e-07, -1.2345678901234567e-05
    lost = random.choice(N, 25, replace=False)
    ra[lost] = dec[lost] = np.nan
    labels = random.choice(["spiral", "elliptical", "None", None], N, p=[0.4, 0.3, 0.2, 0.1])
    z = random.uniform(0.001, 0.3, N)
    z[random.random(N) < 0.2] = np.nan
    return pd.DataFrame(
        {
            "objID": 1237648720693755918 + 7 * np.arange(N),
            "RA": ra,
            "Dec": dec,
            "class": pd.Series(labels, dtype=object),
            "z": z,
            "votes": random.integers(0, 60, N),
            "note": random.choice(["bright, blue", 'the "eye"', "", "a; b|c"], N),
        }
    )


def writer(function: Callable[[Path], Written]) -> Callable[[Path], Written]:
    WRITERS[function.__name__.strip("_")] = function
    return function


# Text.


def text(
    separator: str = ",",
    frame: pd.DataFrame | None = None,
    empty: str = "",
    quoting: Any = csv.QUOTE_MINIMAL,
    header: bool = True,
    line_end: str = "\n",
) -> str:
    """The table as delimited text, numbers as short as identifies them."""
    frame = galaxies() if frame is None else frame
    out = io.StringIO()
    rows = csv.writer(out, delimiter=separator, quoting=quoting, lineterminator=line_end)
    if header:
        rows.writerow(frame.columns)
    for row in frame.itertuples(index=False):
        rows.writerow([empty if cell is None or cell != cell else cell for cell in row])
    return out.getvalue()


def _text_writer(name: str, content: Callable[[], str | bytes], file: str = "t.csv", **said: Any) -> None:
    def write(folder: Path) -> Written:
        body = content()
        (folder / file).write_bytes(body.encode() if isinstance(body, str) else body)
        return Written(str(folder / file), **said)

    WRITERS[name] = write


def accented() -> pd.DataFrame:
    """The table with a column whose name and cells are not ASCII."""
    return galaxies().assign(**{"qualité": "très élevée"})


def blanks(frame: pd.DataFrame) -> str:
    """Columns of one width, between blanks, text in quotes."""
    cells = [[str(name) for name in frame.columns]]
    for row in frame.assign(note=frame["note"].str.replace('"', "'")).itertuples(index=False):
        shown = ['""' if cell is None or cell == "" else "nan" if cell != cell else str(cell) for cell in row]
        cells.append([f'"{cell}"' if " " in cell else cell for cell in shown])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)


def ruled(frame: pd.DataFrame) -> str:
    """As VizieR writes text: names, units, and a rule of dashes below which cells may be empty."""
    cells = [list(frame.columns), ["deg" if name in ("RA", "Dec") else "" for name in frame]]
    for row in frame.itertuples(index=False):
        cells.append(["" if cell is None or cell != cell else str(cell) for cell in row])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(2, ["-" * width for width in widths])
    return "\n".join(" ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)


def sexagesimal() -> pd.DataFrame:
    """Positions as text of more digits than double precision has."""
    frame = galaxies().astype({"RA": object, "Dec": object})
    ra, dec = (Angle(galaxies()[name].to_numpy(), "deg") for name in ("RA", "Dec"))
    frame["RA"] = ra.to_string(unit="hourangle", sep=":", precision=10, pad=True)
    frame["Dec"] = dec.to_string(unit="deg", sep=":", precision=9, pad=True, alwayssign=True)
    lost = galaxies()["RA"].isna()
    frame.loc[lost, ["RA", "Dec"]] = None
    return frame


def converted(longitude: str, latitude: str, ra: float, dec: float) -> pd.DataFrame:
    """The table with positions under other names, each multiplied."""
    frame = galaxies().rename(columns={"RA": longitude, "Dec": latitude})
    return frame.assign(**{longitude: frame[longitude] * ra, latitude: frame[latitude] * dec})


def _numbered_rows() -> str:
    return text(frame=galaxies().reset_index(names="")).replace("\n,", "\n")


_text_writer("csv", text)
_text_writer("csv, semicolons", lambda: text(";"))
_text_writer("csv, tabs", lambda: text("\t"), "t.tsv")
_text_writer("csv, vertical bars", lambda: text("|"), "t.txt")
_text_writer("csv, tabs and named .csv", lambda: text("\t"))
_text_writer("csv, no format in its name", text, "galaxies.of_mine", options={"format": "csv"})
_text_writer("csv, byte order mark", lambda: b"\xef\xbb\xbf" + text().encode())
_text_writer("csv, latin-1", lambda: text(frame=accented()).encode("latin-1"))
_text_writer("csv, utf-8 with accents", lambda: text(frame=accented()))
_text_writer("csv, utf-16", lambda: text(";", accented()).encode("utf-16"))
_text_writer("csv, utf-16-le without a mark", lambda: text().encode("utf-16-le"))
_text_writer("csv, utf-16-be with a mark", lambda: b"\xfe\xff" + text().encode("utf-16-be"))
_text_writer("csv, Windows", lambda: text(line_end="\r\n"))
_text_writer("csv, old Macintosh", lambda: text(line_end="\r"))
_text_writer("csv, no end of the last line", lambda: text().rstrip("\n"))
_text_writer("csv, empty lines between and below", lambda: text().replace("\n", "\n\n") + "\n\n\n")
_text_writer("csv, gzip", lambda: gzip.compress(text().encode(), mtime=0), "t.csv.gz")
_text_writer("csv, two gzip members", lambda: b"".join(map(gzip.compress, _halves(text().encode()))), "t.csv.gz")
_text_writer("csv, gzip without saying so", lambda: gzip.compress(text().encode(), mtime=0))
_text_writer("csv, bzip2", lambda: bz2.compress(text().encode()), "t.csv.bz2")
_text_writer("csv, xz", lambda: lzma.compress(text().encode()), "t.csv.xz")
_text_writer("csv, sep=", lambda: "sep=;\n" + text(";"))
_text_writer("csv, sep= of Windows", lambda: "\ufeffsep=;\r\n" + text(";", line_end="\r\n"))
_text_writer("csv, SkyServer", lambda: "#Table1\n" + text())
_text_writer("csv, comments", lambda: "# from a survey\n#\n# of 2019, in two parts; 3\n\n" + text())
_text_writer("csv, comments with line separators", lambda: "# a\u2028b \x0b c \x85 d\n" + text())
_text_writer("csv, header is a comment", lambda: "# " + text())
_text_writer("csv, header is a comment below others", lambda: "# of 2019\n#" + text())
_text_writer("csv, quoted", lambda: text(quoting=csv.QUOTE_ALL))
_text_writer("csv, blanks after commas", lambda: re.sub(r"(?m)^(\d+),([^,]*),([^,]*),", r"\1, \2, \3, ", text()))
_text_writer("csv, separators at the ends", lambda: re.sub(r"(?m)$(?=\n)", ",", text()))
_text_writer("csv, separators at the ends of rows", lambda: re.sub(r"(?m)$(?=\n)", ",", text()).replace(",\n", "\n", 1))
_text_writer("csv, numbers of rows", lambda: text(frame=galaxies().reset_index(names="")))
_text_writer(
    "csv, units in names",
    lambda: text().replace("RA,Dec", "RA (deg),Dec (deg)", 1),
    columns={"ra": "RA (deg)", "dec": "Dec (deg)"},
)
_text_writer("csv, NaN spelled out", lambda: text(frame=galaxies().astype({"z": object}).fillna({"z": "NaN"})))
_text_writer("csv, a longer column of notes", lambda: text(frame=galaxies().assign(note='line one\nline "two", done')))
_text_writer("csv, exponents", lambda: text(frame=galaxies().assign(RA=galaxies()["RA"].map(lambda x: f"{x:.17e}"))))
_text_writer("csv, commas in a name", lambda: text(";", galaxies().rename(columns={"note": "note [a,b,c,d,e,f,g,h]"})))
_text_writer("text, blanks", lambda: blanks(galaxies()), "t.dat")
_text_writer("text, blanks and a commented header", lambda: "# " + blanks(galaxies()).lstrip(), "t.txt")
_text_writer("text, a rule of dashes", lambda: ruled(galaxies()), "t.txt")
_text_writer(
    "text, vertical bars with blanks", lambda: re.sub(r"\|", " | ", text("|", galaxies().drop(columns="note"))), "t.txt"
)
_text_writer("csv, sexagesimal", lambda: text(frame=sexagesimal()), exact=False)
_text_writer("csv, sexagesimal with letters", lambda: text(frame=_lettered(sexagesimal())), exact=False)
_text_writer(
    "csv, hours", lambda: text(frame=converted("RA", "Dec", 1 / 15, 1)), options={"position_unit": "hours"}, exact=False
)
_text_writer(
    "csv, units below the names",
    lambda: text(frame=converted("RA", "Dec", 1 / 15, 1)).replace("\n", "\n,hours,deg,,,,\n", 1),
    exact=False,
)
_text_writer(
    "csv, radians in names",
    lambda: text(frame=converted("ra [rad]", "dec [rad]", np.pi / 180, np.pi / 180)),
    columns={"ra": "ra [rad]", "dec": "dec [rad]"},
    exact=False,
)


def _halves(data: bytes) -> tuple[bytes, bytes]:
    return data[: len(data) // 2], data[len(data) // 2 :]


def _lettered(frame: pd.DataFrame) -> pd.DataFrame:
    ra = frame["RA"].str.replace(r"^(.*):(.*):(.*)$", r"\1h\2m\3s", regex=True)
    return frame.assign(RA=ra, Dec=frame["Dec"].str.replace(r"^(.*):(.*):(.*)$", r"\1d\2m\3s", regex=True))
