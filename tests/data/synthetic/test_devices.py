from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from vasolib.data.synthetic.devices import catheter_path, devices
from vasolib.data.synthetic.styles import STYLES

CHANCES = ("wire", "reflux", "leads", "pacemaker", "sternal")
BARE = replace(STYLES["a"], catheter=1.0, **dict.fromkeys(CHANCES, 0.0))
OSTIUM = np.array([200.0, 140.0])
SCALE = 4.0  # units per mm


def drawn(seed: int, style, size: int = 128) -> np.ndarray:
    return devices(np.random.default_rng(seed), style, OSTIUM, size, SCALE)


@pytest.mark.parametrize("seed", range(20))
def test_the_catheter_comes_from_outside_and_ends_at_the_ostium(seed: int):
    path = catheter_path(np.random.default_rng(seed), OSTIUM)
    assert np.allclose(path[-1], OSTIUM)
    assert path[0].min() < 0 and np.linalg.norm(np.diff(path, axis=0), axis=1).max() < 20


@pytest.mark.parametrize("seed", range(8))
def test_where_nothing_else_has_a_chance_there_is_the_catheter_alone(seed: int):
    picture = drawn(seed, BARE, 256)
    rng = np.random.default_rng(seed)
    rng.random()  # whether there is a catheter
    path = catheter_path(rng, OSTIUM)
    dense = np.stack([np.interp(np.linspace(0, 79, 800), range(80), axis) for axis in path.T], axis=1)
    row, column = np.nonzero(picture)
    distance = cKDTree(dense).query((np.stack([column, row], axis=1) + 0.5) * 2)[0]
    assert distance.max() < 8 / 6 * SCALE + 2  # 8 French, and the width of a pixel
    assert picture[70, 100] > 0  # the ostium


def test_where_nothing_has_a_chance_there_is_nothing():
    empty = replace(BARE, catheter=0.0)
    assert not any(drawn(seed, empty).any() for seed in range(5))


def test_the_catheter_is_as_frequent_as_its_chance():
    found = [drawn(seed, replace(BARE, catheter=0.5), 16).any() for seed in range(100)]
    assert 35 <= sum(found) <= 65


@pytest.mark.parametrize("chance", CHANCES)
def test_each_device_adds_to_the_catheter(chance: str):
    for seed in range(5):
        more = drawn(seed, replace(BARE, **{chance: 1.0})) - drawn(seed, BARE)
        assert more.min() > -1e-6 and more.max() > 0.01, seed


@pytest.mark.parametrize("name", STYLES)
def test_absorption_is_finite_never_negative_and_the_same_for_the_same_seed(name: str):
    style = replace(STYLES[name], **dict.fromkeys(CHANCES, 0.5))
    for seed in range(10):
        picture = drawn(seed, style)
        assert picture.dtype == np.float32 and picture.shape == (128, 128)
        assert np.isfinite(picture).all() and picture.min() >= -0.01  # enlarging may overshoot a little
        assert picture.tobytes() == drawn(seed, style).tobytes()


@pytest.mark.parametrize("seed", range(4))
def test_pictures_of_any_size_show_the_same_devices(seed: int):
    style = replace(STYLES["a"], **dict.fromkeys(CHANCES, 1.0))
    coarse, fine = drawn(seed, style, 128), drawn(seed, style, 512)
    assert fine.mean() == pytest.approx(coarse.mean(), rel=0.05)
    assert np.corrcoef(fine.reshape(128, 4, 128, 4).mean(axis=(1, 3)).ravel(), coarse.ravel())[0, 1] > 0.95
