from dataclasses import replace

import numpy as np
import pytest

from vasolib.data.synthetic.body import body, clouds
from vasolib.data.synthetic.projection import View
from vasolib.data.synthetic.styles import STYLES

FRONT = View(0.0, 0.0, 760.0, 1060.0, 180.0)
EMPTY = replace(
    STYLES["a"], thickness=(0, 0), heart=(0, 0), mottle=(0, 0), spine=0.0, ribs=0.0, diaphragm=0.0
)  # only nodules are left


def shadow(seed: int, style=STYLES["a"], view: View = FRONT, size: int = 64) -> np.ndarray:
    return body(np.random.default_rng(seed), style, view, size)


def mean_shadow(style, view: View) -> np.ndarray:
    return np.mean([shadow(seed, style, view) for seed in range(12)], axis=0)


def halved(picture: np.ndarray) -> np.ndarray:
    return picture.reshape(len(picture) // 2, 2, -1, 2).mean(axis=(1, 3))


@pytest.mark.parametrize("name", STYLES)
def test_absorption_is_finite_and_never_negative(name: str):
    for seed in range(20):
        field = shadow(seed, STYLES[name], replace(FRONT, lao=9.0 * seed - 90, cranial=3.0 * seed - 30))
        assert field.dtype == np.float32 and field.shape == (64, 64)
        assert np.isfinite(field).all() and field.min() >= -0.05  # enlarging may overshoot a little
        assert field.max() < 4


def test_the_same_seed_gives_the_same_bytes_and_another_another():
    assert shadow(1).tobytes() == shadow(1).tobytes() != shadow(2).tobytes()


@pytest.mark.parametrize("seed", range(4))
def test_pictures_of_any_size_show_the_same_body(seed: int):
    coarse, fine = shadow(seed, size=256), shadow(seed, size=512)
    assert np.abs(halved(fine) - coarse).mean() < 0.01 * np.ptp(coarse)
    assert np.corrcoef(halved(halved(fine)).ravel(), shadow(seed, size=128).ravel())[0, 1] > 0.995


@pytest.mark.parametrize(("lao", "side"), [(40.0, "right"), (-30.0, "left")])
def test_the_spine_is_on_the_right_in_lao_views_and_on_the_left_in_rao_views(lao: float, side: str):
    columns = mean_shadow(replace(EMPTY, spine=1.0), replace(FRONT, lao=lao)).mean(axis=0)
    left, right = columns[:32].mean(), columns[32:].mean()
    assert (right > left) == (side == "right")


def test_cranial_views_show_more_of_the_abdomen():
    style = replace(EMPTY, diaphragm=1.0)
    rows = {angle: mean_shadow(style, replace(FRONT, cranial=angle)).mean(axis=1) for angle in (-30.0, 30.0)}
    middle = {angle: row @ np.arange(64) / row.sum() for angle, row in rows.items()}
    assert middle[30.0] < middle[-30.0]
    assert all(row[-8:].mean() > row[:8].mean() for row in rows.values())  # it is below


def test_without_any_part_only_small_shadows_are_left():
    assert all((shadow(seed, EMPTY) > 0.02).mean() < 0.1 for seed in range(10))


def test_clouds_have_variance_one_whatever_their_octaves():
    rng = np.random.default_rng(0)
    spread = [clouds(rng, cells, 0.7, 128).std() for cells in ((16,), (16, 32), (16, 32, 64)) for _ in range(5)]
    assert 0.6 < np.mean(spread) < 1.1  # bicubic enlarging takes some of it
