"""Galaxies of two training sets are paired with those that are most alike, each once."""

import numpy as np
import pandas as pd

from workflow_scripts.training_sets.matched_pairs import alike_columns, matched_pairs


def galaxies(ids, magnitude, radius):
    return pd.DataFrame({"source_id": list(ids), "magnitude": magnitude, "radius_arcsec": radius})


def test_a_pair_is_nearest_in_magnitude_and_radius_and_no_galaxy_is_taken_twice():
    first = galaxies("abcd", [16.0, 17.0, 17.0, np.nan], [2.0, 4.0, 4.0, 4.0])
    second = galaxies("wxyza", [17.1, 16.1, 17.0, 16.0, 16.0], [4.0, 2.0, 8.0, 8.0, 2.0])
    # `a` is in both: it is no partner of its own. The second of two equal ones has the next nearest.
    assert matched_pairs(first, second, ["magnitude", "radius_arcsec"], 9).tolist() == [[0, 1], [1, 0], [2, 2]]
    assert matched_pairs(first, second, ["magnitude", "radius_arcsec"], 1).tolist() == [[0, 1]]


def test_radii_count_in_the_logarithm_and_unknown_columns_not_at_all():
    first, second = galaxies("a", [17.0], [3.0]), galaxies("xyz", [17.0] * 3, [1.0, 5.5, 40.0])
    # 5.5 is nearer to 3 than 1 is in the ratio, and farther in the difference.
    assert matched_pairs(first, second, ["radius_arcsec"], 1).tolist() == [[0, 1]]
    assert matched_pairs(first, second, [], 5).tolist() == [[0, 0]]
    assert alike_columns(second.assign(radius_arcsec=np.nan)) == ["magnitude"]
    assert matched_pairs(first.assign(magnitude=np.nan), second, ["magnitude"], 1).shape == (0, 2)
