"""What was put into a simulated sky, as its page says it."""

import pytest
import yaml

from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.sources import overlay
from workflow_scripts.surveys.simulated.put_in import put_in

AXIS = {"ra": 300, "dec": -10}


@pytest.fixture(scope="module")
def default(repository):
    return yaml.safe_load((repository / "config.yaml").read_text(encoding="utf-8"))


def said(default, **catalog) -> str:
    """Of the default sky with other keys, as the page of its experiment is given it."""
    settings = load(overlay(default, {"catalogs": {"simulated_sky": catalog}}))
    return put_in(settings.data_parameter("default")["catalog"])


def test_the_default_sky(default):
    assert said(default) == (
        "What was put in: the PSF FWHM has a dipole of 0.35 of its mean towards RA 120°, Dec +30°; the true fraction of"
        " 'spiral' is 0.62 and has no dipole; reference labels are wrong more often where images are blurred."
    )


def imaging(key: str, **varying) -> dict:
    return {"imaging": {key: varying}}


@pytest.mark.parametrize(
    ("catalog", "words"),
    [
        (
            imaging("depth", dipole={"amplitude": -0.3, **AXIS}),
            "noise has a dipole of 0.3 of its mean towards RA 120°, D",
        ),
        (
            imaging("seeing", step={"amplitude": 0.6, **AXIS}),
            "FWHM has a step of ± 0.6 of its mean, up towards RA 300°",
        ),
        (
            imaging("background", patches={"amplitude": 0.3}),
            "background scatters by 0.3 of its mean between cells of 7",
        ),
        (imaging("extinction", plane={"amplitude": 1}), "the extinction grows towards the Galactic plane; "),
        (
            {"galaxies": {"spiral_dipole": {"amplitude": 0.15, **AXIS}}},
            "'spiral' is 0.62 and has a dipole of 15 percentage points to",
        ),
        (
            {"galaxies": {"positions": {"dipole": {"amplitude": 0.2, **AXIS}}}},
            "density of galaxies has a dipole of 0.2 ",
        ),
        ({"labels": {"blurred": 0}}, "; reference labels do not depend on the seeing."),
        (imaging("seeing", dipole={"amplitude": 0}), "What was put in: the imaging is the same everywhere; "),
    ],
)
def test_each_cause_has_its_size_and_direction(default, catalog, words):
    assert words in said(default, **catalog)


def test_senses_of_winding_are_named_as_the_classes_are(repository, default):
    handed = yaml.safe_load((repository / "experiments" / "handedness.yaml").read_text(encoding="utf-8"))
    settings = load(overlay(default, handed))
    catalog = {key: settings.catalog("handed_sky")[key] for key in ("classes", "galaxies", "imaging", "labels")}
    assert f"the true fraction of '{catalog['classes'][1]}' has " in put_in(catalog)
