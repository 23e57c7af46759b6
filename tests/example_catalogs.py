"""The catalogs of docs/example_answers.md: `python -m tests.example_catalogs FOLDER` writes them."""

import sys
from pathlib import Path

import numpy as np

# Name -> galaxies, limits of RA and Dec, fraction, planted dipole towards RA 120, Dec +30, classes.
CATALOGS = {
    "whole_sky": (20_000, (0, 360), (-90, 90), 0.4, 0.0, ("elliptical", "spiral")),
    "few_galaxies": (600, (0, 360), (-10, 90), 0.4, 0.1, ("elliptical", "spiral")),
    "field": (5_000, (150, 160), (0, 10), 0.4, 0.0, ("elliptical", "spiral")),
    "senses": (20_000, (0, 360), (-90, 90), 0.52, 0.0, ("anticlockwise", "clockwise")),
    "blurred": (20_000, (0, 360), (-90, 90), 0.4, 0.0, ("elliptical", "spiral")),
}
# Of a catalog with seeing: its median in arcsec, dipole towards the same axis and scatter between galaxies as shares of
# it, and by how much the fraction falls per arcsec.
SEEING = {"blurred": (1.3, 0.15, 0.15, 0.25)}


def write_catalogs(folder: Path) -> None:
    """Write `folder`/NAME.csv of all: id, ra and dec (ICRS degrees), label, and seeing (arcsec) where it has one."""
    for seed, (name, (n, ra_limits, dec_limits, fraction, dipole, classes)) in enumerate(CATALOGS.items(), start=1):
        rng = np.random.default_rng(seed)
        dec = np.degrees(np.arcsin(rng.uniform(*np.sin(np.radians(dec_limits)), n)))
        ra = rng.uniform(*ra_limits, n)
        z, pole = np.radians(dec), np.radians(30)
        cosine = np.sin(z) * np.sin(pole) + np.cos(z) * np.cos(pole) * np.cos(np.radians(ra - 120))
        probability = fraction + dipole * cosine
        header, imaging = "id,ra,dec,label", [""] * n
        if name in SEEING:
            median, amplitude, scatter, slope = SEEING[name]
            seeing = median * (1 + amplitude * cosine) * np.exp(scatter * rng.standard_normal(n))
            probability = probability - slope * (seeing - median)
            header, imaging = f"{header},seeing", [f",{fwhm:.3f}" for fwhm in seeing]
        positive = np.random.default_rng(100 + seed).random(n) < probability
        rows = zip(range(n), ra, dec, positive, imaging, strict=True)
        lines = [f"{number},{a:.5f},{d:.5f},{classes[int(label)]}{more}\n" for number, a, d, label, more in rows]
        (folder / f"{name}.csv").write_text(f"{header}\n" + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    write_catalogs(Path(sys.argv[1]))
