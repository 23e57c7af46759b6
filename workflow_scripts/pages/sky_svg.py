"""Sky maps of pages as SVG: each cell has its value, to point at or to tap.

Mollweide on the sky, ICRS, right ascension growing to the left; 180 degrees are in the centre, or the middle of the
survey where that covers a part. On a field gnomonic about its centre, north up and east to the left.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.projections.geo import MollweideAxes
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.sky.tiles import order_of, side_of_tile, tile_centres, tile_of, tile_outlines
from workflow_scripts.sky.unit_vectors import right_ascension_declination, unit_vectors
from workflow_scripts.statistics.sky.field_trend import field_axes
from workflow_scripts.statistics.sky.sky_sums import PositionSums

_WIDTH, _MARGIN = 720, 14
# Points along each side of a cell, and degrees between points of a graticule.
_STEPS, _DEGREES = 2, 3
_COLOURS_OF_BAR = 24
# From the middle of a mark to its label, and the width of a letter there at its largest, on a narrow screen.
_OFF, _LETTER = 13, 10.5
# Of the name of a region above the middle, where the degrees of the equator stand.
_ABOVE = 28
# A part of the sky is drawn larger, unless it is most of it; its map is so high, of its width.
_MOST_OF, _LOWEST, _HIGHEST = 0.8, 0.25, 0.7
# Right ascensions that are left out, degrees, so that the others are put in the middle.
_GAP = 60
# Beyond this declination meridians lie so close that their degrees say little.
_NEAR_POLE = 75
_GRATICULE = (60, 30, 15, 10, 5, 2, 1)
_MOLLWEIDE = MollweideAxes.MollweideTransform(1)

Project = Callable[[ArrayLike, ArrayLike], tuple[NDArray[np.float64], NDArray[np.float64]]]


@dataclass(frozen=True)
class SkyMap:
    """A map of `values` (p,) by nested HEALPix cell, NaN where nothing is shown, and its colours from `low` to `high`.

    `titles` (p,) are what each cell says; `label` names the values at the colour bar, `ticks` are (value, words) there.
    `outlines` are regions by name, as booleans (p,) of any order, in these `colours` in turn, with their names in them;
    `rings` are closed lines of unit vectors (m, 3); `marks` (ra, dec, words).
    """

    values: NDArray[np.float64]
    titles: Sequence[str]
    label: str
    colour_map: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    outlines: Mapping[str, NDArray[np.bool_]]
    rings: Sequence[NDArray[np.float64]] = ()
    marks: Sequence[tuple[float, float, str]] = ()
    colours: Sequence[str] = ("currentColor",)


@dataclass(frozen=True)
class _Plane:
    """Where the sky is drawn: `project` takes right ascensions that `turned` gives, and declinations, to x and y.

    `turn` is that of the right ascensions, None on a field, where nothing crosses the edge of the map.
    """

    project: Project
    height: int
    frame: str
    labels: str
    turn: float | None = None

    def turned(self, ra: ArrayLike) -> NDArray[np.float64]:
        """Right ascensions from 0 at the right edge of the map to 360 at the left one."""
        return np.asarray(ra, float) if self.turn is None else (np.asarray(ra, float) - self.turn) % 360


def sky_svg(drawn: SkyMap, field: bool, described: str) -> str:
    """The map as an SVG element; `described` is what a screen reader says of it.

    Where the cells with values fill a part of the sky, that part is drawn, in the middle. Marks beyond are left out.
    """
    shown = np.flatnonzero(np.isfinite(drawn.values))
    plane = _of_field(drawn.values) if field else _of_sky(drawn.values)
    parts = [plane.frame, *_cells(drawn, shown, plane)]
    parts += _outlines(drawn.outlines, drawn.colours, plane)
    for ring in drawn.rings:
        parts += [_path(right_ascension_declination(ring), plane, name) for name in ("halo", "ring")]
    parts += _names(drawn, shown, plane)
    parts += [*(_mark(*mark, plane) for mark in drawn.marks), plane.labels]
    return (
        f'<svg class="sky" role="img" aria-label="{escape(described)}" viewBox="0 0 {_WIDTH} {plane.height + 58}">'
        f'<svg width="{_WIDTH}" height="{plane.height}" overflow="hidden">{"".join(parts)}</svg>'
        f"{_bar(drawn, plane.height)}</svg>"
    )


def _mollweide(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
    """(2, n): x to the left-hand edge of right ascension 360, of 2 sqrt 2 at most, and y, of sqrt 2 at most."""
    angles = np.radians(np.stack([180.0 - np.asarray(ra, float), np.asarray(dec, float)], axis=-1))
    return np.asarray(_MOLLWEIDE.transform_non_affine(angles), float).T


def _of_sky(values: NDArray[np.float64]) -> _Plane:
    """Mollweide of the part of the sky that has values, its frame, and the graticule with its labels."""
    order = order_of(len(values))
    ra, dec = (centres[np.isfinite(values)] for centres in tile_centres(order))
    turn = _turn(ra)
    seen, side = _mollweide((ra - turn) % 360, dec), np.radians(side_of_tile(order))
    low, high = seen.min(axis=1) - side, seen.max(axis=1) + side
    whole = bool(np.all(high - low > _MOST_OF * np.sqrt(2) * np.array([4, 2])))
    if whole:
        low, high = np.sqrt(2) * np.array([[-2, -1], [2, 1]])
    room = _WIDTH - 2 * _MARGIN
    scale = float(min(room / (high - low)[0], _HIGHEST * room / (high - low)[1]))
    height = int(max((high - low)[1] * scale, _LOWEST * room) + 2 * _MARGIN)
    middle = (low + high) / 2

    def project(ra: ArrayLike, dec: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        x, y = (_mollweide(ra, dec).T - middle).T * scale
        return _WIDTH / 2 + x, height / 2 - y

    (cx,), (cy,) = project([180.0], [0.0])
    radii = f'rx="{2 * np.sqrt(2) * scale:.1f}" ry="{np.sqrt(2) * scale:.1f}"'
    frame = f'<ellipse class="sky-edge" cx="{cx:.1f}" cy="{cy:.1f}" {radii}/>'
    # Degrees between lines, so that some four of them are seen.
    extents = np.degrees(np.array([_WIDTH, height]) / scale / np.sqrt(2) * np.pi / 2)
    steps = [next((step for step in _GRATICULE if step <= extent / 4), 1) for extent in extents]
    return _Plane(project, height, frame, _graticule(project, height, turn, *steps), turn)


def _turn(ra: NDArray[np.float64]) -> float:
    """By how much right ascensions are turned, so that those that are covered lie in the middle of the map."""
    ordered = np.sort(ra)
    gaps = np.diff(ordered, append=ordered[0] + 360)
    widest = int(np.argmax(gaps))
    return float(ordered[widest] + gaps[widest] / 2) % 360 if gaps[widest] > _GAP else 0.0


def _graticule(project: Project, height: int, turn: float, step_ra: int, step_dec: int) -> str:
    """Meridians and parallels with their degrees, where they are within the map."""
    fine = np.linspace(-90, 90, 181)
    equator_seen = 0 < project([180.0], [0.0])[1][0] < height
    grid = ""
    for ra in range(0, 360, step_ra):
        x, y = project(np.full(len(fine), (ra - turn) % 360), fine)
        grid += f'<path class="graticule" d="{_line((x[::_DEGREES], y[::_DEGREES]))}"/>'
        seen = (x > 22) & (x < _WIDTH - 22) & (y > 14) & (y < height - 6)
        inside = np.flatnonzero(seen & (np.abs(fine) < _NEAR_POLE))
        # At the equator where it is seen, and at the lower edge elsewhere.
        places = inside[fine[inside] == 0] if equator_seen else inside[y[inside] > 0.8 * height]
        if len(places):
            at = places[np.argmax(y[places])]
            grid += f'<text class="sky-label" x="{x[at]:.0f}" y="{y[at] - 3:.0f}">{ra}°</text>'
    around = np.linspace(0, 359.99, 361)
    for dec in range(-90 + step_dec, 90, step_dec):
        x, y = project(around, np.full(len(around), float(dec)))
        grid += f'<path class="graticule" d="{_line((x[::_DEGREES], y[::_DEGREES]))}"/>'
        inside = np.flatnonzero((x > 0) & (x < _WIDTH) & (y > 8) & (y < height - 4))
        if len(inside) and dec:
            at = inside[np.argmin(x[inside])]
            grid += f'<text class="sky-label" x="{max(x[at] - 4, 22):.0f}" y="{y[at] + 4:.0f}">{dec:+d}°</text>'
    return grid


def _of_field(values: NDArray[np.float64]) -> _Plane:
    """Gnomonic about the centre of the cells that have values, its height, no frame, and where it lies."""
    order = order_of(len(values))
    ra, dec = (centres[np.isfinite(values)] for centres in tile_centres(order))
    plane = field_axes(PositionSums.of(unit_vectors(ra, dec)))
    centre = np.cross(*plane)

    def flat(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
        vectors = unit_vectors(np.atleast_1d(ra), np.atleast_1d(dec))
        return np.degrees(vectors @ plane.T / (vectors @ centre)[:, None])

    side = side_of_tile(order)
    low, high = flat(ra, dec).min(axis=0) - side, flat(ra, dec).max(axis=0) + side
    scale = (_WIDTH - 2 * _MARGIN - 60) / (high - low)[0]
    height = int((high - low)[1] * scale + 2 * _MARGIN + 18)

    def project(ra: ArrayLike, dec: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        xi, eta = flat(ra, dec).T
        return _MARGIN + 50 + (high[0] - xi) * scale, _MARGIN + (high[1] - eta) * scale

    ra0, dec0 = right_ascension_declination(centre)
    words = f"about RA {ra0:.2f}°, Dec {dec0:+.2f}°; {(high - low)[0]:.3g} by {(high - low)[1]:.3g} degrees"
    label = f'<text class="sky-label" x="{_WIDTH / 2}" y="{height - 2}">{words}; north up, east to the left</text>'
    return _Plane(project, height, "", label)


def _cells(drawn: SkyMap, shown: NDArray[np.int64], plane: _Plane) -> Iterable[str]:
    """A path for each cell; those that cross the edge of the map in two parts."""
    order, colours = order_of(len(drawn.values)), colormaps[drawn.colour_map]
    span = drawn.high - drawn.low
    ra, dec = tile_outlines(order, shown, _STEPS)
    ra, middle, wraps = plane.turned(ra), plane.turned(tile_centres(order, shown)[0]), plane.turn is not None
    for number, cell in enumerate(shown):
        edge, value = ra[number], float(drawn.values[cell])
        colour = to_hex(colours(min(1.0, max(0.0, (value - drawn.low) / span))))
        # Right ascensions within half a turn of the centre of the cell.
        near = middle[number] + (edge - middle[number] + 180) % 360 - 180
        turns = [near]
        if wraps and (near.min() < 0 or near.max() > 360):
            turns.append(near + (360 if near.min() < 0 else -360))
        for one in turns:
            x, y = plane.project(np.clip(one, 0, 360) if wraps else one, dec[number])
            yield (
                f'<path class="cell" d="{_line((x, y))}Z" fill="{colour}">'
                f"<title>{escape(drawn.titles[cell])}</title></path>"
            )


def _outlines(regions: Mapping[str, NDArray[np.bool_]], colours: Sequence[str], plane: _Plane) -> Iterable[str]:
    """The edges between pixels inside and outside of each region, on a wider line that any map leaves visible."""
    for number, inside in enumerate(regions.values()):
        order = order_of(len(inside))
        ra, dec = tile_outlines(order, np.flatnonzero(inside), 1)
        segments: list[str] = []
        for corners_ra, corners_dec in zip(ra, dec, strict=True):
            ends_ra, ends_dec = np.roll(corners_ra, -1), np.roll(corners_dec, -1)
            vectors = unit_vectors(corners_ra, corners_dec) + unit_vectors(ends_ra, ends_dec)
            middle = vectors.mean(axis=0)
            # A little beyond the middle of each side.
            beyond = vectors / np.linalg.norm(vectors, axis=1)[:, None] * 1.05 - middle / np.linalg.norm(middle) * 0.05
            there = tile_of(*right_ascension_declination(beyond / np.linalg.norm(beyond, axis=1)[:, None]), order)
            for k in np.flatnonzero(~inside[there]):
                both = plane.turned([corners_ra[k], ends_ra[k]])
                if abs(both[1] - both[0]) < 180:
                    segments.append(_line(plane.project(both, [corners_dec[k], ends_dec[k]])))
        colour, line = colours[number % len(colours)], "".join(segments)
        yield f'<path class="halo" d="{line}"/>' if number == 0 else ""
        yield f'<path class="outline outline{number % 2}" style="stroke: {colour}" d="{line}"/>'


def _names(drawn: SkyMap, shown: NDArray[np.int64], plane: _Plane) -> Iterable[str]:
    """The name of each region on that of its cells with values which is the nearest to the middle of them all."""
    ra, dec = tile_centres(order_of(len(drawn.values)), shown)
    for name, inside in drawn.outlines.items():
        own = np.flatnonzero(inside[tile_of(ra, dec, order_of(len(inside)))])
        if len(own):
            vectors = unit_vectors(ra[own], dec[own])
            at = own[np.argmax(vectors @ vectors.mean(axis=0))]
            (x,), (y,) = plane.project(plane.turned([ra[at]]), [dec[at]])
            yield f'<text class="region-label" x="{x:.0f}" y="{y - _ABOVE:.0f}">{escape(name)}</text>'


def _path(points: tuple[NDArray[np.float64], NDArray[np.float64]], plane: _Plane, name: str) -> str:
    """A line through points, cut where it crosses the edge of the map."""
    ra, dec = plane.turned(points[0]), points[1]
    cuts = np.flatnonzero(np.abs(np.diff(ra)) > 180) + 1 if plane.turn is not None else np.empty(0, np.int64)
    pieces = zip(np.split(ra, cuts), np.split(dec, cuts), strict=True)
    drawn = "".join(_line(plane.project(*piece)) for piece in pieces if len(piece[0]) > 1)
    return f'<path class="{name}" d="{drawn}"/>'


def _mark(ra: float, dec: float, words: str, plane: _Plane) -> str:
    x, y = (float(one[0]) for one in plane.project(plane.turned([ra]), [dec]))
    if not (0 <= x <= _WIDTH and 0 <= y <= plane.height):
        return ""
    at, below, anchor = _label_place(x, y, dec, len(words) * _LETTER, plane)
    place = f'x="{at:.1f}" y="{below:.1f}" style="text-anchor: {anchor}"'
    cross = f"M{x - 7:.1f} {y - 7:.1f}l14 14m0 -14l-14 14"
    return (
        f'<path class="mark-halo" d="{cross}"/><path class="mark" d="{cross}"/>'
        f'<text class="mark-label" {place}>{escape(words)}</text>'
    )


def _label_place(x: float, y: float, dec: float, width: float, plane: _Plane) -> tuple[float, float, str]:
    """x, y and anchor of a label so wide: beside its mark within the sky, else above or below it within the map."""
    left, right = 0.0, float(_WIDTH)
    if plane.turn is not None:
        ends = plane.project([360.0, 0.0], [dec, dec])[0]
        left, right = max(left, float(ends.min())), min(right, float(ends.max()))
    if x + _OFF + width < right:
        return x + _OFF, y + 5, "start"
    if x - _OFF - width > left:
        return x - _OFF, y + 5, "end"
    middle = min(max(x, width / 2), _WIDTH - width / 2)
    return middle, y - _OFF if y > 3 * _OFF else y + 2 * _OFF, "middle"


def _bar(drawn: SkyMap, height: int) -> str:
    """The colours with their values, and what they are."""
    left, width, top = _WIDTH * 0.25, _WIDTH * 0.5, height + 6
    step, colours = width / _COLOURS_OF_BAR, colormaps[drawn.colour_map]
    parts = [
        f'<rect x="{left + k * step:.1f}" y="{top}" width="{step + 0.5:.1f}" height="12"'
        f' fill="{to_hex(colours((k + 0.5) / _COLOURS_OF_BAR))}"/>'
        for k in range(_COLOURS_OF_BAR)
    ]
    for value, words in drawn.ticks:
        x = left + width * (value - drawn.low) / (drawn.high - drawn.low)
        parts.append(f'<text class="sky-label" x="{x:.0f}" y="{top + 26}">{escape(words)}</text>')
    parts.append(f'<text class="bar-label" x="{_WIDTH / 2}" y="{top + 44}">{escape(drawn.label)}</text>')
    return "".join(parts)


def _line(points: tuple[NDArray[np.float64], NDArray[np.float64]]) -> str:
    x, y = points
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
