"""Drawn tubes of known place are found, shutters are not, and each part matters on a frame made for it."""

import numpy as np
import pytest
from scipy import ndimage

from vasolib.metrics import dsc
from vasolib.robust import (
    LEAST_SHARE,
    field_of_view,
    flat_depth,
    heavy_regions,
    ridge_strength,
    ridge_threshold,
    robust_anatomy,
)

SIDE = 256
Y, X = np.mgrid[:SIDE, :SIDE].astype(float)


def tube(centre: np.ndarray, radius: float) -> np.ndarray:
    """Depth 0 to 1 of a cylinder around the curve x = centre(y): the chord's length over the diameter."""
    across = np.abs(X - centre) / np.sqrt(1 + np.gradient(centre, axis=0) ** 2)
    return np.sqrt(np.clip(1 - (across / radius) ** 2, 0, None)) * ((Y > 30) & (Y < 226))


COURSE = 120 + 25 * np.sin(Y / 30)
TUBE = tube(COURSE, 3.5)
LABEL = TUBE > 0


def exposed(depth: np.ndarray, background: np.ndarray | float = 150.0, noise: float = 1.0, seed: int = 0) -> np.ndarray:
    """The frame (SIDE, SIDE) uint8 behind a depth."""
    grey = background * np.exp(-depth) + np.random.default_rng(seed).normal(0, noise, depth.shape)
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def shuttered(image: np.ndarray) -> np.ndarray:
    """A black circular shutter and, at the left, a bright strip."""
    image = image.copy()
    image[:, :20] = 250
    image[(X - 127) ** 2 + (Y - 127) ** 2 > 130**2] = 8
    return image


FRAME = shuttered(exposed(0.5 * TUBE, 90 + 0.4 * X))


def test_a_tube_on_a_gradient_is_found_and_the_shutters_edge_is_not():
    mask = robust_anatomy(FRAME)
    assert mask.dtype == np.uint8 and mask.shape == FRAME.shape and set(np.unique(mask)) == {0, 1}
    assert dsc(mask, LABEL) > 0.8
    assert not mask[~ndimage.binary_dilation(LABEL, iterations=8)].any()


@pytest.mark.parametrize("side", [200, 300, 512])
def test_the_masks_size_is_the_images(side: int):
    zoom = side / SIDE
    image = ndimage.zoom(FRAME, zoom, order=1, grid_mode=True, mode="nearest")
    label = ndimage.zoom(LABEL.astype(float), zoom, order=1, grid_mode=True, mode="nearest") > 0.5
    mask = robust_anatomy(image)
    assert mask.shape == (side, side) and dsc(mask, label) > 0.8


def test_exposure_changes_nearly_nothing():
    bright = exposed(0.5 * TUBE, 230 - 0.1 * X)
    dim = np.rint(0.5 * bright).astype(np.uint8)
    assert dsc(robust_anatomy(bright), robust_anatomy(dim)) > 0.95


@pytest.mark.parametrize("value", [0, 20, 128, 255])
def test_a_flat_image_is_empty(value: int):
    assert robust_anatomy(np.full((64, 64), value, np.uint8)).sum() == 0


def test_bright_ridges_do_not_answer():
    assert ridge_strength(TUBE.astype(np.float32)).max() > 0.1
    inside = ndimage.binary_erosion(LABEL, iterations=2)
    assert ridge_strength(-TUBE.astype(np.float32))[inside].max() == 0


def test_the_same_twice():
    assert np.array_equal(robust_anatomy(FRAME), robust_anatomy(FRAME.copy()))


@pytest.mark.parametrize(
    "image",
    [FRAME.astype(float), FRAME[:100], np.stack([FRAME] * 3, axis=-1), FRAME > 9],
    ids=["float", "oblong", "colour", "bool"],
)
def test_other_images_are_refused(image: np.ndarray):
    with pytest.raises(ValueError, match=r"image: expected \(S, S\) uint8"):
        robust_anatomy(image)


def test_the_field_leaves_out_a_margin_around_dark_borders_alone():
    image = np.full((100, 100), 120.0)
    image[:, :10] = image[40:50, 40:50] = 5  # the second touches no border
    field = field_of_view(image, margin=4)
    assert not field[:, :13].any() and not field[:2].any() and not field[:, 98:].any()
    assert field[2:98, 17:98].all()
    assert field_of_view(np.full((100, 100), 120.0), margin=0).all()


