"""Figures show what they are given, the right way round, with the same bytes each time."""

import argparse
import html
import json
from pathlib import Path

import healpy
import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from tests.unit.bias.synthetic_experiment import experiment_runs, write_experiment
from workflow_scripts.answers.wording import NO_RANGE
from workflow_scripts.draw_runs import main as draw_runs
from workflow_scripts.draw_runs import parser as runs_parser
from workflow_scripts.draw_sky_maps import main as draw_sky_maps
from workflow_scripts.draw_sky_maps import parser as maps_parser
from workflow_scripts.figures import audit_figures
from workflow_scripts.figures.answer_titles import answer_to, change_title
from workflow_scripts.figures.figure_list import (
    AUDIT_FIGURES,
    FIGURE_GROUPS,
    FIGURES_OF_PAGE,
    FINDING,
    REASON,
    TITLE_SHARE,
)
from workflow_scripts.figures.fraction_by_ra import draw_cosine, fraction_bands, label_axes
from workflow_scripts.figures.galaxy_figures import ImageRow, galaxy_rows
from workflow_scripts.figures.mollweide import draw_map, projected
from workflow_scripts.figures.partial_maps import draw_field, part_of_sky
from workflow_scripts.figures.run_figures import run_figures
from workflow_scripts.figures.single_maps import one_map, seeing_map
from workflow_scripts.figures.sky_figures import sky_figures
from workflow_scripts.figures.style import (
    LOOK,
    SINGLE,
    answer_colours,
    colour_in_words,
    explain_empty,
    figure_settings,
    new_figure,
    reason_for_nothing,
    save,
    state,
    stated,
)
from workflow_scripts.measure_bias import measure
from workflow_scripts.pages.experiment_page import experiment_page
from workflow_scripts.pages.filled_templates import caption
from workflow_scripts.write_verdict import TABLES

ROOT = Path(__file__).resolve().parents[3]
OF_RUNS = ("runs", "arms", "arm_fractions", "thresholds")
MAPS = {"sequential_map": "cividis", "diverging_map": "RdBu_r"}
SETTINGS = {"dpi": 60, "colours": ["#112233", "#D55E00"], "simulated": False, "titles_in_pdf": True, **MAPS}
ALL = {*FIGURE_GROUPS["draw_runs"].names, *FIGURE_GROUPS["draw_sky_maps"].names}


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """The folder of an experiment with every kind of run, measured, its catalog, and its figures by name."""
    folder = tmp_path_factory.mktemp("experiment")
    catalog = measured(folder, experiment_runs())
    return folder, catalog, draw(folder, catalog)


def measured(folder, runs, labelled=True):
    experiment, files, catalog = write_experiment(folder, 0.05, runs, n=1500, labelled=labelled)
    measure(experiment, runs, files, catalog, folder / "bias")
    return catalog


def tables_of(folder):
    return {name: pd.read_csv(folder / "bias" / f"{name}.csv") for name in TABLES}


def draw(folder, catalog, to="figures", settings=SETTINGS):
    common = ["--bias-folder", str(folder / "bias"), "--figures", json.dumps(settings), "--folder", str(folder / to)]
    draw_runs(runs_parser.parse_args(common))
    if catalog:
        draw_sky_maps(maps_parser.parse_args([*common, "--catalog", str(catalog)]))
    return {path.name: path.read_bytes() for path in (folder / to).iterdir()}


def test_right_ascension_grows_to_the_left_about_180_degrees():
    x, y = projected([90.0, 180.0, 270.0], [0.0, 10.0, -20.0])
    assert x[0] > x[1] == 0 > x[2]
    assert y[1] > y[0] > y[2]


def test_a_pixel_is_drawn_at_its_position():
    values = np.zeros(12 * 16**2)
    pixel = healpy.ang2pix(16, 250.0, 40.0, nest=True, lonlat=True)
    values[pixel] = 1.0
    figure, axes = new_figure(3, 2, subplot_kw={"projection": "mollweide"})
    drawn = draw_map(axes, values, "cividis", 0, 1)
    rows, columns = np.nonzero(drawn.get_array().reshape(360, 720) == 1.0)
    x, y = projected(*healpy.pix2ang(16, pixel, nest=True, lonlat=True))
    assert np.interp(columns.mean() + 0.5, [0, 720], [-np.pi, np.pi]) == pytest.approx(x, abs=0.05)
    assert np.interp(rows.mean() + 0.5, [0, 360], [-np.pi / 2, np.pi / 2]) == pytest.approx(y, abs=0.05)
    assert figure.axes


