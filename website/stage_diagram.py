"""Draw docs/pictures/workflow.svg from the rules of the workflow (`python -m website.stage_diagram`, `make pictures`).

Rules and arrows are those of `snakemake --rulegraph`, less the arrows that others imply; only the places of the
boxes stand here. A rule without a place is an error.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from workflow_scripts.whole_file import whole_file

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "pictures" / "workflow.svg"
# Everything that an experiment can ask for.
ASKED = {"controls": {"shuffled_sky": True}, "why": {"probe": {}, "counterfactual": ["seeing"]}, "correction": True}
# Column and row of each rule.
PLACES = {
    "simulate_sky": (2, 0),
    "list_galaxies": (0, 1),
    "list_positions": (2, 1),
    "make_catalog": (4, 1),
    "fetch_cutouts": (2, 2),
    "collect_ledger": (1, 3),
    "prepare_images": (3, 3),
    "shuffle_sky": (0, 4),
    "check_design": (1, 4),
    "index_images": (3, 4),
    "draw_training_set": (0, 5),
    "confirm_designs": (1, 5),
    "probe_pixels": (1, 6),
    "train": (2, 6),
    "tabulate_balance": (4, 6),
    "probe_features": (3, 7),
    "annotate": (2, 7),
    "measure_shares": (2, 8),
    "draw_galaxies": (4, 8),
    "correct_bias": (5, 8),
    "measure_bias": (3, 9),
    "map_footprint": (5, 9),
    "draw_runs": (3, 10),
    "draw_sky_maps": (4, 10),
    "draw_shares": (2, 10),
    "draw_probe": (1, 10),
    "draw_footprints": (5, 10),
    "write_verdict": (3, 11),
}
# Jobs of these are made only where the experiment asks for them.
WHERE_ASKED = {
    *("shuffle_sky", "probe_pixels", "probe_features", "measure_shares", "draw_shares", "draw_probe", "correct_bias")
}
FILLS = {
    "catalog": "#cfe3f5",
    "cutouts": "#d5efe6",
    "images": "#e6f2c9",
    "training": "#fbe6b8",
    "inference": "#f9d5bd",
    "causes": "#eadcf4",
    "bias": "#f6cfd8",
    "report": "#e3e3e3",
    "correction": "#eadcf4",
}
# Pixels: from box to box, and the size of a box.
STEP, BOX, EDGE = (150, 62), (132, 36), 8


def stages() -> dict[str, str]:
    """The stage of every rule: the file that it stands in."""
    return {
        rule: path.stem
        for path in sorted((ROOT / "rules").glob("*.smk"))
        for rule in re.findall(r"^rule (\w+):", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


def rule_graph() -> set[tuple[str, str]]:
    """(rule, rule that needs it), from a dry run of the default experiment with all that it can ask for."""
    config = f"experiments={json.dumps({'default': ASKED})}"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "snakemake", "--rulegraph", "--cores", "1", "--directory", folder]
        graph = subprocess.run(
            [*command, "--config", config], cwd=ROOT, check=True, capture_output=True, text=True, timeout=300
        ).stdout
    names = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)"', graph, re.MULTILINE))
    arrows = {(names[a], names[b]) for a, b in re.findall(r"^\s*(\d+) -> (\d+)", graph, re.MULTILINE)}
    return {(a, b) for a, b in arrows if b != "all"}


def without_implied(arrows: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The arrows of a graph without cycles, less those that a longer way replaces."""
    after: dict[str, set[str]] = {}
    for a, b in arrows:
        after.setdefault(a, set()).add(b)

    def reached(rule: str) -> set[str]:
        return {rule}.union(*(reached(other) for other in after.get(rule, ())))

    return {(a, b) for a, b in arrows if not any(b in reached(c) for c in after[a] - {b})}


def drawing(arrows: set[tuple[str, str]]) -> str:
    """The picture of these arrows as SVG; raises `KeyError` for a rule without a place."""
    rules = sorted({rule for arrow in arrows for rule in arrow}, key=lambda rule: PLACES[rule][::-1])
    width = max(column for column, _ in PLACES.values()) * STEP[0] + BOX[0] + 2 * EDGE
    height = max(row for _, row in PLACES.values()) * STEP[1] + BOX[1] + 2 * EDGE
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="sans-serif">',
        "<title>Rules of the workflow, from catalog to page</title>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#888"/></marker></defs>',
    ]
    return "\n".join([*head, *map(_arrow, sorted(without_implied(arrows))), *_boxes(rules), "</svg>", ""])


def _corner(rule: str) -> tuple[int, int]:
    column, row = PLACES[rule]
    return EDGE + column * STEP[0], EDGE + row * STEP[1]


def _arrow(arrow: tuple[str, str]) -> str:
    (x, y), (to_x, to_y) = _corner(arrow[0]), _corner(arrow[1])
    x, to_x, y, bend = x + BOX[0] // 2, to_x + BOX[0] // 2, y + BOX[1], STEP[1] // 2
    path = f"M{x} {y}C{x} {y + bend} {to_x} {to_y - bend} {to_x} {to_y}"
    return f'<path d="{path}" fill="none" stroke="#888" stroke-width="1.3" marker-end="url(#head)"/>'


def _boxes(rules: list[str]) -> Iterator[str]:
    stage_of = stages()
    for rule in rules:
        (x, y), stage = _corner(rule), stage_of[rule]
        dashes = ' stroke-dasharray="4 3"' if rule in WHERE_ASKED else ""
        size = f'width="{BOX[0]}" height="{BOX[1]}" rx="6"'
        yield f'<rect x="{x}" y="{y}" {size} fill="{FILLS[stage]}" stroke="#666"{dashes}/>'
        for text, font, down in ((rule, 12.5, 16), (stage, 10, 30)):
            middle = f'x="{x + BOX[0] // 2}" y="{y + down}" text-anchor="middle"'
            yield f'<text {middle} font-size="{font}" fill="#222">{escape(text)}</text>'


if __name__ == "__main__":
    with whole_file(PICTURE) as temporary:
        temporary.write_text(drawing(rule_graph()), encoding="utf-8")
