"""The debiased fraction as a HEALPix map: FITS for everyone, healsparse as well where the survey is small."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from workflow_scripts.corrections.imaging_map import MAP_FILE
from workflow_scripts.corrections.measured_correction import MeasuredCorrection
from workflow_scripts.errors import InputError
from workflow_scripts.sky.tiles import number_of_tiles, tile_of
from workflow_scripts.whole_file import whole_file

_SPARSE_FILE = "debiased_fraction.hsp"
# A pixel holds so many galaxies on average, and is not smaller than 3.4 arcmin or larger than 15 degrees.
_GALAXIES_A_PIXEL = 20
_LARGEST_ORDER, _SMALLEST_ORDER = 10, 2
# A survey of less is small: most of a full map would be empty.
SMALL_SKY = 0.1
_COARSE_NSIDE = 32


@dataclass(frozen=True)
class DebiasedMap:
    """A map of p occupied nested HEALPix pixels (ICRS) of an order.

    `counts` galaxies, `fraction` as annotated, `debiased`, and the `variance` of its independent part (p,); `columns`
    (p, m) are the means of the terms, so that the covariance of the map is diag(variance) + columns S columns^T with S
    the covariance of the terms.
    """

    order: int
    pixels: NDArray[np.int64]
    counts: NDArray[np.int64]
    fraction: NDArray[np.float64]
    debiased: NDArray[np.float64]
    variance: NDArray[np.float64]
    terms: tuple[str, ...]
    columns: NDArray[np.float64]
    term_covariance: NDArray[np.float64]

    @classmethod
    def of(cls, measured: MeasuredCorrection, nside: int | None) -> "DebiasedMap":
        """From a correction; `nside` None follows the number of galaxies."""
        galaxies = measured.galaxies
        order = _order_of(galaxies.ra, galaxies.dec) if nside is None else int(nside).bit_length() - 1
        pixels, inside, counts = np.unique(
            tile_of(galaxies.ra, galaxies.dec, order), return_inverse=True, return_counts=True
        )

        def means(values: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.bincount(inside, values) / counts

        return cls(
            order=order,
            pixels=pixels,
            counts=counts.astype(np.int64),
            fraction=means(measured.share),
            debiased=means(measured.found.values),
            variance=measured.found.excess * measured.found.variance / counts,
            terms=measured.terms,
            columns=np.column_stack([means(column) for column in measured.term_values.T]),
            term_covariance=measured.term_covariance,
        )

    @property
    def nside(self) -> int:
        """HEALPix nside."""
        return 2**self.order

    @property
    def covered(self) -> float:
        """Share of the sky that is in pixels with galaxies."""
        return len(self.pixels) / number_of_tiles(self.order)

    def covariance(self) -> NDArray[np.float64]:
        """The covariance (p, p) of weighted means of the map, such as a dipole with galaxies as weights."""
        return np.diag(self.variance) + self.columns @ self.term_covariance @ self.columns.T


def _order_of(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> int:
    order = _LARGEST_ORDER
    while order > _SMALLEST_ORDER and len(np.unique(tile_of(ra, dec, order))) * _GALAXIES_A_PIXEL > len(ra):
        order -= 1
    return order


def write_map(folder: Path, made: DebiasedMap, header: dict[str, Any]) -> list[Path]:
    """Write the map as FITS, and where it is of a small part of the sky also for healsparse; the files.

    `header` has further cards, by keyword, with value and comment. Raises `InputError` where healsparse is needed and
    not installed.
    """
    files = [folder / MAP_FILE]
    with whole_file(files[0]) as temporary:
        fits.HDUList([fits.PrimaryHDU(), _pixel_table(made, header), _covariance_table(made)]).writeto(temporary)
    if made.covered < SMALL_SKY:
        files.append(folder / _SPARSE_FILE)
        with whole_file(files[-1]) as temporary:
            _write_sparse(temporary, made)
    return files


def _pixel_table(made: DebiasedMap, header: dict[str, Any]) -> fits.BinTableHDU:
    columns = [
        fits.Column("PIXEL", "K", array=made.pixels),
        # Fractions have no unit; that of numbers of galaxies is FITS's own.
        fits.Column("FRACTION", "D", array=made.fraction),
        fits.Column("DEBIASED", "D", array=made.debiased),
        fits.Column("VARIANCE", "D", array=made.variance),
        fits.Column("N", "K", unit="count", array=made.counts),
        *(fits.Column(name, "D", array=made.columns[:, i]) for i, name in enumerate(made.terms)),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="DEBIASED")
    for keyword, value, comment in (
        ("PIXTYPE", "HEALPIX", "pixelisation"),
        ("ORDERING", "NESTED", "numbering of pixels"),
        ("COORDSYS", "C", "ICRS"),
        ("NSIDE", made.nside, "resolution"),
        ("INDXSCHM", "EXPLICIT", "pixels are in column PIXEL"),
        ("OBJECT", "PARTIAL", "pixels without galaxies are left out"),
        ("FIRSTPIX", int(made.pixels[0]), "first pixel"),
        ("LASTPIX", int(made.pixels[-1]), "last pixel"),
    ):
        table.header[keyword] = (value, comment)
    for keyword, (value, comment) in header.items():
        table.header[keyword] = (value, comment)
    table.header["COMMENT"] = "Covariance of DEBIASED: diag(VARIANCE) + D S D^T. D: the columns that are named in"
    table.header["COMMENT"] = "the rows of the table COVARIANCE, in this order; S: the matrix of that table."
    return table


def _covariance_table(made: DebiasedMap) -> fits.BinTableHDU:
    m = len(made.terms)
    width = max(map(len, made.terms))
    return fits.BinTableHDU.from_columns(
        [
            fits.Column("TERM", f"{width}A", array=np.array(made.terms)),
            fits.Column("COVARIANCE", f"{m}D", array=made.term_covariance),
        ],
        name="COVARIANCE",
    )


def _write_sparse(path: Path, made: DebiasedMap) -> None:
    try:
        import healsparse
    except ImportError:
        raise InputError(
            f"{path.with_name(_SPARSE_FILE)}: the survey covers {made.covered:.1%} of the sky, for which a map in"
            " healsparse form is written; expected the package healsparse to be installed"
        ) from None
    kinds = [("fraction", "f8"), ("debiased", "f8"), ("variance", "f8"), ("n", "i8")]
    sparse = healsparse.HealSparseMap.make_empty(
        min(_COARSE_NSIDE, made.nside), made.nside, dtype=np.dtype(kinds), primary="debiased"
    )
    rows = np.zeros(len(made.pixels), dtype=kinds)
    for (name, _), values in zip(kinds, (made.fraction, made.debiased, made.variance, made.counts), strict=True):
        rows[name] = values
    sparse.update_values_pix(made.pixels, rows)
    sparse.write(str(path), clobber=True)
