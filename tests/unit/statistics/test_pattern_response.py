"""Responses of the sky pattern to the training footprint, of any parity, and lengths with their limits."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.transform import Rotation

from tests.benchmarks.response_candidates import position_covariance
from tests.unit.statistics.skies import band
from workflow_scripts.calibration_mocks.run_mocks import base_axes
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.runs.common_means import common_dipole
from workflow_scripts.statistics.runs.contrasts import arm_contrast, vector_contrast
from workflow_scripts.statistics.runs.footprint_response import footprint_response, scalar_response
from workflow_scripts.statistics.runs.lengths import largest_sum_of_norms, vector_length
from workflow_scripts.statistics.runs.pattern_response import amplitude_curve, pattern_response

AXES = base_axes()
SEEING = unit_vectors(120, 30)
# Amplitudes along the common dipole of a finished experiment whose seeing has a dipole towards RA 120, Dec +30, by mu.
BY_MU = {
    -0.96: 0.0925,
    -0.75: 0.0903,
    -0.50: 0.0807,
    -0.43: 0.0832,
    -0.29: 0.0831,
    -0.17: 0.0767,
    0.17: 0.0783,
    0.29: 0.0830,
    0.43: 0.0860,
    0.50: 0.0860,
    0.75: 0.0877,
    0.96: 0.1056,
}


def test_an_even_response_is_found_where_a_linear_one_is_not():
    mu = AXES @ SEEING
    order = np.argsort(mu)
    np.testing.assert_allclose(mu[order], list(BY_MU), atol=0.005)
    dipoles = np.empty((12, 3))
    dipoles[order] = np.outer(list(BY_MU.values()), SEEING)
    found = pattern_response(AXES, dipoles, 19_999, 0, common=dipoles.mean(axis=0))
    assert 1e-5 < found.parts["along the common dipole"][1] < 1e-3
    assert found.p_permutation < 0.002
    assert found.deciding == "even along the common dipole"
    assert footprint_response(AXES, dipoles, 999, 0).p_permutation > 0.5
    assert found.direction @ SEEING == pytest.approx(1)
    curve = found.curve
    assert curve.largest == (pytest.approx(0.1017, abs=1e-3), pytest.approx(0.96, abs=0.01))
    assert curve.least[0] == pytest.approx(0.079, abs=1e-3)
    assert curve.change == pytest.approx(curve.largest[0] - curve.least[0])
    assert 0 < curve.change_ci95[0] < curve.change < curve.limit95 < curve.change_ci95[1]


def test_the_curve_of_a_parabola_is_that_parabola():
    mu = np.linspace(-0.9, 0.8, 12)
    found = amplitude_curve(mu, 1 + 0.1 * mu + 0.2 * mu**2)
    np.testing.assert_allclose(found.amplitude, 1 + 0.1 * found.mu + 0.2 * found.mu**2)
    assert found.least == (pytest.approx(0.9875), pytest.approx(-0.25, abs=0.026))
    assert found.largest == (pytest.approx(1.208), pytest.approx(0.8))
    straight = amplitude_curve(mu[:7], 1 + 0.1 * mu[:7])
    assert straight.limit95 is None
    assert straight.change == pytest.approx(0.1 * (mu[6] - mu[0]))


@pytest.mark.parametrize("footprints", [8, 12])
@pytest.mark.parametrize("effect", [0.0, 3.0])
def test_the_limit_of_a_curve_covers_the_change_and_is_never_below_what_noise_allows(footprints, effect):
    random = np.random.default_rng(9)
    covered, least = [], np.inf
    for direction in unit_vectors(random.uniform(0, 360, 300), random.uniform(-60, 60, 300)):
        mu = (AXES @ direction)[:footprints]
        amplitude = effect * mu**2 + random.normal(size=footprints)
        found = amplitude_curve(mu, amplitude)
        design = np.vander(mu, 3)
        residual = amplitude - design @ np.linalg.lstsq(design, amplitude, rcond=None)[0]
        scatter = np.sqrt((residual**2).sum() / (footprints - 3))
        ends = np.vander([mu.min(), mu.max()], 3)
        error = scatter * np.sqrt((ends[0] - ends[1]) @ np.linalg.inv(design.T @ design) @ (ends[0] - ends[1]))
        least = min(least, found.limit95 / (stats.t.ppf(0.95, footprints - 3) * error))
        covered.append(np.ptp(effect * np.linspace(mu.min(), mu.max(), 50) ** 2) <= found.limit95)
    assert least >= 1 - 1e-9
    assert np.mean(covered) >= band(300, 0.95)[0]


def test_few_footprints_try_all_arrangements():
    random = np.random.default_rng(2)
    axes, dipoles = AXES[[0, 2, 4, 5, 8, 11]], random.normal(size=(6, 3))
    found = pattern_response(axes, dipoles, 720, 0)
    centred = dipoles - dipoles.mean(axis=0)
    orders = np.array(list(permutations(range(6))))
    roots = []
    for kernel in (axes @ axes.T, (axes @ axes.T) ** 2 - 1 / 3):
        middle = np.eye(6) - 1 / 6
        kernel = middle @ kernel @ middle
        form = np.cbrt([(kernel * (centred[order] @ centred[order].T)).sum() for order in orders])
        roots.append((form - form.mean()) / form.std())
    largest = np.max(roots, axis=0)
    assert found.statistic == pytest.approx(largest[0])
    assert found.p_permutation == pytest.approx(np.mean(largest >= largest[0] - 1e-9))
    assert found.p_smallest == pytest.approx(np.mean(np.abs(largest - largest[0]) < 1e-9))
    assert found.p_permutation == pattern_response(axes, dipoles, 5000, 3).p_permutation


@pytest.mark.parametrize("sky", ["full sky", "Stripe 82"])
def test_pattern_response_keeps_its_size(sky):
    random = np.random.default_rng(5)
    positions = position_covariance(sky)
    noise = np.linalg.inv(np.linalg.cholesky(positions))
    p = []
    for seed in range(300):
        dipoles = 5 * SEEING + random.normal(size=(12, 3)) @ noise
        imaging = random.normal(size=(12, 2))
        given = {"common": dipoles.mean(axis=0), "positions": positions, "imaging": imaging}
        p.append(pattern_response(AXES, dipoles, 99, seed, **given).p_permutation)
    assert band(300)[0] <= np.mean(np.array(p) <= 0.05 + 1e-12) <= band(300)[1]


def test_a_strip_counts_what_it_measures():
    random = np.random.default_rng(3)
    positions = position_covariance("Stripe 82")
    values, vectors = np.linalg.eigh(positions)
    best = vectors[:, -1]
    noise = 0.004 * np.sqrt(values[-1]) * np.linalg.inv(np.linalg.cholesky(positions))
    found = {"with": [], "without": []}
    for seed in range(30):
        dipoles = np.outer(0.02 * AXES @ best, best) + random.normal(size=(12, 3)) @ noise
        found["with"].append(pattern_response(AXES, dipoles, 199, seed, positions=positions).p_permutation)
        found["without"].append(pattern_response(AXES, dipoles, 199, seed).p_permutation)
    assert np.mean(np.array(found["with"]) <= 0.05) > 0.9
    assert np.mean(np.array(found["without"]) <= 0.05) < 0.3
    # The components that the strip constrains: one.
    constrained = best @ positions @ best
    response = footprint_response(AXES, dipoles @ best, 199, 0, positions=constrained.reshape(1, 1), frame=best[None])
    assert response.p_permutation <= 0.01
    assert abs(response.change @ best) == pytest.approx(1)
    assert response.size == pytest.approx(0.04, rel=0.3)


def test_a_response_to_the_imaging_in_patches_is_found():
    random = np.random.default_rng(1)
    seeing = random.normal(size=12)
    dipoles = 0.1 * SEEING + np.outer(0.02 * seeing, unit_vectors(10, -40)) + 0.004 * random.normal(size=(12, 3))
    imaging = np.column_stack([1.2 + 0.1 * seeing, np.ones(12)])
    common = dipoles.mean(axis=0)
    found = pattern_response(AXES, dipoles, 999, 0, common=common, imaging=imaging)
    assert found.deciding == "imaging"
    assert found.p_permutation == pytest.approx(0.001)
    assert pattern_response(AXES, dipoles, 999, 0, common=common).p_permutation > 0.05
    assert "imaging" not in pattern_response(AXES, dipoles, 99, 0, imaging=np.ones((12, 2))).parts


def test_pattern_response_turns_with_the_sky_and_has_no_unit():
    random = np.random.default_rng(6)
    dipoles, positions = random.normal(size=(12, 3)), np.diag([0.3, 0.2, 0.4])
    turn = Rotation.random(rng=np.random.default_rng(1)).as_matrix()
    common = np.array([1.0, 2.0, -1.0])
    plain = pattern_response(AXES, dipoles, 300, 0, common=common, positions=positions)
    turned = pattern_response(
        AXES @ turn.T, 7 * dipoles @ turn.T, 300, 0, common=7 * turn @ common, positions=turn @ positions @ turn.T
    )
    assert turned.statistic == pytest.approx(plain.statistic)
    assert turned.p_permutation == plain.p_permutation
    assert turned.curve.change == pytest.approx(7 * plain.curve.change)


def test_without_a_common_dipole_there_is_no_curve():
    found = pattern_response(AXES, np.random.default_rng(0).normal(size=(12, 3)), 99, 0)
    assert set(found.parts) == {"odd", "even"}
    assert found.direction is found.curve is None


@pytest.mark.parametrize(
    ("axes", "dipoles", "more", "sentence"),
    [
        (AXES[:5], np.ones((5, 3)), {}, "too few"),
        (AXES, np.ones((12, 3)), {}, "does not differ"),
        (AXES[[4, 5, 6, 7, 4, 5, 6]], np.eye(7)[:, :3], {}, "do not span"),
        (AXES, np.eye(12)[:, :3], {"positions": np.diag([1, 1, 0])}, "positive definite"),
        (AXES, np.eye(12)[:, :3], {"imaging": np.full(12, np.nan)}, "not known"),
        (AXES, np.eye(12)[:, :3], {"common": np.zeros(3)}, "no direction"),
        (AXES, np.full((12, 3), np.nan), {}, "no dipole"),
    ],
)
def test_patterns_that_cannot_be_tested_are_refused(axes, dipoles, more, sentence):
    with pytest.raises(ValueError, match=sentence):
        pattern_response(axes, dipoles, 99, 0, **more)


def test_the_limit_of_the_change_covers_it():
    random, mu = np.random.default_rng(4), AXES @ SEEING
    truth = 2 * mu + 1.5 * mu**2
    spanned = np.linspace(mu.min(), mu.max(), 200)
    change = np.ptp(2 * spanned + 1.5 * spanned**2)
    found = [amplitude_curve(mu, truth + random.normal(size=12)) for _ in range(200)]
    assert np.mean([one.limit95 >= change for one in found]) >= band(200, 0.95)[0]
    assert np.mean([one.change_ci95[0] <= change <= one.change_ci95[1] for one in found]) >= band(200, 0.95)[0]


def test_the_size_of_a_response_is_what_moves_between_opposite_hemispheres():
    matrix = 0.03 * np.eye(3)
    dipoles = 0.1 * SEEING + AXES @ matrix.T + 1e-9 * np.random.default_rng(0).normal(size=(12, 3))
    assert footprint_response(AXES, dipoles, 99, 0).size == pytest.approx(0.060)
    positions = position_covariance("SDSS-like cap")
    assert footprint_response(AXES, dipoles, 99, 0, positions=positions).size == pytest.approx(0.060)
    assert scalar_response(AXES, dipoles, 99, 0).size == pytest.approx(0.060)
    wide = footprint_response(AXES, 0.05 * np.outer(AXES @ SEEING, [0.6, 0, 0.8]) + dipoles - 0.03 * AXES, 99, 0)
    assert wide.size == pytest.approx(0.1)
    np.testing.assert_allclose(abs(wide.change), [0.6, 0, 0.8], atol=1e-6)
    np.testing.assert_allclose(abs(wide.direction @ SEEING), 1)
    # A response without any scatter about it is known exactly.
    assert footprint_response(AXES, 0.1 + 0.03 * AXES, 99, 0).limit95 == pytest.approx(0.060)


@pytest.mark.parametrize("length", [0.0, 2.0])
def test_intervals_of_a_response_of_the_dipole_cover_its_size(length):
    random = np.random.default_rng(8)
    matrix = length / 2 * np.outer([0.6, 0, 0.8], SEEING)
    found = [footprint_response(AXES, AXES @ matrix.T + random.normal(size=(12, 3)), 2, 0) for _ in range(100)]
    assert np.mean([one.limit95 >= length for one in found]) >= band(100, 0.95)[0]
    assert np.mean([one.size_ci95[0] <= length <= one.size_ci95[1] for one in found]) >= band(100, 0.95)[0]


def test_contrasts_say_what_they_exclude():
    random = np.random.default_rng(9)
    a, b = random.normal(size=(8, 3)), random.normal(size=(8, 3))
    found = vector_contrast(a, b, 99, 0)
    assert found.size_ci95[0] == 0
    assert found.size < np.linalg.norm(found.estimate) < found.limit95 < found.size_ci95[1]
    far = vector_contrast(a + 50 * SEEING, b, 99, 0)
    assert far.size_ci95[0] > 40
    assert far.size == pytest.approx(50, abs=2)
    single = arm_contrast(a[:, 0], b[:, 0], 99, 0)
    assert single.limit95 == pytest.approx(abs(single.estimate) + stats.t.ppf(0.95, single.dof) * single.se)


@pytest.mark.parametrize("sky", ["half", "SDSS-like cap"])
@pytest.mark.parametrize("noise", [0.002, 0.006])
def test_lengths_on_a_part_of_the_sky_are_those_of_whole_dipoles(sky, noise):
    """Also of dipoles that are oblique to what the sky measures best, at 1 and at 3 standard errors or more."""
    random = np.random.default_rng(7)
    positions = np.diag([1 / 3, 1 / 3, 1 / 12]) if sky == "half" else position_covariance(sky)
    worst, *_, best = np.linalg.eigh(positions)[1].T
    scatter = noise * np.linalg.inv(np.linalg.cholesky(positions))
    for direction in (best, worst, (best + worst) / np.sqrt(2)):
        found = {"contrast": [], "common": [], "response": []}
        for seed in range(60):
            here, there, turned = (random.normal(size=(n, 3)) @ scatter for n in (8, 8, 12))
            found["contrast"].append(vector_contrast(here + 0.05 * direction, there, 19, seed))
            found["common"].append(common_dipole(here + 0.05 * direction, np.zeros((3, 3))))
            responding = turned + 0.025 * np.outer(AXES @ direction, direction)
            found["response"].append(footprint_response(AXES, responding, 19, seed, positions=positions))
        for name, results in found.items():
            covered = np.mean([one.size_ci95[0] <= 0.05 <= one.size_ci95[1] for one in results])
            assert covered >= band(60, 0.95)[0], name
            assert np.mean([one.limit95 >= 0.05 for one in results]) >= band(60, 0.95)[0], name
        assert abs(np.mean([one.direction for one in found["common"]], axis=0) @ direction) > 0.8


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.random.default_rng(0).normal(size=(2, 3)), np.random.default_rng(1).normal(size=(3, 3))),
        # Their common axes are saddles.
        (np.diag([1, 0, 0]), np.diag([0.9, 1.5, 0.1])),
    ],
)
def test_the_largest_sum_of_norms_is_that_of_a_search(first, second):
    directions = np.random.default_rng(0).normal(size=(200_000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    searched = (np.linalg.norm(directions @ first.T, axis=1) + np.linalg.norm(directions @ second.T, axis=1)).max()
    assert largest_sum_of_norms(first, second) == pytest.approx(searched, rel=1e-3)


def test_a_length_with_a_component_that_is_hardly_known_is_within_its_interval():
    found = vector_length([0.1, 0.0, 0.05], np.diag([1e-4, 1e-4, 0.04]), 12)
    assert 0 < found.ci95[0] <= found.size <= 0.1 < found.ci95[1]


def test_the_interval_of_a_length_begins_where_the_test_rejects():
    covariance = np.diag([1.0, 2.0, 0.5])
    critical = 12 * 3 / 10 * stats.f.ppf(0.95, 3, 10)
    for factor, rejected in ((0.99, False), (1.01, True)):
        estimate = np.array([0, np.sqrt(2.0 * critical) * factor, 0])
        assert (vector_length(estimate, covariance, 12).ci95[0] > 0) == rejected
    with pytest.raises(ValueError, match="positive definite"):
        vector_length([1, 1, 1], np.zeros((3, 3)), 5)


def test_what_a_strip_constrains_keeps_the_size_of_its_tests():
    """Two components, the second four times as uncertain as the first."""
    random, frame = np.random.default_rng(5), np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    noise, positions = np.diag([1e-4, 16e-4]), np.diag([0.16, 0.01])
    common, linear, covered = [], [], []
    for seed in range(400):
        dipoles = random.multivariate_normal(np.zeros(2), noise, 12)
        found = common_dipole(dipoles + random.multivariate_normal(np.zeros(2), noise), noise)
        common.append(found.p)
        assert found.dof[0] == 2
        response = footprint_response(AXES, dipoles, 99, seed, positions=positions, frame=frame)
        linear.append(response.p_permutation)
        kappa = scalar_response(AXES @ frame.T, dipoles + 0.02 * AXES @ frame.T, 2, seed)
        covered.append(kappa.ci95[0] < 0.02 < kappa.ci95[1])
    assert 0.02 < np.mean(np.array(common) < 0.05) < 0.085
    assert 0.02 < np.mean(np.array(linear) <= 0.05) < 0.085
    assert 0.91 < np.mean(covered) < 0.99
    # Matrices are of x, y and z again, and nothing of them is across the strip.
    assert response.matrix.shape == response.matrix_se.shape == (3, 3)
    assert not response.matrix[2].any()
    assert np.abs(frame @ response.matrix).sum() == pytest.approx(np.abs(response.matrix).sum())
