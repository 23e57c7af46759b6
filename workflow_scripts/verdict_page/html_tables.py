"""A page in HTML that needs nothing from outside: its frame and style, tables, lists and numbers, all escaped."""

import html
import math
from collections.abc import Iterable, Sequence
from typing import Any

from workflow_scripts.statistics.log_p import p_in_words

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 84rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
p, li { max-width: 62rem }
table { border-collapse: collapse; font-size: 13px; margin: 1rem 0 }
td, th { border-bottom: 1px solid #ddd; padding: .25rem .6rem; text-align: left; vertical-align: top }
.verdict { font-size: 18px; border-left: 4px solid #0072b2; padding-left: 1rem }
.warning { border-left: 4px solid #d55e00; padding-left: 1rem }
.primary { background: #eaf3fa }
.galaxy, .paper_style { color: #666 }
.number { white-space: nowrap }
div.wide { overflow-x: auto }
figure { display: inline-block; vertical-align: top; margin: 0 1rem 1rem 0; width: 45% }
figure.wide { width: 92% }
figure img { max-width: 100%; height: auto }
figcaption { font-size: 13px; color: #444; max-width: 34rem }
"""


def page(title: str, headline: str, body: str) -> str:
    """A whole page: its title and headline, which are escaped, and its body, which is HTML."""
    title = html.escape(title)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>{_STYLE}</style></head><body>
<h1>{title}</h1>
<p class="verdict">{html.escape(headline)}</p>
{body}
</body></html>
"""


def bullets(title: str, sentences: Iterable[str]) -> str:
    """A list of sentences below a title (HTML); nothing without any."""
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    return f"{title}<ul>{items}</ul>" if items else ""


def table(heading: Sequence[str], rows: Iterable[str]) -> str:
    """A table of `row`s; nothing without any. An empty heading leaves its line out."""
    body = "".join(rows)
    names = "".join(f"<th>{html.escape(name)}</th>" for name in heading)
    heads = f"<tr>{names}</tr>" if names else ""
    return f'<div class="wide"><table>{heads}{body}</table></div>' if body else ""


def row(words: Sequence[str], numbers: Sequence[Any] = (), kind: str = "") -> str:
    """A row: cells of words, then of numbers."""
    cells = "".join(f"<td>{html.escape(word)}</td>" for word in words)
    cells += "".join(f"<td class=number>{number(value)}</td>" for value in numbers)
    return f'<tr class="{kind}">{cells}</tr>'


def number(value: Any) -> str:
    """A number; a vector one component a line; a matrix one row a line; a dash where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, list | tuple):
        return "<br>".join(number(item).replace("<br>", " &nbsp; ") for item in value)
    return html.escape(f"{value:.3g}" if isinstance(value, float) else str(value))


def p_value(p: float | None, log10_p: float | None = None) -> str:
    """A p as sentences write it; a dash where there is none."""
    return "-" if p is not None and math.isnan(p) else p_in_words(p, log10_p) or "-"


def with_error(value: float | None, se: float | None) -> str:
    """`0.0123 ± 0.0045`, both to the same number of decimals; the value alone where the error is not known."""
    if value is None or math.isnan(value):
        return "-"
    if se is None or math.isnan(se) or se <= 0:
        return f"{value:.3g}"
    decimals = max(0, 1 - math.floor(math.log10(se)))
    return f"{value:.{decimals}f} ± {se:.{decimals}f}"


def share(value: float | None) -> str:
    """A share in per cent."""
    return "-" if value is None or math.isnan(value) else f"{value:.0%}"
