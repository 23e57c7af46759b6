"""From findings mock by mock to the calibration table, a row a test, and the table as Markdown.

A row has shares rejected and covered, biases, power, and whether they are acceptable.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import stats

from workflow_scripts.calibration_mocks.battery import CLAIMS
from workflow_scripts.calibration_mocks.claims import size_band
from workflow_scripts.calibration_mocks.mock_skies import DESCRIPTIONS, LADDER
from workflow_scripts.calibration_mocks.run_calibration import GALAXIES_OF_RUNS

# What a valid test must keep (methods.md, 3.j).
ACCEPTED_SIZE = (0.04, 0.06)
ACCEPTED_COVERAGE = (0.93, 0.97)
ACCEPTED_BIAS = 0.1

WITHIN, OUTSIDE, NOT_CLAIMED = "within", "outside", "not claimed"
_COLUMNS = [
    *("unit", "mask", "step", "variant", "test", "dipole", "effect_sd", "mocks", "null_holds"),
    *("rejected_05", "rejected_05_se", "rejected_01", "rejected_01_se", "ks_p", "coverage", "coverage_se"),
    *("bias_along", "bias_across", "bias_amplitude", "median_angle_deg", "predicted_05"),
    *("claimed_valid", "verdict", "outside_in", "chance_explains"),
]

_MINUS = "–"
# Short names of the skies without a dipole, in the order of the ladder.
NULL_SKIES = {
    "isotropic": "S0 iid",
    "quadrupole, D = 0": "S2 quadrupole",
    "quadrupole, templates, D = 0": "S3 templates",
    "clustered over 1 degrees": "S4, 1 deg",
    "clustered over 3 degrees": "S4, 3 deg",
}


def sky_rows(findings: pd.DataFrame, mask: str, step: str) -> pd.DataFrame:
    """Rows of the table for one mask and step, from the findings of `run_battery`.

    `rejected_05` is the size where `null_holds`, else the power; `ks_p` (Kolmogorov-Smirnov, uniform p) is for sizes.
    Biases are in standard deviations of the estimate over the mocks: along the true axis, across it towards the middle
    of the mask, and of the debiased amplitude. `effect_sd` is D in standard deviations of the plain dipole.
    """
    rows = []
    for variant in LADDER[step]:
        of_variant = findings[findings["variant"] == variant.name]
        spread = of_variant.loc[of_variant["test"] == "dipole score, chi2", "along"].std()
        effect = variant.dipole / spread
        for test, found in of_variant.groupby("test", sort=False):
            row = {"unit": "galaxy", "mask": mask, "step": step, "variant": variant.name, "test": test}
            row |= {"dipole": variant.dipole, "effect_sd": effect, "mocks": len(found)}
            row["null_holds"] = CLAIMS[str(test)].null_holds(variant)
            row |= _shares(found, bool(row["null_holds"]))
            row["claimed_valid"] = CLAIMS[str(test)].holds(step, mask, effect)
            rows.append(row)
    return _judged(rows)


def run_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the table for run-level designs, from the rows of `run_calibration.calibrate`; effects in run sd."""
    rows = []
    for cell in table.itertuples():
        row = {"unit": "run", "mask": cell.design, "step": "runs", "variant": f"{cell.units} runs", "test": cell.test}
        if cell.design == "rotating":
            row["variant"] = f"{cell.units} footprints"
        row |= {"effect_sd": cell.effect, "mocks": cell.mocks, "null_holds": cell.effect == 0}
        row |= {"rejected_05": cell.rejected_05, "rejected_05_se": _error(cell.rejected_05, cell.mocks)}
        row |= {"rejected_01": cell.rejected_01, "rejected_01_se": _error(cell.rejected_01, cell.mocks)}
        if pd.notna(cell.covered_95):
            row |= {"coverage": cell.covered_95, "coverage_se": _error(cell.covered_95, cell.mocks)}
        row |= {"predicted_05": cell.predicted_05, "claimed_valid": cell.test not in GALAXIES_OF_RUNS}
        rows.append(row)
    return _judged(rows)


def _shares(found: pd.DataFrame, null: bool) -> dict[str, float]:
    row: dict[str, float] = {}
    p = found["p"].to_numpy()
    if np.isfinite(p).all():
        for level, name in ((0.05, "rejected_05"), (0.01, "rejected_01")):
            # A permutation p is a ratio of whole numbers, and may miss the level by rounding only.
            row[name] = float(np.mean(p <= level + 1e-12))
            row[f"{name}_se"] = _error(row[name], len(p))
        if null:
            row["ks_p"] = float(stats.kstest(p, "uniform").pvalue)
    covered = found["covered"].to_numpy()
    if np.isfinite(covered).all():
        row["coverage"] = float(covered.mean())
        row["coverage_se"] = _error(row["coverage"], len(covered))
    for column, name in (("along", "bias_along"), ("across", "bias_across"), ("length", "bias_amplitude")):
        values = found[column].to_numpy()
        if np.isfinite(values).all() and values.std() > 0:
            row[name] = float(values.mean() / values.std(ddof=1))
    if found["angle_deg"].notna().any():
        row["median_angle_deg"] = float(found["angle_deg"].median())
    return row


def _error(share: float, mocks: int) -> float:
    """Binomial standard error of a share; that of one mock where all or none are counted."""
    inside = min(max(share, 1 / mocks), 1 - 1 / mocks) if mocks > 1 else 0.5
    return float(np.sqrt(inside * (1 - inside) / mocks))


def _judged(rows: Iterable[dict]) -> pd.DataFrame:
    table = pd.DataFrame(list(rows)).reindex(columns=_COLUMNS)
    departures = [_departures(row) for _, row in table.iterrows()]
    verdicts = [OUTSIDE if outside else WITHIN for outside, _ in departures]
    table["verdict"] = np.where(table["claimed_valid"], verdicts, NOT_CLAIMED)
    table["outside_in"] = ["; ".join(outside) for outside, _ in departures]
    table["chance_explains"] = [chance for _, chance in departures]
    return table


def _departures(row: pd.Series) -> tuple[list[str], bool]:
    """What of a row is not acceptable, and whether all of that is within the 99.9 % band of so many mocks."""
    outside, chance = [], []
    mocks = int(row["mocks"])
    for column, accepted, nominal in (
        ("rejected_05", ACCEPTED_SIZE, 0.05),
        ("coverage", ACCEPTED_COVERAGE, 0.95),
    ):
        value = row[column]
        if pd.isna(value) or (column == "rejected_05" and not row["null_holds"]):
            continue
        if not accepted[0] - 1e-9 <= value <= accepted[1] + 1e-9:
            low, high = size_band(mocks, nominal)
            outside.append(f"{'size' if column == 'rejected_05' else 'coverage'} {value:.3f}")
            chance.append(low <= value <= high)
    # The length of a fitted vector is biased by its own noise; only the amplitude that is corrected for it is judged.
    columns = ["bias_amplitude"] if row["test"] == "amplitude, debiased" else ["bias_along", "bias_across"]
    for column in columns:
        value = row[column]
        if pd.notna(value) and abs(value) >= ACCEPTED_BIAS:
            outside.append(f"{column.replace('_', ' ')} {value:+.2f} sd")
            # The mean of so many has an error of 1/sqrt(mocks) standard deviations.
            chance.append(abs(value) <= 3.29 / np.sqrt(mocks))
    return outside, bool(outside) and all(chance)


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