@pytest.mark.parametrize("turns", range(4))
def test_a_blade_that_lets_rays_pass_is_left_out_and_a_dark_half_is_not(turns: int):
    grey = np.full((120, 120), 150.0)
    grey[:20] *= 0.6
    field = np.rot90(field_of_view(np.rot90(grey, turns), margin=4), -turns)
    assert not field[:22].any() and field[30:-2, 2:-2].all()
    half = np.where(np.arange(120)[:, None] < 60, 90.0, 150.0) * np.ones(120)
    assert field_of_view(np.rot90(half, turns), margin=4)[2:-2, 2:-2].all()


def test_a_vessel_along_the_side_is_no_blade():
    grey = np.full((120, 120), 150.0)
    grey[20:26] *= 0.5
    assert field_of_view(grey, margin=4)[2:-2, 2:-2].all()


def test_depth_has_no_gradient_and_no_shutter_in_it():
    field = field_of_view(FRAME.astype(np.float32), 5)
    depth = flat_depth(FRAME.astype(np.float32), field, 14)
    assert (depth[~field] == 0).all()
    far = field & ~ndimage.binary_dilation(LABEL, iterations=25) & (X > 70)
    assert np.abs(depth[far]).mean() < 0.03
    assert depth[LABEL & (TUBE > 0.8)].mean() > 0.25


def test_depth_is_the_logarithm_of_the_share_that_comes_through():
    image, field = np.array([[255.0, 259 / np.e - 4]]), np.ones((1, 2), bool)
    assert flat_depth(image, field, 0) == pytest.approx(np.array([[-0.5, 0.5]]), abs=1e-6)  # less their mean
    grey = np.array([[255.0, 204.0]])
    assert flat_depth(grey, field, 0, logarithm=False) == pytest.approx(np.array([[-0.1, 0.1]]), abs=1e-6)


def test_the_threshold_by_hand():
    answers = np.r_[np.zeros(900), np.linspace(0.5, 1.5, 100)]
    assert ridge_threshold(answers, 0.6) == pytest.approx(0.6 * np.percentile(answers, 95))
    assert ridge_threshold(3 * answers, 0.6) == pytest.approx(3 * ridge_threshold(answers, 0.6))
    few = np.r_[np.zeros(980), np.ones(20)]  # vessels on 2 % of the field: the 95th percentile is noise
    assert ridge_threshold(few, 0.6) == pytest.approx(LEAST_SHARE)
    assert ridge_threshold(np.linspace(0, 1, 101), None) == pytest.approx(0.9)
    assert ridge_threshold(np.empty(0), 0.6) == np.inf


@pytest.mark.parametrize(("mass", "columns"), [(0.0, [5, 20, 30]), (0.1, [5, 20]), (0.5, [5]), (1.0, [5])])
def test_heavy_regions_by_hand(mass: float, columns: list[int]):
    strength = np.zeros((40, 40))
    strength[0:30, 5], strength[0:10, 20], strength[0:1, 30], strength[:, 35] = 10, 10, 10, 1
    kept = heavy_regions(strength, 2.0, mass)  # sums 300, 100 and 10; the last column is too weak
    assert kept.dtype == bool and sorted(set(np.nonzero(kept)[1].tolist())) == columns


def test_diagonal_neighbours_are_one_region():
    assert heavy_regions(np.eye(8), 0.5, 1.0).sum() == 8


def test_nothing_is_kept_where_nothing_is_strong():
    assert not heavy_regions(np.zeros((8, 8)), 0.5, 0.1).any()


PARTS = {
    "margin": ({"margin": None}, FRAME),
    "logarithm": (
        {"logarithm": False},
        exposed(0.25 * TUBE + 0.25 * tube(COURSE + 70, 3.5), np.where(Y < 128, 220, 60)),
    ),
    "background": ({"background": 0.0}, exposed(0.3 * TUBE, 60 + 40 * np.sin(X / 9))),
    "blob": ({"blob": 0.0}, exposed(0.2 * TUBE, noise=6)),
    "working_side": ({"working_side": None}, np.kron(FRAME, np.ones((2, 2), np.uint8))),
    "share": ({"share": None}, exposed(0.2 * TUBE, noise=2)),
    "regions": ({"mass": 1.0}, exposed(0.4 * TUBE + 0.4 * tube(COURSE + 70, 3.5))),
}


@pytest.mark.parametrize("part", PARTS)
def test_each_part_is_worth_something_on_a_frame_made_for_it(part: str):
    without, image = PARTS[part]
    assert not np.array_equal(robust_anatomy(image), robust_anatomy(image, **without))
