"""Which maps a page shows, with their colours, values and findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.answers.wording import NO_RANGE, capital, place_in_words, points_in_words, range_by_place
from workflow_scripts.figures.mollweide import colour_range, range_about_zero
from workflow_scripts.figures.style import LOOK, colour_in_words
from workflow_scripts.pages.sky_svg import SkyMap, sky_svg
from workflow_scripts.sky.tiles import order_of, tile_centres
from workflow_scripts.statistics.sky.constrained_components import FIELD

# So many differences are shown; the others are among the figures.
_MOST_PAIRS = 2
# Of the sky in one of two footprints and not in both: they have one border.
_OPPOSITE = 0.98


@dataclass(frozen=True)
class SkyPanel:
    """A map of a page: its SVG, what it shows as a sentence, and its caption."""

    svg: str
    finding: str
    caption: str


@dataclass(frozen=True)
class OnSky:
    """What is drawn over all maps: `outlines` of footprints by name (boolean HEALPix maps), and an axis.

    `axis` is (ra, dec, words), `region` the border of its region of 95 % as unit vectors (m, 3), and `radius` that of a
    circle as large (degrees); None where it has none. `look` has the colours and
    colour maps, as an experiment's `figures`.
    """

    outlines: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    axis: tuple[float, float, str] | None = None
    region: NDArray[np.float64] | None = None
    radius: float | None = None
    look: Mapping[str, Any] = field(default_factory=lambda: LOOK)


def sky_panels(maps: Mapping[str, NDArray], sky_kind: str, positive: str, over: OnSky) -> list[SkyPanel]:
    """The maps of the fraction and of its differences; empty where no cell has enough galaxies."""
    panels = []
    sequential, diverging = over.look["sequential_map"], over.look["diverging_map"]
    if "smooth:minus_reference" in maps and np.isfinite(bias := maps["smooth:minus_reference"]).any():
        low, high = _range(bias)
        finding = (
            f"All networks together call between {points_in_words(low)} and {points_in_words(high)} percentage points"
            f" more galaxies {positive} than the reference, by place."
        )
        label = f"fraction called {positive}: prediction minus reference, all networks"
        scale, colours = colour_range(bias, NO_RANGE), sequential
        if low < 0 < high:
            # White is zero.
            scale, colours = range_about_zero([bias]), diverging
        panels.append(_panel(maps, "minus_reference", sky_kind, label, colours, scale, finding, over))
    else:
        panels += fraction_panels({f"fraction called {positive}": maps}, sky_kind, over)
    names = [name for name in maps if name.startswith("smooth:difference")]
    scale = range_about_zero(maps[name] for name in names) if names else (0.0, 0.0)
    for name in names[:_MOST_PAIRS]:
        shown = maps[name]
        if not np.isfinite(shown).any():
            continue
        first, second = name.split(":")[2:]
        mean = float(np.nanmean(shown))
        finding = (
            f"Networks of {first} call {points_in_words(abs(mean))} percentage points"
            f" {'more' if mean >= 0 else 'fewer'} galaxies {positive} than those of {second} in the mean of the cells,"
            f" from {points_in_words(float(np.nanmin(shown)))} to {points_in_words(float(np.nanmax(shown)))}."
        )
        label = f"fraction called {positive}: {first} minus {second}"
        outlines = {one: over.outlines[one] for one in (first, second) if one in over.outlines}
        own = replace(over, outlines=outlines, axis=None, radius=None)
        panels.append(_panel(maps, name.removeprefix("smooth:"), sky_kind, label, diverging, scale, finding, own))
    return panels


def fraction_panels(named: Mapping[str, Mapping[str, NDArray]], sky_kind: str, over: OnSky) -> list[SkyPanel]:
    """Maps of a fraction by their labels, in the same colours; empty where no cell of one has enough galaxies.

    Each has `n`, `fraction` and `smooth:fraction`.
    """
    shown = [maps["smooth:fraction"] for maps in named.values()]
    if not all(np.isfinite(one).any() for one in shown):
        return []
    scale = colour_range(np.stack(shown), NO_RANGE)
    panels = []
    for (label, maps), one in zip(named.items(), shown, strict=True):
        finding = range_by_place(*_range(one), label)
        panels.append(_panel(maps, "fraction", sky_kind, label, over.look["sequential_map"], scale, finding, over))
    return panels


def _panel(
    maps: Mapping[str, NDArray],
    name: str,
    sky_kind: str,
    label: str,
    colour_map: str,
    scale: tuple[float, float],
    finding: str,
    over: OnSky,
) -> SkyPanel:
    values, raw, n = maps[f"smooth:{name}"], maps[name], maps["n"]
    difference = name != "fraction"
    ra, dec = tile_centres(order_of(len(values)))
    titles = [
        f"{place_in_words(ra[cell], dec[cell])}: {_value(values[cell], difference)}"
        f" (as measured {_value(raw[cell], difference)}, {int(n[cell]):,} galaxies)"
        if np.isfinite(values[cell])
        else ""
        for cell in range(len(values))
    ]
    ticks = [(value, _value(value, difference)) for value in np.linspace(*scale, 3)]
    rings = [over.region] if over.axis and over.region is not None else []
    drawn = SkyMap(
        values, titles, label, colour_map, *scale, ticks, over.outlines, rings, [over.axis] if over.axis else [],
        over.look["colours"],
    )  # fmt: skip
    svg = sky_svg(drawn, sky_kind == FIELD, f"Map of the {label}. {finding}")
    return SkyPanel(svg, finding, _caption(over, 'class="mark"' in svg))


def _caption(over: OnSky, marked: bool) -> str:
    lines, colours = ["solid", "dashed"], over.look["colours"]
    parts = [
        f"{capital(colour_in_words(colours[k % len(colours)]))} {lines[k % 2]} line: {name}."
        for k, name in enumerate(over.outlines)
    ]
    if len(over.outlines) == 2 and np.mean(np.logical_xor(*over.outlines.values())) > _OPPOSITE:
        parts.append("The two have one border, where both lines lie: each is on the side on which its name stands.")
    if over.axis:
        line = ""
        if over.region is not None and over.radius:
            line = f"; line about it: its region of 95 %, as large as a circle of ± {max(over.radius, 1):.0f}°"
        cross = f"Cross: {over.axis[2]}" if marked else f"The {over.axis[2]} lies outside of this map"
        parts.append(f"{cross}{line}.")
    return " ".join(parts)


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(np.nanmin(values)), float(np.nanmax(values))


def _value(value: float, difference: bool) -> str:
    points = round(100 * value, 1)
    return f"{points:+.1f} points".replace("+0.0", "0") if difference else f"{value:.1%}"


def footprints_of(names: Sequence[str], inside: Mapping[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.bool_]]:
    """Those regions of `inside` that are named, in that order."""
    return {name: inside[name] for name in names if name in inside}
