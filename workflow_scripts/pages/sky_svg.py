"""Sky maps of pages as SVG: each cell has its value, to point at or to tap.

Mollweide on the sky, ICRS, right ascension 180 degrees in the centre and growing to the left; on a field gnomonic about
its centre, north up and east to the left.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import cos, sin

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
# Points along each side of a cell, and degrees between points of a graticule or a circle.
_STEPS, _DEGREES = 2, 3
_COLOURS_OF_BAR = 24
_MOLLWEIDE = MollweideAxes.MollweideTransform(1)

Project = Callable[[ArrayLike, ArrayLike], tuple[NDArray[np.float64], NDArray[np.float64]]]


@dataclass(frozen=True)
class SkyMap:
    """A map of `values` (p,) by nested HEALPix cell, NaN where nothing is shown, and its colours from `low` to `high`.

    `titles` (p,) are what each cell says; `label` names the values at the colour bar, `ticks` are (value, words) there.
    `outlines` are regions by name, as booleans (p,) of any order, in these `colours` in turn; `circles` (ra, dec,
    radius in degrees); `marks` (ra, dec, words).
    """

    values: NDArray[np.float64]
    titles: Sequence[str]
    label: str
    colour_map: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    outlines: Mapping[str, NDArray[np.bool_]]
    circles: Sequence[tuple[float, float, float]] = ()
    marks: Sequence[tuple[float, float, str]] = ()
    colours: Sequence[str] = ("currentColor",)


def sky_svg(drawn: SkyMap, field: bool, described: str) -> str:
    """The map as an SVG element; `described` is what a screen reader says of it."""
    shown = np.flatnonzero(np.isfinite(drawn.values))
    project, height, frame, labels = _of_field(drawn.values) if field else _of_sky()
    parts = [frame, *_cells(drawn, shown, project, wraps=not field)]
    parts += _outlines(drawn.outlines, drawn.colours, project)
    parts += [_path(_circle(ra, dec, radius), project, "circle", not field) for ra, dec, radius in drawn.circles]
    parts += [_mark(*mark, project) for mark in drawn.marks]
    parts += [labels, _bar(drawn, height)]
    return (
        f'<svg class="sky" role="img" aria-label="{escape(described)}" viewBox="0 0 {_WIDTH} {height + 58}">'
        f"{''.join(parts)}</svg>"
    )


def _of_sky() -> tuple[Project, int, str, str]:
    """Mollweide, its height, its frame, and the graticule with its labels."""
    radius = (_WIDTH - 2 * _MARGIN) / 4
    height = int(2 * radius + 2 * _MARGIN)

    def project(ra: ArrayLike, dec: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        angles = np.radians(np.stack([180.0 - np.asarray(ra, float), np.asarray(dec, float)], axis=-1))
        x, y = np.asarray(_MOLLWEIDE.transform_non_affine(angles), float).T * radius / np.sqrt(2)
        return _WIDTH / 2 + x, height / 2 - y

    across, down = 2 * radius, radius
    frame = f'<ellipse class="sky-edge" cx="{_WIDTH / 2}" cy="{height / 2}" rx="{across:.1f}" ry="{down:.1f}"/>'
    degrees = np.arange(-90, 90.1, _DEGREES)
    lines = [(np.full(len(degrees), ra), degrees) for ra in range(60, 360, 60)]
    lines += [(np.linspace(0, 360, 121), np.full(121, dec)) for dec in (-60, -30, 0, 30, 60)]
    grid = "".join(f'<path class="graticule" d="{_line(project(*line))}"/>' for line in lines)
    for ra in range(60, 360, 60):
        x, y = project([ra], [0.0])
        grid += f'<text class="sky-label" x="{x[0]:.0f}" y="{y[0] - 3:.0f}">{ra}°</text>'
    for dec in (-60, -30, 30, 60):
        x, y = project([359.99], [float(dec)])
        grid += (
            f'<text class="sky-label" x="{max(x[0] - 4, 22):.0f}" y="{y[0] + 4:.0f}" text-anchor="end">{dec:+d}°</text>'
        )
    return project, height, frame, grid


def _of_field(values: NDArray[np.float64]) -> tuple[Project, int, str, str]:
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
    return project, height, "", label


def _cells(drawn: SkyMap, shown: NDArray[np.int64], project: Project, wraps: bool) -> Iterable[str]:
    """A path for each cell; those that cross the edge of the map in two parts."""
    order, colours = order_of(len(drawn.values)), colormaps[drawn.colour_map]
    span = drawn.high - drawn.low
    ra, dec = tile_outlines(order, shown, _STEPS)
    middle, _ = tile_centres(order, shown)
    for number, cell in enumerate(shown):
        edge, value = ra[number], float(drawn.values[cell])
        colour = to_hex(colours(min(1.0, max(0.0, (value - drawn.low) / span))))
        # Right ascensions within half a turn of the centre of the cell.
        near = middle[number] + (edge - middle[number] + 180) % 360 - 180
        turns = [near]
        if wraps and (near.min() < 0 or near.max() > 360):
            turns.append(near + (360 if near.min() < 0 else -360))
        for one in turns:
            x, y = project(np.clip(one, 0, 360) if wraps else one, dec[number])
            yield (
                f'<path class="cell" d="{_line((x, y))}Z" fill="{colour}">'
                f"<title>{escape(drawn.titles[cell])}</title></path>"
            )


def _outlines(regions: Mapping[str, NDArray[np.bool_]], colours: Sequence[str], project: Project) -> Iterable[str]:
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
                if abs(corners_ra[k] - ends_ra[k]) < 180:
                    x, y = project([corners_ra[k], ends_ra[k]], [corners_dec[k], ends_dec[k]])
                    segments.append(_line((x, y)))
        colour, line = colours[number % len(colours)], "".join(segments)
        yield f'<path class="halo" d="{line}"/>' if number == 0 else ""
        yield f'<path class="outline outline{number % 2}" style="stroke: {colour}" d="{line}"/>'


def _circle(ra: float, dec: float, radius: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points on the circle of an angular radius about a direction, degrees."""
    centre = unit_vectors(ra, dec).ravel()
    across = np.cross(centre, [0.0, 0.0, 1.0] if abs(centre[2]) < 0.9 else [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    up, turn = np.cross(across, centre), np.radians(np.arange(0, 361, _DEGREES))
    ring = np.outer(np.cos(turn), across) + np.outer(np.sin(turn), up)
    return right_ascension_declination(cos(np.radians(radius)) * centre + sin(np.radians(radius)) * ring)


def _path(
    points: tuple[NDArray[np.float64], NDArray[np.float64]], project: Project, name: str, wraps: bool = True
) -> str:
    """A line through points, cut where it crosses the edge of the map."""
    ra, dec = points
    cuts = np.flatnonzero(np.abs(np.diff(ra)) > 180) + 1 if wraps else np.empty(0, np.int64)
    pieces = zip(np.split(ra, cuts), np.split(dec, cuts), strict=True)
    return f'<path class="{name}" d="{"".join(_line(project(*piece)) for piece in pieces if len(piece[0]) > 1)}"/>'


def _mark(ra: float, dec: float, words: str, project: Project) -> str:
    x, y = (float(one[0]) for one in project([ra], [dec]))
    left = x > _WIDTH * 0.7
    place = f'x="{x + (-9 if left else 9):.1f}" y="{y + 4:.1f}" text-anchor="{"end" if left else "start"}"'
    cross = f"M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"
    return f'<path class="mark" d="{cross}"/><text class="mark-label" {place}>{escape(words)}</text>'


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