@pytest.mark.parametrize(("ra", "dec"), [(150.0, 2.0), (0.1, -60.0), (70.0, 89.0)])
def test_a_cell_of_a_field_is_drawn_at_its_offset_from_the_centre(ra, dec):
    values = np.full(12 * 64**2, np.nan)
    cells = healpy.query_disc(64, healpy.ang2vec(ra, dec, lonlat=True), np.radians(4), nest=True)
    values[cells] = 0.0
    # The cell that lies farthest to the north, on the celestial sphere of the field's centre.
    east = np.cross([0, 0, 1], healpy.ang2vec(ra, dec, lonlat=True))
    north = np.cross(healpy.ang2vec(ra, dec, lonlat=True), east)
    offsets = np.array(healpy.pix2vec(64, cells, nest=True)).T @ north / np.linalg.norm(north)
    values[cells[offsets.argmax()]] = 1.0
    _, axes = new_figure(3, 3)
    raster = draw_field(axes, values, "cividis", 0, 1).get_array().reshape(400, 400)
    rows, columns = np.nonzero(np.ma.filled(raster, 0) == 1.0)
    assert rows.mean() > 340
    assert abs(columns.mean() - 200) < 60
    # East is to the left.
    left, right = axes.get_xlim()
    assert left > 3.5 > -3.5 > right
    assert axes.get_aspect() == 1


def test_a_cosine_goes_through_fractions_of_a_part_of_the_circle():
    low = np.array([0.0, 30.0, 300.0, 330.0])
    bins = pd.DataFrame({"low_deg": low, "high_deg": low + 30, "n": 100})
    bins["fraction"] = 0.4 + 0.3 * np.cos(np.radians(low + 15 - 10))
    _, axes = new_figure(3, 2)
    draw_cosine(axes, bins, 0.3, 10.0, "black", "")
    label_axes(axes, "fraction", bins)
    x, y = axes.lines[0].get_data()
    # In one piece, about a right ascension of zero, and nothing of the rest of the circle.
    assert (x.min(), x.max(), axes.get_xlim()) == (300, 420, (300, 420))
    np.testing.assert_allclose(np.interp((low + 15 - 300) % 360 + 300, x, y), bins["fraction"], atol=1e-3)
    assert [axes.xaxis.get_major_formatter()(value, 0) for value in (330, 360, 390, 420)] == ["330", "0", "30", "60"]


def test_bands_by_right_ascension_are_of_all_networks_in_the_colours_of_their_footprints(experiment):
    folder, _, _ = experiment
    bands = pd.read_csv(folder / "bias" / "arm_fractions.csv")
    summary = json.loads((folder / "bias" / "summary.json").read_text())
    figure = fraction_bands(bands, summary, "spiral", SETTINGS)
    paired, others = figure.axes
    looks = {line.get_label(): line.get_color() for panel in figure.axes for line in panel.lines}
    assert set(looks) == set(bands["arm"]) == {"rotating", "east", "west", "random_sky"}
    assert [len(panel.collections) for panel in (paired, others)] == [2, 2]
    east = bands[bands["arm"] == "east"]
    line = next(line for line in paired.lines if line.get_label() == "east")
    np.testing.assert_allclose(line.get_ydata(), east["mean"])
    drawn = paired.collections[0].get_datalim(paired.transData)
    np.testing.assert_allclose([drawn.y0, drawn.y1], [east["low"].min(), east["high"].max()])
    dots = run_figures(summary, {name: pd.read_csv(folder / "bias" / f"{name}.csv") for name in OF_RUNS}, {}, SETTINGS)
    assert dots["run_dots"].axes[0].lines[0].get_color() == looks["rotating"]


