"""The galaxies of a simulated sky: positions, kinds, photometry and shapes. Imaging plays no part here."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.sky.unit_vectors import right_ascension_declination, unit_vectors

ELLIPTICAL, SPIRAL, EDGE_ON = 0, 1, 2
ANTICLOCKWISE, CLOCKWISE = 0, 1


def draw_galaxies(n_galaxies: int, seed: int, settings: dict[str, Any]) -> pd.DataFrame:
    """Draw a population that is isotropic on the sky, unless `positions` or `spiral_dipole` say otherwise.

    Every concern has a random stream of its own, so that changing one (say, the share of spirals) moves no galaxy.

    `settings` are `catalogs.NAME.galaxies` of the configuration. Returns `n_galaxies` rows: `source_id`, `ra`, `dec`
    (ICRS degrees), `true_class` (0 elliptical, 1 spiral; with `edge_on_fraction`, 2 a spiral that is seen edge-on; with
    `handedness`, 0 anticlockwise, 1 clockwise), `magnitude`
    (r, AB), `g_r`, `r_i` (mag), `radius_arcsec` (half-light), `axis_ratio`, `position_angle_deg` (east of north),
    `redshift`, and the shape parameters that the renderer reads; with `handedness`, also `morphology`, spiral for all.
    """
    streams = {name: np.random.default_rng([seed, number]) for number, name in enumerate(_CONCERNS)}
    ra, dec = draw_positions(n_galaxies, streams["positions"], settings.get("positions", {}))
    handed = settings.get("handedness")
    spiral = streams["kinds"].random(n_galaxies) < (1.0 if handed else spiral_probability(ra, dec, settings))
    magnitude = _magnitudes(n_galaxies, settings["magnitude"], streams["photometry"])
    radius = _radii(magnitude, settings, streams["sizes"])
    redshift = _redshifts(magnitude, streams["redshifts"])
    colour = streams["colours"].normal(0.0, 1.0, (2, n_galaxies))
    # Old and dusty galaxies are red in both: without this, some would be green or purple, as none are.
    colour[1] = 0.85 * colour[0] + np.sqrt(1 - 0.85**2) * colour[1]
    shape = streams["shapes"]
    arms = streams["arms"]
    low, high = settings["arm_contrast"]
    galaxies = pd.DataFrame(
        {
            "source_id": [f"sim{number:010d}" for number in range(n_galaxies)],
            "ra": ra,
            "dec": dec,
            "true_class": np.where(spiral, SPIRAL, ELLIPTICAL).astype(np.int8),
            "magnitude": magnitude,
            # Colours of the red sequence and the blue cloud at z ~ 0.1, with their overlap.
            "g_r": np.where(spiral, 0.74 + 0.12 * colour[0], 0.80 + 0.10 * colour[0]),
            "r_i": np.where(spiral, 0.375 + 0.035 * colour[1], 0.385 + 0.03 * colour[1]),
            "radius_arcsec": radius,
            # Disks are thin and seen from all sides (not edge-on ones, whose arms are hidden); ellipticals are round.
            "axis_ratio": np.where(spiral, shape.uniform(0.25, 1.0, n_galaxies), shape.uniform(0.5, 1.0, n_galaxies)),
            "position_angle_deg": shape.uniform(0.0, 180.0, n_galaxies),
            "redshift": redshift,
            "sersic_n": np.clip(shape.normal(4.0, 0.6, n_galaxies), 2.5, 5.5),
            "bulge_fraction": shape.beta(2.0, 6.0, n_galaxies) * 0.7,
            "arm_count": arms.choice([2, 2, 2, 3, 4], n_galaxies).astype(np.int8),
            "pitch_angle_deg": arms.uniform(10.0, 30.0, n_galaxies),
            "arm_contrast": arms.uniform(low, high, n_galaxies),
            "arm_phase_deg": arms.uniform(0.0, 360.0, n_galaxies),
            "handedness": arms.choice([-1, 1], n_galaxies).astype(np.int8),
        }
    )
    if share := settings.get("edge_on_fraction"):
        edge_on = spiral & (streams["edges"].random(n_galaxies) < share)
        galaxies.loc[edge_on, "true_class"] = np.int8(EDGE_ON)
        # Disks are this thick.
        galaxies.loc[edge_on, "axis_ratio"] = streams["edges"].uniform(0.1, 0.2, n_galaxies)[edge_on]
    if handed:
        clockwise = streams["senses"].random(n_galaxies) < clockwise_probability(ra, dec, handed)
        galaxies["true_class"] = np.where(clockwise, CLOCKWISE, ANTICLOCKWISE).astype(np.int8)
        galaxies["handedness"] = np.where(clockwise, -1, 1).astype(np.int8)
        galaxies["morphology"] = np.int8(SPIRAL)
    return galaxies


_CONCERNS = ("positions", "kinds", "photometry", "sizes", "redshifts", "colours", "shapes", "arms", "senses", "edges")


def spiral_probability(ra: NDArray, dec: NDArray, settings: dict[str, Any]) -> NDArray[np.float64]:
    """Probability that a galaxy at a position (ICRS degrees) is a spiral: `spiral_fraction` + amplitude * cosine.

    The cosine is that of the distance from the direction of `spiral_dipole` (`amplitude, ra, dec`), where `settings`
    have one; its amplitude is a fraction, so that D of the true classes on the full sky is `amplitude`.
    """
    return _probability(ra, dec, settings["spiral_fraction"], settings.get("spiral_dipole"))


def clockwise_probability(ra: NDArray, dec: NDArray, settings: dict[str, Any]) -> NDArray[np.float64]:
    """The same for `clockwise_fraction` and `dipole` of a sky of handedness."""
    return _probability(ra, dec, settings["clockwise_fraction"], settings["dipole"])


def _probability(ra: NDArray, dec: NDArray, fraction: float, dipole: dict[str, float] | None) -> NDArray[np.float64]:
    if not dipole:
        return np.full(len(ra), fraction, float)
    return fraction + dipole["amplitude"] * (unit_vectors(ra, dec) @ unit_vectors(dipole["ra"], dipole["dec"]))


def draw_positions(
    n: int, random: np.random.Generator, settings: dict[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`n` positions (ICRS degrees), uniform on the sphere where `settings` is empty.

    `settings` may hold `dipole` (`amplitude, ra, dec`: density proportional to 1 + amplitude * cosine of the distance
    from the direction) and `dec_min` (degrees; no galaxy is south of it).
    """
    dipole = settings.get("dipole") or {"amplitude": 0.0, "ra": 0.0, "dec": 0.0}
    lowest = -90.0 if settings.get("dec_min") is None else settings["dec_min"]
    amplitude, direction = dipole["amplitude"], unit_vectors(dipole["ra"], dipole["dec"])
    ra, dec = np.empty(0), np.empty(0)
    while ra.size < n:
        vectors = random.normal(size=(n, 3))
        more_ra, more_dec = right_ascension_declination(vectors)
        density = 1 + amplitude * (unit_vectors(more_ra, more_dec) @ direction)
        kept = (random.random(n) * (1 + abs(amplitude)) < density) & (more_dec >= lowest)
        ra, dec = np.append(ra, more_ra[kept]), np.append(dec, more_dec[kept])
    return ra[:n], dec[:n]


def _magnitudes(n: int, limits: list[float], random: np.random.Generator) -> NDArray[np.float64]:
    """Magnitudes with Euclidean counts, N(<m) ~ 10**(0.6 m), between two limits (inverse of the cumulative counts)."""
    bright, faint = (10 ** (0.6 * limit) for limit in limits)
    return np.log10(bright + (faint - bright) * random.random(n)) / 0.6


def _radii(
    magnitude: NDArray[np.float64], settings: dict[str, Any], random: np.random.Generator
) -> NDArray[np.float64]:
    """Half-light radii: brighter galaxies are larger (constant surface brightness), with scatter and limits."""
    smallest, largest = settings["radius_arcsec"]
    typical = np.log10(np.sqrt(smallest * largest)) + 0.1 * (np.mean(settings["magnitude"]) - magnitude)
    return np.clip(10 ** (typical + random.normal(0.0, 0.13, magnitude.size)), smallest, largest)


def _redshifts(magnitude: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    return np.clip(
        0.08 * 10 ** (0.15 * (magnitude - 16.5)) * np.exp(random.normal(0.0, 0.3, magnitude.size)), 0.003, 0.4
    )
