"""The gallery shows galaxies of opposite footprints in pairs that are alike, in the colours of their footprints."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from workflow_scripts.figures.galaxy_figures import galaxy_figures
from workflow_scripts.figures.style import LOOK, reason_for_nothing, stated

EXPERIMENT = {"classes": ["elliptical", "spiral"], "opposite": [["north", "south"]]}


class Blank:
    """A store of images, each of them black."""

    def read(self, ids):
        return np.zeros((len(ids), 8, 8, 1), np.uint8)


@pytest.fixture(scope="module")
def drawn():
    """The figures of two training sets of 20 galaxies, those of the south a tenth fainter and in worse seeing."""
    names = {side: [f"{side[0]}{k:02d}" for k in range(20)] for side in ("north", "south")}
    sets = {side: pd.DataFrame({"source_id": ids, "label": np.arange(20) % 2}) for side, ids in names.items()}
    catalog = pd.DataFrame({"source_id": [*names["north"], *names["south"]]})
    catalog["magnitude"] = [*np.linspace(14, 18, 20), *np.linspace(14.1, 18.1, 20)]
    catalog["radius_arcsec"], catalog["SEEING"] = 3.0, np.repeat([1.0, 1.8], 20)

    def draw(experiment):
        return galaxy_figures({**experiment, "opposite": []}, Blank(), "", sets, catalog, LOOK)["gallery"]

    return draw, sets, catalog


def test_pairs_are_framed_in_the_colours_of_their_footprints_with_their_seeing(drawn, monkeypatch):
    _, sets, catalog = drawn
    monkeypatch.setattr("workflow_scripts.figures.galaxy_figures._disagreements", lambda *_: None)
    gallery = galaxy_figures(EXPERIMENT, Blank(), "", sets, catalog, LOOK)["gallery"]
    shown = [axes for axes in gallery.axes if axes.images]
    assert len(shown) == 2 * 2 * 10
    for number, axes in enumerate(shown):
        assert to_hex(axes.spines["left"].get_edgecolor()) == LOOK["colours"][number % 2].lower()
        assert axes.get_xlabel() == ("1.00", "1.80")[number % 2]
    assert stated(gallery) == (
        "Training galaxies of opposite footprints, alike in class, magnitude and radius: median seeing 1 (north) and 1.8"
        " (south)."
    )


def test_without_opposite_footprints_galaxies_are_shown_by_class(drawn):
    draw, *_ = drawn
    gallery = draw(EXPERIMENT)
    assert not reason_for_nothing(gallery)
    assert sum(len(axes.images) for axes in gallery.axes) == 40
    assert stated(gallery) == "Training galaxies by reference label."
