"""Synthetic angiograms: made alone, by the laws they claim, and about as hard as real ones."""

from dataclasses import replace

import numpy as np
import pytest

from vasolib.anatomy import reference_anatomy
from vasolib.data.synthetic import CORPUS_STYLE, STYLES, draw_frame, grow_tree, make_frame, murray
from vasolib.errors import UserError


@pytest.mark.parametrize("style", STYLES)
def test_a_frame_depends_on_seed_style_and_index_alone(style):
    image, mask = make_frame(7, 3, style, 64)
    make_frame(7, 2, style, 64)
    np.random.default_rng(0).normal(size=3)
    again, mask_again = make_frame(7, 3, style, 64)
    assert np.array_equal(image, again) and np.array_equal(mask, mask_again)
    others = [make_frame(7, 4, style, 64), make_frame(8, 3, style, 64)]
    others += [make_frame(7, 3, other, 64) for other in STYLES if other != style]
    assert not any(np.array_equal(image, other) for other, _ in others)


def test_the_global_generator_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - it is what must not change
    make_frame(0, 0, CORPUS_STYLE, 64)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", [96, 256])
def test_types_and_shapes(style, size):
    image, mask = make_frame(0, 0, style, size)
    assert image.shape == mask.shape == (size, size)
    assert image.dtype == mask.dtype == np.uint8
    assert set(np.unique(mask)) == {0, 1}


def test_murrays_law():
    assert murray(2 ** (1 / 3), 1.0) == pytest.approx((1, 1))
    for seed in range(5):
        tree = grow_tree(np.random.default_rng(seed), np.array([200.0, 100.0]), 0.3, 7.0)
        forks = [branch for branch in tree if branch.children]
        assert len(forks) > 5
        for branch in forks:
            after = sum(child.radii[0] ** 3 for child in branch.children)
            assert after == pytest.approx(branch.radii[-1] ** 3)


def test_vessels_are_smooth_connected_and_taper():
    tree = grow_tree(np.random.default_rng(1), np.array([200.0, 100.0]), 0.3, 7.0)
    for branch in tree:
        steps = np.diff(branch.points, axis=0)
        assert np.hypot(*steps.T) == pytest.approx(4)
        turns = np.diff(np.unwrap(np.arctan2(steps[:, 1], steps[:, 0])))
        assert np.abs(turns).max() < 0.6
        assert (np.diff(branch.radii) < 0).all()
        assert all(np.array_equal(child.points[0], branch.points[-1]) for child in branch.children)


@pytest.mark.parametrize("style", STYLES)
def test_contrast_darkens_the_mask_and_little_else(style):
    plain = replace(STYLES[style], contrast=(0.0, 0.0))
    for seed in range(4):
        with_agent, mask = draw_frame(np.random.default_rng(seed), STYLES[style], 192)
        without, same = draw_frame(np.random.default_rng(seed), plain, 192)
        assert np.array_equal(mask, same)
        darker = without.astype(int) - with_agent
        assert darker[mask == 1].mean() > 3
        assert darker[mask == 0].mean() < 0.15 * darker[mask == 1].mean()
        assert darker.min() >= -1


@pytest.mark.parametrize("style", STYLES)
def test_vessels_cover_as_much_as_in_real_frames(style):
    areas = [make_frame(5, index, style)[1].mean() for index in range(14)]
    assert min(areas) > 0.02 and max(areas) < 0.12
    assert 0.04 < np.median(areas) < 0.075


def test_the_picture_does_not_depend_on_the_pixel_count():
    small, large = make_frame(0, 1, "a", 128), make_frame(0, 1, "a", 512)
    image = large[0].reshape(128, 4, 128, 4).mean(axis=(1, 3))
    assert np.corrcoef(image.ravel(), small[0].ravel())[0, 1] > 0.97
    covered = large[1].reshape(128, 4, 128, 4).mean(axis=(1, 3)) >= 0.5
    assert (covered & (small[1] == 1)).sum() > 0.9 * covered.sum()


@pytest.mark.parametrize("style", STYLES)
def test_the_released_recipe_does_about_as_well_as_on_real_frames(style):
    scores = []
    for index in range(6):
        image, mask = make_frame(0, index, style, 512)
        found = reference_anatomy(image)
        scores.append(2 * (found & mask).sum() / (found.sum() + mask.sum()))
    assert 0.38 < np.mean(scores) < 0.66


def test_an_unknown_style_is_named():
    with pytest.raises(UserError, match=r"'A'.*choose one of: a, b, c"):
        make_frame(0, 0, "A")
