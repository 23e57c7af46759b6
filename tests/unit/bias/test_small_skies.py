"""Whole experiments on a strip and on a field: what their galaxies do not constrain is nowhere given."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.unit.bias.synthetic_experiment import experiment_runs, measured, moved, write_experiment
from workflow_scripts.bias.annotations import Sky
from workflow_scripts.bias.run_statistics import common_numbers
from workflow_scripts.figures.run_figures import run_figures
from workflow_scripts.figures.sky_figures import sky_figures
from workflow_scripts.figures.style import reason_for_nothing
from workflow_scripts.pages.experiment_page import experiment_page
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.constrained_components import constrained_of_fraction
from workflow_scripts.statistics.sky.sky_sums import PositionSums

N = 3000
LOOK = {"dpi": 60, "simulated": False, "sequential_map": "cividis", "diverging_map": "RdBu_r"}
LOOK |= {"colours": ["#112233", "#D55E00"]}
# A response of the labels' dipole towards RA 90 degrees, in the middle of the strip and along it.
ALONG = unit_vectors(90, 0)


def positions(kind):
    random = np.random.default_rng(5)
    if kind == "strip":
        return random.uniform(-50, 60, N) % 360, random.uniform(-1.25, 1.25, N)
    radius, angle = 5 * np.sqrt(random.random(N)), random.uniform(0, 2 * np.pi, N)
    dec = 2 + radius * np.cos(angle)
    return 150 + radius * np.sin(angle) / np.cos(np.radians(dec)), dec


def experiment(folder, kind, response=0.0):
    """Rotating footprints and halves.

    `response`: twice the dipole along `ALONG` of a footprint about RA 120, Dec +30: that share of the labels at an end
    of the strip becomes one kind, which about half of them are already.
    """
    runs = [run for run in experiment_runs(seeds=2) if run["arm"] != "random_sky"]
    given = moved(write_experiment(folder, 0.05, runs, n=N), *positions(kind))
    settings, files, catalog = given
    settings["tests"]["permutations"] = 600
    table, random = pd.read_parquet(catalog), np.random.default_rng(1)
    # As of a cloudy night at one end.
    table["psf_fwhm_arcsec"] = 1.2 + 0.1 * random.normal(size=N)
    table.to_parquet(catalog)
    along = unit_vectors(*positions(kind)) @ ALONG
    for run, file in zip(runs, files, strict=True):
        if response and run["axis"]:
            change = response * float(unit_vectors(*run["axis"]) @ unit_vectors(120, 30)) * along
            labels = pd.read_parquet(file)
            flipped = random.random(N) < np.abs(change)
            labels["label"] = np.where(flipped, change > 0, labels["label"]).astype(np.int8)
            labels.to_parquet(file)
    summary, tables = measured(folder, given)
    return summary, tables, catalog, dict(np.load(folder / "bias" / "sky_maps.npz"))


@pytest.fixture(scope="module")
def strip(tmp_path_factory):
    return experiment(tmp_path_factory.mktemp("strip"), "strip", response=0.2)


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    return experiment(tmp_path_factory.mktemp("field"), "field")


def answer_of(summary, test):
    return next(answer for answer in summary["answers"] if answer["test"] == test)


def dipoles_in(table):
    return {column[:-2] for column in table if column.endswith(("dipole_x", "dipole_y", "dipole_z"))}


def test_a_strip_leaves_declination_empty_everywhere(strip):
    summary, tables, _, maps = strip
    assert summary["sky_kind"] == "strip"
    assert summary["unconstrained"] == ["declination"]
    names = dipoles_in(tables["runs"])
    assert {"dipole", "relative_dipole", "glm_dipole", "cleaned_dipole", "calibration_dipole"} <= names
    for table in ("runs", "contrasts", "thresholds"):
        for name in dipoles_in(tables[table].dropna(axis=1, how="all")):
            assert tables[table][f"{name}_x"].notna().any()
            assert tables[table][f"{name}_z"].isna().all()
            assert f"{name}_z_se" not in tables[table] or tables[table][f"{name}_z_se"].isna().all()
    means = tables["arms"]
    assert means.loc[means["component"].str.endswith("_z"), ["mean", "se", "galaxy_se"]].isna().all(axis=None)
    assert not [column for column in tables["runs"] if column.startswith(("paper_", "glm_quadrupole"))]
    assert not [name for name in maps if name.startswith("sigma")]
    sentences = [line for line in summary["not_answered"] if "declination" in line]
    assert sentences == [
        "The annotated galaxies do not constrain a dipole along declination: dipoles are tested along the other"
        " directions alone, and no quadrupole or scan over all axes is given."
    ]


def test_tests_of_a_strip_have_two_degrees_of_freedom(strip):
    summary, tables, _, _ = strip
    runs = tables["runs"]
    for name in ("dipole", "relative_dipole", "centred"):
        np.testing.assert_allclose(runs[f"{name}_p"], stats.chi2.sf(runs[f"{name}_q"], 2), rtol=1e-5)
    common = next(test for test in summary["tests"] if test["name"] == "common_dipole")
    assert common["dof"][0] == 2
    assert common["estimate"][2] == pytest.approx(0, abs=1e-3)
    assert {"These galaxies do not constrain a dipole along declination."} <= set(common["notes"])


def test_a_response_along_a_strip_is_found_in_its_size(strip):
    answer = answer_of(strip[0], "pattern_response")
    assert answer["answer"] == "yes"
    assert answer["effect"]["ci95"][0] < 0.2 < answer["effect"]["ci95"][1]
    assert answer["effect"]["value"] == pytest.approx(0.2, abs=0.03)
    assert answer["because"][0] == "These galaxies do not constrain a dipole along declination."


def test_a_limit_on_a_strip_names_what_it_does_not_hold_for(tmp_path):
    summary, *_ = experiment(tmp_path, "strip")
    assert answer_of(summary, "pattern_response")["answer"] == "no"
    assert summary["headline"].endswith(" (declination is not constrained).")
    assert summary["verdict"].count("is excluded at 95 %; declination is not constrained (adjusted p") == 1


def test_a_field_has_no_dipole_and_keeps_all_else(field):
    summary, tables, _, maps = field
    assert summary["sky_kind"] == "field"
    for table in ("runs", "contrasts", "thresholds"):
        assert not dipoles_in(tables[table].dropna(axis=1, how="all"))
    assert not [column for column in tables["runs"].dropna(axis=1, how="all") if column.endswith("dipole_p")]
    kept = ["true_positive_rate", "calibration_mean", "calibration_mean_p", "matched_threshold"]
    assert tables["runs"][[*kept, "template_alone_psf_fwhm_arcsec"]].notna().all(axis=None)
    assert tables["cosine"].filter(["amplitude", "p"]).isna().all(axis=None)
    assert not [name for name in maps if name.startswith("sigma")]
    assert answer_of(summary, "fraction_response")["answer"] == "yes"
    for test in ("pattern_response", "common_dipole"):
        answer = answer_of(summary, test)
        assert answer["answer"] == "cannot tell"
        assert answer["effect"]["value"] is None
        assert answer["because"] == ["These galaxies lie in a field too small for a dipole."]
        assert answer["next"] == ["Annotated galaxies over a larger part of the sky."]
    assert not [line for line in summary["not_answered"] if ".." in line]


def test_maps_of_a_field_are_of_the_field(field):
    summary, tables, catalog, maps = field
    assert np.isfinite(maps["fraction"]).sum() > 20
    figures = sky_figures(summary, tables["runs"], maps, pd.read_parquet(catalog), LOOK)
    drawn = {name: figure for name, figure in figures.items() if not reason_for_nothing(figure)}
    assert set(drawn) == {"difference_map", "fraction_map", "unannotated_map", "seeing_map"}
    assert all("degrees east of RA 1" in figure.axes[0].get_xlabel() for figure in drawn.values())
    assert "do not constrain all of a dipole" in reason_for_nothing(figures["sigma_map"])


@pytest.mark.parametrize("kind", ["strip", "field"])
def test_figures_and_page_of_a_small_sky_claim_no_dipole_that_there_is_not(kind, request):
    summary, tables, *_ = request.getfixturevalue(kind)
    figures = run_figures(summary, tables, {}, LOOK)
    shown = {name for name, figure in figures.items() if not reason_for_nothing(figure)}
    assert ("error_decomposition" in shown) == (kind == "strip")
    assert {"footprint_response", "run_dots", "threshold_sweep", "sigma_and_p"} <= shown
    page = experiment_page(summary, tables)
    assert "sigma' in the median" not in page
    assert ("Components of dipoles along x, y and z are not given" in page) == (kind == "field")
    assert ", -<" not in page
    assert "declination" in page or kind == "field"


def test_on_a_strip_the_common_dipole_is_measured_along_it():
    """Its length in all directions would be the noise across the strip."""
    random = np.random.default_rng(0)
    vectors = unit_vectors(random.uniform(-50, 60, 4000), random.uniform(-1.25, 1.25, 4000))
    sums = PositionSums.of(vectors)
    strip = constrained_of_fraction(sums, 0.5)
    galaxies = 0.2 * np.linalg.inv(sums.centred)
    values = random.multivariate_normal(np.zeros(3), galaxies / 4, 12)
    found = common_numbers(values, galaxies, Sky(sums.centred, strip, strip, sums.centred, galaxies), "", (1, 0))
    assert found["dof"][0] == 2
    assert found["limit95"] < 0.15
    assert abs(found["estimate"][2]) < 1e-3
    # Of a size of zero there is no direction.
    assert (found["size"], found["direction"]) == (0, None)
    assert found["notes"] == ["These galaxies do not constrain a dipole along declination."]


def test_few_labelled_galaxies_leave_the_dipole_of_all_to_be_tested(tmp_path):
    """Three with a reference label have none, and end nothing."""
    runs = [run for run in experiment_runs(with_rotating=False, seeds=2) if run["arm"] == "halves"]
    given = write_experiment(tmp_path, 0.05, runs, n=500)
    table = pd.read_parquet(given[2])
    table.loc[3:, "label"] = pd.NA
    table.to_parquet(given[2])
    summary, tables = measured(tmp_path, given)
    assert tables["runs"].filter(regex=r"^dipole_[xyz]$").isna().all(axis=None)
    assert tables["runs"].filter(regex=r"^relative_dipole_[xyz]$").notna().all(axis=None)
    assert answer_of(summary, "common_dipole")["because"] == ["The labelled galaxies are too few for a dipole."]
