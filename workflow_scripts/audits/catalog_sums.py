"""A catalog as sums over sky pixels: all that its tests and maps need, additive over disjoint sets of galaxies.

Nothing here grows with the number of galaxies, so a catalog of any size is read and added up in pieces.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.sky.tiles import number_of_tiles, order_of, side_of_tile, tile_centres, tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.pairs.class_agreement import agreement_table
from workflow_scripts.statistics.sky.axis_scan import dipole_sigma
from workflow_scripts.statistics.sky.constrained_components import SKY, constrained_of_fraction
from workflow_scripts.statistics.sky.cosine import right_ascension_vectors
from workflow_scripts.statistics.sky.dipole import ScatterSums
from workflow_scripts.statistics.sky.map_cells import FINEST_OF_SKY, binomial_se, in_cells, map_order, smoothed_cells
from workflow_scripts.statistics.sky.sky_sums import Additive, PixelPositions, PixelValues, PositionSums, ValueSums
from workflow_scripts.statistics.truth.error_dipoles import ErrorSums
from workflow_scripts.statistics.truth.score_calibration import ResidualSums, ScoreCells

# Nside 32: pixels of 1.8 degrees, small against a quadrupole.
AUDIT_ORDER = 5
AUDIT_PIXELS = number_of_tiles(AUDIT_ORDER)
# Nside 256: 0.23 degrees, for fits that should not differ from those with a row a galaxy.
FIT_ORDER = 8
FIT_PIXELS = number_of_tiles(FIT_ORDER)
RA_BINS = 12
# Cells with fewer are left empty: their fractions would take all of the colours.
_FEWEST_DRAWN = 5


@dataclass(frozen=True)
class Places:
    """Where galaxies are: unit vectors (n, 3), pixels and fine ones (n,), cos and sin of right ascension (n, 2), parts.

    `ra_bin` (n,) is one of `RA_BINS` bins, `north` (n,) is 1 for declinations of zero and more.
    """

    vectors: NDArray[np.float64]
    pixels: NDArray[np.int64]
    fine_pixels: NDArray[np.int64]
    circle: NDArray[np.float64]
    ra_bin: NDArray[np.int64]
    north: NDArray[np.int64]

    @classmethod
    def of(cls, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> "Places":
        """Places of positions (n,) in ICRS degrees, right ascensions in [0, 360)."""
        ra_bin = np.minimum((ra / 360 * RA_BINS).astype(np.int64), RA_BINS - 1)
        fine = tile_of(ra, dec, FIT_ORDER)
        # Nested numbers: each pixel holds a run of fine ones.
        pixels, north = fine >> 2 * (FIT_ORDER - AUDIT_ORDER), (dec >= 0).astype(np.int64)
        return cls(unit_vectors(ra, dec), pixels, fine, right_ascension_vectors(ra), ra_bin, north)

    def chosen(self, rows: NDArray[np.bool_]) -> "Places":
        """The places of some of the galaxies."""
        return Places(*(getattr(self, field.name)[rows] for field in fields(self)))

    def parts(self, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Sums of `weights` (n,), or numbers of galaxies, by right ascension bin and hemisphere: (RA_BINS, 2)."""
        cells = 2 * self.ra_bin + self.north
        return np.bincount(cells, weights=weights, minlength=2 * RA_BINS).astype(float).reshape(RA_BINS, 2)


@dataclass(frozen=True)
class AnnotationSums(Additive):
    """One annotation of the galaxies: 0/1 labels in pixels, large and fine, in right ascension, and by parts."""

    labels: PixelValues
    fine_positives: NDArray[np.float64]
    circle: ValueSums
    positives: NDArray[np.float64]

    @classmethod
    def of(cls, labels: NDArray[np.float64], places: Places) -> "AnnotationSums":
        """Sums of labels (n,) of 0 and 1."""
        return cls(
            PixelValues.of(labels, places.vectors, places.pixels, AUDIT_PIXELS),
            np.bincount(places.fine_pixels, weights=labels, minlength=FIT_PIXELS).astype(float),
            ValueSums.of(labels, places.circle),
            places.parts(labels),
        )

    def signs(self, positions: PixelPositions) -> PixelValues:
        """The same labels as signs, 2 y - 1."""
        vector = 2 * self.labels.vector - positions.sums.first
        return PixelValues(2 * self.labels.totals - positions.counts, positions.counts.astype(float), vector)


@dataclass(frozen=True)
class PairSums(Additive):
    """Two annotations of the galaxies: their difference in pixels and by parts, and how classes go together.

    `by_part` (3, RA_BINS, 2) counts differences -1, 0 and 1; `table` (k, k) galaxies by class of the first (row) and of
    the second.
    """

    difference: PixelValues
    scatter: ScatterSums
    discordant: PixelPositions
    only_first: NDArray[np.float64]
    by_part: NDArray[np.float64]
    table: NDArray[np.int64]

    @classmethod
    def of(
        cls, first: NDArray, second: NDArray, numbers: tuple[NDArray, NDArray], n_classes: int, places: Places
    ) -> "PairSums":
        """Sums of two columns of labels (n,) of 0 and 1, and of their class numbers in 0 ... n_classes - 1."""
        delta = first - second
        differ = delta != 0
        return cls(
            PixelValues.of(delta, places.vectors, places.pixels, AUDIT_PIXELS),
            ScatterSums.of(delta, places.vectors),
            PixelPositions.of(places.vectors[differ], places.pixels[differ], AUDIT_PIXELS),
            np.bincount(places.pixels, weights=delta > 0, minlength=AUDIT_PIXELS).astype(float),
            np.stack([places.parts((delta == value).astype(float)) for value in (-1, 0, 1)]),
            agreement_table(*numbers, n_classes),
        )


