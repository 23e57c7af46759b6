"""The hygiene gate: rows that would bias a statistic are counted, and dropped or fatal.

Repeated entries are the classic: with them, one published spin catalog showed a dipole of 4 sigma, without them one
of 0.3 (Iye, Yagi & Fukumoto 2021, ApJ 907, 123).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from workflow_scripts.catalogs.cells import equals_any
from workflow_scripts.catalogs.positions import PositionExtent
from workflow_scripts.errors import InputError
from workflow_scripts.sky.unit_vectors import unit_vectors

# Single precision holds seven digits; right ascensions with six are up to 1.8 arcsec off.
_DIGITS = 7
# So few positions can be round by chance.
_FEW = 20
# Losing more than this share of the rows is reported before all else.
NOTEWORTHY_LOSS = 0.1
LARGEST_LOSS = 0.5

_IN_WORDS = {
    "sentinel": "with a placeholder (such as -999) for a position",
    "non_finite_position": "without a position",
    "position_out_of_range": "with a position out of range",
    "missing_id": "without an id",
    "repeated_id": "with the id of an earlier row",
    "repeated_galaxy": "at the position of an earlier row",
}
PROBLEMS = tuple(_IN_WORDS)


def clean(galaxies: pd.DataFrame, settings: Mapping[str, Any], source: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Pass a table through the gate.

    Parameters
    ----------
    galaxies
        `source_id` (text), `ra`, `dec` (degrees) and any other columns, as `readers.read_catalog` gives them.
        Its attributes `unreadable_cells` and `table` enter the report; by `positions`, how they were read, those that
        do not look like degrees are refused.
    settings
        `radius_arcsec` within which two entries are one galaxy (0: never), `sentinels` (numbers that mean "not known"),
        `on_problem`: `drop` or `fatal` (or a mapping with one of them for each of `PROBLEMS`, as earlier versions
        wrote it), `largest_loss`, the share of the rows that may be dropped, and `part`: whether these rows are a
        part of a table, which may lose all.
    source
        name of the file, for messages.

    Returns
    -------
    galaxies, report
        the rows that passed (sentinels in covariates become NaN), and how many rows each problem cost.

    Raises
    ------
    InputError
        for a problem that is configured as fatal, or where no row or less than the share is left.
    """
    galaxies = galaxies.copy()
    unreadable, table = galaxies.attrs.pop("unreadable_cells", {}), galaxies.attrs.pop("table", {})
    positions, extent = galaxies.attrs.pop("positions", None), PositionExtent()
    sentinels, on_problem = list(settings["sentinels"]), settings["on_problem"]
    numeric = [name for name in galaxies if pd.api.types.is_float_dtype(galaxies[name])]
    is_sentinel = is_one_of(galaxies[numeric], sentinels)
    in_position = is_sentinel[["ra", "dec"]].any(axis=1)
    covariates = [name for name in numeric if name not in ("ra", "dec")]
    blanked = {name: int(is_sentinel[name].sum()) for name in covariates if is_sentinel[name].any()}
    galaxies[covariates] = galaxies[covariates].mask(is_sentinel[covariates])
    report: dict[str, Any] = {
        "rows_in": len(galaxies),
        "table": table,
        "unreadable_cells": unreadable,
        "sentinels_in_covariates": blanked,
        "problems": {},
    }

    def gate(problem: str, bad: pd.Series | NDArray[np.bool_]) -> None:
        nonlocal galaxies
        bad = np.asarray(bad, bool)
        action = on_problem.get(problem, "drop") if isinstance(on_problem, Mapping) else on_problem
        report["problems"][problem] = {"rows": int(bad.sum()), "action": action}
        if bad.any() and action == "fatal":
            first = galaxies[bad].iloc[0]
            raise InputError(
                f"{source}: {int(bad.sum())} rows with {problem.replace('_', ' ')}, the first has source_id"
                f" {first['source_id']}, ra {first['ra']}, dec {first['dec']}; expected none (hygiene.on_problem)"
            )
        galaxies = galaxies[~bad]

    gate("sentinel", in_position)
    gate("non_finite_position", ~np.isfinite(galaxies[["ra", "dec"]]).all(axis=1))
    report["finite_positions"], report["usable_if_swapped"] = swap_counts(galaxies["ra"], galaxies["dec"])
    if positions is not None:
        usable = galaxies["ra"].between(-180, 360) & galaxies["dec"].between(-90, 90)
        extent.add(galaxies["ra"].to_numpy()[usable], galaxies["dec"].to_numpy()[usable])
        extent.check(positions)
        report["unit_in_doubt"] = extent.doubt(positions)
    report["positions_rounded_to"] = extent.rounded_to()
    # Tables of -180 to 180 degrees, and positions rounded to 360, are no mistakes.
    wrapped = galaxies["ra"].between(-180, 0, inclusive="left") | (galaxies["ra"] == 360)
    galaxies.loc[wrapped, "ra"] = galaxies.loc[wrapped, "ra"] % 360
    # The remainder of a tiny negative number rounds to 360.
    galaxies.loc[galaxies["ra"] == 360, "ra"] = 0.0
    report["right_ascensions_wrapped"] = int(wrapped.sum())
    in_range = galaxies["ra"].between(0, 360, inclusive="left") & galaxies["dec"].between(-90, 90)
    gate("position_out_of_range", ~in_range)
    gate("missing_id", galaxies["source_id"].isna())
    # By id, so that which of several rows is kept does not depend on their order in the file.
    galaxies = galaxies.sort_values(["source_id", "ra", "dec"], kind="stable")
    gate("repeated_id", galaxies["source_id"].duplicated())
    radius = radius_of_repeats(settings["radius_arcsec"], report["positions_rounded_to"])
    gate("repeated_galaxy", repeated_galaxies(galaxies["ra"], galaxies["dec"], radius))
    report["rows_out"] = len(galaxies)
    report["warnings"] = loss_warnings(report, {name: count["rows"] for name, count in report["problems"].items()})
    if settings.get("part"):
        return galaxies, report
    if galaxies.empty:
        listed = _listed(report["problems"]) or "the table is empty"
        raise InputError(
            f"{source}: none of {report['rows_in']} rows is usable ({listed}), expected at least one"
            f"{swapped_words(report)}"
        )
    check_loss(report, settings.get("largest_loss", LARGEST_LOSS), source, "catalogs, hygiene.largest_loss")
    return galaxies, report


