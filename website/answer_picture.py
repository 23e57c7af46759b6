"""Draw docs/pictures/answer.png and sky.png: the top of the page of the default experiment, and its maps.

    python -m website.answer_picture

The page is results/report/default/verdict.html; run `make run` first. Needs Chromium.
"""

import shutil
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PAGE = Path("results/report/default/verdict.html")
PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
# Shown at half of it in the README, so that letters are sharp.
_WIDTH, _SCALE, _COLOURS = 1080, 1.5, 128


def main() -> None:
    """Write the pictures; an error in one line where the page or the browser is missing."""
    chromium = shutil.which("chromium")
    if not PAGE.exists():
        sys.exit(f"error: {PAGE}: not found; `make run` makes it")
    if chromium is None:
        sys.exit("error: no chromium is installed (apt-get install chromium)")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": _WIDTH, "height": 1200}, device_scale_factor=_SCALE)
        page.goto(PAGE.resolve().as_uri())
        # The headline and the primary questions, which stand beside each other.
        cards = [page.locator(".answer").nth(number).bounding_box() for number in (0, 1)]
        bottom = max(card["y"] + card["height"] for card in cards if card) + 16
        top = {"x": 0, "y": 0, "width": _WIDTH, "height": bottom}
        _save(page.screenshot(clip=top, full_page=True), "answer")
        _save(page.locator(".maps").screenshot(), "sky")
        browser.close()


def _save(png: bytes, name: str) -> None:
    with Image.open(BytesIO(png)) as image:
        image.convert("RGB").quantize(_COLOURS).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
