"""Order and augmentation follow from seed and epoch alone."""

import numpy as np

from workflow_scripts.networks.augmentation import plan_epoch, present

IMAGES = np.arange(40 * 4 * 4 * 2, dtype=np.uint16).reshape(40, 4, 4, 2)


def test_an_epoch_shows_every_image_once_in_one_of_its_eight_positions():
    plan = plan_epoch(len(IMAGES), seed=5, epoch=2, flips=True, quarter_turns=True)
    assert sorted(plan.order) == list(range(40))
    positions = set()
    for image, shown in zip(IMAGES[plan.order], present(IMAGES, plan, 0, 40), strict=True):
        eight = [np.rot90(side, turns) for side in (image, image[:, ::-1]) for turns in range(4)]
        (position,) = [number for number, candidate in enumerate(eight) if np.array_equal(candidate, shown)]
        positions.add(position)
    assert positions == set(range(8))


def test_pieces_are_the_parts_of_the_whole_and_the_images_stay_as_they_are():
    before = IMAGES.copy()
    plan = plan_epoch(len(IMAGES), seed=5, epoch=0, flips=True, quarter_turns=True)
    pieces = [present(IMAGES, plan, start, start + 8) for start in range(0, 40, 8)]
    np.testing.assert_array_equal(np.concatenate(pieces), present(IMAGES, plan, 0, 40))
    np.testing.assert_array_equal(IMAGES, before)


def test_epochs_and_seeds_differ_and_repeat():
    def order(seed, epoch):
        return tuple(plan_epoch(40, seed, epoch, True, True).order)

    assert order(1, 1) == order(1, 1)
    assert len({order(1, 1), order(1, 2), order(2, 1), order(2, 2)}) == 4


def test_without_augmentation_images_stay_as_they_are_in_the_same_order():
    plain = plan_epoch(40, 3, 1, flips=False, quarter_turns=False)
    np.testing.assert_array_equal(present(IMAGES, plain, 0, 40), IMAGES[plain.order])
    np.testing.assert_array_equal(plain.order, plan_epoch(40, 3, 1, True, True).order)