def test_a_title_claims_what_its_test_shows_and_no_more():
    effect = {"value": -0.03, "ci95": [-0.04, -0.02], "unit": "", "direction": ""}
    answer = {"test": "fraction_contrast a - b", "effect": effect, "p_adjusted": 0.004, "limit95": 0.041}
    summary = {"answers": [{**answer, "answer": "yes"}]}
    shown = answer_to(summary, "fraction_contrast a - b")
    words = "The fraction changes between a and b: 3.0 percentage points (95 %: 2.0 to 4.0), adjusted p = 0.004"
    assert change_title("The fraction", shown, "between a and b") == words
    no = change_title("The fraction", {**answer, "answer": "no"}, "between a and b")
    assert (
        no == "The fraction: no change between a and b is seen, and one above 4.1 percentage points is excluded at 95 %"
    )
    unknown = {**answer, "answer": "cannot tell", "p_adjusted": 0.2}
    assert "no change between a and b is established" in change_title("The fraction", unknown, "between a and b")
    assert change_title("The fraction", None, "between a and b") == "The fraction"


def test_title_and_note_are_broken_into_lines_without_taking_room_from_the_axes(tmp_path):
    heights = []
    for finding, note in (("", ""), ("A long finding " * 12, "A note on bars. " * 30)):
        figure, axes = new_figure(SINGLE, 2)
        axes.plot([0, 1])
        state(figure, finding, note)
        save(figure, tmp_path, "name", {**SETTINGS, "simulated": bool(note)})
        heights.append(axes.get_window_extent().height)
    assert heights[1] == pytest.approx(heights[0], rel=0.15)
    with Image.open(tmp_path / "name.png") as image:
        assert image.info[FINDING] == f"{('A long finding ' * 12).strip()}."
        # The lines of the title end there, and what is below them is white paper before the axes.
        share = float(image.info[TITLE_SHARE])
        assert 0.1 < share < 0.5
        rows = np.asarray(image.convert("L")).min(axis=1)
        title = round(share * image.height)
        assert rows[title - 6 : title].min() < 128
        assert rows[title + 1 : title + 3].min() == 255
        assert image.width == round(SINGLE * SETTINGS["dpi"])


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"psf_fwhm_arcsec": [1.0, 1.2, 1.4]}, ""),
        ({"PSFFWHM_R": [1.0, np.nan, 1.4]}, ""),
        ({"Seeing": [1.3, 1.3, 1.3]}, "The seeing (Seeing) is 1.3 for all galaxies"),
        ({"magnitude": [1.0, 1.2, 1.4]}, "no column of the seeing"),
    ],
)
def test_the_seeing_is_mapped_wherever_a_catalog_has_it_and_it_varies(columns, reason):
    catalog = pd.DataFrame({"ra": [10.0, 100.0, 200.0], "dec": [0.0, 20.0, -30.0], **columns})
    figure = seeing_map(catalog, False, SETTINGS)
    assert reason in reason_for_nothing(figure)
    assert bool(reason) == bool(reason_for_nothing(figure))
    assert reason or stated(figure).endswith("between 1 and 1.4 arcsec, by place.") or "PSFFWHM_R" in stated(figure)


def test_letters_of_answers_have_the_contrast_that_they_need_on_light_and_dark_paper():
    light, dark = (
        dict(one.split(": ") for one in answer_colours(paper).split("; ")) for paper in ("#f4f6f8", "#1d242b")
    )
    assert set(light) == set(dark) == {"--yes", "--no", "--open", "--alarm"}
    assert len({*light.values(), *dark.values()}) >= 7
    # The palette itself where it is dark enough.
    assert light["--yes"] == LOOK["colours"][0].lower()


def test_the_palette_of_the_schema_is_that_of_style():
    schema = yaml.safe_load((ROOT / "rules" / "schemas" / "config.schema.yaml").read_text())
    figures = schema["$defs"]["figures"]["properties"]
    assert {name: one["default"] for name, one in figures.items()} == {
        name: value for name, value in LOOK.items() if name != "simulated"
    }


