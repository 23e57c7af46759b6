"""`titles_in_pdf: false`: a PDF for a paper, without what its caption says, and all else as it is."""

import re

import numpy as np
import pytest
from matplotlib.backends.backend_pdf import RendererPdf
from PIL import Image

from tests.unit.audits.audited import galaxies, run_audit
from tests.unit.bias.synthetic_experiment import experiment_runs
from tests.unit.figures.test_figures import SETTINGS, draw, measured
from workflow_scripts.figures.figure_list import FINDING
from workflow_scripts.figures.style import SINGLE, new_figure, panel_title, save, state

WITHOUT = {**SETTINGS, "titles_in_pdf": False}


@pytest.fixture
def of_pdf(monkeypatch):
    """The lines of text in the PDF files that a test writes."""
    lines, draw_text = [], RendererPdf.draw_text

    def kept(renderer, gc, x, y, line, *others, **options):
        lines.append(" ".join(line.split()))
        draw_text(renderer, gc, x, y, line, *others, **options)

    monkeypatch.setattr(RendererPdf, "draw_text", kept)
    return lines


def height_of(pdf):
    """Of its page, inches."""
    return float(re.search(rb"/MediaBox \[ 0 0 \S+ (\S+) \]", pdf)[1]) / 72


def findings(images):
    """What the figures of a folder state, by name, from their PNG."""
    stated_in = {}
    for path in images.glob("*.png"):
        with Image.open(path) as image:
            stated_in[path.stem] = image.info.get(FINDING, "")
    return stated_in


def test_a_pdf_without_titles_is_less_high_by_their_lines_and_keeps_axes_names_and_note(tmp_path, of_pdf):
    written, sizes, gaps, lines = [], [], [], []
    for titled in (True, False):
        figure, panels = new_figure(SINGLE, 4, nrows=2)
        for panel, name in zip(panels, ("", "the second"), strict=True):
            panel.plot([0, 1], label="a line")
            panel_title(panel, f"{name} panel shows something " * 3, SINGLE, name)
        legend = panels[0].legend(loc="lower left", bbox_to_anchor=(0, 1))
        legend.set_in_layout(False)
        state(figure, "A long finding " * 6, "A note on bars.")
        save(figure, tmp_path, "name", {**SETTINGS, "titles_in_pdf": titled})
        written.append([(tmp_path / f"name.{suffix}").read_bytes() for suffix in ("png", "pdf")])
        above, below = (panel.get_window_extent() for panel in panels)
        sizes.append([above.size, below.size])
        gaps.append((above.y0 - below.y1) / figure.dpi)
        lines.append(of_pdf[:])
        of_pdf.clear()
    (png, pdf), (same, untitled) = written
    assert png == same
    np.testing.assert_allclose(sizes[0], sizes[1], rtol=1e-9)
    assert all("finding" in line or "shows" in line for line in set(lines[0]) - set(lines[1]))
    assert {"A note on bars.", "a line", "the second"} <= set(lines[1])
    # The second panel loses one of two lines, and the page ends above the legend.
    assert gaps[0] - gaps[1] == pytest.approx(1.2 * 7.5 / 72, abs=0.03)
    assert height_of(untitled) == pytest.approx(legend.get_window_extent().y1 / figure.dpi + 3 / 72, abs=0.01)
    assert height_of(untitled) < height_of(pdf) - 3 * 0.155
    assert all(b"/Title (A long finding" in one for one in (pdf, untitled))


def test_figures_of_an_experiment_without_titles_in_pdf(tmp_path, of_pdf):
    catalog = measured(tmp_path, experiment_runs(seeds=1))
    titled = draw(tmp_path, catalog, "titled")
    of_pdf.clear()
    untitled = draw(tmp_path, catalog, "untitled", WITHOUT)
    lines, text = set(of_pdf), " ".join(of_pdf)
    assert [name for name in titled if name.endswith(".png") and titled[name] != untitled[name]] == []
    for name, finding in findings(tmp_path / "untitled").items():
        assert bool(finding) == (height_of(untitled[f"{name}.pdf"]) < height_of(titled[f"{name}.pdf"]) - 0.1), name
        assert not finding or finding[:40] not in text, name
    assert {"trained on east", "trained on west"} <= lines
    assert any(line.startswith("One network a footprint") for line in lines)
    assert not any("not adjusted:" in line for line in lines)
    again = draw(tmp_path, None, "once more", WITHOUT)
    assert again == {name: untitled[name] for name in again}


def test_figures_of_an_audit_without_titles_in_pdf(tmp_path, of_pdf):
    galaxies(600).to_csv(tmp_path / "c.csv", index=False)
    text = {}
    for folder, options in (("titled", ()), ("untitled", ("--no-titles-in-pdf",))):
        run_audit(tmp_path / "c.csv", tmp_path / folder, "--label", "label", "--covariates", "seeing", *options)
        text[folder] = " ".join(of_pdf)
        of_pdf.clear()
    said = findings(tmp_path / "titled" / "figures")
    assert {"fraction_map", "amplitude", "sigma_map", "seeing_map"} <= set(said)
    assert all(said.values())
    for name, finding in said.items():
        files = [tmp_path / one / "figures" / f"{name}.png" for one in ("titled", "untitled")]
        assert files[0].read_bytes() == files[1].read_bytes()
        titled, untitled = (height_of(one.with_suffix(".pdf").read_bytes()) for one in files)
        assert untitled < titled - 0.1, name
        assert [finding[:40] in one for one in text.values()] == [True, False], name
    assert all("n = 600 galaxies" in one for one in text.values())
    for name in ("summary.json", "audit.html"):
        assert len({(tmp_path / one / name).read_bytes() for one in ("titled", "untitled")}) == 1
