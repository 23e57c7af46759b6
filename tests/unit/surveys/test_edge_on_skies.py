"""Skies with a third class, spirals that are seen edge-on: who they are, how they look, and how people judge them."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.sources import overlay
from workflow_scripts.simulate_sky import simulated_sky
from workflow_scripts.surveys.simulated.rendering import render_galaxy


@pytest.fixture(scope="module")
def skies(repository):
    """The sky of three classes, and the same entry without the third."""
    files = ("config.yaml", "experiments/three_classes.yaml")
    merged = overlay(*(yaml.safe_load((repository / file).read_text(encoding="utf-8")) for file in files))
    entry = json.loads(json.dumps({**load(merged).sky_parameter("three_class_sky"), "n_galaxies": 4000}))
    of_two = {**entry, "classes": entry["classes"][:2], "galaxies": dict(entry["galaxies"])}
    del of_two["galaxies"]["edge_on_fraction"]
    return simulated_sky(entry), simulated_sky(of_two), entry["galaxies"]["edge_on_fraction"]


def test_some_spirals_are_edge_on_and_nothing_else_changes(skies):
    three, two, share = skies
    edge_on = three["true_class"] == 2
    assert (two.loc[edge_on, "true_class"] == 1).all()
    n = int((two["true_class"] == 1).sum())
    assert edge_on.sum() / n == pytest.approx(share, abs=4.5 * np.sqrt(share * (1 - share) / n))
    assert three.loc[edge_on, "axis_ratio"].between(0.1, 0.2).all()
    same = [name for name in two if name not in ("true_class", "axis_ratio", "label")]
    pd.testing.assert_frame_equal(three[same], two[same])
    assert three.loc[~edge_on, ["true_class", "axis_ratio", "label"]].equals(
        two.loc[~edge_on, ["true_class", "axis_ratio", "label"]]
    )


def test_people_see_three_classes(skies):
    three, _, _ = skies
    assert set(three["label"]) == {0, 1, 2}
    mistaken = pd.crosstab(three["true_class"], three["label"], normalize="index")
    assert (np.diag(mistaken) > 0.5).all()
    assert mistaken.loc[0, 2] == mistaken.loc[2, 1] == 0


def test_an_edge_on_galaxy_is_a_line_in_its_image(skies):
    three, two, _ = skies
    row = int(three.index[(three["true_class"] == 2) & (three["radius_arcsec"] > 4)][0])

    def elongation(sky):
        galaxy = next(sky.iloc[[row]].assign(sky_noise=0.0, background=0.0).itertuples())
        light = render_galaxy(galaxy, 64, 0.4, "r", 0)[0].astype(float)
        y, x = np.indices(light.shape) - 31.5
        spread = np.cov(np.stack([x.ravel(), y.ravel()]), aweights=light.clip(0).ravel())
        return np.sqrt(np.linalg.eigvalsh(spread)[0] / np.linalg.eigvalsh(spread)[1])

    assert elongation(three) < min(0.5, 0.9 * elongation(two))
