"""Galaxies of opposite footprints in pairs that are alike, and those that their networks disagree on."""

from itertools import chain

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from workflow_scripts.figures.galaxy_figures import galaxy_figures
from workflow_scripts.figures.style import LOOK, stated

SIDES = ("north", "south")
ARM = {"combine": "paired", "resamples": [0], "seeds": [0], "footprints": SIDES, "networks": ["net"]}
EXPERIMENT = {
    "classes": ["elliptical", "spiral"],
    "arms": {"halves": ARM},
    "footprints": {side: {"axis": None, "family": None} for side in SIDES},
}


class Blank:
    """A store of images, each of them black."""

    def read(self, ids):
        return np.zeros((len(ids), 8, 8, 1), np.uint8)


@pytest.fixture
def draw(tmp_path):
    """What draws two training sets of 20 galaxies, those of the south a little fainter and in worse seeing."""
    names = {side: [f"{side[0]}{k:02d}" for k in range(20)] for side in SIDES}
    sets = {side: pd.DataFrame({"source_id": ids, "label": np.arange(20) % 2}) for side, ids in names.items()}
    catalog = pd.DataFrame({"source_id": list(chain(*names.values()))})
    catalog["magnitude"] = [*np.linspace(14, 18, 20), *np.linspace(14.01, 18.01, 20)]
    catalog["radius_arcsec"], catalog["seeing_arcsec"] = 3.0, np.repeat([1.0, 1.8], 20)
    for side, sign in (("north", 1), ("south", -1)):
        table = tmp_path / side / "net" / "resample0_seed0.parquet"
        table.parent.mkdir(parents=True)
        scores = 0.5 + sign * np.linspace(-0.2, 0.3, 40)
        pd.DataFrame({"source_id": catalog["source_id"], "score": scores}).to_parquet(table)

    def drawn(opposite):
        experiment, annotations = {**EXPERIMENT, "opposite": opposite}, str(tmp_path / "{run_id}.parquet")
        return galaxy_figures(experiment, Blank(), annotations, sets, catalog, LOOK)

    return drawn


def test_pairs_are_framed_in_the_colours_of_their_footprints_with_their_seeing(draw):
    figures = draw([SIDES])
    shown = [axes for axes in figures["gallery"].axes if axes.images]
    assert len(shown) == 2 * 2 * 10
    for number, axes in enumerate(shown):
        assert to_hex(axes.spines["left"].get_edgecolor()) == LOOK["colours"][number % 2].lower()
        assert axes.get_xlabel() == ("1.00", "1.80")[number % 2]
    words = "alike in class, magnitude and radius: median seeing 1 arcsec (north) and 1.8 arcsec (south)."
    assert stated(figures["gallery"]) == f"Training galaxies of opposite footprints, {words}"
    first, *_ = (axes for axes in figures["disagreement"].axes if axes.images)
    assert (first.get_xlabel(), first.get_title()) == ("0.80 | 0.20", "1.80")
    assert "differ by up to 0.60 one way and 0.40 the other" in stated(figures["disagreement"])
    for name, words in (("disagreement", "Above"), ("gallery", "Below")):
        notes = [text.get_text() for text in figures[name].texts]
        assert any(f"{words}: seeing_arcsec (arcsec)." in note for note in notes), notes


def test_without_opposite_footprints_galaxies_are_shown_by_class(draw):
    gallery = draw([])["gallery"]
    assert sum(len(axes.images) for axes in gallery.axes) == 40
    assert stated(gallery) == "Training galaxies by reference label."
