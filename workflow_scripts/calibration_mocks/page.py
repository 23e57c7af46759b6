"""The calibration table as Markdown: sizes, coverages, biases, power, run-level designs, and what is not acceptable."""

from collections.abc import Iterable

import pandas as pd

from workflow_scripts.calibration_mocks.ladder import LADDER
from workflow_scripts.calibration_mocks.masks import DESCRIPTIONS
from workflow_scripts.calibration_mocks.shares import OUTSIDE, WITHIN

_MINUS = "–"
# Short names of the skies without a dipole, in the order of the ladder.
NULL_SKIES = {
    "isotropic": "S0 iid",
    "quadrupole, D = 0": "S2 quadrupole",
    "quadrupole, templates, D = 0": "S3 templates",
    "clustered over 1 degrees": "S4, 1 deg",
    "clustered over 3 degrees": "S4, 3 deg",
}


def markdown(table: pd.DataFrame) -> str:
    """The page of a table of `sky_rows` and `run_rows`."""
    sky, runs = table[table["unit"] == "galaxy"], table[table["unit"] == "run"]
    mocks = int(table["mocks"].max())
    error = (0.05 * 0.95 / mocks) ** 0.5
    parts = [
        "# Calibration of the tests",
        f"{mocks:,} mocks a cell; the binomial error of a size of 5 % is {100 * error:.1f} %. **Bold**: the test "
        "claims to be right there and is outside of what is accepted (size 0.04 to 0.06, coverage 0.93 to 0.97, bias "
        "below 0.1 standard deviations). (Brackets): nothing is claimed; the number shows how wrong it would be. "
        "calibration.csv has every row.",
        _counts(table),
    ]
    for mask, title in DESCRIPTIONS.items():
        cells = sky[sky["mask"] == mask]
        if cells.empty:
            continue
        parts += [
            f"## {title[0].upper()}{title[1:]}",
            "Rejected at 5 % where there is nothing to find (size):",
            _wide(cells[cells["null_holds"]], "rejected_05", list(NULL_SKIES), list(NULL_SKIES.values())),
            "Coverage of the 95 % interval (ellipsoid for dipoles), by dipole D put in:",
            _by_dipole(cells, "coverage"),
            "Rejected at 5 %, by dipole put in (power; the quadrupole tests keep their size here):",
            _by_dipole(cells, "rejected_05"),
            "Bias along the true axis, and of the debiased amplitude, in standard deviations:",
            _by_dipole(cells, "bias_along", "+.2f", extra=("amplitude, debiased", "bias_amplitude")),
        ]
    if len(runs):
        parts += ["## Training runs as the unit", _runs(runs)]
    parts += ["## Outside, though claimed", _outside(table)]
    return "\n\n".join(parts) + "\n"


def _counts(table: pd.DataFrame) -> str:
    claimed = table[table["claimed_valid"]]
    outside = claimed[claimed["verdict"] == OUTSIDE]
    chance = int(outside["chance_explains"].astype(bool).sum())
    within = int((claimed["verdict"] == WITHIN).sum())
    return (
        f"Of {len(claimed)} rows where a test claims to be right, {within} are within "
        f"and {len(outside)} outside, {chance} of them by no more than chance allows (99.9 % band). "
        f"{len(table) - len(claimed)} rows claim nothing."
    )


def _shown(row: pd.Series, column: str, form: str) -> str:
    if pd.isna(row[column]):
        return _MINUS
    text = format(row[column], form)
    if not row["claimed_valid"]:
        return f"({text})"
    what = {"rejected_05": "size", "coverage": "coverage"}.get(column, column.replace("_", " "))
    return f"**{text}**" if what in row["outside_in"] else text


def _table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heading = list(heading)
    lines = [heading, ["---", *["---:"] * (len(heading) - 1)], *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _wide(cells: pd.DataFrame, column: str, variants: list[str], titles: list[str]) -> str:
    kept = [(name, title) for name, title in zip(variants, titles, strict=True) if (cells["variant"] == name).any()]
    rows = []
    for test, found in cells.groupby("test", sort=False):
        by_variant = {row["variant"]: _shown(row, column, ".3f") for _, row in found.iterrows()}
        shown = [by_variant.get(name, _MINUS) for name, _ in kept]
        if set(shown) != {_MINUS}:
            rows.append([str(test), *shown])
    return _table(["test", *(title for _, title in kept)], rows)


def _by_dipole(cells: pd.DataFrame, column: str, form: str = ".3f", extra: tuple[str, str] | None = None) -> str:
    names = [variant.name for step in ("S0_binomial", "S1_dipole") for variant in LADDER[step]]
    # Beyond the plain dipole: the skies on which a fit has to separate it from something else.
    names += [variant.name for step in ("S2_quadrupole", "S3_templates") for variant in LADDER[step] if variant.dipole]
    kept = [name for name in names if (cells["variant"] == name).any()]
    rows = []
    for test, found in cells.groupby("test", sort=False):
        of_test = extra[1] if extra and test == extra[0] else column
        by_variant = {row["variant"]: _shown(row, of_test, form) for _, row in found.iterrows()}
        shown = [by_variant.get(name, _MINUS) for name in kept]
        if set(shown) != {_MINUS}:
            rows.append([str(test), *shown])
    titles = {
        "isotropic": "no dipole",
        "quadrupole, D = 0.02": "S2, D = 0.02",
        "quadrupole, templates, D = 0.02": "S3, D = 0.02",
    }
    return _table(["test", *(titles.get(name, name) for name in kept)], rows)


def _runs(runs: pd.DataFrame) -> str:
    rows = []
    for _, row in runs.iterrows():
        predicted = _MINUS if pd.isna(row["predicted_05"]) else f"{row['predicted_05']:.3f}"
        shares = [_shown(row, "rejected_05", ".3f"), f"{row['rejected_01']:.3f}", _shown(row, "coverage", ".3f")]
        rows.append([f"{row['mask']}, {row['variant']}: {row['test']}", f"{row['effect_sd']:g}", *shares, predicted])
    heading = ["design and test", "effect / run sd", "rejected at 5 %", "at 1 %", "coverage", "predicted power"]
    return _table(heading, rows)


def _outside(table: pd.DataFrame) -> str:
    outside = table[table["verdict"] == OUTSIDE]
    if outside.empty:
        return "None."
    rows = [
        [row["test"], f"{row['mask']}, {row['variant']}", row["outside_in"], "yes" if row["chance_explains"] else "no"]
        for _, row in outside.iterrows()
    ]
    return _table(["test", "sky or design", "what", "chance?"], rows)
