"""Results of probes with a known truth, as the steps write them: scores with noise that galaxies of a block share."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.statistics.sky.sky_blocks import blocks_of

SCORES = "{footprint}/{other}/{network}/{pixels}/resample{resample}_seed{seed}.parquet"
SETS = "{footprint}/resample{resample}.parquet"
# East and west, and networks that know nothing but what they are given.
EXPERIMENT = {
    "name": "first",
    "opposite": [["west", "east"]],
    "arms": {
        "halves": {
            "footprints": ["east", "west"],
            "networks": ["net"],
            "resamples": [0, 1, 2],
            "seeds": [0, 1, 2],
            "combine": "paired",
        }
    },
    "footprints": {name: {"axis": None, "family": None} for name in ("east", "west")},
    "tests": {"alpha": 0.01, "templates": ["psf_fwhm_arcsec", "depth_mag"]},
}


def galaxies(n, seed):
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"source_id": [f"g{number}" for number in range(n)], "ra": random.uniform(0, 360, n)})
    table["dec"] = np.degrees(np.arcsin(random.uniform(-1, 1, n)))
    table["label"] = random.integers(0, 2, n).astype("int8")
    table["side"] = (table["ra"] < 180).astype("int8")
    return random, table


def write_scores(folder: Path, shifts: dict, seed=0, n=4000, shared=0.3, seeing=0.0):
    """Scores of three runs for each of `shifts`, which raise the scores of the east; catalog and training sets.

    All networks share the noise of blocks, of size `shared`; `seeing` is the difference of seeing between the halves.
    """
    random, table = galaxies(2 * n, seed)
    held_out = table.iloc[:n]
    blocks = np.unique(blocks_of(held_out["ra"], held_out["dec"]), return_inverse=True)[1]
    noise = shared * random.normal(size=blocks.max() + 1)[blocks]
    for kind, shift in shifts.items():
        for number in range(3):
            score = noise + random.normal(size=n) + shift * held_out["side"]
            path = folder / SCORES.format(
                footprint="east", other="west", network="net", pixels=kind, resample=number, seed=number
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            held_out.assign(score=score.astype("float32")).to_parquet(path, index=False)
    catalog = table[["source_id"]].assign(depth_mag=22.0, label=table["label"])
    catalog["psf_fwhm_arcsec"] = 1.2 + seeing * table["side"] + 0.3 * random.normal(size=2 * n)
    catalog.to_parquet(folder / "catalog.parquet", index=False)
    trained = table.iloc[n:]
    for number in range(3):
        for side, name in ((1, "east"), (0, "west")):
            (folder / name).mkdir(exist_ok=True)
            drawn = trained[trained["side"] == side].sample(min(600, n // 3), random_state=number)
            drawn.to_parquet(folder / SETS.format(footprint=name, resample=number), index=False)


def write_positions(folder: Path, r2: float, null_mean=-0.004, scatter=0.0005, n=4000):
    """What the probe of features writes of six networks, with `r2`, and blocks that are exchanged."""
    random = np.random.default_rng(3)
    null = null_mean + scatter * random.normal(size=999)
    for name in ("east", "west"):
        for number in range(3):
            influence = scatter / np.sqrt(40) * random.normal(size=40)
            content = {"r2": r2 + 0.1 * scatter * random.normal(), "null": null.tolist(), "n": n, "n_blocks": 40}
            content["influence"] = (influence - influence.mean()).tolist()
            path = folder / f"{name}_net_{number}.json"
            path.write_text(json.dumps(content))