def test_a_figure_of_reasons_alone_holds_them_in_its_file(tmp_path):
    figure, (left, right) = new_figure(3, 2, ncols=2)
    explain_empty(left, "Nothing left.")
    right.plot([0, 1])
    assert reason_for_nothing(figure) == ""
    explain_empty(right, "Nothing right.")
    save(figure, tmp_path, "name", SETTINGS)
    assert Image.open(tmp_path / "name.png").info[REASON] == "Nothing left. Nothing right."


def test_all_figures_are_drawn_with_the_same_bytes_and_a_colour_is_honoured(experiment):
    folder, catalog, first = experiment
    assert {name.split(".")[0] for name in first} == ALL
    assert {name.split(".")[1] for name in first} == {"png", "pdf"}
    assert draw(folder, catalog, "again") == first
    other = draw(folder, None, "red", {**SETTINGS, "colours": ["#ff0000", "#D55E00"]})
    assert set(other) < set(first)
    assert other["run_dots.png"] != first["run_dots.png"]
    assert any(other[name] == first[name] for name in other)


@pytest.mark.long
def test_a_simulated_survey_is_marked_in_every_figure_and_on_the_page(experiment):
    folder, catalog, real = experiment
    simulated = draw(folder, catalog, "simulated", {**SETTINGS, "simulated": True})
    assert all(real[name] != simulated[name] for name in real)
    summary = json.loads((folder / "bias" / "summary.json").read_text())
    pages = [experiment_page({**summary, "simulated": marked}, tables_of(folder)) for marked in (False, True)]
    assert ["<b>simulated</b>" in text for text in pages] == [False, True]


@pytest.mark.long
@pytest.mark.parametrize("labelled", [True, False])
def test_an_experiment_with_two_runs_still_has_every_figure(tmp_path, labelled):
    catalog = measured(tmp_path, experiment_runs(with_rotating=False, seeds=1)[:2], labelled)
    assert {name.split(".")[0] for name in draw(tmp_path, catalog)} == ALL


def test_every_figure_of_the_page_is_drawn_and_has_a_caption():
    assert set(FIGURES_OF_PAGE) == ALL
    assert all(
        caption(name) for group in FIGURE_GROUPS.values() for name in group.names if group.category != "Calibration"
    )
    assert all(len(caption(name)) > 20 for names in FIGURE_GROUPS.values() for name in names.names if name in ALL)
    assert all(AUDIT_FIGURES.values())


def test_galaxies_without_images_are_reported_as_missing():
    assert "no galaxies" in galaxy_rows([]).axes[0].texts[0].get_text()
    rows = [ImageRow("a", np.zeros((3, 8, 8, 3), np.uint8)), ImageRow("b", np.zeros((2, 8, 8, 1), np.uint8))]
    figure = galaxy_rows(rows, columns=4)
    assert sum(len(axes.images) for axes in figure.axes) == 5


def test_the_verdict_page_needs_nothing_from_outside_and_escapes_names(experiment):
    folder, _, _ = experiment
    summary = json.loads((folder / "bias" / "summary.json").read_text())
    summary["experiment"] = "<script>here"
    text = experiment_page(summary, tables_of(folder))
    assert "<script>here" not in text
    assert "src=" not in text
    assert "http" not in text
    shown = html.unescape(text)
    assert all(one["statement"].rstrip(".") in shown for one in summary["answers"])
    assert len(pd.read_csv(folder / "bias" / "runs.csv")) == 34


def test_errors_are_drawn_as_parts_that_add_up_and_tests_in_words(experiment):
    folder, _, _ = experiment
    summary = json.loads((folder / "bias" / "summary.json").read_text())
    tables = {name: pd.read_csv(folder / "bias" / f"{name}.csv") for name in OF_RUNS}
    drawn = run_figures(summary, tables, {}, LOOK)
    axes = drawn["error_decomposition"].axes[0]
    kinds = len(axes.get_legend().get_texts())
    series = [np.sort(line.get_xdata()) for line in axes.lines if line.get_marker() != "None"]
    rows = len(series) // kinds
    whole, *parts = (np.concatenate(series[rows * kind : rows * (kind + 1)]).sum() for kind in range(kinds))
    assert np.count_nonzero(parts) == len(parts) - 1 == 2
    assert whole == pytest.approx(sum(parts))
    names = [label.get_text() for label in drawn["sigma_and_p"].axes[1].get_yticklabels()]
    assert "fraction: by the footprint's direction" in names
    first, second = summary["provenance"]["config"]["opposite"][0]
    assert f"fraction: {first} against {second}" in names
    assert not any("contrast" in name or "response" in name for name in names)


