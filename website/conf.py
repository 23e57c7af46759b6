"""The documentation site, made of docs/ by Sphinx: `make site`. Any warning ends the build.

A link that leads nowhere is one, and so is a page without a place in `PLACES`. Built pages request nothing from
elsewhere: formulas are MathML, which browsers draw by themselves, and fonts are those of the reader's machine.
"""

from typing import Any

from docutils.nodes import SkipNode
from latex2mathml.converter import convert
from sphinx.application import Sphinx

project = "skybias"
author = copyright = "the skybias developers"
html_title = "skybias"
extensions = ["myst_parser"]
# As on GitHub: anchors of headings, formulas between dollars and in fences of the language math.
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["formulas.css"]
html_math_renderer = "mathml"
html_show_sourcelink = html_copy_source = html_show_sphinx = False

# Each page once, by what a reader comes for (diataxis.fr).
PLACES = {
    "Tutorial": ["tutorial"],
    "How to start from": [
        "local_images",
        "audit",
        "own_classifier",
        "existing_annotations",
        "surveys",
        "demo_survey",
    ],
    "How to ask for more": [
        "catalogs",
        "networks",
        "handedness",
        "controls",
        "why",
        "remedies",
        "correction",
        "archive",
    ],
    "How to run": ["planning", "cluster", "graphics_cards", "scale", "module"],
    "Reference": ["configuration", "answers", "commands", "files", "reruns"],
    "Explanation": ["gallery", "example_answers", "statistics", "calibration", "architecture"],
}


def _with_places(_: Sphinx, page: str, source: list[str]) -> None:
    """Append the contents to the first page."""
    if page == "index":
        for caption, pages in PLACES.items():
            source[0] += "\n```{toctree}\n" + f":hidden:\n:caption: {caption}\n\n" + "\n".join(pages) + "\n```\n"


def _formula_in_line(translator: Any, node: Any) -> None:
    translator.body.append(convert(node.astext()))
    raise SkipNode


def _formula(translator: Any, node: Any) -> None:
    translator.body.append(f'<div class="formula">{convert(node.astext(), display="block")}</div>')
    raise SkipNode


def setup(app: Sphinx) -> None:
    """What Sphinx calls."""
    app.connect("source-read", _with_places)
    app.add_html_math_renderer("mathml", (_formula_in_line, None), (_formula, None))
