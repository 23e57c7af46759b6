"""Draw docs/pictures of pages: of the default experiment for the README, and of every kind of page for the gallery.

    python -m website.page_pictures [PAGE]

The page is that of the default experiment, results/report/default/verdict.html; run `make run` first. The audit is of a
catalog of docs/example_answers.md, the plan that of an empty folder. Needs Chromium.
"""

import shutil
import subprocess
import sys
from html import escape
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.example_catalogs import write_catalogs

ROOT = Path(__file__).parents[1]
PAGE = Path("results/report/default/verdict.html")
PICTURES = ROOT / "docs" / "pictures"
# Shown at half of it in the README, so that letters are sharp.
_WIDTH, _SCALE, _COLOURS = 1080, 1.5, 256
# Of the gallery: the head, the answers and what follows.
_SHEET = {"width": 1080, "height": 1500}
_PLAN_COLUMNS = 110
_PLAN_STYLE = "font: 15px/1.45 monospace; padding: 1.5rem; white-space: pre-wrap; background: #fff; color: #1c2530"


def main() -> None:
    """Write the pictures; an error in one line where the page or the browser is missing."""
    chromium = shutil.which("chromium")
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    if not path.exists():
        sys.exit(f"error: {path}: not found; `make run` makes it")
    if chromium is None:
        sys.exit("error: no chromium is installed (apt-get install chromium)")
    with sync_playwright() as started, TemporaryDirectory() as temporary:
        browser, folder = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"]), Path(temporary)
        _draw_readme(browser, path)
        audit, plan = _audit(folder), _plan(folder)
        for name, file in {"experiment": path, "audit": audit, "plan": plan}.items():
            page = browser.new_page(viewport=_SHEET)
            page.goto(file.resolve().as_uri())
            height = min(_SHEET["height"], page.evaluate("Math.ceil(document.body.getBoundingClientRect().bottom)"))
            _save(page.screenshot(clip={"x": 0, "y": 0, "width": _SHEET["width"], "height": height}), f"{name}_page")
        browser.close()


def _draw_readme(browser: Browser, path: Path) -> None:
    """The top of the page and its maps."""
    page = browser.new_page(viewport={"width": _WIDTH, "height": 1200}, device_scale_factor=_SCALE)
    page.goto(path.resolve().as_uri())
    # The headline and the primary questions, which stand beside each other.
    cards = [page.locator(".answer").nth(number).bounding_box() for number in (0, 1)]
    bottom = max(card["y"] + card["height"] for card in cards if card) + 16
    top = {"x": 0, "y": 0, "width": _WIDTH, "height": bottom}
    _save(page.screenshot(clip=top, full_page=True), "answer")
    _save(page.locator(".maps").screenshot(), "sky")


def _audit(folder: Path) -> Path:
    """The page of an audit that cannot tell."""
    write_catalogs(folder)
    _run(folder, "audit", "few_galaxies.csv", "--label", "label", "--positive", "spiral", "--output", "few_galaxies")
    return folder / "few_galaxies" / "audit.html"


def _plan(folder: Path) -> Path:
    """The plan of the default experiment in a folder without results, as a page."""
    text = _run(folder, "plan", "--directory", "analysis").replace(f"{ROOT}/", "").replace(f"{folder.resolve()}/", "")
    lines = [fill(line, _PLAN_COLUMNS, subsequent_indent=" " * 10) for line in text.splitlines()]
    page = folder / "plan.html"
    shown = escape("\n".join(lines))
    page.write_text(f'<!doctype html><meta charset="utf-8"><body><pre style="{_PLAN_STYLE}">{shown}</pre>')
    return page


def _run(folder: Path, *command: str) -> str:
    program = [sys.executable, str(ROOT / "workflow_scripts" / "__main__.py"), *command]
    return subprocess.run(program, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def _save(png: bytes, name: str) -> None:
    with Image.open(BytesIO(png)) as image:
        image.convert("RGB").quantize(_COLOURS, Image.Quantize.MAXCOVERAGE).save(
            PICTURES / f"{name}.png", optimize=True
        )


if __name__ == "__main__":
    main()
