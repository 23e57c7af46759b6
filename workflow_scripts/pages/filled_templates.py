"""From templates to HTML: every value is escaped, and one that is missing is an error."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from workflow_scripts.answers.wording import limit_in_words
from workflow_scripts.pages.number_formats import axis, interval, number, p_value, share
from workflow_scripts.statistics.log_p import log10_p_normal, log10_p_scan

_FILTERS = (axis, interval, limit_in_words, log10_p_normal, log10_p_scan, number, p_value, share)
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates"), encoding="utf-8"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {one.__name__: one for one in _FILTERS} | {"words": lambda name: name.replace("_", " ")}
# So many figures stand open on a page.
_OPEN = 4
# A figure of two columns of a journal (7.1 inches) is 43 times the size of a letter wide.
_REM_AN_INCH = 6.1


@dataclass(frozen=True)
class PageFigure:
    """A figure of a page: its caption, and the PNG or, where there is nothing to show, the reason."""

    name: str
    caption: str
    png: bytes = b""
    reason: str = ""

    @property
    def base64(self) -> str:
        """The PNG as text."""
        return base64.b64encode(self.png).decode()

    @property
    def rem(self) -> float:
        """Width on the page: figures have one scale, so that their letters are equally large."""
        with Image.open(BytesIO(self.png)) as image:
            return round(image.width / image.info["dpi"][0] * _REM_AN_INCH, 1)


def render(template: str, **values: Any) -> str:
    """A template of this room with values; `jinja2.UndefinedError` for one that it needs and that is not given."""
    return _TEMPLATES.get_template(template).render(values)


def caption(name: str) -> str:
    """The caption of a figure of an experiment, which the report shows too."""
    return Path(__file__).with_name("captions").joinpath(f"{name}.rst").read_text(encoding="utf-8").strip()


def shown_figures(figures: Sequence[PageFigure]) -> dict[str, list[PageFigure]]:
    """Figures as pages take them: the first ones `open`, `more` of them, and those that are `empty`."""
    drawn = [one for one in figures if not one.reason]
    return {"open": drawn[:_OPEN], "more": drawn[_OPEN:], "empty": [one for one in figures if one.reason]}
