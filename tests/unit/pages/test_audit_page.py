"""The page of an audit shows what its sky has: a field its own map, and no scan of axes."""

import html
import re

import numpy as np
import pandas as pd
import pytest

from tests.unit.audits.audited import by_name, run_audit
from tests.unit.pages.readers_questions import check_questions
from workflow_scripts.pages.number_formats import p_value


def audited(folder, ra, dec, **labels):
    """Summary and page of an audit of galaxies whose fraction rises with declination."""
    random, rise = np.random.default_rng(1), (dec - dec.min()) / np.ptp(dec)
    spiral = random.random(len(ra)) < 0.2 + 0.4 * rise
    table = pd.DataFrame({"ra": ra, "dec": dec, "label": np.where(spiral, "spiral", "elliptical"), **labels})
    table.to_csv(folder / "c.csv", index=False)
    summary = run_audit(folder / "c.csv", folder / "out", "--label", "label", *labels, "--positive", "spiral")
    return summary, html.unescape((folder / "out" / "audit.html").read_text())


@pytest.mark.parametrize(("width", "smallest_order"), [(10.0, 6), (1.0, 7)])
def test_a_field_has_its_own_map_and_one_line_on_what_is_not_drawn(tmp_path, width, smallest_order):
    random = np.random.default_rng(2)
    ra, dec = random.uniform(20, 20 + width, 3000), random.uniform(-30, -30 + width, 3000)
    summary, page = audited(tmp_path, ra, dec)
    assert summary["sky_kind"] == "field"
    assert {path.name for path in (tmp_path / "out" / "figures").glob("*.png")} == {"fraction_map.png", "amplitude.png"}
    assert page.count("<img alt=") == 2
    (line,) = re.findall(r"Not drawn:.*?</p>", page, re.DOTALL)
    assert all(name in line for name in ("fraction by ra", "sigma and p and sigma map", "1 of 12 bins"))
    assert "cosine_scan_paper_style" not in by_name(summary)
    assert "<td>cosine scan paper style</td>" not in page
    assert "Left out: the paper-style scan" in page
    assert "A detectable size is" not in page
    maps = np.load(tmp_path / "out" / "sky_maps.npz")
    assert "sigma" not in maps
    fraction = maps["fraction"][np.isfinite(maps["fraction"])]
    assert len(maps["fraction"]) >= 12 * 4**smallest_order
    assert len(fraction) > 15
    assert np.nanmedian(maps["n"][maps["n"] > 0]) >= 25
    assert maps["n"].sum() == summary["catalog"]["n"]


def test_on_the_sky_nothing_is_left_out(tmp_path):
    random = np.random.default_rng(2)
    ra, dec = random.uniform(0, 360, 2000), np.degrees(np.arcsin(random.uniform(-1, 1, 2000)))
    summary, page = audited(tmp_path, ra, dec)
    assert summary["sky_kind"] == "sky"
    assert "Not drawn" not in page
    assert "<td>cosine scan paper style</td>" in page
    assert page.count("A detectable size is known before any label") == 1
    # Folded, but for the figure of the answer, and the map.
    more, pictures = page.index("<h3>More figures</h3>"), [found.start() for found in re.finditer("<img alt=", page)]
    assert pictures[0] < page.index('<svg class="sky"') < more < pictures[1]
    assert "sigma" in np.load(tmp_path / "out" / "sky_maps.npz")
    first = summary["answers"][0]
    (radius,) = set(re.findall(r"95 %: ± (\d+)°\)", first["statement"]))
    line = f"line about it: its region of 95 %, as large as a circle of ± {radius}°."
    assert f"Cross: axis of the dipole; {line}" in page
    assert page.count('<path class="ring"') == 1
    check_questions(
        page,
        {
            "Is there an effect?": rf"</span> {first['answer'].capitalize()}</p>",
            "How large is it?": re.escape(f"{100 * first['effect']['value']:.1f} percentage points (95 %: "),
            "Could it be chance?": f"Adjusted p = {re.escape(p_value(first['p_adjusted']))}",
            "Why is it there?": "--group-by COLUMN",
            "What should I do?": "these options ask:",
            "May I trust it?": "<dt>Assumed</dt>",
            "What was thrown away?": "<dt>Rows dropped</dt><dd>none</dd>",
            "How do I cite it?": "@software{skybias",
        },
    )