@dataclass(frozen=True)
class ReferenceSums(Additive):
    """Labels against reference labels, of the galaxies that have one.

    `parts` (2, 2, RA_BINS, 2) counts galaxies by reference, label, right ascension bin and hemisphere; `known` and
    `wrong` (p,) by pixel. `residuals` and `cells` (two regions: right ascension below and above 180 degrees) are of
    scores, None where there are none.
    """

    parts: NDArray[np.float64]
    errors: ErrorSums
    known: NDArray[np.float64]
    wrong: NDArray[np.float64]
    residuals: ResidualSums | None
    cells: ScoreCells | None

    @classmethod
    def of(cls, labels: NDArray, truth: NDArray, scores: NDArray | None, places: Places) -> "ReferenceSums":
        """Sums of labels and reference labels (n,) of 0 and 1, and of scores (n,); raises `ValueError` as its parts."""
        pairs = [[places.parts(((truth == t) & (labels == y)).astype(float)) for y in (0, 1)] for t in (0, 1)]
        half = (places.ra_bin >= RA_BINS // 2).astype(np.int64)
        return cls(
            np.array(pairs),
            ErrorSums.of(labels, truth, places.vectors),
            np.bincount(places.pixels, minlength=AUDIT_PIXELS).astype(float),
            np.bincount(places.pixels, weights=labels != truth, minlength=AUDIT_PIXELS).astype(float),
            None if scores is None else ResidualSums.of(scores, truth, places.vectors),
            None if scores is None else ScoreCells.of(scores, truth, regions=half, n_regions=2),
        )


@dataclass(frozen=True)
class CatalogSums(Additive):
    """All galaxies of a catalog: `counts` (RA_BINS, 2) by parts, and sums of annotations, pairs of them, reference."""

    positions: PixelPositions
    fine_positions: PixelPositions
    circle: PositionSums
    counts: NDArray[np.float64]
    annotations: tuple[AnnotationSums, ...]
    pairs: tuple[PairSums, ...] = ()
    reference: ReferenceSums | None = None

    @classmethod
    def of(
        cls,
        places: Places,
        annotations: Sequence[AnnotationSums],
        pairs: Sequence[PairSums] = (),
        reference: ReferenceSums | None = None,
    ) -> "CatalogSums":
        """Sums of galaxies at their places, with the sums of their labels."""
        return cls(
            PixelPositions.of(places.vectors, places.pixels, AUDIT_PIXELS),
            PixelPositions.of(places.vectors, places.fine_pixels, FIT_PIXELS),
            PositionSums.of(places.circle),
            places.parts(),
            tuple(annotations),
            tuple(pairs),
            reference,
        )

    @property
    def n(self) -> int:
        """Number of galaxies."""
        return self.positions.n


# Sums over pixels (p,) above and below: of a number, and of galaxies.
Ratio = tuple[NDArray[np.float64], NDArray[np.float64]]


def audit_maps(
    sums: CatalogSums,
    field: bool,
    fractions: Ratio | None = None,
    difference: Ratio | None = None,
    score: Ratio | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Nested HEALPix maps (ICRS) of a catalog, NaN where there are too few galaxies.

    `n`: galaxies; `fraction`: of the positive class of the first annotation; `difference`: first minus second
    annotation, where there are two; both as given instead of those of `sums`, where galaxies have weights; `score`:
    mean score; `smooth:fraction`: the fraction, drawn towards the mean by each cell's error; `errors`: share of
    labels that are not the reference's, where there is one. Cells are as small as leaves enough galaxies in a
    typical one (`map_cells`), smaller on a `field` than on the sky. `sigma`: paper-style sigma along the axis in
    each pixel of nside 32; absent where the galaxies do not constrain all of a dipole.
    """
    counts, fine = sums.positions.counts.astype(float), sums.fine_positions.counts.astype(float)
    order = map_order(fine, FIT_ORDER if field else FINEST_OF_SKY)
    fractions = fractions or (sums.annotations[0].fine_positives, fine)
    n, fraction = in_cells(fine, order), _ratio(*fractions, order)
    maps = {"n": n, "fraction": fraction, "smooth:fraction": _without_noise(fraction, n)}
    if sums.pairs:
        above, below = difference or (sums.pairs[0].difference.totals, counts)
        maps["difference"] = _ratio(above, below, order)
    if score:
        maps["score"] = _ratio(*score, order)
    if sums.reference is not None:
        maps["errors"] = _ratio(sums.reference.wrong, sums.reference.known, order)
    signs = sums.annotations[0].signs(sums.positions)
    try:
        sky = constrained_of_fraction(sums.positions.sums, sums.annotations[0].labels.sums.total / sums.n)
    except ValueError:
        # All labels are the same, or there are too few.
        return maps
    if sky.kind == SKY:
        axes = unit_vectors(*tile_centres(AUDIT_ORDER))
        maps["sigma"] = dipole_sigma(axes, sums.positions.sums, signs.sums)
    return maps


def _without_noise(fraction: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    order = order_of(len(n))
    centres = unit_vectors(*tile_centres(order))
    return smoothed_cells(fraction, binomial_se(fraction, n), n, centres, side_of_tile(order))


def _ratio(above: NDArray, below: NDArray, order: int) -> NDArray[np.float64]:
    # Not all are known in fine pixels.
    order = min(order, (len(below) // 12).bit_length() // 2)
    number = in_cells(below, order)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(number >= _FEWEST_DRAWN, in_cells(above, order) / number, np.nan)