def is_one_of(numbers: pd.DataFrame, sentinels: Sequence[float]) -> pd.DataFrame:
    """Which numbers are one of `sentinels`, also where they were stored in single precision."""
    found = equals_any(numbers.to_numpy(float), sentinels)
    return pd.DataFrame(found, index=numbers.index, columns=numbers.columns)


def radius_of_repeats(radius_arcsec: float, rounded_to: float | None) -> float:
    """The radius within which two rows are one galaxy; 0 (never) where positions were rounded to more than it.

    Galaxies that share a place of the grid (`rounded_to`, degrees) are most often different ones.
    """
    return 0.0 if rounded_to is not None and rounded_to * 3600 > radius_arcsec else radius_arcsec


def check_loss(report: Mapping[str, Any], largest: float, source: str, key: str) -> None:
    """Raise `InputError` where more than a share `largest` of the rows was dropped; `key` is where it was set."""
    lost = report["rows_in"] - report["rows_out"]
    if lost > largest * report["rows_in"]:
        raise InputError(
            f"{source}: {lost} of {report['rows_in']} rows are not usable ({_listed(report['problems'])}), expected at"
            f" most {largest:.0%} ({key}){swapped_words(report)}"
        )


def swap_counts(ra: ArrayLike, dec: ArrayLike) -> tuple[int, int]:
    """How many positions (degrees) are numbers, and how many of these would be usable with RA and Dec swapped."""
    ra, dec = np.asarray(ra, float), np.asarray(dec, float)
    swapped = (np.abs(ra) <= 90) & (dec >= -180) & (dec <= 360)
    return int((np.isfinite(ra) & np.isfinite(dec)).sum()), int(swapped.sum())


