"""Skeletons drawn by hand: branches, ends and pieces counted, spurs gone, arcs against closed forms."""

import math

import numpy as np
import pytest
from skimage.draw import line

from benchmarks import skeleton


def drawn(*strokes: tuple[int, int, int, int], side: int = 101) -> np.ndarray:
    """One-pixel strokes from (row, column) to (row, column)."""
    canvas = np.zeros((side, side), bool)
    for stroke in strokes:
        canvas[line(*stroke)] = True
    return canvas


STRAIGHT = ((50, 10, 50, 90),)
SLANTED = ((10, 10, 45, 90),)
TEE = ((50, 10, 50, 90), (50, 50, 90, 50))
CROSS = ((10, 10, 90, 90), (10, 90, 90, 10))
WYE = ((90, 50, 50, 50), (50, 50, 10, 10), (50, 50, 10, 90))
TWO_TEES = ((50, 10, 50, 90), (50, 30, 90, 30), (50, 70, 10, 70))


@pytest.mark.parametrize(
    ("strokes", "branches", "ends", "parts"),
    [(STRAIGHT, 0, 2, 1), (SLANTED, 0, 2, 1), (TEE, 1, 3, 3), (CROSS, 1, 4, 4), (WYE, 1, 3, 3), (TWO_TEES, 2, 4, 5)],
)
def test_drawings_are_counted(strokes, branches: int, ends: int, parts: int):
    for turns in range(4):
        thin = skeleton.pruned_skeleton(np.rot90(drawn(*strokes), turns))
        assert skeleton.branch_points(thin) == branches
        assert skeleton.end_points(thin).sum() == ends
        assert len(skeleton.pieces(thin)) == parts


def test_short_free_ends_are_pruned_and_long_ones_kept():
    short = skeleton.pruned_skeleton(drawn(*STRAIGHT, (50, 50, 53, 50)))
    assert skeleton.branch_points(short) == 0 and skeleton.end_points(short).sum() == 2
    long = skeleton.pruned_skeleton(drawn(*STRAIGHT, (50, 50, 58, 50)))
    assert skeleton.branch_points(long) == 1 and skeleton.end_points(long).sum() == 3


def test_rings_dots_and_nothing():
    rows, columns = np.mgrid[:101, :101]
    ring = np.abs(np.hypot(rows - 50, columns - 50) - 30) < 2
    thin = skeleton.pruned_skeleton(ring)
    assert thin.any() and skeleton.branch_points(thin) == 0 and skeleton.pieces(thin) == []
    nothing = skeleton.pruned_skeleton(np.zeros((9, 9)))
    assert skeleton.branch_points(nothing) == 0 and skeleton.pieces(nothing) == []
    dot = np.zeros((9, 9))
    dot[4, 4] = 1
    assert not skeleton.pruned_skeleton(dot).any()  # shorter than a spur


def test_pieces_hold_each_pixel_once_and_in_order():
    thin = skeleton.pruned_skeleton(drawn(*TWO_TEES))
    walks = skeleton.pieces(thin)
    for walk in walks:
        assert np.abs(np.diff(walk, axis=0)).max() == 1
    every = np.concatenate(walks)
    assert len(np.unique(every, axis=0)) == len(every) and thin[tuple(every.T)].all()


@pytest.mark.parametrize("degrees", range(0, 91, 9))
def test_straight_lines_are_not_tortuous_at_any_angle(degrees: int):
    end = np.rint(10 + 80 * np.array([math.sin(math.radians(degrees)), math.cos(math.radians(degrees))])).astype(int)
    (walk,) = skeleton.pieces(drawn((10, 10, *end)))
    assert skeleton.tortuosity(walk) == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_arcs_of_a_circle_have_the_closed_form(share: float):
    angles = np.linspace(0, 2 * math.pi * share, 2000)
    pixels = np.rint(np.stack([100 + 80 * np.sin(angles), 100 + 80 * np.cos(angles)], axis=1)).astype(int)
    walk = pixels[np.r_[True, np.any(np.diff(pixels, axis=0), axis=1)]]
    want = math.pi * share / math.sin(math.pi * share)
    assert skeleton.tortuosity(walk) == pytest.approx(want, rel=0.02)


def test_short_pieces_have_no_tortuosity():
    assert skeleton.tortuosity(np.stack([np.zeros(15), np.arange(15)], axis=1)) is None
