"""The analysis in the style of the original study: every run by itself, galaxies as the unit.

These numbers are conditional on the given networks. They stand beside the run-level answer to show the difference.
"""

import logging
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from astropy_healpix import HEALPix

from workflow_scripts.bias.annotations import Annotations
from workflow_scripts.sky.unit_vectors import right_ascension_declination, unit_vectors
from workflow_scripts.statistics.axis_scan import dipole_scan, quadrupole_sigma
from workflow_scripts.statistics.cosine import cosine_fit
from workflow_scripts.statistics.dipole import dipole
from workflow_scripts.statistics.fractions import fraction_contrast, homogeneity, wilson_interval
from workflow_scripts.statistics.paired import difference_in_differences, mcnemar
from workflow_scripts.statistics.sky_sums import PositionSums, ValueSums

log = logging.getLogger(__name__)

_QUADRUPOLE_NSIDE = 16


def run_table(annotations: Annotations) -> pd.DataFrame:
    """One row a run: fraction, agreement with the reference, dipole, and what the paper-style statistics say.

    `dipole_*` is the centred dipole of prediction minus reference label (where galaxies have one, else of prediction
    minus the mean over runs); `paper_*` are uncentred signed labels scanned over all axes.
    """
    positions = PositionSums.of(annotations.vectors)
    against = difference_base(annotations)
    known = np.isfinite(against)
    vectors = annotations.vectors[known]
    known_positions = PositionSums.of(vectors)
    longitude, latitude = HEALPix(_QUADRUPOLE_NSIDE, order="nested").healpix_to_lonlat(
        np.arange(12 * _QUADRUPOLE_NSIDE**2)
    )
    axes = unit_vectors(longitude.deg, latitude.deg)
    rows = []
    for row, labels in enumerate(annotations.labels):
        positive = (labels == 1).astype(float)
        scores = annotations.scores[row].astype(float)
        entry: dict[str, Any] = {"n": annotations.n, "fraction": positive.mean(), "mean_score": scores.mean()}
        entry["fraction_se"] = np.sqrt(entry["fraction"] * (1 - entry["fraction"]) / annotations.n)
        entry |= _agreement(labels, annotations.reference)
        for name, values in (("dipole", positive), ("score_dipole", scores)):
            entry |= _dipole_columns(name, values[known] - against[known], vectors, known_positions)
        entry |= _paper_columns(positive, annotations.vectors, positions, axes)
        rows.append(entry)
    description = annotations.runs.drop(columns="axis").copy()
    description["axis_ra"] = [axis[0] if axis else np.nan for axis in annotations.runs["axis"]]
    description["axis_dec"] = [axis[1] if axis else np.nan for axis in annotations.runs["axis"]]
    return pd.concat([description, pd.DataFrame(rows)], axis=1)


def difference_base(annotations: Annotations) -> np.ndarray:
    """What predictions are compared with: the reference label, or without any label the mean over all runs."""
    if np.isfinite(annotations.reference).any():
        return annotations.reference
    return (annotations.labels == 1).mean(axis=0)


def fraction_table(annotations: Annotations, ra_bins: int) -> pd.DataFrame:
    """Counts and fractions with Wilson intervals, by RA bin and by half of the sky, for every run."""
    groupings = _groupings(annotations, ra_bins)
    tables = []
    for row, labels in enumerate(annotations.labels):
        for kind, names, group, low, high in groupings:
            n = np.bincount(group, minlength=len(names))
            k = np.bincount(group, weights=labels == 1, minlength=len(names)).astype(int)
            with np.errstate(invalid="ignore"):
                fraction = np.where(n > 0, k / n, np.nan)
            wilson_low, wilson_high = wilson_interval(k, n)
            table = {"grouping": kind, "group": names, "low_deg": low, "high_deg": high, "n": n, "k": k}
            table |= {"fraction": fraction, "wilson_low": wilson_low, "wilson_high": wilson_high}
            tables.append(pd.DataFrame({"run_id": annotations.runs["run_id"].iloc[row], **table}))
    return pd.concat(tables, ignore_index=True)


def cosine_table(fractions: pd.DataFrame) -> pd.DataFrame:
    """Cosine fit in RA, homogeneity of the RA bins, and hemisphere contrasts, for every run of a `fraction_table`."""
    rows = []
    for run_id, groups in fractions.groupby("run_id", sort=False):
        row: dict[str, Any] = {"run_id": run_id}
        bins = groups[groups["grouping"] == "ra_bin"]
        try:
            width = float((bins["high_deg"] - bins["low_deg"]).iloc[0])
            row |= vars(cosine_fit((bins["low_deg"] + bins["high_deg"]) / 2, bins["k"], bins["n"], width))
            row["bins_chi2"], row["bins_dof"], row["bins_p"] = homogeneity(bins["k"], bins["n"])
        except ValueError as error:
            row["note"] = str(error)
        for half in ("ra_half", "dec_half"):
            k, n = (groups.loc[groups["grouping"] == half, name].to_numpy() for name in ("k", "n"))
            try:
                contrast = fraction_contrast(k[0], n[0], k[1], n[1])
                row |= {f"{half}_difference": contrast.difference, f"{half}_z": contrast.z, f"{half}_p": contrast.p}
            except ValueError as error:
                row["note"] = str(error)
        rows.append(row)
    return pd.DataFrame(rows)


