"""Smoothed maps show a pattern that is there, and nothing where there is none."""

import numpy as np
import pytest

from workflow_scripts.sky.tiles import number_of_tiles, side_of_tile, tile_centres
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.map_cells import binomial_se, se_of_cell_means, smoothed_cells

ORDER = 3
CENTRES = unit_vectors(*tile_centres(ORDER))
WIDTH = side_of_tile(ORDER)


def drawn(dipole, n, seed=0):
    random = np.random.default_rng(seed)
    truth = 0.5 + dipole * CENTRES[:, 0]
    n = np.full(number_of_tiles(ORDER), n)
    return truth, random.binomial(n, truth) / n, n


def test_a_dipole_stays_and_noise_goes():
    slopes, left = [], []
    for seed in range(10):
        truth, values, n = drawn(0.1, 30, seed)
        shown = smoothed_cells(values, binomial_se(values, n), n, CENTRES, WIDTH)
        slopes.append(np.polyfit(truth, shown, 1)[0])
        left.append(np.std(shown - truth) / np.std(values - truth))
    # The error of a cell's mean over some 12 cells' worth of galaxies, against the scatter of a dipole.
    noise, scatter = 0.25 / 30 / (4 * np.pi), 0.1**2 / 3
    assert np.mean(slopes) == pytest.approx(scatter / (scatter + noise), abs=0.08)
    assert max(left) < 0.4


def test_without_a_pattern_cells_differ_by_much_less_than_their_noise():
    spread = [np.std(smoothed_cells(values, binomial_se(values, n), n, CENTRES, WIDTH)) for _, values, n in
              (drawn(0.0, 30, seed) for seed in range(10))]  # fmt: skip
    assert np.median(spread) < 0.1 * np.sqrt(0.25 / 30)


def test_a_cell_with_few_galaxies_is_empty_and_one_without_errors_does_not_count():
    _, values, n = drawn(0.1, 30)
    n[3], n[4], values[4] = 4, 0, np.nan
    shown = smoothed_cells(values, binomial_se(values, n), n, CENTRES, WIDTH)
    assert np.isnan(shown[[3, 4]]).all()
    assert np.isfinite(np.delete(shown, [3, 4])).all()
    nothing = smoothed_cells(values, np.full(len(values), np.nan), n, CENTRES, WIDTH)
    assert np.isnan(nothing).all()


def test_errors_of_means_are_those_of_the_scatter_within_cells():
    random = np.random.default_rng(1)
    cell, values = np.repeat(np.arange(12), 50), random.normal(size=600)
    values += 5 * cell
    se = se_of_cell_means(cell, values, 13)
    assert se[:12] == pytest.approx(1 / np.sqrt(50), rel=0.1)
    assert np.isnan(se[12])
