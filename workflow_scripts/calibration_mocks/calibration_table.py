"""From findings mock by mock to the calibration table, a row a test, and the table as Markdown.

A row has shares rejected and covered, biases, power, and whether they are acceptable.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from workflow_scripts.calibration_mocks.battery import CLAIMS
from workflow_scripts.calibration_mocks.claims import size_band
from workflow_scripts.calibration_mocks.mock_skies import LADDER, MASKS
from workflow_scripts.calibration_mocks.run_calibration import GALAXIES_OF_RUNS

# What a valid test must keep.
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

# Short names of the skies without a dipole, in the order of the ladder.
NULL_SKIES = {
    "isotropic": "S0 iid",
    "quadrupole, D = 0": "S2 quadrupole",
    "quadrupole, templates, D = 0": "S3 templates",
    "clustered over 1 degrees": "S4, 1 deg",
    "clustered over 3 degrees": "S4, 3 deg",
}


# Skies with a dipole beside the isotropic one. Beyond the plain dipole: those on which a fit has to separate it.
_DIPOLES = {
    "isotropic": "no dipole",
    **{variant.name: variant.name for variant in LADDER["S1_dipole"]},
    "quadrupole, D = 0.02": "S2, D = 0.02",
    "quadrupole, templates, D = 0.02": "S3, D = 0.02",
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
            claim = CLAIMS[str(test)]
            row = {"variant": variant.name, "test": test, "dipole": variant.dipole, "effect_sd": effect}
            row |= {"mocks": len(found), "null_holds": claim.null_holds(variant)}
            rows.append(row | _shares(found, row["null_holds"]) | {"claimed_valid": claim.holds(step, mask, effect)})
    return _judged(pd.DataFrame(rows).assign(unit="galaxy", mask=mask, step=step))


def run_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the table for run-level designs, from the rows of `run_calibration.calibrate`; effects in run sd."""
    rows = table.rename(columns={"design": "mask", "effect": "effect_sd", "covered_95": "coverage"})
    variant = table["units"] + np.where(table["design"] == "rotating", " footprints", " runs")
    claimed = ~table["test"].isin(GALAXIES_OF_RUNS)
    null_holds = table["effect"] == 0
    return _judged(rows.assign(unit="run", step="runs", variant=variant, null_holds=null_holds, claimed_valid=claimed))


def _shares(found: pd.DataFrame, null: bool) -> dict[str, float]:
    row: dict[str, float] = {}
    p = found["p"].to_numpy()
    if np.isfinite(p).all():
        # A permutation p is a ratio of whole numbers, and may miss the level by rounding only.
        row |= {"rejected_05": float(np.mean(p <= 0.05 + 1e-12)), "rejected_01": float(np.mean(p <= 0.01 + 1e-12))}
        if null:
            row["ks_p"] = float(stats.kstest(p, "uniform").pvalue)
    row["coverage"] = float(found["covered"].mean(skipna=False))
    for column, name in (("along", "bias_along"), ("across", "bias_across"), ("length", "bias_amplitude")):
        values = found[column].to_numpy()
        if np.isfinite(values).all() and values.std() > 0:
            row[name] = float(values.mean() / values.std(ddof=1))
    row["median_angle_deg"] = float(found["angle_deg"].median())
    return row


