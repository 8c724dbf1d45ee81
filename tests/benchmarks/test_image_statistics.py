"""Measurements against drawings and noise of which the answer is known."""

import math

import numpy as np
import pytest

from benchmarks import image_statistics as statistics
from vasolib.anatomy import reference_anatomy

SIDE = statistics.SIDE


def bar(width: int, side: int = SIDE) -> np.ndarray:
    """A vertical vessel of odd width in the middle third."""
    mask = np.zeros((side, side), np.uint8)
    middle = side // 2
    mask[side // 3 : 2 * side // 3, middle - width // 2 : middle + width // 2 + 1] = 1
    return mask


@pytest.mark.parametrize("deviation", [0.5, 1.0, 2.0, 5.0, 12.0])
def test_noise_level_is_that_of_the_noise(deviation: float):
    ramp = np.linspace(80, 160, SIDE) + np.linspace(-20, 20, SIDE)[:, None]
    noise = np.random.default_rng(0).normal(scale=deviation, size=(SIDE, SIDE))
    image = np.rint(ramp + noise).astype(np.uint8)
    rounding = 1 / 12  # variance
    assert statistics.noise_level(image) == pytest.approx(math.sqrt(deviation**2 + rounding), rel=0.02)


def test_noise_level_leaves_the_shutter_out():
    image = np.rint(np.random.default_rng(0).normal(120, 4, (SIDE, SIDE))).astype(np.uint8)
    whole = statistics.noise_level(image)
    image[:, : SIDE // 2] = 0
    assert statistics.noise_level(image) == pytest.approx(whole, rel=0.03)
    assert math.isnan(statistics.noise_level(np.zeros((SIDE, SIDE), np.uint8)))


@pytest.mark.parametrize("slope", [0.0, -2.0, -3.0])
def test_spectrum_slope_of_shaped_noise(slope: float):
    white = np.fft.fft2(np.random.default_rng(1).normal(size=(SIDE, SIDE)))
    frequency = np.hypot(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)[:, None])
    frequency[0, 0] = 1
    image = np.fft.ifft2(white * frequency ** (slope / 2)).real
    assert statistics.spectrum_slope(image) == pytest.approx(slope, abs=0.1)
    assert statistics.spectrum_slope(7 * image + 100) == pytest.approx(statistics.spectrum_slope(image), abs=1e-6)


@pytest.mark.parametrize("depth", [-10, 0, 35])
def test_contrast_is_the_depth_of_the_vessel(depth: int):
    mask = bar(9)
    image = np.where(mask > 0, 120 - depth, 120).astype(np.uint8)
    assert statistics.contrast(image, mask) == pytest.approx(depth)


def test_contrast_sees_the_ring_alone():
    mask = bar(9)
    image = np.full((SIDE, SIDE), 100, np.uint8)
    image[mask > 0] = 60
    image[:, : SIDE // 2 - 4 - 9] = 255  # nine pixels and more away
    assert statistics.contrast(image, mask) == 40
    assert math.isnan(statistics.contrast(image, np.zeros_like(mask)))
    assert math.isnan(statistics.contrast(image, np.ones_like(mask)))


@pytest.mark.parametrize("width", [3, 7, 15])
def test_a_bar_has_its_width_area_and_ends(width: int):
    mask = bar(width)
    found = statistics.vessels(mask)
    assert found["vessel area share"] == pytest.approx(mask.mean())
    assert width * 0.95 <= found["vessel width"] <= width + 1
    assert (found["branch points"], found["end points"]) == (0, 2)
    assert found["tortuosity"] == pytest.approx(1, abs=0.005)


def test_grey_levels_of_a_known_picture():
    image = np.repeat(np.arange(100, dtype=np.uint8), 100).reshape(100, 100)
    found = statistics.grey_levels(image)
    assert found["grey 50 %"] == pytest.approx(49.5)
    assert found["grey 5 %"] == pytest.approx(5, abs=0.5) and found["grey 95 %"] == pytest.approx(94, abs=0.5)
    assert found["very dark share"] == pytest.approx(0.16)


def test_measure_has_all_with_a_mask_and_the_rest_without():
    rng = np.random.default_rng(0)
    image = (rng.normal(140, 2, (SIDE, SIDE)) - 60 * bar(7)).astype(np.uint8)
    whole, without = statistics.measure(image, reference_anatomy(image)), statistics.measure(image, None)
    assert whole["anatomy DSC"] == 1
    assert without == {name: whole[name] for name in without}
    assert {"vessel width", "vessel contrast", "anatomy DSC"} <= whole.keys() - without.keys()


def test_an_empty_mask_is_not_an_error():
    found = statistics.measure(np.full((SIDE, SIDE), 90, np.uint8), np.zeros((SIDE, SIDE), np.uint8))
    assert math.isnan(found["vessel width"]) and math.isnan(found["tortuosity"]) and found["branch points"] == 0
