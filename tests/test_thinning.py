"""Skeletons beside scikit-image's, pixel by pixel."""

import numpy as np
import pytest
from skimage.morphology import skeletonize

from vasolib.thinning import REMOVALS, skeleton


@pytest.mark.parametrize("seed", range(20))
def test_masks_of_any_density_and_shape(seed):
    rng = np.random.default_rng(seed)
    for density in (0.1, 0.3, 0.5, 0.7, 0.9, 0.97):
        mask = rng.random(rng.integers(1, 60, 2)) < density
        assert np.array_equal(skeleton(mask), skeletonize(mask))


def test_every_neighbourhood():
    for bits in range(2**9):
        mask = np.array([bits >> i & 1 for i in range(9)], np.uint8).reshape(3, 3)
        assert np.array_equal(skeleton(mask), skeletonize(mask))


@pytest.mark.parametrize("thickness", range(1, 9))
def test_bars_rings_and_crossings(thickness):
    y, x = np.mgrid[:64, :64]
    shapes = [abs(y - 31) < thickness, abs(y - x) < thickness, abs(np.hypot(y - 31, x - 30) - 20) < thickness]
    for mask in (*shapes, shapes[0] | shapes[1], np.logical_or.reduce(shapes)):
        assert np.array_equal(skeleton(mask), skeletonize(mask))


def test_the_mask_is_left_as_it_was_and_its_type_does_not_matter():
    mask = (np.random.default_rng(0).random((30, 40)) < 0.8).astype(np.uint8)
    before = mask.copy()
    wanted = skeletonize(mask)
    for convert in (bool, np.uint8, np.int64, np.float32):
        assert np.array_equal(skeleton(mask.astype(convert)), wanted)
    assert np.array_equal(mask, before)


def test_the_order_of_the_mask_in_memory_does_not_matter():
    mask = np.random.default_rng(0).random((30, 40)) < 0.8
    for laid_out in (np.asfortranarray(mask), np.repeat(mask, 2, axis=1)[:, ::2], mask[::-1][::-1], mask.T.copy().T):
        assert np.array_equal(skeleton(laid_out), skeletonize(mask))


@pytest.mark.parametrize("mask", [np.zeros((9, 7)), np.ones((9, 7)), np.ones((1, 1)), np.ones((1, 20))])
def test_empty_full_and_flat_masks(mask):
    assert np.array_equal(skeleton(mask), skeletonize(mask))


def test_lone_pixels_and_inner_ones_stay():
    assert REMOVALS[0] == REMOVALS[255] == 0
