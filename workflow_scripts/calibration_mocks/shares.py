"""From findings mock by mock to a row a test: shares rejected and covered, biases, and whether they are acceptable."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import stats

from workflow_scripts.calibration_mocks.claims import GALAXIES_OF_RUNS, is_claimed, null_holds
from workflow_scripts.calibration_mocks.ladder import LADDER
from workflow_scripts.calibration_mocks.run_tests import size_band

# What a valid test must keep (methods.md, 3.j).
ACCEPTED_SIZE = (0.04, 0.06)
ACCEPTED_COVERAGE = (0.93, 0.97)
ACCEPTED_BIAS = 0.1

WITHIN, OUTSIDE, NOT_CLAIMED = "within", "outside", "not claimed"
COLUMNS = [
    *("unit", "mask", "step", "variant", "test", "dipole", "effect_sd", "mocks", "null_holds"),
    *("rejected_05", "rejected_05_se", "rejected_01", "rejected_01_se", "ks_p", "coverage", "coverage_se"),
    *("bias_along", "bias_across", "bias_amplitude", "median_angle_deg", "predicted_05"),
    *("claimed_valid", "verdict", "outside_in", "chance_explains"),
]


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
            row["null_holds"] = null_holds(str(test), variant)
            row |= _shares(found, bool(row["null_holds"]))
            row["claimed_valid"] = is_claimed(str(test), step, mask, effect)
            rows.append(row)
    return _judged(rows)


def run_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the table for run-level designs, from the rows of `runs.calibration.calibrate`; effects in run sd."""
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
    table = pd.DataFrame(list(rows)).reindex(columns=COLUMNS)
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
