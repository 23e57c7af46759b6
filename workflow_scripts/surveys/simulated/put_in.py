"""What was put into a simulated sky, in words: what an answer about it can be held against."""

from collections.abc import Iterator, Mapping
from typing import Any

from workflow_scripts.answers.wording import place_in_words
from workflow_scripts.sky.tiles import side_of_tile

# What varies over the sky, by its key of `imaging`.
_VARYING = {
    "seeing": "the PSF FWHM",
    "depth": "the pixel noise",
    "background": "the background",
    "extinction": "the extinction",
}


def put_in(catalog: Mapping[str, Any]) -> str:
    """A sentence on the imaging, the true classes and the labels of a simulated catalog (its completed entry)."""
    imaging, galaxies = catalog["imaging"], catalog["galaxies"]
    parts = [words for key, what in _VARYING.items() for words in _variations(what, imaging[key])]
    parts = parts or ["the imaging is the same everywhere"]
    positive = catalog["classes"][1]
    handed = galaxies.get("handedness")
    of_class = handed["dipole"] if handed else galaxies["spiral_dipole"]
    truth = f"the true fraction of '{positive}'" + ("" if handed else f" is {galaxies['spiral_fraction']:.2g} and")
    if of_class["amplitude"]:
        points = f"{abs(100 * of_class['amplitude']):.2g} percentage points"
        parts.append(f"{truth} has a dipole of {points} {_towards(of_class)}")
    else:
        parts.append(f"{truth} has no dipole")
    density = galaxies["positions"]["dipole"]
    if density["amplitude"]:
        parts.append(f"the density of galaxies has a dipole of {abs(density['amplitude']):.2g} {_towards(density)}")
    if catalog["labels"]["blurred"]:
        parts.append("reference labels are wrong more often where images are blurred")
    else:
        parts.append("reference labels do not depend on the seeing")
    return f"What was put in: {'; '.join(parts)}."


def _variations(what: str, field: Mapping[str, Any]) -> Iterator[str]:
    dipole, step, patches = field["dipole"], field["step"], field["patches"]
    if dipole["amplitude"]:
        yield f"{what} has a dipole of {abs(dipole['amplitude']):.2g} of its mean {_towards(dipole)}"
    if step["amplitude"]:
        yield f"{what} has a step of ± {abs(step['amplitude']):.2g} of its mean, up {_towards(step)}"
    if patches["amplitude"]:
        side = side_of_tile(patches["order"])
        yield f"{what} scatters by {patches['amplitude']:.2g} of its mean between cells of {side:.2g}°"
    if field.get("plane", {}).get("amplitude"):
        yield f"{what} grows towards the Galactic plane"


def _towards(varying: Mapping[str, float]) -> str:
    """The direction in which a value is highest: opposite to that of a negative amplitude."""
    ra, dec = varying["ra"], varying["dec"]
    if varying["amplitude"] < 0:
        ra, dec = (ra + 180) % 360, -dec
    return f"towards {place_in_words(ra, dec)}"