def pair_table(annotations: Annotations, opposite: list[list[str]]) -> pd.DataFrame:
    """Runs of opposite footprints with the same network, resample and seed, compared galaxy by galaxy."""
    rows = []
    positions = PositionSums.of(annotations.vectors)
    for first, second in opposite:
        for a in annotations.rows(footprint=first):
            same = {name: annotations.runs[name].iloc[a] for name in ("network", "resample", "seed")}
            for b in annotations.rows(footprint=second, **same):
                rows.append(_pair_row(annotations, int(a), int(b), positions))
    columns = ["a_run_id", "b_run_id", "n", "b", "c", "difference", "se", "z", "p", "agreement"]
    return pd.DataFrame(rows, columns=[*columns, *_DIPOLE_COLUMNS, *_DID_COLUMNS, "note"])


_DIPOLE_COLUMNS = [
    *("difference_dipole_x", "difference_dipole_y", "difference_dipole_z"),
    *("difference_dipole_amplitude", "difference_dipole_q", "difference_dipole_p"),
]
# Difference A - B, RA below 180 degrees minus above; and south minus north.
_DID_COLUMNS = [f"{half}_did{suffix}" for half in ("ra_half", "dec_half") for suffix in ("", "_se", "_z", "_p")]


def _pair_row(annotations: Annotations, a: int, b: int, positions: PositionSums) -> Mapping[str, Any]:
    first, second = annotations.labels[a] == 1, annotations.labels[b] == 1
    row: dict[str, Any] = {
        "a_run_id": annotations.runs["run_id"].iloc[a],
        "b_run_id": annotations.runs["run_id"].iloc[b],
    }
    row |= {
        "n": annotations.n,
        **vars(mcnemar(int((first & ~second).sum()), int((second & ~first).sum()), annotations.n)),
    }
    row["agreement"] = float((first == second).mean())
    delta = first.astype(float) - second.astype(float)
    for half, inside in (("ra_half", annotations.ra < 180), ("dec_half", annotations.dec < 0)):
        try:
            did = difference_in_differences(delta[inside], delta[~inside])
        except ValueError as error:
            row["note"] = str(error)
            continue
        row |= {f"{half}_did": did.difference, f"{half}_did_se": did.se}
        row |= {f"{half}_did_z": did.z, f"{half}_did_p": did.p}
    try:
        found = dipole(positions, ValueSums.of(delta, annotations.vectors))
        row |= dict(zip(_DIPOLE_COLUMNS, [*found.beta, np.linalg.norm(found.beta), found.q, found.p], strict=True))
    except ValueError as error:
        row["note"] = str(error)
    return row


def _agreement(labels: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    known = np.isfinite(reference)
    columns = {"n_reference": int(known.sum()), "accuracy": np.nan, "balanced_accuracy": np.nan}
    if not known.any():
        return columns
    right = labels[known] == reference[known]
    by_class = [right[reference[known] == kind].mean() for kind in np.unique(reference[known])]
    return columns | {"accuracy": right.mean(), "balanced_accuracy": float(np.mean(by_class))}


def _dipole_columns(name: str, values: np.ndarray, vectors: np.ndarray, positions: PositionSums) -> dict[str, float]:
    try:
        found = dipole(positions, ValueSums.of(values, vectors))
    except ValueError as error:
        log.warning("%s: %s", name, error)
        return {f"{name}_{axis}": np.nan for axis in "xyz"}
    columns = {f"{name}_{axis}": value for axis, value in zip("xyz", found.beta, strict=True)}
    columns |= {f"{name}_{axis}_se": value for axis, value in zip("xyz", found.se, strict=True)}
    return columns | {f"{name}_q": found.q, f"{name}_p": found.p}


def _paper_columns(
    positive: np.ndarray, vectors: np.ndarray, positions: PositionSums, axes: np.ndarray
) -> dict[str, float]:
    signs = 2 * positive - 1
    centred = dipole_or_none(positions, positive, vectors)
    columns = {"centred_q": centred.q if centred else np.nan, "centred_p": centred.p if centred else np.nan}
    try:
        scan = dipole_scan(positions, ValueSums.of(signs, vectors))
    except ValueError as error:
        log.warning("paper-style scan: %s", error)
        return columns
    ra, dec = right_ascension_declination(scan.axis)
    columns |= {"paper_max_sigma": scan.max_sigma, "paper_global_p": scan.global_p}
    columns |= {"paper_axis_ra": float(ra), "paper_axis_dec": float(dec)}
    return columns | {"paper_quadrupole_sigma": float(quadrupole_sigma(axes, vectors, signs).max())}


def dipole_or_none(positions: PositionSums, values: np.ndarray, vectors: np.ndarray) -> Any:
    """The centred dipole, or None where it is not defined."""
    try:
        return dipole(positions, ValueSums.of(values, vectors))
    except ValueError:
        return None


def _groupings(annotations: Annotations, ra_bins: int) -> list[tuple[str, list[str], np.ndarray, Any, Any]]:
    edges = np.linspace(0, 360, ra_bins + 1)
    in_bin = np.minimum((annotations.ra / 360 * ra_bins).astype(int), ra_bins - 1)
    names = [f"{low:g}-{high:g}" for low, high in pairwise(edges)]
    return [
        ("ra_bin", names, in_bin, edges[:-1], edges[1:]),
        ("ra_half", ["0-180", "180-360"], (annotations.ra >= 180).astype(int), [0, 180], [180, 360]),
        ("dec_half", ["south", "north"], (annotations.dec >= 0).astype(int), [-90, 0], [0, 90]),
    ]
