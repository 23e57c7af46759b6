"""The analysis in the style of the original study, and the table of runs: every run by itself, galaxies as the unit.

These numbers are conditional on the given networks. They stand beside the run-level result to show the difference.
"""

import logging
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.bias.annotations import FEWEST_GALAXIES, Annotations
from workflow_scripts.bias.quantities import REFERENCE_DIPOLE, components, dipole_keys
from workflow_scripts.sky.tiles import tile_centres
from workflow_scripts.sky.unit_vectors import right_ascension_declination, unit_vectors
from workflow_scripts.statistics.fractions import fraction_contrast, homogeneity, wilson_interval
from workflow_scripts.statistics.sky.axis_scan import QuadrupoleScan, dipole_scan, sigma_without_dipole
from workflow_scripts.statistics.sky.constrained_components import (
    FIELD,
    SKY,
    ConstrainedComponents,
    constrained_dipole,
    needs_axes,
)
from workflow_scripts.statistics.sky.cosine import cosine_score_test, right_ascension_vectors
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums

log = logging.getLogger(__name__)

# Nside 16.
_QUADRUPOLE_ORDER = 4


def run_table(annotations: Annotations) -> pd.DataFrame:
    """One row a run: fraction, agreement with the reference, dipoles, and the paper-style statistics.

    `dipole_*` is the centred dipole of prediction minus reference label, of the galaxies that have one; where none has,
    of prediction minus the mean over runs. `relative_dipole_*` is always the latter, of all galaxies: between runs it
    differs by what `dipole_*` does, since a reference common to all cancels, and unlabelled galaxies count too.
    Dipoles are vectors in the span of what the sky constrains, with p of as many degrees of freedom; on a field there
    is none. Scans over all axes need the whole of a dipole.
    `dipole_along_mean` is the part of `dipole_*` along its mean over all runs.
    `paper_*` are uncentred signed labels scanned over all axes; `paper_sigma_without_dipole` is the root mean square of
    such a maximum for labels of the same mix that do not depend on position, which a partial sky raises.
    """
    mean_of_runs = annotations.positive_share()
    kinds = np.unique(annotations.reference[annotations.labelled])
    classes = {kind: np.flatnonzero(annotations.reference == kind) for kind in kinds}
    known = annotations.known_positions, annotations.known_vectors, annotations.sky.labelled
    everywhere = annotations.positions, annotations.vectors, annotations.sky.constrained
    quadrupole = QuadrupoleScan.of(unit_vectors(*tile_centres(_QUADRUPOLE_ORDER)), annotations.vectors)
    rows = []
    for row, labels in enumerate(annotations.labels):
        positive = labels.astype(float)
        measured = {"dipole": positive}
        entry: dict[str, Any] = {"n": annotations.n, "fraction": positive.mean()}
        if annotations.scored:
            measured["score_dipole"] = scores = annotations.scores(row).astype(float)
            entry["mean_score"] = scores.mean()
        entry["fraction_se"] = np.sqrt(entry["fraction"] * (1 - entry["fraction"]) / annotations.n)
        entry |= _agreement(labels, classes)
        for name, values in measured.items():
            entry |= _dipole_columns(name, values[annotations.known] - annotations.against, *known)
        entry |= _dipole_columns("relative_dipole", positive - mean_of_runs, *everywhere)
        entry |= _paper_columns(positive, *everywhere, quadrupole)
        rows.append(entry)
    axes = [axis or (np.nan, np.nan) for axis in annotations.runs["axis"]]
    description = pd.DataFrame(axes, columns=["axis_ra", "axis_dec"])
    measured_of_runs = pd.DataFrame(rows)
    # Without labels, dipoles are about the mean over runs, and theirs is none.
    if annotations.labelled.any() and (mean := mean_dipole(measured_of_runs)):
        vectors = measured_of_runs[REFERENCE_DIPOLE].to_numpy()
        measured_of_runs["dipole_along_mean"] = vectors @ unit_vectors(mean["ra"], mean["dec"])
    return pd.concat([annotations.runs.drop(columns="axis"), description, measured_of_runs], axis=1)


