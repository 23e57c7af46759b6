"""Shares of an effect: they add up, find what was injected, and are not given where there is no effect."""

import numpy as np
import pytest

from tests.benchmarks.shapley_shares import PROPERTIES, effects_of_units, true_shares
from workflow_scripts.statistics.runs.shapley_shares import (
    LEFT,
    VersionedEffect,
    carried_shares,
    contrast_of_units,
    mean_of_units,
    response_of_units,
    shapley_weights,
)


def test_weights_are_those_of_shapley():
    # v({}) = 1, either property alone takes half of it, both together all: each has 1/2.
    synergy = np.array([1.0, 0.5, 0.5, 0.0])
    np.testing.assert_allclose(shapley_weights(2) @ synergy, [0.5, 0.5])
    # Without the other, the first does nothing; together they take all.
    np.testing.assert_allclose(shapley_weights(2) @ [1.0, 1.0, 0.6, 0.0], [0.3, 0.7])
    for p in (1, 3, 4):
        values = np.random.default_rng(p).normal(size=2**p)
        assert (shapley_weights(p) @ values).sum() == pytest.approx(values[0] - values[-1])


@pytest.mark.parametrize(
    ("carried", "left", "turned"),
    [((1, 0, 0), 0, False), ((0.7, 0.3, 0), 0, False), ((0.5, 0, 0), 0.5, False), ((0.8, 0.6, 0), 0, True)],
)
def test_intervals_hold_what_was_injected(carried, left, turned):
    truth, inside, widths = true_shares(carried, left, turned), [], []
    for seed in range(60):
        values, shared = effects_of_units(carried, left, 12, seed, snr=12, turned=turned)
        shares = carried_shares(PROPERTIES, mean_of_units(values, shared)).shares
        assert list(shares) == [*PROPERTIES, LEFT]
        assert sum(one.share for one in shares.values()) == pytest.approx(1)
        inside.append([one.ci95[0] <= true <= one.ci95[1] for one, true in zip(shares.values(), truth, strict=True)])
        widths.append(shares["seeing"].ci95[1] - shares["seeing"].ci95[0])
    # Of 60 skies, fewer than 50 have a chance of 1 in 10,000 at 95 %.
    assert (np.sum(inside, axis=0) >= 50).all()
    assert np.median(widths) < 0.4


def test_a_share_of_a_noisy_effect_is_not_biased_by_its_direction():
    values = [
        [carried_shares(PROPERTIES, mean_of_units(*effects_of_units((1, 0, 0), 0, 12, seed, snr=5))).shares[name].share
         for name in ("seeing", LEFT)]
        for seed in range(120)
    ]  # fmt: skip
    # The part along the measured direction alone leaves 0.05.
    np.testing.assert_allclose(np.mean(values, axis=0), [1, 0], atol=0.03)


def test_without_an_effect_there_is_none_to_share_out():
    found = [carried_shares(PROPERTIES, mean_of_units(*effects_of_units((0, 0, 0), 0, 12, seed))) for seed in range(80)]
    assert np.mean([one.p < 0.05 for one in found]) < 0.13
    unbounded = [share.ci95 is None for one in found for share in one.shares.values()]
    assert np.mean(unbounded) > 0.5
    assert all(share.limit95 is None for one in found for share in one.shares.values() if share.ci95 is None)


def test_contrast_and_response_share_out_what_they_are_given():
    random = np.random.default_rng(2)
    # Seeing carries 0.7 of a difference of 0.1, noise 0.3.
    effect = 0.1 * np.array([1, 0.3, 0.7, 0])
    scatter = 0.002 * random.normal(size=(2, 6, 4))
    shares = carried_shares(PROPERTIES[:2], contrast_of_units(effect + scatter[0], scatter[1])).shares
    assert [shares[name].share for name in (*PROPERTIES[:2], LEFT)] == pytest.approx([0.7, 0.3, 0], abs=0.05)
    axes = random.normal(size=(12, 3))
    values = axes @ [[0.5], [0.0], [0.2]] * effect + 0.002 * random.normal(size=(12, 4))
    found = carried_shares(PROPERTIES[:2], response_of_units(axes, values))
    assert found.p < 1e-6
    assert [found.shares[name].share for name in (*PROPERTIES[:2], LEFT)] == pytest.approx([0.7, 0.3, 0], abs=0.06)


def test_fieller_of_one_number_is_the_textbook_interval():
    # a / b with a = 1 +- 0.2, b = 4 +- 0.3, independent, at a critical value of 1.96.
    effect = VersionedEffect(np.array([[4.0], [3.0]]), np.array([[0.09, 0.09], [0.09, 0.13]]), 1e9)
    share = carried_shares(["seeing"], effect).shares["seeing"]
    # v({}) - v(seeing) = 1 with variance 0.04, its covariance with v({}) is 0.
    g = (1.959964 * 0.3 / 4) ** 2
    centre, half = 0.25 / (1 - g), 1.959964 / 4 / (1 - g) * np.sqrt(0.04 * (1 - g) + 0.0625 * 0.09)
    assert share.share == pytest.approx(0.25)
    assert share.ci95 == pytest.approx((centre - half, centre + half), rel=1e-4)
    assert share.p == pytest.approx(5.7e-7, rel=0.02)


def test_what_cannot_be_shared_out_is_refused():
    with pytest.raises(ValueError, match="have 4 versions"):
        carried_shares(["a", "b"], VersionedEffect(np.ones((2, 1)), np.eye(2), 5.0))
    with pytest.raises(ValueError, match="not known in every version"):
        carried_shares(["a"], VersionedEffect(np.array([[1.0], [np.nan]]), np.eye(2), 5.0))
    with pytest.raises(ValueError, match="do not scatter"):
        carried_shares(["a"], VersionedEffect(np.ones((2, 1)), np.zeros((2, 2)), 5.0))
    with pytest.raises(ValueError, match="single training set"):
        contrast_of_units(np.ones((1, 2)), np.ones((4, 2)))
    with pytest.raises(ValueError, match="too much alike"):
        response_of_units(np.ones((12, 3)), np.ones((12, 2)))
