"""The split depends on a galaxy's id and the salt, and on nothing else but its neighbours."""

import hashlib

import numpy as np
import pytest

from workflow_scripts.training_sets.split import ANNOTATION, TRAINING, close_groups, hash_fractions, split

IDS = [f"J{number:08d}" for number in range(20_000)]


def test_share_of_the_annotation_set():
    groups = split(IDS, 0.45, "salt")
    assert set(groups) == {TRAINING, ANNOTATION} == {"training", "annotation"}
    # Five binomial standard errors.
    assert np.mean(groups == ANNOTATION) == pytest.approx(0.45, abs=5 * np.sqrt(0.45 * 0.55 / len(IDS)))


def test_split_of_a_galaxy_does_not_depend_on_the_others():
    whole = dict(zip(IDS, split(IDS, 0.3, "s"), strict=True))
    chosen = IDS[::-7]
    assert split(chosen, 0.3, "s").tolist() == [whole[galaxy] for galaxy in chosen]


def test_growing_the_annotation_set_takes_no_galaxy_out_of_it():
    small, large = split(IDS, 0.2, "s") == ANNOTATION, split(IDS, 0.6, "s") == ANNOTATION
    assert np.all(large[small])


def test_salt_draws_anew():
    same = np.mean(split(IDS, 0.5, "one") == split(IDS, 0.5, "two"))
    assert same == pytest.approx(0.5, abs=0.02)


def test_limits():
    assert set(split(IDS[:100], 0.0, "s")) == {TRAINING}
    assert set(split(IDS[:100], 1.0, "s")) == {ANNOTATION}
    assert split([], 0.5, "s").shape == (0,)


def test_hash_is_the_documented_one():
    digest = hashlib.blake2b(b"salt\0J1", digest_size=8).digest()
    assert hash_fractions(["J1"], "salt")[0] == (int.from_bytes(digest, "big") >> 11) / 2**53


def test_hash_fractions_are_uniform():
    values = hash_fractions(IDS, "u")
    assert np.all((values >= 0) & (values < 1))
    counts = np.bincount((values * 20).astype(int), minlength=20)
    chi2 = np.sum((counts - 1000) ** 2 / 1000)
    assert 4 < chi2 < 50


def test_without_neighbours_the_split_is_that_of_the_ids():
    alone = np.arange(len(IDS))
    assert split(IDS, 0.45, "s", alone).tolist() == split(IDS, 0.45, "s").tolist()
    assert split([], 0.45, "s", np.array([], int)).shape == (0,)


def test_a_group_is_on_the_side_of_its_smallest_id_whatever_the_order_of_rows():
    random = np.random.default_rng(1)
    groups = random.integers(0, 8_000, len(IDS))
    sides = split(IDS, 0.45, "s", groups)
    alone = dict(zip(IDS, split(IDS, 0.45, "s"), strict=True))
    smallest: dict[int, str] = {}
    for galaxy, group in zip(IDS, groups, strict=True):
        smallest[group] = min(galaxy, smallest.get(group, galaxy))
    assert sides.tolist() == [alone[smallest[group]] for group in groups]
    order = random.permutation(len(IDS))
    renamed = random.permutation(8_000)[groups]
    assert split(np.array(IDS)[order], 0.45, "s", renamed[order]).tolist() == sides[order].tolist()
    # The share of a side does not depend on how galaxies cluster: five binomial standard errors of the groups.
    assert np.mean(sides == ANNOTATION) == pytest.approx(0.45, abs=5 * np.sqrt(0.45 * 0.55 * 2.5 / len(IDS)))


def test_groups_are_friends_of_friends():
    # A chain of steps of 10 arcsec over the origin of right ascension; a pair at the pole; equal places; one alone.
    chain = [(360 + step * 10 / 3600) % 360 for step in range(-3, 4)]
    ra = np.array([*chain, 10.0, 190.0, *[50.0] * 5_000, 70.0])
    dec = np.array([*[0.0] * 7, *[90 - 5.9 / 3600] * 2, *[20.0] * 5_000, 30.0])
    groups = close_groups(ra, dec, 12.0)
    assert [len(set(part)) for part in np.split(groups, [7, 9, 5_009])] == [1] * 4
    assert len(set(groups)) == 4
    assert len(set(close_groups(ra, dec, 9.9))) == 7 + 2 + 1 + 1


def test_no_pair_closer_than_the_radius_is_on_two_sides():
    random = np.random.default_rng(2)
    ra, dec = random.uniform(0, 2, 3_000), random.uniform(-1, 1, 3_000)
    sides = split(IDS[:3_000], 0.5, "s", close_groups(ra, dec, 60.0))
    apart = np.hypot((ra[:, None] - ra) * np.cos(np.radians(dec)), dec[:, None] - dec) * 3600
    close = (apart < 59.9) & (sides[:, None] != sides)
    assert not close.any()
    assert (split(IDS[:3_000], 0.5, "s") != sides).sum() > 100
