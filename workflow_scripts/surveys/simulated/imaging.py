"""Imaging that depends on the sky position, and labels that depend on the imaging."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.sky.tiles import number_of_tiles, tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.surveys.simulated.sky_entry import LOWEST_FIELD

# A_band / E(B-V) for R_V = 3.1: Schlafly & Finkbeiner 2011, ApJ 737, 103, table 6 (SDSS g, r, i).
EXTINCTION = {"g": 3.303, "r": 2.285, "i": 1.698}
# North Galactic pole, ICRS degrees.
_GALACTIC_POLE = (192.85948, 27.12825)


def relative_field(ra: NDArray, dec: NDArray, settings: dict[str, Any]) -> NDArray[np.float64]:
    """Relative variation over the sky: 1 + dipole + patches + hemisphere step.

    `settings` holds `dipole` and `step` (`amplitude, ra, dec`; the step is +amplitude in the hemisphere about the
    direction and -amplitude outside) and `patches` (`amplitude, order, seed`: one normal deviate a nested HEALPix
    cell). An amplitude of 0 switches a part off. Never below `LOWEST_FIELD`, so that a sky stays physical: patches are
    cut off there, `check_sky` refuses a dipole and step that would be.
    """
    positions = unit_vectors(ra, dec)
    field = np.ones(len(positions))
    dipole, step, patches = settings["dipole"], settings["step"], settings["patches"]
    field += dipole["amplitude"] * positions @ unit_vectors(dipole["ra"], dipole["dec"])
    field += step["amplitude"] * np.sign(positions @ unit_vectors(step["ra"], step["dec"]))
    if patches["amplitude"]:
        deviates = np.random.default_rng(patches["seed"]).normal(size=number_of_tiles(patches["order"]))
        field += patches["amplitude"] * deviates[tile_of(ra, dec, patches["order"])]
    return np.maximum(field, LOWEST_FIELD)


def dust_layer(ra: NDArray, dec: NDArray) -> NDArray[np.float64]:
    """Column of a plane-parallel dust layer relative to the Galactic poles: 1 / |sin b|, at most its value at b = 5.

    Positions in ICRS degrees. The layer has no edge in this model, so the plane itself needs the limit.
    """
    sine = np.abs(unit_vectors(ra, dec) @ unit_vectors(*_GALACTIC_POLE))
    return 1 / np.maximum(sine, np.sin(np.radians(5.0)))


def image_conditions(ra: NDArray, dec: NDArray, settings: dict[str, Any]) -> pd.DataFrame:
    """What the telescope and the atmosphere do at each position (ICRS degrees).

    `extinction` may hold a `plane` (`amplitude`): dust that thickens towards the Galactic plane; with amplitude 1 it
    follows the cosecant law, and `ebv` is its value at the poles. Columns: `psf_fwhm_arcsec`; `sky_noise` (nanomaggies
    a square arcsec**0.5, r band) and `depth_mag` (5 sigma, point source, r, AB); `background` (nanomaggies a square
    arcsec); `ebv` (mag).
    """
    fwhm = settings["seeing"]["fwhm_arcsec"] * relative_field(ra, dec, settings["seeing"])
    # The configured depth holds at the configured seeing; noise is white, so depth loses with the area of the PSF.
    reference = _psf_area(settings["seeing"]["fwhm_arcsec"])
    noise = 10 ** (0.4 * (22.5 - settings["depth"]["magnitude"])) / 5.0 / np.sqrt(reference)
    noise = noise * relative_field(ra, dec, settings["depth"])
    extinction = settings["extinction"]
    reddening = relative_field(ra, dec, extinction)
    if "plane" in extinction:
        reddening = reddening + extinction["plane"]["amplitude"] * (dust_layer(ra, dec) - 1)
    return pd.DataFrame(
        {
            "psf_fwhm_arcsec": fwhm,
            "sky_noise": noise,
            "depth_mag": 22.5 - 2.5 * np.log10(5.0 * noise * np.sqrt(_psf_area(fwhm))),
            "background": settings["background"]["level"] * relative_field(ra, dec, settings["background"]),
            "ebv": extinction["ebv"] * reddening,
        }
    )


def _psf_area(fwhm: Any) -> Any:
    """Noise-equivalent area (square arcsec) of a Gaussian PSF: 4 pi sigma**2."""
    return 4 * np.pi * (fwhm / 2.3548) ** 2


def judged_labels(galaxies: pd.DataFrame, settings: dict[str, Any], seed: int) -> NDArray[np.int8]:
    """Labels as people would give them: wrong at a base rate, and spirals missed where they are blurred.

    The probability to miss a spiral is `base + blurred * x / (1 + x)`, where `x` is the square of PSF FWHM over
    the galaxy's half-light diameter, scaled by `sharp`: galaxies much larger than the PSF are judged well. Where the
    classes are senses of winding, people guess with the probability `blurred * x / (1 + x)`, and the guess is clockwise
    with (1 + `asymmetry`) / 2. Galaxies are mistaken for ellipticals, ellipticals for spirals; edge-on ones at the base
    rate.
    """
    random = np.random.default_rng([seed, 1000]).random(len(galaxies))
    blur = (galaxies["psf_fwhm_arcsec"] / (2 * galaxies["radius_arcsec"]) / settings["sharp"]) ** 2
    blurred, second = settings["blurred"] * blur / (1 + blur), galaxies["true_class"].to_numpy() == 1
    if "morphology" in galaxies:
        preference = np.where(second, -1, 1) * settings.get("asymmetry", 0.0)
        wrong = random < settings["base"] + blurred * (1 + preference) / 2
    else:
        wrong = random < settings["base"] + np.where(second, blurred, 0.0)
    other = np.where(galaxies["true_class"] == 0, 1, 0)
    return np.where(wrong, other, galaxies["true_class"]).astype(np.int8)