def swapped_words(report: Mapping[str, Any]) -> str:
    """The end of a sentence on lost rows, where swapping RA and Dec would make all of them usable; else nothing."""
    known, swapped = report.get("finite_positions", 0), report.get("usable_if_swapped", 0)
    if known < _FEW or swapped < known:
        return ""
    return f"; RA and Dec look swapped: with the columns the other way round, all {known:,} positions would be usable"


def loss_warnings(report: Mapping[str, Any], dropped: Mapping[str, int]) -> list[str]:
    """What to know of lost rows, units and rounded positions before any number; `dropped` rows by problem."""
    sentences, lost = [], report["rows_in"] - report["rows_out"]
    if lost > NOTEWORTHY_LOSS * report["rows_in"]:
        reasons = ", ".join(f"{rows:,} {problem.replace('_', ' ')}" for problem, rows in dropped.items() if rows)
        swapped = swapped_words(report) if dropped.get("position_out_of_range") else ""
        sentences.append(
            f"{lost:,} of {report['rows_in']:,} rows ({lost / report['rows_in']:.0%}) are not usable: {reasons}"
            f"{swapped}."
        )
    if doubt := report.get("unit_in_doubt"):
        sentences.append(doubt)
    if (step := report["positions_rounded_to"]) is not None:
        angle = f"{step:g} degrees" if step >= 0.1 else f"{step * 3600:.3g} arcsec"
        sentences.append(f"Positions look rounded to {angle}: galaxies at one position were taken for different ones.")
    return sentences


def problem_in_words(problem: str) -> str:
    """A problem of rows for a reader, as `with a placeholder for a position`."""
    return _IN_WORDS.get(problem, problem.replace("_", " "))


def _listed(problems: Mapping[str, Mapping[str, Any]]) -> str:
    return ", ".join(f"{count['rows']} {name.replace('_', ' ')}" for name, count in problems.items() if count["rows"])


def repeated_galaxies(ra: ArrayLike, dec: ArrayLike, radius_arcsec: float) -> NDArray[np.bool_]:
    """Which rows lie within `radius_arcsec` of an earlier row that is kept itself."""
    repeated: NDArray[np.bool_] = np.zeros(len(np.asarray(ra)), bool)
    if not radius_arcsec:
        return repeated
    # Equal positions first: a placeholder that thousands share would give millions of pairs.
    repeated |= pd.DataFrame({"ra": np.asarray(ra), "dec": np.asarray(dec)}).duplicated().to_numpy()
    distinct = np.flatnonzero(~repeated)
    chord = 2 * np.sin(np.radians(radius_arcsec / 3600) / 2)
    tree = cKDTree(unit_vectors(np.asarray(ra)[distinct], np.asarray(dec)[distinct]))
    pairs = tree.query_pairs(chord, output_type="ndarray")
    # Pairs have the earlier row first; in this order its own fate is known.
    for first, second in distinct[pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]]:
        if not repeated[first]:
            repeated[second] = True
    return repeated


def check_precision(galaxies: pd.DataFrame, source: str) -> None:
    """Raise `InputError` where all of `ra` or `dec` (degrees) have no more digits than single precision holds."""
    for name in ("ra", "dec"):
        values = galaxies[name].dropna().to_numpy(float)
        if len(values) < _FEW:
            continue
        with np.errstate(divide="ignore"):
            step = 10.0 ** (np.floor(np.log10(np.abs(values))) - _DIGITS + 1)
        single = values.astype(np.float32) == values
        off = np.abs(values - np.where(values == 0, 0, np.round(values / step) * step))
        if (single | (off <= 1e-3 * step)).all():
            raise InputError(
                f"{source}: '{name}' (catalogs, columns.{name}) has at most {_DIGITS} digits in all {len(values)} rows,"
                " as single precision has, expected the double precision of PhotoObj.ra and PhotoObj.dec"
            )
