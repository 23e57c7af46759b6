"""Positions from numbers of galaxies: what is planted is found, clustered noise is not taken for it."""

import numpy as np
import pytest

from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.sky.unit_vectors import right_ascension_declination
from workflow_scripts.statistics.sky.position_probe import _rotations, position_probe

N = 1500


def sky(seed):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(N, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return random, vectors, tile_of(*right_ascension_declination(vectors), 1)


def test_a_planted_gradient_is_found_with_its_size():
    random, vectors, blocks = sky(0)
    noise = random.normal(size=(N, 6))
    # The first column has squared correlation 1/5 with z; of the three components of a position that is a third.
    noise[:, 0] = np.sqrt(3) * vectors[:, 2] * 0.5 + noise[:, 0]
    found = position_probe(noise, vectors, np.zeros(N), blocks, 99, 0)
    assert found.r2 == pytest.approx(0.2 / 3, abs=0.02)
    assert found.p_permutation == 0.01
    assert np.sqrt((found.influence**2).sum()) < 0.02
    assert (found.n, found.n_columns) == (N, 6)


def test_on_a_sky_without_a_pattern_it_is_at_most_zero_on_average():
    values = [position_probe(np.random.default_rng(9).normal(size=(N, 8)), *sky(s)[1:2], np.zeros(N), sky(s)[2], 9, 0)
              for s in range(5)]  # fmt: skip
    assert abs(np.mean([one.r2 for one in values])) < 0.01


def test_noise_that_a_block_shares_is_found_as_often_as_chance_has_it():
    p = []
    for seed in range(40):
        random, vectors, blocks = sky(seed)
        columns = random.normal(size=(N, 5)) + 2 * random.normal(size=(blocks.max() + 1, 5))[blocks]
        p.append(position_probe(columns, vectors, np.zeros(N), blocks, 39, 1).p_permutation)
    assert np.mean(np.array(p) <= 0.1) < 0.1 + 2.5 * np.sqrt(0.09 / 40)
    assert 0.35 < np.mean(p) < 0.65


def test_a_rotation_of_the_whole_sky_changes_nothing():
    random, vectors, blocks = sky(1)
    columns = random.normal(size=(N, 4)) + vectors[:, :1]
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0]
    found, turned = (position_probe(columns, one, np.zeros(N), blocks, 3, 0) for one in (vectors, vectors @ turn))
    assert turned.r2 == pytest.approx(found.r2, abs=1e-9)


def test_the_class_cannot_help():
    random, vectors, blocks = sky(2)
    classes = (random.random(N) < 0.5 + 0.4 * vectors[:, 2]).astype(int)
    columns = classes[:, None] + 0.1 * random.normal(size=(N, 2))
    assert position_probe(columns, vectors, np.zeros(N), blocks, 19, 0).r2 > 0.02
    within = position_probe(columns, vectors, classes, blocks, 19, 0)
    assert within.r2 < 0.005
    assert within.p_permutation > 0.05


def test_sums_give_what_a_pass_over_the_galaxies_gives():
    random, vectors, blocks = sky(3)
    columns = random.normal(size=(N, 3)) + vectors[:, 1:2]
    found = position_probe(columns, vectors, np.zeros(N), blocks, 2, 5)
    centres = np.column_stack([np.bincount(blocks, one) for one in vectors.T])
    generator = np.random.default_rng(5)
    generator.permutation(len(centres))
    move = generator.permutation(len(centres))
    moved = np.einsum("nij,nj->ni", _rotations(centres)[blocks, move[blocks]], vectors)
    assert np.allclose(np.linalg.norm(moved, axis=1), 1)
    again = position_probe(columns, moved, np.zeros(N), blocks, 0, 5)
    assert again.r2 == pytest.approx(found.null[0], abs=1e-9)


def test_rotations_carry_centres_to_centres_also_to_the_antipode():
    centres = np.array([[0, 0, 1.0], [0, 0, -1], [1, 0, 0], [0.6, 0.8, 0]])
    found = _rotations(3 * centres)
    assert np.allclose(np.einsum("abij,aj->abi", found, centres), centres[None], atol=1e-12)
    assert np.allclose(np.linalg.det(found), 1)


def test_what_cannot_be_probed_is_refused():
    _, vectors, blocks = sky(4)
    with pytest.raises(ValueError, match="no column varies"):
        position_probe(np.ones((N, 2)), vectors, np.zeros(N), blocks, 1, 0)
    with pytest.raises(ValueError, match="3 blocks"):
        position_probe(vectors, vectors, np.zeros(N), np.arange(N) % 3, 1, 0)
