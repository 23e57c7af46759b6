"""A blur of training images adds to their seeing in quadrature, and does nothing else."""

import numpy as np
import pytest

from workflow_scripts.images.blurring import FWHM, blurred


def gaussian(fwhm: float, size: int = 65) -> np.ndarray:
    """A Gaussian in the middle of an image (1, size, size, 3) uint8, in the green channel alone."""
    away = (np.arange(size) - size // 2) ** 2
    image = np.zeros((1, size, size, 3), np.uint8)
    image[0, ..., 1] = np.rint(250 * np.exp(-(away[:, None] + away) / 2 / (fwhm / FWHM) ** 2))
    return image


def fwhm_of(image: np.ndarray) -> float:
    """FWHM of a Gaussian from its sum and its peak."""
    return float(np.sqrt(image.sum() / image.max() / 2 / np.pi) * FWHM)


@pytest.mark.parametrize(("before", "blur"), [(6.0, 4.0), (8.0, 8.0), (5.0, 1.5)])
def test_widths_add_in_quadrature(before, blur):
    after = blurred(gaussian(before), blur)
    assert fwhm_of(after[0, ..., 1].astype(float)) == pytest.approx(np.hypot(before, blur), rel=0.02)
    assert not after[..., [0, 2]].any()


def test_images_and_channels_are_blurred_each_by_itself():
    images = np.random.default_rng(0).integers(0, 256, (1030, 8, 8, 3)).astype(np.uint8)
    after = blurred(images, 2.0)
    assert after.dtype == np.uint8
    assert after.shape == images.shape
    for row in (0, 1025):
        assert np.array_equal(after[row], blurred(images[row : row + 1], 2.0)[0])
    # The mirrored border loses nothing.
    assert after.mean(axis=(1, 2)) == pytest.approx(images.mean(axis=(1, 2)), abs=0.6)


def test_a_constant_image_stays():
    image = np.full((2, 10, 10, 1), 137, np.uint8)
    assert np.array_equal(blurred(image, 3.0), image)
