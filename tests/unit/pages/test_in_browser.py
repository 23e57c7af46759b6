"""Pages in a real browser: no error, no request, nothing wider than the screen, no barrier that axe-core knows."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.bias.imaged_experiment import imaged_experiment
from tests.unit.bias.synthetic_experiment import measured
from workflow_scripts.audit import main as audit
from workflow_scripts.audit import parser as audit_parser
from workflow_scripts.figures.figure_list import FIGURES_OF_PAGE
from workflow_scripts.figures.style import DOUBLE, LOOK, SINGLE, new_figure, save, state
from workflow_scripts.write_verdict import main, parser

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed (apt-get install chromium)")


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """The page of an experiment and that of an audit."""
    folder = tmp_path_factory.mktemp("pages")
    measured(folder, imaged_experiment(folder, per_seeing=0.06))
    for number, name in enumerate(FIGURES_OF_PAGE):
        figure, axes = new_figure(DOUBLE if number % 2 else SINGLE, 2)
        axes.plot([0, 1])
        state(figure, "A figure that states what it shows" if number % 3 else "")
        save(figure, folder / "figures", name, {**LOOK, "dpi": 80, "simulated": True})
    experiment = folder / "verdict.html"
    folders = ["--bias-folder", str(folder / "bias"), "--figures-folder", str(folder / "figures")]
    main(parser.parse_args([*folders, "--output", str(experiment)]))
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {"ra": random.uniform(0, 360, 3000), "dec": np.degrees(np.arcsin(random.uniform(-1, 1, 3000)))}
    )
    table["label"] = np.where(random.random(3000) < 0.5 + 0.2 * np.cos(np.radians(table["ra"])), "spiral", "elliptical")
    table.to_csv(folder / "catalog.csv", index=False)
    audit(audit_parser.parse_args([str(folder / "catalog.csv"), "--output", str(folder / "audit")]))
    return {"experiment": experiment, "audit": folder / "audit" / "audit.html"}


@pytest.mark.parametrize("name", ["experiment", "audit"])
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (768, "dark"), (1280, "light"), (1280, "dark")])
def test_a_page_asks_for_nothing_fits_and_has_no_barrier(browser, pages, name, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(pages[name].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [pages[name].as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()
    page.close()


def test_a_narrow_page_has_a_title_once_and_says_where_a_figure_goes_on(browser, pages):
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(pages["experiment"].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    figures = page.evaluate(
        """[...document.querySelectorAll('figure:has(.moved)')].map((one) => {
          const seen = (name) => { const it = one.querySelector(name); return !!it && it.checkVisibility(); };
          const moved = one.querySelector('.moved'), above = one.querySelector('img').offsetTop - moved.offsetTop;
          return { hint: seen('.hint'), goes_on: moved.scrollWidth > moved.clientWidth, words: seen('.stated'), above };
        })"""
    )
    assert {one["hint"] for one in figures} == {True, False}
    assert all(one["hint"] == one["goes_on"] for one in figures)
    # Where the words are below the picture, the title in it is above the part that is seen.
    assert {one["words"] for one in figures} == {True, False}
    assert all(one["words"] == (one["above"] < -10) for one in figures)
    page.close()


def test_tables_sort_and_can_be_searched_and_a_map_says_its_values(browser, pages):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(pages["experiment"].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    first = page.locator("#tests tbody tr td:first-child")
    names = first.all_inner_texts()
    page.locator("#tests th button").first.click()
    assert first.all_inner_texts() == sorted(names)
    assert page.locator("#tests th").first.get_attribute("aria-sort") == "ascending"
    page.locator("input.search").first.fill("common dipole")
    shown = [row.inner_text() for row in page.locator("#tests tbody tr").all() if row.is_visible()]
    assert 0 < len(shown) < len(names)
    assert all("common dipole" in row for row in shown)
    page.locator("svg.sky .cell").nth(40).dispatch_event("click")
    assert page.locator(".value").first.inner_text().startswith("RA ")
    page.close()


def test_values_of_a_map_are_reached_by_keyboard_and_links_open_what_is_folded(browser, pages):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{pages['experiment'].as_uri()}#imaging")
    assert page.evaluate("document.querySelector('#imaging').open")
    page.locator(".values summary").first.focus()
    page.keyboard.press("Enter")
    rows = page.locator(".values").first.locator("tbody tr")
    rows.first.wait_for()
    titles = page.evaluate(
        "[...new Set([...document.querySelector('svg.sky').querySelectorAll('.cell')].map((one) => one.textContent))]"
    )
    assert rows.count() == len(titles)
    place, value, raw, n = rows.first.locator("td").all_inner_texts()
    assert titles[0] == f"{place}: {value} (as measured {raw}, {n} galaxies)"
    page.close()


@pytest.mark.parametrize("name", ["experiment", "audit"])
def test_a_page_prints_on_two_to_four_sheets(browser, pages, name):
    page = browser.new_page()
    page.goto(pages[name].as_uri())
    sheets = page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n")
    assert 1 <= sheets <= 4
    assert pages[name].stat().st_size < 3e6
    page.close()
