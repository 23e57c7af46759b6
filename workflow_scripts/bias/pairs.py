"""Two runs compared galaxy by galaxy: what holds for these two networks only."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.bias.annotations import Annotations
from workflow_scripts.bias.imaging_templates import Imaging
from workflow_scripts.bias.quantities import components, dipole_keys
from workflow_scripts.statistics.pairs.paired_fractions import difference_in_differences, mcnemar
from workflow_scripts.statistics.sky.constrained_components import FIELD, constrained_dipole
from workflow_scripts.statistics.sky.mediation import mediation
from workflow_scripts.statistics.sky.sky_sums import ValueSums
from workflow_scripts.statistics.sky.template_regression import regressed_dipole

_BOOTSTRAPS = 999


def pair_table(
    annotations: Annotations, opposite: list[list[str]], imaging: Imaging | None = None, seed: int = 0
) -> pd.DataFrame:
    """Pairs of runs, compared galaxy by galaxy.

    `kind` is `opposite` for runs of opposite footprints with the same network, resample and seed, and `seeds` for runs
    that differ in nothing but the seed (each seed of a training set with the next). With `imaging`, opposite pairs have
    `cleaned_difference_dipole_*`, what templates fitted in other patches of sky leave, and `mediation_share`, the share
    of the difference's dipole that goes away beside templates, with its interval over blocks of sky.
    """
    rows = [
        {
            "kind": kind,
            **_pair_row(annotations, a, b),
            **(_imaging_columns(annotations, a, b, imaging, seed) if imaging and kind == "opposite" else {}),
        }
        for kind, a, b in [*_opposite_pairs(annotations, opposite), *_seed_pairs(annotations)]
    ]
    columns = ["kind", "a_run_id", "b_run_id", "n", "b", "c", "difference", "se", "z", "p", "agreement"]
    return pd.DataFrame(rows, columns=[*columns, *_DIPOLE_COLUMNS, *_DID_COLUMNS, *_IMAGING_COLUMNS, "note"])


def _opposite_pairs(annotations: Annotations, opposite: list[list[str]]) -> Iterator[tuple[str, int, int]]:
    for first, second in opposite:
        for a in annotations.rows(footprint=first):
            same = {name: annotations.runs[name].iloc[a] for name in ("network", "resample", "seed")}
            for b in annotations.rows(footprint=second, **same):
                yield "opposite", int(a), int(b)


def _seed_pairs(annotations: Annotations) -> Iterator[tuple[str, int, int]]:
    # Seeds of one training set may stand in two arms of an experiment: in the order of the runs, not of the arms.
    for _, group in annotations.runs.groupby(["footprint", "network", "resample"], sort=False):
        for a, b in pairwise(group.drop_duplicates("seed").index):
            yield "seeds", int(a), int(b)


_DIPOLE_COLUMNS = [f"difference_dipole_{part}" for part in ("x", "y", "z", "amplitude", "q", "p")]
# Difference A - B, RA below 180 degrees minus above; and south minus north.
_DID_COLUMNS = [f"{half}_did{suffix}" for half in ("ra_half", "dec_half") for suffix in ("", "_se", "_z", "_p")]

_CLEANED = components("cleaned_difference_dipole")
_IMAGING_COLUMNS = [*_CLEANED, *(f"{name}_se" for name in _CLEANED), "cleaned_difference_dipole_p"]
_IMAGING_COLUMNS += ["mediation_share", "mediation_share_low", "mediation_share_high", "mediation_share_along"]


def _pair_row(annotations: Annotations, a: int, b: int) -> Mapping[str, Any]:
    delta = annotations.labels[a] - annotations.labels[b]
    only_a, only_b = int((delta > 0).sum()), int((delta < 0).sum())
    run_ids = annotations.runs["run_id"]
    row: dict[str, Any] = {"a_run_id": run_ids.iloc[a], "b_run_id": run_ids.iloc[b], "n": annotations.n}
    row |= vars(mcnemar(only_a, only_b, annotations.n))
    row["agreement"] = (annotations.n - only_a - only_b) / annotations.n
    delta = delta.astype(float)
    for half, inside in (("ra_half", annotations.ra < 180), ("dec_half", annotations.dec < 0)):
        try:
            did = difference_in_differences(delta[inside], delta[~inside])
        except ValueError as error:
            row["note"] = str(error)
            continue
        row |= {f"{half}_did": did.difference, f"{half}_did_se": did.se, f"{half}_did_z": did.z, f"{half}_did_p": did.p}
    if annotations.sky.constrained.kind == FIELD:
        return row
    try:
        sums = ValueSums.of(delta, annotations.vectors)
        found = constrained_dipole(annotations.positions, sums, annotations.sky.constrained)
        row |= dict(zip(_DIPOLE_COLUMNS, [*found.beta, np.linalg.norm(found.beta), found.q, found.p], strict=True))
    except ValueError as error:
        row["note"] = str(error)
    return row


def _imaging_columns(annotations: Annotations, a: int, b: int, imaging: Imaging, seed: int) -> dict[str, Any]:
    delta = (annotations.labels[a] - annotations.labels[b])[imaging.templates.rows].astype(float)
    try:
        cleaned = regressed_dipole(imaging.cross_fit, delta)
        share = mediation(imaging.vectors, delta, imaging.templates.values, imaging.patches, _BOOTSTRAPS, seed)
    except ValueError as error:
        return {"note": str(error)}
    row: dict[str, Any] = dipole_keys("cleaned_difference_dipole", *imaging.whole(cleaned), cleaned.p)
    row |= {"mediation_share": share.share, "mediation_share_along": share.share_along}
    return row | {"mediation_share_low": share.share_ci95[0], "mediation_share_high": share.share_ci95[1]}
