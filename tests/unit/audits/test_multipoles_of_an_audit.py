"""What an audit reports on multipoles beyond the dipole, and of the odds of isotropy."""

import html
import re

import numpy as np
import pandas as pd
import pytest

from tests.unit.audits.audited import by_name, galaxies, run_audit
from workflow_scripts.audits.catalog_sums import AUDIT_ORDER, FIT_ORDER
from workflow_scripts.pages.number_formats import axis, number
from workflow_scripts.sky.tiles import number_of_tiles, tile_centres, tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.dipole_amplitude import isotropy_bayes_factor, uniform_amplitude_bayes_factor
from workflow_scripts.statistics.sky.dipole_stability import dipole_stability, multipole_aliasing
from workflow_scripts.statistics.sky.linear_probability import linear_probability
from workflow_scripts.statistics.sky.regression import sky_glm
from workflow_scripts.statistics.sky.scans import scan_octopole
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """A dipole north of -20 degrees, its summary and its page."""
    folder = tmp_path_factory.mktemp("multipoles")
    table = galaxies(20_000, dipole=0.2)
    table.to_csv(folder / "c.csv", index=False)
    summary = run_audit(folder / "c.csv", folder / "out", "--label", "label", "--positive", "spiral")
    return table, summary, html.unescape((folder / "out" / "audit.html").read_text())


def binned(table: pd.DataFrame, order: int = AUDIT_ORDER):
    vectors = unit_vectors(table["ra"].to_numpy(), table["dec"].to_numpy())
    pixels, n_pixels = tile_of(table["ra"].to_numpy(), table["dec"].to_numpy(), order), number_of_tiles(order)
    labels = (table["label"] == "spiral").to_numpy(float)
    return PixelPositions.of(vectors, pixels, n_pixels), PixelValues.of(labels, vectors, pixels, n_pixels)


def test_the_fits_are_those_with_a_row_a_galaxy(catalog):
    table, summary, _ = catalog
    vectors = unit_vectors(table["ra"].to_numpy(), table["dec"].to_numpy())
    positions = PixelPositions.of(vectors, np.arange(len(table)), len(table))
    labels = (table["label"] == "spiral").to_numpy(float)
    tests, fit = by_name(summary), sky_glm(positions, labels)
    assert tests["glm_dipole"]["statistic"] == pytest.approx(fit.dipole.statistic, abs=0.05)
    assert tests["glm_dipole_given_quadrupole"]["estimate"] == pytest.approx(np.linalg.norm(fit.beta), rel=2e-3)
    linear = linear_probability(positions, labels)
    assert tests["linear_probability_dipole"]["estimate"] == pytest.approx(np.linalg.norm(linear.beta), rel=2e-4)
    coarse, values = binned(table)
    assert tests["glm_dipole"]["dispersion"] == pytest.approx(sky_glm(coarse, values.totals, lmax=3).dispersion)


def test_the_fits_and_the_stability_of_the_dipole_are_those_of_the_suite(catalog):
    table, summary, _ = catalog
    tests, (positions, labels) = by_name(summary), binned(table, FIT_ORDER)
    steps = dipole_stability(positions, labels.totals)
    octopole = steps[2].fit.octopole
    assert tests["glm_octopole"]["statistic"] == pytest.approx(octopole.statistic)
    assert (tests["glm_octopole"]["dof"], tests["glm_octopole"]["p"]) == (7, pytest.approx(octopole.p))
    assert tests["glm_octopole"]["estimate"] == pytest.approx(np.linalg.norm(steps[2].fit.omega))
    assert tests["glm_dipole_given_octopole"]["p"] == pytest.approx(steps[2].dipole.p)
    for row, step in zip(tests["glm_dipole"]["stability"], steps, strict=True):
        assert row["beta"] == pytest.approx(step.fit.beta.tolist())
        assert (row["lmax"], row["p"], row["refused"]) == (step.lmax, pytest.approx(step.dipole.p), "")
        assert row["condition"] == pytest.approx(step.fit.condition)
    np.testing.assert_allclose(
        tests["glm_dipole"]["stability"][0]["alias_matrix"], multipole_aliasing(positions, 1).matrix, atol=1e-9
    )
    # A dipole of 0.2 in a fraction of about 0.65 stays what it is.
    assert max(row["p"] for row in tests["glm_dipole"]["stability"][:2]) < 1e-3


