from dataclasses import replace

import numpy as np
import pytest

from vasolib.data.synthetic.collimator import collimator
from vasolib.data.synthetic.styles import STYLES

OPEN = replace(STYLES["a"], circle=0.0, blades=0.0)
ROUND = replace(OPEN, circle=1.0, reach=(230.0, 230.0), leak=(0.1, 0.1))
SQUARE = replace(OPEN, blades=1.0, margin=(60.0, 60.0), leak=(0.2, 0.2))


def field(seed: int, style, size: int = 128) -> np.ndarray:
    return collimator(np.random.default_rng(seed), style, size)


def test_without_blades_and_shutter_all_light_passes():
    assert (field(0, OPEN) == 1).all()


@pytest.mark.parametrize("name", STYLES)
def test_shares_are_between_0_and_1(name: str):
    for seed in range(10):
        picture = field(seed, STYLES[name])
        assert picture.dtype == np.float32 and picture.shape == (128, 128)
        assert picture.min() >= 0 and picture.max() <= 1


def test_a_round_shutter_leaves_its_disc_open_and_its_leak_outside():
    picture = field(3, ROUND)
    assert picture[0, 0] == pytest.approx(0.1, abs=1e-3) and picture[64, 64] == pytest.approx(1, abs=1e-3)
    assert (picture > 0.55).mean() == pytest.approx(np.pi * 230**2 / 512**2, rel=0.02)


def test_blades_cut_straight_edges_where_their_margin_says():
    for seed in range(10):
        openness = field(seed, SQUARE)[64]
        edges = np.flatnonzero(np.diff(openness > 0.6))
        assert set(edges.tolist()) <= {14, 15, 112, 113}  # 60 units of 512 are 15 pixels of 128


def test_pictures_of_any_size_have_the_same_field():
    coarse, fine = field(5, SQUARE, 64), field(5, SQUARE, 256)
    assert np.abs(fine.reshape(64, 4, 64, 4).mean(axis=(1, 3)) - coarse).max() < 0.05
