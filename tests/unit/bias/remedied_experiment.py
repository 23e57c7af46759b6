"""Small experiments whose networks miss positives where the seeing is bad, untreated and under a remedy."""

from pathlib import Path

import numpy as np
import pandas as pd

from tests.unit.bias.synthetic_experiment import SEEING
from workflow_scripts.configuration.expansion import BASE_PIXELS
from workflow_scripts.sky.unit_vectors import right_ascension_declination, unit_vectors

ROTATING = {f"rotating_{n:02d}": list(axis) for n, axis in enumerate(BASE_PIXELS)}
SETTINGS = {"alpha": 0.01, "effect": 0.05, "permutations": 400, "seed": 0, "ra_bins": 12, "scan_nside": 8}
SETTINGS |= {"primary": [], "templates": ["psf_fwhm_arcsec"], "confidence_cuts": [0.1], "labelled_at_random": False}


def write_remedied(folder: Path, response: dict[str, float], dipole: dict[str, float], n: int = 4000) -> tuple:
    """(experiment, pattern of annotations, catalog), with a network for each key of `response`.

    The first is the untreated one. The chance to call a positive galaxy positive follows the footprint's axis by
    `response`, more so where the seeing is bad, and the galaxy's position by `dipole`; training sets of a network
    scatter by 0.004, each network's anew.
    """
    random = np.random.default_rng(5)
    vectors = random.normal(size=(n, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ra, dec = right_ascension_declination(vectors)
    ids = [f"g{number:05d}" for number in range(n)]
    truth = random.random(n) < 0.5
    # Evenly spread, so that the fraction follows the chance with these galaxies as with others.
    own = np.empty(n)
    for kind in (truth, ~truth):
        own[kind] = random.permutation((np.arange(kind.sum()) + 0.5) / kind.sum())
    names = [*ROTATING, "east", "west"]
    first = next(iter(response))
    runs = [(name, r) for name in names for r in range(1 if name in ROTATING else 3)]
    for network in response:
        for name, resample in runs:
            side = unit_vectors(*ROTATING[name]) @ SEEING if name in ROTATING else {"east": 1, "west": -1}[name]
            along = vectors @ SEEING
            chance = 0.65 + response[network] * side * (1 + 0.8 * along) + 2 * dipole[network] * along
            chance += random.normal(0, 0.004)
            score = np.where(truth, 0.5 + 0.4 * (chance - own), 0.1 + 0.3 * own).clip(0, 1).astype(np.float32)
            file = folder / "pixels" / f"{name}/{network}/resample{resample}_seed{resample}" / "annotations.parquet"
            file.parent.mkdir(parents=True)
            label = (score > 0.5).astype(np.int8)
            table = {"source_id": ids, "ra": ra, "dec": dec, "score": score, "label": label}
            pd.DataFrame(table).to_parquet(file)
    catalog = folder / "catalog.parquet"
    labels = pd.array(truth.astype(int), dtype="Int8")
    seeing = 1.3 + 0.2 * (vectors @ SEEING) + 0.02 * random.normal(size=n)
    columns = {"source_id": ids, "ra": ra, "dec": dec, "label": labels, "psf_fwhm_arcsec": seeing}
    pd.DataFrame(columns).to_parquet(catalog)
    arm = {"networks": [first], "combine": "paired"}
    arms = {"rotating": arm | {"footprints": list(ROTATING), "resamples": [0], "seeds": [0]}}
    arms["halves"] = arm | {"footprints": ["east", "west"], "resamples": [0, 1, 2], "seeds": [0, 1, 2]}
    footprints = {name: {"axis": axis, "family": "rotating"} for name, axis in ROTATING.items()}
    footprints |= {name: {"axis": None, "family": None} for name in ("east", "west")}
    experiment = {
        **{"name": "synthetic", "survey": "pixels", "simulated": False, "classes": ["elliptical", "spiral"]},
        **{"arms": arms, "opposite": [["east", "west"]], "footprints": footprints, "tests": dict(SETTINGS)},
    }
    return experiment, f"{folder}/{{survey}}/{{run_id}}/annotations.parquet", str(catalog)


def remedy_of(name: str, network: str = "net") -> dict:
    """A remedy whose networks stand in for `net`."""
    return {"remedy": name, "survey": "pixels", "networks": {"net": network}, "footprints": {}}