def test_the_scans_are_those_of_the_suite(catalog):
    table, summary, _ = catalog
    axes = unit_vectors(*tile_centres(3))
    found = scan_octopole(axes[axes[:, 2] >= 0], *binned(table), 199, 0)
    test = by_name(summary)["octopole_scan"]
    assert (test["statistic"], test["p_permutation"]) == (pytest.approx(found.maximum), found.p)
    assert by_name(summary)["quadrupole_scan"]["p_permutation"] > 0


def test_odds_of_isotropy_are_given_with_their_priors_and_shown(catalog):
    _, summary, page = catalog
    score = by_name(summary)["dipole_score"]
    expected = uniform_amplitude_bayes_factor(score["beta"], score["covariance"], 0.3)
    assert score["largest_amplitude_of_prior"] == 0.3
    assert score["ln_bayes_factor_uniform_amplitude"] == pytest.approx(expected)
    assert expected < -3
    assert f"uniform from 0 to 0.300</td><td>{number(expected)}" in page
    normal = isotropy_bayes_factor(score["beta"], score["covariance"], [0.01])[0]
    assert score["ln_bayes_factor_isotropy"]["0.01"] == pytest.approx(normal)
    assert f"width of 0.01, 0.03, 0.1</td><td>{number(float(normal))}" in page


def test_a_scanned_sigma_whose_p_rounds_to_nothing_has_an_equivalent_nevertheless(catalog):
    _, summary, page = catalog
    scan = by_name(summary)["cosine_scan_paper_style"]
    assert scan["p"] == 0
    # The tail of chi with three degrees of freedom is z^2 times that of the normal distribution, both ends together.
    assert 0 < scan["max_sigma"] - scan["equivalent_sigma"] < 0.5
    assert f"({number(scan['equivalent_sigma'])} sigma)" in page


def test_the_page_has_the_dipole_for_every_degree(catalog):
    _, summary, page = catalog
    table = re.search(r"Does the dipole stay.*?</table>", page, re.DOTALL).group()
    for row in by_name(summary)["glm_dipole"]["stability"]:
        assert axis(row["axis_ra"], row["axis_dec"]) in table
        assert f"<td>{number(row['amplitude'])}</td>" in table
    assert "not to be had" not in table


@pytest.mark.usefixtures("brief_audits")
@pytest.mark.parametrize(("lowest", "made", "flagged"), [(30.0, 2, [False, True, False]), (60.0, 1, [False] * 3)])
def test_on_a_cap_multipoles_are_flagged_or_refused_and_the_dipole_is_still_tested(tmp_path, lowest, made, flagged):
    random = np.random.default_rng(3)
    ra = random.uniform(0, 360, 4000)
    dec = np.degrees(np.arcsin(random.uniform(np.sin(np.radians(lowest)), 1, 4000)))
    table = pd.DataFrame({"ra": ra, "dec": dec, "label": np.where(random.random(4000) < 0.4, "spiral", "elliptical")})
    table.to_csv(tmp_path / "c.csv", index=False)
    summary = run_audit(tmp_path / "c.csv", tmp_path / "out", "--label", "label")
    tests, page = by_name(summary), (tmp_path / "out" / "audit.html").read_text()
    rows = tests["glm_dipole"]["stability"]
    assert [bool(row["refused"]) for row in rows] == [False] * made + [True] * (3 - made)
    assert [row["flagged"] for row in rows] == flagged
    assert [row["p"] is None for row in rows] == [bool(row["refused"]) for row in rows]
    assert "glm_octopole" not in tests
    assert ("glm_quadrupole" in tests) == (made == 2)
    reason = "the galaxies lie on too small" if made == 2 else "multipoles can be separated only where"
    assert any(f"glm octopole: {reason}" in line for line in summary["not_run"])
    assert page.count("not to be had") == 3 - made
    if made == 2:
        assert "(hardly determined)" in page
        assert any("hardly separate" in note for note in tests["glm_quadrupole"]["notes"])