def _judged(rows: pd.DataFrame) -> pd.DataFrame:
    """The table of some rows, with binomial errors of the shares and what is acceptable of them."""
    table = rows.reindex(columns=_COLUMNS)
    for name in ("rejected_05", "rejected_01", "coverage"):
        # That of one mock where all or none are counted.
        least = np.minimum(1 / table["mocks"], 0.5)
        share = table[name].clip(least, 1 - least)
        table[f"{name}_se"] = np.sqrt(share * (1 - share) / table["mocks"])
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
    size = row["rejected_05"] if row["null_holds"] else np.nan
    for name, share, (least, most), nominal in (
        ("size", size, ACCEPTED_SIZE, 0.05),
        ("coverage", row["coverage"], ACCEPTED_COVERAGE, 0.95),
    ):
        if share < least - 1e-9 or share > most + 1e-9:
            low, high = size_band(mocks, nominal)
            outside.append(f"{name} {share:.3f}")
            chance.append(low <= share <= high)
    # The length of a fitted vector is biased by its own noise; only the amplitude that is corrected for it is judged.
    columns = ["bias_amplitude"] if row["test"] == "amplitude, debiased" else ["bias_along", "bias_across"]
    for column in columns:
        value = row[column]
        if abs(value) >= ACCEPTED_BIAS:
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
    for mask in [mask for mask in MASKS if (sky["mask"] == mask).any()]:
        cells = sky[sky["mask"] == mask]
        bias = _shown(cells, "bias_along", "+.2f")
        amplitude = _shown(cells, "bias_amplitude", "+.2f")
        title = MASKS[mask].description
        parts += [
            f"## {title[0].upper()}{title[1:]}",
            "Rejected at 5 % where there is nothing to find (size):",
            _pivot(cells, _shown(cells, "rejected_05").where(cells["null_holds"]), NULL_SKIES),
            "Coverage of the 95 % interval (ellipsoid for dipoles), by dipole D put in:",
            _pivot(cells, _shown(cells, "coverage"), _DIPOLES),
            "Rejected at 5 %, by dipole put in (power; the quadrupole tests keep their size here):",
            _pivot(cells, _shown(cells, "rejected_05"), _DIPOLES),
            "Bias along the true axis, and of the debiased amplitude, in standard deviations:",
            _pivot(cells, bias.where(cells["test"] != "amplitude, debiased", amplitude), _DIPOLES),
        ]
    if len(runs):
        parts += ["## Training runs as the unit", _of_runs(runs)]
    outside = table[table["verdict"] == OUTSIDE]
    departures = pd.DataFrame(
        {
            "test": outside["test"],
            "sky or design": outside["mask"] + ", " + outside["variant"],
            "what": outside["outside_in"],
            "chance?": np.where(outside["chance_explains"], "yes", "no"),
        }
    )
    parts += ["## Outside, though claimed", _table(departures) if len(outside) else "None."]
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


def _shown(cells: pd.DataFrame, column: str, form: str = ".3f") -> pd.Series:
    """Numbers of a column as text: in brackets where nothing is claimed, bold where outside; None for NaN."""
    what = "size" if column == "rejected_05" else column.replace("_", " ")
    texts = []
    for value, claimed, outside in zip(cells[column], cells["claimed_valid"], cells["outside_in"], strict=True):
        text = format(value, form)
        marked = f"({text})" if not claimed else f"**{text}**" if what in outside else text
        texts.append(None if pd.isna(value) else marked)
    return pd.Series(texts, cells.index, dtype=object)


def _pivot(cells: pd.DataFrame, shown: pd.Series, titles: Mapping[str, str]) -> str:
    """A row a test, a column a sky of `titles` (variant -> title)."""
    cells = cells.assign(shown=shown)[cells["variant"].isin(titles)]
    table = cells.pivot(index="test", columns="variant", values="shown")
    table = table.reindex(index=cells["test"].unique()).dropna(how="all")
    return _table(
        table.reindex(columns=[name for name in titles if name in table]).rename(columns=titles).reset_index()
    )


def _of_runs(runs: pd.DataFrame) -> str:
    return _table(
        pd.DataFrame(
            {
                "design and test": runs["mask"] + ", " + runs["variant"] + ": " + runs["test"],
                "effect / run sd": runs["effect_sd"].map("{:g}".format),
                "rejected at 5 %": _shown(runs, "rejected_05"),
                "at 1 %": runs["rejected_01"].map("{:.3f}".format),
                "coverage": _shown(runs, "coverage"),
                "predicted power": runs["predicted_05"].map("{:.3f}".format, na_action="ignore"),
            }
        )
    )


def _table(texts: pd.DataFrame) -> str:
    rule = ["---", *["---:"] * (len(texts.columns) - 1)]
    lines = [list(texts.columns), rule, *texts.astype(object).fillna("–").to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
