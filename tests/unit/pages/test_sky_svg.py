"""Maps of a page: every cell is drawn with its value, also across the edge of the sky and on a field."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from workflow_scripts.figures.mollweide import colour_range, range_about_zero
from workflow_scripts.pages.sky_panels import OnSky, sky_panels
from workflow_scripts.sky.tiles import number_of_tiles, tile_centres, tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors

ORDER = 2


def maps_of(values, n=50):
    counts = np.where(np.isfinite(values), n, 0)
    return {"n": counts, "fraction": values, "smooth:fraction": values}


def elements(panel, name):
    root = ET.fromstring(str(panel.svg))
    return [one for one in root.iter() if one.get("class", "").startswith(name)]


def test_every_cell_has_its_value_and_those_across_the_edge_have_two_parts():
    values = 0.5 + 0.1 * unit_vectors(*tile_centres(ORDER))[:, 0]
    (panel,) = sky_panels(maps_of(values), "sky", "spiral", OnSky())
    cells = elements(panel, "cell")
    titles = {cell[0].text for cell in cells}
    assert len(titles) == number_of_tiles(ORDER)
    assert number_of_tiles(ORDER) < len(cells) < 1.3 * number_of_tiles(ORDER)
    ra, dec = tile_centres(ORDER, [7])
    assert any(text.startswith(f"RA {ra[0]:.0f}°, Dec {dec[0]:+.0f}°: {values[7]:.1%}") for text in titles)
    # Nothing lies outside of the ellipse.
    points = np.array(
        [[float(x), float(y)] for cell in cells for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", cell.get("d"))]
    )
    ((ellipse,),) = [elements(panel, "sky-edge")]
    centre, radii = ([float(ellipse.get(key)) for key in keys] for keys in (("cx", "cy"), ("rx", "ry")))
    assert np.all(np.sum(((points - centre) / radii) ** 2, axis=1) < 1.01)
    assert "between 40" in panel.finding


def test_empty_cells_are_left_out_and_a_map_without_values_is_none():
    values = np.full(number_of_tiles(ORDER), np.nan)
    assert sky_panels(maps_of(values), "sky", "spiral", OnSky()) == []
    values[:10] = np.linspace(0.4, 0.6, 10)
    (panel,) = sky_panels(maps_of(values), "sky", "spiral", OnSky())
    assert len({cell[0].text for cell in elements(panel, "cell")}) == 10


def test_an_outline_runs_between_inside_and_outside_alone():
    values = np.full(number_of_tiles(ORDER), 0.5)
    values[0] = 0.6
    _, dec = tile_centres(4)
    ring = unit_vectors(
        120.0 + 8 * np.cos(np.linspace(0, 2 * np.pi, 9)), 30.0 + 8 * np.sin(np.linspace(0, 2 * np.pi, 9))
    )
    over = OnSky({"north": dec > 0, "everywhere": dec > -99}, (120.0, 30.0, "axis <here>"), ring, 8.0)
    (panel,) = sky_panels(maps_of(values), "sky", "spiral", over)
    north, everywhere = elements(panel, "outline")
    assert everywhere.get("d") == ""
    ends = np.array([[float(x), float(y)] for x, y in re.findall(r"([\d.]+) ([\d.]+)", north.get("d"))])
    height = float(elements(panel, "sky-edge")[0].get("cy"))
    assert np.abs(ends[:, 1] - height).max() < 12
    assert "axis &lt;here&gt;" in str(panel.svg)
    assert "line about it: its region of 95 %, as large as a circle of ± 8°" in panel.caption
    (line,) = elements(panel, "ring")
    assert len(re.findall(r"[ML]", line.get("d"))) >= 1


def test_two_halves_of_one_border_are_told_apart_by_names_on_their_sides_and_colours():
    ra, dec = tile_centres(4)
    values = 0.5 + 0.1 * unit_vectors(*tile_centres(ORDER))[:, 0]
    (panel,) = sky_panels(maps_of(values), "sky", "spiral", OnSky({"first": ra < 180, "second": ra >= 180}))
    first, second = elements(panel, "region-label")
    assert (first.text, second.text) == ("first", "second")
    # Right ascensions grow to the left.
    assert float(first.get("x")) == pytest.approx(540, abs=30)
    assert float(second.get("x")) == pytest.approx(180, abs=30)
    assert panel.caption.startswith("Blue solid line: first. Orange dashed line: second. The two have one border")
    (apart,) = sky_panels(maps_of(values), "sky", "spiral", OnSky({"first": dec > 60, "second": dec < -60}))
    assert "border" not in apart.caption


@pytest.mark.parametrize("ra", [150.0, 0.2])
def test_a_field_has_north_up_and_east_to_the_left(ra):
    order, values = 8, np.full(number_of_tiles(8), np.nan)
    places = {"north": (ra, 3.0), "south": (ra, 1.0), "east": (ra + 1, 2.0), "west": (ra - 1, 2.0)}
    cells = {name: tile_of(*place, order)[0] for name, place in places.items()}
    for number, cell in enumerate(cells.values()):
        values[cell] = 0.3 + 0.1 * number
    (panel,) = sky_panels(maps_of(values), "field", "spiral", OnSky())
    middles = {}
    for cell in elements(panel, "cell"):
        points = re.findall(r"(-?[\d.]+) (-?[\d.]+)", cell.get("d"))
        share = float(re.search(r": ([\d.]+)%", cell[0].text).group(1))
        middles[list(cells)[round((share - 30) / 10)]] = np.mean([[float(a), float(b)] for a, b in points], axis=0)
    assert middles["north"][1] < middles["south"][1]
    assert middles["east"][0] < middles["west"][0]


@pytest.mark.parametrize(
    ("covered", "centre"),
    [
        (lambda ra, dec: ((ra + 60) % 360 < 120) & (np.abs(dec) < 4), 0),
        (lambda ra, dec: (np.abs(ra - 200) < 60) & (dec > 10), 200),
    ],
    ids=["a strip across RA 0", "a northern part"],
)
def test_a_part_of_the_sky_fills_its_map_and_lies_in_the_middle(covered, centre):
    ra, dec = tile_centres(4)
    values = np.where(covered(ra, dec), 0.5 + 0.1 * np.cos(np.radians(ra)), np.nan)
    over = OnSky({}, ((centre + 180.0) % 360, -50.0, "far axis"))
    (panel,) = sky_panels(maps_of(values), "strip", "spiral", over)
    cells = elements(panel, "cell")
    assert len(cells) == np.isfinite(values).sum()
    places = [np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", cell.get("d")), float).mean(axis=0) for cell in cells]
    at = np.array([float(re.match(r"RA (\d+)°", cell[0].text).group(1)) for cell in cells])
    x, y = np.array(places).T
    # It is wide as the map, its middle in the middle, and right ascensions grow to the left.
    assert 0.85 * 720 < np.ptp(x) < 720
    assert abs((x.min() + x.max()) / 2 - 360) < 20
    from_centre = (at - centre + 180) % 360 - 180
    assert np.corrcoef(x, from_centre)[0, 1] < -0.95
    root = ET.fromstring(str(panel.svg))
    height = float(root[0].get("height"))
    assert (y.min() > 0, y.max() < height) == (True, True)
    # Nothing is drawn of an axis that lies beyond, and the caption says so.
    assert not elements(panel, "mark")
    assert panel.caption == "The far axis lies outside of this map."


def test_colours_of_a_page_and_of_its_figures_hold_every_value_of_a_smoothed_map():
    values = np.full(number_of_tiles(ORDER), -0.03)
    values[:2] = -0.06, 0.01
    fraction = 0.5 + values
    maps = {**maps_of(fraction), "difference:a:b": values, "smooth:difference:a:b": values}
    maps |= {"difference:c:d": 2 * values, "smooth:difference:c:d": 2 * values}
    of_fraction, *differences = sky_panels(maps, "sky", "spiral", OnSky())
    assert [one.text for one in elements(of_fraction, "sky-label")[-3:]][::2] == ["44.0%", "51.0%"]
    assert colour_range(fraction, 1e-3) == pytest.approx((0.44, 0.51))
    assert range_about_zero([values, 2 * values]) == pytest.approx((-0.12, 0.12))
    for panel in differences:
        assert [one.text for one in elements(panel, "sky-label")[-3:]][::2] == ["-12.0 points", "+12.0 points"]


def test_most_of_the_sky_is_drawn_as_all_of_it():
    _, dec = tile_centres(ORDER)
    whole, most = (
        sky_panels(maps_of(values), "sky", "spiral", OnSky())[0]
        for values in (np.linspace(0.4, 0.6, len(dec)), np.where(dec > -50, np.linspace(0.4, 0.6, len(dec)), np.nan))
    )
    assert elements(whole, "sky-edge")[0].attrib == elements(most, "sky-edge")[0].attrib


@pytest.mark.parametrize("dec", [-85.0, -40.0, 0.0, 40.0, 88.0])
@pytest.mark.parametrize("ra", [0.0, 10.0, 65.0, 180.0, 300.0, 350.0])
def test_the_label_of_a_mark_stays_within_the_map_and_off_the_mark(ra, dec):
    words, values = "axis of the dipole", np.linspace(0.4, 0.6, number_of_tiles(ORDER))
    (panel,) = sky_panels(maps_of(values), "sky", "spiral", OnSky({}, (ra, dec, words)))
    (label,), (mark,) = elements(panel, "mark-label"), elements(panel, "mark-halo")
    width = 10.5 * len(words)
    before = {"start": 0.0, "middle": 0.5, "end": 1.0}[label.get("style").removeprefix("text-anchor: ")] * width
    left, base = float(label.get("x")) - before, float(label.get("y"))
    assert 0 <= left < left + width <= 720
    assert 10 < base < float(ET.fromstring(str(panel.svg))[0].get("height"))
    x, y = (float(one) + 7 for one in re.match(r"M(\S+) (\S+?)l", mark.get("d")).groups())
    aside = left > x + 7 or left + width < x - 7
    assert aside or abs(base - y) > 11
