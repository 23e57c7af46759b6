"""From templates to HTML: every value is escaped, and one that is missing is an error."""

import base64
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from workflow_scripts.figures.figure_list import TITLE_SHARE
from workflow_scripts.figures.style import answer_colours
from workflow_scripts.pages.number_formats import axis, interval, number, p_value, share
from workflow_scripts.statistics.log_p import log10_p_normal, log10_p_scan
from workflow_scripts.tables import json_text

_FILTERS = (axis, interval, log10_p_normal, log10_p_scan, number, p_value, share)
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates"), encoding="utf-8"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {one.__name__: one for one in _FILTERS} | {"words": lambda name: name.replace("_", " ")}
_TEMPLATES.globals["answer_colours"] = answer_colours
# The parts of a page, by the name of its section.
_SECTIONS = {
    "answer": "The answers",
    "sky": "The sky",
    "why": "Why, and what to do",
    "naive": "A naive analysis",
    "trust": "How far to trust it",
    "cite": "How to cite",
    "rest": "Everything else",
}
# A figure of two columns of a journal (7.1 inches) is 43 times the size of a letter wide.
_REM_AN_INCH = 6.1
# Wider figures do not fit on a narrow page at the size of their letters.
_NARROW_REM = 23


@dataclass(frozen=True)
class PageFigure:
    """A figure of a page: its caption, and the PNG or, where there is nothing to show, the reason.

    `finding` is what it shows, as a sentence; with the caption it is the text in place of the picture.
    """

    name: str
    caption: str
    png: bytes = b""
    reason: str = ""
    finding: str = ""

    @property
    def address(self) -> str:
        """The picture within the page: the PNG as WebP without loss, which is half as long."""
        with Image.open(BytesIO(self.png)) as image, BytesIO() as shorter:
            image.convert("RGB").save(shorter, "WEBP", lossless=True, quality=50, method=4)
            return f"data:image/webp;base64,{base64.b64encode(shorter.getvalue()).decode()}"

    @property
    def rem(self) -> float:
        """Width on the page: figures have one scale, so that their letters are equally large."""
        with Image.open(BytesIO(self.png)) as image:
            return round(image.width / image.info["dpi"][0] * _REM_AN_INCH, 1)

    @property
    def title_rem(self) -> float:
        """How high the title in the picture is; 0 where it has none, or its panels have their own."""
        with Image.open(BytesIO(self.png)) as image:
            share = float(image.info.get(TITLE_SHARE, 0))
            return round(share * image.height / image.info["dpi"][1] * _REM_AN_INCH, 1)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels: the page keeps the room before the picture is there."""
        with Image.open(BytesIO(self.png)) as image:
            return image.size

    @property
    def wide(self) -> bool:
        """Whether a narrow page shows a part of it at a time."""
        return self.rem > _NARROW_REM

    @property
    def alt(self) -> str:
        """What a screen reader says."""
        return f"{self.finding} {self.caption}".strip()


def render(template: str, **values: Any) -> str:
    """A template of this room with values; `jinja2.UndefinedError` for one that it needs and that is not given."""
    return _TEMPLATES.get_template(template).render(values)


def caption(name: str) -> str:
    """The caption of a figure of an experiment, which the report shows too."""
    return Path(__file__).with_name("captions").joinpath(f"{name}.rst").read_text(encoding="utf-8").strip()


def shown_figures(figures: Sequence[PageFigure]) -> dict[str, Any]:
    """Figures as pages take them: the `first`, which shows the answer, `more` of them, and those that are `empty`.

    The first is the first of all, if it shows something; another would not belong to the answer.
    """
    empty = [one for one in figures if one.reason]
    first = figures[0] if figures and not figures[0].reason else None
    return {"first": first, "more": [one for one in figures if not one.reason and one is not first], "empty": empty}


def git_of(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    """What made a summary, as `provenance.git_state` says; empty where that is not known."""
    return summary["provenance"].get("git") or {}


def made_by(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Commit, seeds and versions of a summary: a heading and words each."""
    record, git = summary["provenance"], git_of(summary)
    commit = f"{git.get('commit') or 'not known'}{' with changes that are not committed' if git.get('dirty') else ''}"
    seeds = ", ".join(f"{name} {seed}" for name, seed in record.get("seeds", {}).items())
    versions = ", ".join(f"{name} {number}" for name, number in summary.get("versions", {}).items())
    return [("Commit", commit), ("Seeds", seeds), ("Versions", versions)]


def within_page(summary: Mapping[str, Any]) -> str:
    """A summary as an address within the page, its JSON as gzip: a page that is sent alone has all numbers."""
    packed = gzip.compress(json_text(summary, sort_keys=False).encode(), mtime=0)
    return f"data:application/gzip;base64,{base64.b64encode(packed).decode()}"


def sections_with(**there: Any) -> list[tuple[str, str]]:
    """The sections of a page with their titles, without those whose content is not `there`."""
    return [(name, words) for name, words in _SECTIONS.items() if there.get(name, True)]
