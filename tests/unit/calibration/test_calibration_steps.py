"""From findings to the table, its page and its figures; and what the steps report of bad input."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workflow_scripts import calibrate_run_tests, calibrate_sky_tests, draw_calibration, tabulate_calibration
from workflow_scripts.calibration_mocks.calibration_table import sky_rows
from workflow_scripts.calibration_mocks.mock_skies import LADDER, MASKS
from workflow_scripts.step import run_step

ROOT = Path(__file__).resolve().parents[3]


def run(step, *arguments):
    with pytest.raises(SystemExit) as stopped:
        run_step(step.main, step.parser, [str(argument) for argument in arguments])
    return stopped.value.code


def findings(p, covered, along, variant="isotropic", dipole=0.0, test="dipole score, chi2"):
    return pd.DataFrame(
        {
            **{"variant": variant, "dipole": dipole, "test": test, "p": p, "covered": covered},
            **{"along": along, "across": np.nan, "length": np.nan, "angle_deg": np.nan},
        }
    )


def uniform(n=2000):
    return (np.arange(n) + 0.5) / n


def off(n=2000):
    """Values of mean 0 and standard deviation 1."""
    return np.tile([-1.0, 1.0], n // 2)


def row(table):
    return sky_rows(table, "full_sky", "S0_binomial").iloc[0]


def test_a_test_that_keeps_its_claims_is_within():
    found = row(findings(uniform(), uniform() > 0.05, off()))
    assert found["rejected_05"] == 0.05
    assert found["rejected_01"] == 0.01
    assert found["rejected_05_se"] == pytest.approx(np.sqrt(0.05 * 0.95 / 2000))
    assert found["coverage"] == 0.95
    assert found["ks_p"] > 0.99
    assert (found["verdict"], found["outside_in"]) == ("within", "")


@pytest.mark.parametrize(
    ("p", "covered", "along", "what"),
    [
        (uniform() * 0.8, uniform() > 0.05, off(), "size 0.06"),
        (uniform() ** 0.9, uniform() > 0.05, off(), "size 0.03"),
        (uniform(), uniform() > 0.08, off(), "coverage 0.92"),
        (uniform(), uniform() > 0.02, off(), "coverage 0.98"),
        (uniform(), uniform() > 0.05, off() - 0.12, "bias along -0.12 sd"),
    ],
)
def test_a_test_that_breaks_one_is_outside(p, covered, along, what):
    found = row(findings(p, covered, along))
    assert found["verdict"] == "outside"
    assert what in found["outside_in"]
    assert ";" not in found["outside_in"]


def test_chance_is_separated_from_more_than_chance():
    assert not row(findings(uniform() * 0.5, uniform() > 0.05, off()))["chance_explains"]
    few = findings(uniform(100) * 0.8 - 0.002, uniform(100) > 0.05, off(100))
    assert row(few)["chance_explains"]


def test_power_is_not_judged_as_a_size():
    table = pd.concat(
        findings(uniform() * 0.1, uniform() > 0.05, off(), f"D = {variant.dipole:g}", variant.dipole)
        for variant in LADDER["S1_dipole"]
    )
    rows = sky_rows(table, "full_sky", "S1_dipole")
    assert (rows["verdict"] == "within").all()
    assert rows["rejected_05"].tolist() == [0.5] * 5
    assert rows["effect_sd"].iloc[-1] == pytest.approx(0.05, rel=0.01)
    assert rows["ks_p"].isna().all()


def test_from_mocks_to_table_page_and_figures(tmp_path):
    files = []
    for step in ("S0_binomial", "S1_dipole", "S4_clustered"):
        files.append(tmp_path / f"{step}.parquet")
        arguments = ("--mask", "sdss_like_cap", "--step", step, "--mocks", 6, "--galaxies", 2000)
        assert run(calibrate_sky_tests, *arguments, "--output", files[-1]) == 0
    runs = tmp_path / "runs.parquet"
    assert run(calibrate_run_tests, "--mocks", 4, "--runs", 3, "--output", runs) == 0
    table, page = tmp_path / "calibration.csv", tmp_path / "calibration.md"
    assert run(tabulate_calibration, "--findings", *files, "--runs", runs, "--csv", table, "--markdown", page) == 0
    rows = pd.read_csv(table)
    assert set(rows["unit"]) == {"galaxy", "run"}
    assert set(rows["verdict"]) <= {"within", "outside", "not claimed"}
    galaxies = rows[(rows["unit"] == "run") & rows["test"].str.startswith("galaxies")]
    assert len(galaxies)
    assert (galaxies["verdict"] == "not claimed").all()
    text = page.read_text()
    for expected in ("SDSS-like north cap", "| paper-style sigma as a Gaussian | (", "rotating, 12 footprints: kappa"):
        assert expected in text
    assert run(draw_calibration, "--table", table, "--findings", *files, "--dpi", 50, "--folder", tmp_path) == 0
    for name in ("p_uniformity", "size", "power", "recovery"):
        assert (tmp_path / f"{name}.png").stat().st_size > 3000
        assert (tmp_path / f"{name}.pdf").stat().st_size > 3000


@pytest.mark.parametrize(
    ("step", "arguments", "sentence"),
    [
        (calibrate_sky_tests, ["--mask", "moon", "--step", "S0_binomial", "--mocks", 5], "--mask: .*'moon'.*full_sky"),
        (calibrate_sky_tests, ["--mask", "full_sky", "--step", "S8", "--mocks", 5], "--step: .*'S8'.*S1_dipole"),
        (calibrate_sky_tests, ["--mask", "full_sky", "--step", "S0_binomial", "--mocks", 0], "--mocks: 0.*1 or more"),
        (calibrate_run_tests, ["--mocks", 0], "--mocks: 0.*1 or more"),
        (calibrate_run_tests, ["--mocks", 5, "--runs", 1], "--runs: 1.*2 or more"),
    ],
)
def test_bad_arguments_are_named(step, arguments, sentence, tmp_path, capsys):
    output = tmp_path / "out.parquet"
    assert run(step, *arguments, "--output", output) == 2
    assert re.search(sentence, capsys.readouterr().err)
    assert not output.exists()


def test_a_file_that_is_none_of_the_findings_is_named(tmp_path, capsys):
    other = tmp_path / "other.parquet"
    pd.DataFrame({"a": [1]}).to_parquet(other)
    outputs = ("--csv", tmp_path / "c.csv", "--markdown", tmp_path / "c.md")
    for path, sentence in ((other, "does not record its mask and step"), (tmp_path / "none.parquet", "does not exist")):
        assert run(tabulate_calibration, "--findings", path, *outputs) == 2
        error = capsys.readouterr().err
        assert sentence in error
        assert path.name in error


def test_the_rules_make_every_mask_and_step():
    text = (ROOT / "rules" / "calibration.smk").read_text()
    for name, expected in (("CALIBRATION_MASKS", list(MASKS)), ("CALIBRATION_STEPS", list(LADDER))):
        assert re.findall(r'"(\w+)"', re.search(rf"{name} = \[(.*?)\]", text, re.DOTALL).group(1)) == expected