def mean_dipole(runs: pd.DataFrame) -> dict[str, float] | None:
    """Direction (`ra`, `dec`, ICRS degrees) and `amplitude` of the mean of `dipole_*` over runs, where there is one."""
    if not set(REFERENCE_DIPOLE) <= set(runs):
        return None
    mean = runs[REFERENCE_DIPOLE].mean().to_numpy()
    amplitude = float(np.linalg.norm(mean))
    if not amplitude > 0:
        return None
    ra, dec = (float(one) for one in right_ascension_declination(mean))
    return {"ra": ra, "dec": dec, "amplitude": amplitude}


def fractions_of_runs(annotations: Annotations, ra_bins: int) -> pd.DataFrame:
    """Counts and fractions with Wilson intervals, by RA bin and by half of the sky, for every run."""
    edges = np.linspace(0, 360, ra_bins + 1)
    in_bin = np.minimum((annotations.ra / 360 * ra_bins).astype(int), ra_bins - 1)
    names = [f"{low:g}-{high:g}" for low, high in pairwise(edges)]
    groupings = (
        ("ra_bin", names, in_bin, edges),
        ("ra_half", ["0-180", "180-360"], (annotations.ra >= 180).astype(int), np.array([0, 180, 360])),
        ("dec_half", ["south", "north"], (annotations.dec >= 0).astype(int), np.array([-90, 0, 90])),
    )
    tables = []
    for run_id, labels in zip(annotations.runs["run_id"], annotations.labels, strict=True):
        for kind, names, group, limits in groupings:
            n, k = (np.bincount(group, weights, len(names)).astype(int) for weights in (None, labels))
            with np.errstate(invalid="ignore"):
                fraction = np.where(n > 0, k / n, np.nan)
            wilson_low, wilson_high = wilson_interval(k, n)
            table = {"run_id": run_id, "grouping": kind, "group": names, "low_deg": limits[:-1], "high_deg": limits[1:]}
            table |= {"n": n, "k": k, "fraction": fraction, "wilson_low": wilson_low, "wilson_high": wilson_high}
            tables.append(pd.DataFrame(table))
    return pd.concat(tables, ignore_index=True)


def cosine_table(annotations: Annotations, fractions: pd.DataFrame) -> pd.DataFrame:
    """Cosine in RA of single galaxies, homogeneity of the RA bins, hemisphere contrasts, for every run of `fractions`.

    The cosine is the score test that audits make, where the sky constrains one; bins and hemispheres are those of
    `fractions_of_runs`.
    """
    angles = right_ascension_vectors(annotations.ra)
    circle, by_run = PositionSums.of(angles), dict(list(fractions.groupby("run_id", sort=False)))
    rows = []
    for run_id, labels in zip(annotations.runs["run_id"], annotations.labels, strict=True):
        row: dict[str, Any] = {"run_id": run_id}
        groups = by_run[run_id]
        bins = groups[groups["grouping"] == "ra_bin"]
        try:
            needs_axes(annotations.sky.constrained, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
            row |= vars(cosine_score_test(circle, ValueSums.of(labels.astype(float), angles)))
        except ValueError as error:
            row["note"] = str(error)
        try:
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


def _dipole_columns(
    name: str, values: np.ndarray, positions: PositionSums, vectors: np.ndarray, sky: ConstrainedComponents
) -> dict[str, float]:
    if sky.kind == FIELD:
        return dict.fromkeys(components(name), np.nan)
    if len(values) >= FEWEST_GALAXIES and np.ptp(values) == 0:
        # A network without a single error, for example: nothing varies over the sky, and nothing scatters.
        return dipole_keys(name, np.zeros(3), np.zeros((3, 3)), 1.0, {"q": 0.0})
    try:
        found = constrained_dipole(positions, ValueSums.of(values, vectors), sky)
    except ValueError as error:
        log.warning("%s: %s", name, error)
        return dict.fromkeys(components(name), np.nan)
    return dipole_keys(name, found.beta, found.covariance, found.p, {"q": found.q})


def _paper_columns(
    positive: np.ndarray,
    positions: PositionSums,
    vectors: np.ndarray,
    sky: ConstrainedComponents,
    quadrupole: QuadrupoleScan,
) -> dict[str, float]:
    signs = 2 * positive - 1
    columns = dict.fromkeys(("centred_q", "centred_p", "centred_amplitude"), np.nan)
    with suppress(ValueError):
        centred = constrained_dipole(positions, ValueSums.of(positive, vectors), sky)
        columns |= {"centred_q": centred.q, "centred_p": centred.p}
        columns["centred_amplitude"] = float(np.linalg.norm(centred.beta))
    if sky.kind != SKY:
        return columns
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
