"""The analysis in the style of the original study, and the table of runs: every run by itself, galaxies as the unit.

These numbers are conditional on the given networks. They stand beside the run-level result to show the difference.
"""

import logging
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from astropy_healpix import HEALPix

from workflow_scripts.bias.annotations import Annotations
from workflow_scripts.sky.unit_vectors import right_ascension_declination, unit_vectors
from workflow_scripts.statistics.fractions import fraction_contrast, homogeneity, wilson_interval
from workflow_scripts.statistics.sky.axis_scan import QuadrupoleScan, dipole_scan, sigma_without_dipole
from workflow_scripts.statistics.sky.cosine import cosine_fit
from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums

log = logging.getLogger(__name__)

_QUADRUPOLE_NSIDE = 16


def run_table(annotations: Annotations) -> pd.DataFrame:
    """One row a run: fraction, agreement with the reference, dipoles, and the paper-style statistics.

    `dipole_*` is the centred dipole of prediction minus reference label, of the galaxies that have one; where none has,
    of prediction minus the mean over runs. `relative_dipole_*` is always the latter, of all galaxies: between runs it
    differs by what `dipole_*` does, since a reference common to all cancels, and unlabelled galaxies count too.
    `paper_*` are uncentred signed labels scanned over all axes; `paper_sigma_without_dipole` is the root mean square of
    such a maximum for labels of the same mix that do not depend on position, which a partial sky raises.
    """
    positions = PositionSums.of(annotations.vectors)
    mean_of_runs = annotations.positive_share()
    labelled = np.isfinite(annotations.reference)
    kinds = np.unique(annotations.reference[labelled])
    classes = {kind: np.flatnonzero(annotations.reference == kind) for kind in kinds}
    # A slice, where it is all galaxies, spares every run the copies.
    known = labelled if labelled.any() and not labelled.all() else slice(None)
    against = (annotations.reference if labelled.any() else mean_of_runs)[known]
    vectors = annotations.vectors[known]
    known_positions = PositionSums.of(vectors)
    longitude, latitude = HEALPix(_QUADRUPOLE_NSIDE, order="nested").healpix_to_lonlat(
        np.arange(12 * _QUADRUPOLE_NSIDE**2)
    )
    quadrupole = QuadrupoleScan.of(unit_vectors(longitude.deg, latitude.deg), annotations.vectors)
    rows = []
    for row, labels in enumerate(annotations.labels):
        positive, scores = labels.astype(float), annotations.scores(row).astype(float)
        entry: dict[str, Any] = {"n": annotations.n, "fraction": positive.mean(), "mean_score": scores.mean()}
        entry["fraction_se"] = np.sqrt(entry["fraction"] * (1 - entry["fraction"]) / annotations.n)
        entry |= _agreement(labels, classes)
        for name, values in (("dipole", positive), ("score_dipole", scores)):
            entry |= _dipole_columns(name, values[known] - against, vectors, known_positions)
        entry |= _dipole_columns("relative_dipole", positive - mean_of_runs, annotations.vectors, positions)
        entry |= _paper_columns(positive, annotations.vectors, positions, quadrupole)
        rows.append(entry)
    description = annotations.runs.drop(columns="axis").copy()
    description["axis_ra"] = [axis[0] if axis else np.nan for axis in annotations.runs["axis"]]
    description["axis_dec"] = [axis[1] if axis else np.nan for axis in annotations.runs["axis"]]
    return pd.concat([description, pd.DataFrame(rows)], axis=1)


def fractions_of_runs(annotations: Annotations, ra_bins: int) -> pd.DataFrame:
    """Counts and fractions with Wilson intervals, by RA bin and by half of the sky, for every run."""
    groupings = [
        (np.bincount(group, minlength=len(names)), kind, names, group, low, high)
        for kind, names, group, low, high in _groupings(annotations, ra_bins)
    ]
    tables = []
    for row, labels in enumerate(annotations.labels):
        for n, kind, names, group, low, high in groupings:
            k = np.bincount(group, weights=labels, minlength=len(names)).astype(int)
            with np.errstate(invalid="ignore"):
                fraction = np.where(n > 0, k / n, np.nan)
            wilson_low, wilson_high = wilson_interval(k, n)
            table = {"grouping": kind, "group": names, "low_deg": low, "high_deg": high, "n": n, "k": k}
            table |= {"fraction": fraction, "wilson_low": wilson_low, "wilson_high": wilson_high}
            tables.append(pd.DataFrame({"run_id": annotations.runs["run_id"].iloc[row], **table}))
    return pd.concat(tables, ignore_index=True)


def cosine_table(fractions: pd.DataFrame) -> pd.DataFrame:
    """Cosine fit in RA, homogeneity of the RA bins, hemisphere contrasts, for every run of `fractions_of_runs`."""
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


def _agreement(labels: np.ndarray, classes: dict[float, np.ndarray]) -> dict[str, float]:
    """How often labels are right; `classes` has the row numbers of the galaxies of each reference label."""
    n = sum(len(members) for members in classes.values())
    columns = {"n_reference": n, "accuracy": np.nan, "balanced_accuracy": np.nan}
    if not n:
        return columns
    right = [np.count_nonzero(labels[members] == kind) for kind, members in classes.items()]
    by_class = [count / len(members) for count, members in zip(right, classes.values(), strict=True)]
    return columns | {"accuracy": sum(right) / n, "balanced_accuracy": float(np.mean(by_class))}


def _dipole_columns(name: str, values: np.ndarray, vectors: np.ndarray, positions: PositionSums) -> dict[str, float]:
    if len(values) and np.ptp(values) == 0:
        # A network without a single error, for example: nothing varies over the sky, and nothing scatters.
        none = dict.fromkeys("xyz", 0.0)
        return {f"{name}_{axis}{part}": value for part in ("", "_se") for axis, value in none.items()} | {
            f"{name}_q": 0.0,
            f"{name}_p": 1.0,
        }
    try:
        found = dipole(positions, ValueSums.of(values, vectors))
    except ValueError as error:
        log.warning("%s: %s", name, error)
        return {f"{name}_{axis}": np.nan for axis in "xyz"}
    columns = {f"{name}_{axis}": value for axis, value in zip("xyz", found.beta, strict=True)}
    columns |= {f"{name}_{axis}_se": value for axis, value in zip("xyz", found.se, strict=True)}
    return columns | {f"{name}_q": found.q, f"{name}_p": found.p}


def _paper_columns(
    positive: np.ndarray, vectors: np.ndarray, positions: PositionSums, quadrupole: QuadrupoleScan
) -> dict[str, float]:
    signs = 2 * positive - 1
    centred = _dipole_or_none(positions, positive, vectors)
    columns = {"centred_q": centred.q if centred else np.nan, "centred_p": centred.p if centred else np.nan}
    columns["centred_amplitude"] = float(np.linalg.norm(centred.beta)) if centred else np.nan
    try:
        scan = dipole_scan(positions, ValueSums.of(signs, vectors))
    except ValueError as error:
        log.warning("paper-style scan: %s", error)
        return columns
    ra, dec = right_ascension_declination(scan.axis)
    columns |= {"paper_max_sigma": scan.max_sigma, "paper_global_p": scan.global_p}
    columns |= {"paper_sigma_without_dipole": sigma_without_dipole(positions, float(signs.mean()))}
    columns |= {"paper_axis_ra": float(ra), "paper_axis_dec": float(dec)}
    return columns | {"paper_quadrupole_sigma": float(quadrupole.sigma(vectors, signs).max())}


def _dipole_or_none(positions: PositionSums, values: np.ndarray, vectors: np.ndarray) -> Any:
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
