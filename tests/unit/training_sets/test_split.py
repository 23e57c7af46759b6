"""The split depends on a galaxy's id and the salt, and on nothing else."""

import hashlib

import numpy as np
import pytest

from workflow_scripts.training_sets.split import ANNOTATION, TRAINING, hash_fractions, split

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
