"""A sky of galaxies with the columns of Galaxy Zoo and SDSS, the same for the same number and seed."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tests.services.coverage import is_covered

KINDS = ("spiral", "elliptical", "uncertain")
# Templates of each kind among the 64 that are drawn.
TEMPLATES = {"spiral": range(0, 24), "elliptical": range(24, 48), "uncertain": range(48, 64)}
OUTSIDE_SHARE = 0.03
_SAME_PLACE_DEG = 2 / 3600
NO_MEASUREMENT = -9999.0


@dataclass(frozen=True)
class Galaxy:
    """What is drawn at a position: one of 64 templates, one of 8 orientations, half-light radius (arcsec)."""

    template: int
    orientation: int
    half_light_radius: float


class SkyCatalog:
    """`number` galaxies; 3 % of them lie where SDSS has no images.

    A few have the blemishes of the real tables: no row in PhotoObj (1 in 300), `clean` = 0 (1 in 200), and a seeing of
    -9999 (1 in 500).
    """

    def __init__(self, number: int = 20_000, seed: int = 1, field: tuple[float, float, float] | None = None):
        """`field`: centre and radius (degrees) of a deep field that holds all galaxies."""
        self.number, self.seed = number, seed
        rng = np.random.default_rng([seed, 11])
        self.ra, self.dec = _positions(number, rng) if field is None else _positions_in_field(number, rng, *field)
        self.kind = rng.choice(3, number, p=[0.35, 0.3, 0.35])
        self.columns = self._columns(rng)
        self.has_photometry = rng.permutation(number) >= number // 300
        self.clean = rng.permutation(number) >= number // 200
        starts = np.array([TEMPLATES[kind].start for kind in KINDS])[self.kind]
        counts = np.array([len(TEMPLATES[kind]) for kind in KINDS])[self.kind]
        self.template = starts + rng.integers(0, 1 << 30, number) % counts
        self.orientation = rng.integers(0, 8, number)

    def _columns(self, rng: np.random.Generator) -> dict[str, NDArray]:
        n = self.number
        spiral, elliptical = self.kind == 0, self.kind == 1
        high, low = rng.uniform(0.81, 1, n), rng.uniform(0, 0.19, n)
        between = rng.uniform(0.25, 0.75, n)
        p_cs = np.where(spiral, high, np.where(elliptical, low * (1 - high) / 0.19, between))
        p_el = np.where(elliptical, high, np.where(spiral, low * (1 - high) / 0.19, (1 - between) * 0.95))
        half = np.exp(rng.normal(np.log(2.6), 0.35, n)).clip(1.2, 12)
        seeing = rng.normal(1.3, 0.1, n).clip(0.8, 2)
        seeing[rng.permutation(n) < n // 500] = NO_MEASUREMENT
        step = rng.integers(1, 10**9, n)
        return {
            "objid": 1237645879551066000 + np.cumsum(step),
            "dr7objid": 587722952230174000 + np.cumsum(rng.integers(1, 10**8, n)),
            "specobjid": 299489676975171584 + np.cumsum(rng.integers(1, 10**10, n)),
            "nvote": rng.integers(20, 80, n),
            "p_el_debiased": p_el.round(3),
            "p_cs_debiased": p_cs.round(3),
            "spiral": spiral.astype(np.int64),
            "elliptical": elliptical.astype(np.int64),
            "uncertain": (self.kind == 2).astype(np.int64),
            "petroR50_r": half.round(6),
            "petroR90_r": (half * np.where(spiral, 2.3, np.where(elliptical, 3.0, 2.6))).round(6),
            "petroMag_r": rng.triangular(13.5, 17.6, 17.77, n).round(5),
            "extinction_r": rng.gamma(2, 0.04, n).round(6),
            "psffwhm_r": seeing.round(6),
            "expAB_r": rng.uniform(0.25, 1, n).round(6),
            "redshift": rng.gamma(4, 0.022, n).clip(0.003, 0.25).round(7),
        }

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(_unit_vectors(self.ra, self.dec))

    def index_at(self, ra: float, dec: float) -> int | None:
        """Which galaxy of the catalog lies within 2 arcsec of a position."""
        distance, index = self._tree.query(_unit_vectors(ra, dec))
        return int(index) if distance < np.radians(_SAME_PLACE_DEG) else None

    def galaxy_at(self, ra: float, dec: float) -> Galaxy:
        """What is drawn at a position: the galaxy of the catalog, elsewhere one that the position decides."""
        index = self.index_at(ra, dec)
        if index is not None:
            radius = float(self.columns["petroR50_r"][index])
            return Galaxy(int(self.template[index]), int(self.orientation[index]), radius)
        number = int.from_bytes(blake2b(f"{ra:.4f} {dec:.4f}".encode(), digest_size=8).digest(), "little")
        return Galaxy(number % 64, number // 64 % 8, 1.5 + number // 512 % 256 / 64)


def _unit_vectors(ra, dec) -> NDArray[np.float64]:
    ra, dec = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


def _positions(number: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ra = rng.uniform(0, 360, 12 * number + 2000)
    dec = np.degrees(np.arcsin(rng.uniform(-0.5, 1, len(ra))))
    inside = is_covered("sdss", ra, dec)
    n_outside = int(number * OUTSIDE_SHARE)
    kept = np.concatenate([np.flatnonzero(inside)[: number - n_outside], np.flatnonzero(~inside)[:n_outside]])
    kept = rng.permutation(kept)
    return ra[kept].round(9), dec[kept].round(9)


def _positions_in_field(
    number: int, rng: np.random.Generator, ra: float, dec: float, radius: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    distance, angle = radius * np.sqrt(rng.uniform(0, 1, number)), rng.uniform(0, 2 * np.pi, number)
    decs = dec + distance * np.sin(angle)
    return ((ra + distance * np.cos(angle) / np.cos(np.radians(decs))) % 360).round(9), decs.round(9)
