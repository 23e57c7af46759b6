"""Images with most of what they show taken away."""

import numpy as np
import pytest

from workflow_scripts.images.pixel_controls import shown_pixels

IMAGES = np.random.default_rng(0).integers(1, 256, size=(5, 12, 12, 3), dtype=np.uint8)


def test_whole_images_stay():
    assert np.array_equal(shown_pixels(IMAGES, "whole"), IMAGES)


def test_corners_are_what_lies_outside_the_circle():
    seen = shown_pixels(IMAGES, "corners")
    kept = (seen != 0).all(axis=(0, 3))
    assert kept[[0, 0, -1, -1], [0, -1, 0, -1]].all()
    assert not kept[2:-2, 2:-2].any()
    assert not kept[6].any()
    assert np.array_equal(seen[:, kept], IMAGES[:, kept])
    assert kept.mean() == pytest.approx(1 - np.pi / 4, abs=0.04)


def test_scrambled_images_have_the_same_pixels_in_orders_of_their_own():
    same = np.repeat(IMAGES[:1], 5, axis=0)
    seen = shown_pixels(same, "scrambled").reshape(5, 144, 3)
    # Colours stay together.
    for one in seen:
        assert sorted(map(tuple, one)) == sorted(map(tuple, same[0].reshape(144, 3)))
    assert len(np.unique(seen, axis=0)) == 5
    assert np.array_equal(shown_pixels(same, "scrambled"), shown_pixels(same, "scrambled", 0))
    assert not np.array_equal(shown_pixels(same, "scrambled"), shown_pixels(same, "scrambled", 1))


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="not blurred"):
        shown_pixels(IMAGES, "blurred")