def test_smoothed_maps_have_colours_for_all_values_that_their_titles_name(experiment):
    folder, catalog, _ = experiment
    summary = json.loads((folder / "bias" / "summary.json").read_text())
    maps = dict(np.load(folder / "bias" / "sky_maps.npz"))
    drawn = sky_figures(summary, pd.read_csv(folder / "bias" / "runs.csv"), maps, pd.read_parquet(catalog), LOOK)
    for name, values in (("fraction_map", "fraction"), ("difference_map", "difference")):
        shown = next(maps[one] for one in maps if one.startswith(f"smooth:{values}"))
        low, high = drawn[name].axes[0].collections[0].get_clim()
        assert low <= np.nanmin(shown) <= np.nanmax(shown) <= high
        if name == "fraction_map" and np.ptp(shown[np.isfinite(shown)]) >= NO_RANGE:
            assert (low, high) == (np.nanmin(shown), np.nanmax(shown))


def test_colours_have_the_names_that_people_give_them():
    named = [colour_in_words(colour) for colour in (*LOOK["colours"][:4], "k", "#ff0000")]
    assert named == ["blue", "orange", "green", "pink", "black", "red"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"colours": ["red", "notacolour"]}, r"experiments\.mine\.figures\.colours: 'notacolour' is no colour"),
        ({"diverging_map": "nonsense"}, r"experiments\.mine\.figures\.diverging_map: 'nonsense' is no colour map"),
    ],
)
def test_a_colour_that_matplotlib_does_not_know_is_named(change, sentence):
    with pytest.raises(argparse.ArgumentTypeError, match=sentence):
        figure_settings(json.dumps({"name": "mine", **SETTINGS, **change}))


def test_block_sizes_are_those_of_the_first_column_with_the_p_that_decides():
    def of_blocks(degrees, log10_p, p_permutation=0.0):
        p = 10.0**log10_p
        return {"n_blocks": 30, "block_deg": degrees, "log10_p": log10_p, "p": p, "deciding_p": max(p, p_permutation)}

    tests = {
        "block_dipole": of_blocks(29.3, -4.0, 0.001),
        "block_dipole_nside4": of_blocks(14.7, -8.0),
        "block_dipole_nside4 second": of_blocks(14.7, -0.2),
        "block_dipole_nside2 third": of_blocks(29.3, -0.1),
    }
    figure = audit_figures._block_sizes(None, tests, "block_dipole", 0.01, LOOK)
    by_size = figure.axes[0].lines[0]
    np.testing.assert_allclose(by_size.get_xydata(), [(14.7, 8.0), (29.3, 3.0)])


def test_a_strip_across_right_ascension_zero_is_drawn_as_that_part_of_the_sky_and_a_large_part_with_all():
    ra, dec = healpy.pix2ang(8, np.arange(768), nest=True, lonlat=True)
    strip = np.where((np.abs((ra + 180) % 360 - 180) < 50) & (np.abs(dec) < 8), ra, np.nan)
    part = part_of_sky(strip)
    assert part.west == pytest.approx(310, abs=8)
    assert part.east == pytest.approx(410, abs=8)
    axes, _ = one_map(strip, "cividis", 0, 360, "", False).axes
    raster = axes.collections[0].get_array()
    # East is to the left, and what lies there has the value of its right ascension.
    assert axes.get_xlim() == (part.east, part.west)
    assert float(np.ma.median(raster[:, -40:])) == pytest.approx(45, abs=8)
    assert part_of_sky(np.where(dec > -20, 1.0, np.nan)) is None
    assert one_map(np.where(dec > -20, ra, np.nan), "cividis", 0, 360, "", False).axes[0].name == "mollweide"
