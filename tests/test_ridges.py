"""Ridges in whole levels, beside scikit-image's filter."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from skimage.filters import sato

from vasolib import ridges

SIGMAS = (1, 2, 3, 4)


def levels_of_skimage(image: np.ndarray, sigmas: tuple[float, ...] = SIGMAS) -> np.ndarray:
    return sato(image, sigmas=sigmas, black_ridges=True, mode="reflect", cval=0).astype(np.uint8)


def clouds(shape: tuple[int, int], blur: float, seed: int) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), blur)
    return np.rint(255 * (noise - noise.min()) / np.ptp(noise)).astype(np.uint8)


@pytest.mark.parametrize("shape", [(128, 128), (97, 160), (256, 64)])
@pytest.mark.parametrize("blur", [0.0, 1.0, 4.0])
def test_levels_are_those_of_skimage(shape, blur):
    image = clouds(shape, blur, seed=shape[0])
    assert np.array_equal(ridges.ridge_levels(image, SIGMAS), levels_of_skimage(image))


def test_real_frames_have_the_levels_of_skimage(real):
    paths = [path for name in ("xcad", "dca1") for path in sorted((real / name / "images").glob("*"))[:6]]
    assert len(paths) == 12
    for path in paths:
        image = np.asarray(Image.open(path).convert("L"))
        assert np.array_equal(ridges.ridge_levels(image, SIGMAS), levels_of_skimage(image)), path.name


@pytest.mark.parametrize("sigmas", [(1,), (4,), (1.5, 2.5), (0.7, 6)])
def test_any_scales(sigmas):
    image = clouds((120, 120), 1.5, seed=1)
    assert np.array_equal(ridges.ridge_levels(image, sigmas), levels_of_skimage(image, sigmas))


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (17, 5)])
def test_images_smaller_than_the_kernels(shape):
    image = clouds(shape, 0.5, seed=2) if min(shape) > 1 else np.full(shape, 9, np.uint8)
    difference = ridges.ridge_levels(image, SIGMAS).astype(int) - levels_of_skimage(image)
    assert np.abs(difference).max() <= 1 and (difference != 0).mean() < 0.02


def test_the_exact_part_mends_what_short_kernels_lose(monkeypatch):
    image = clouds((256, 256), 0.0, seed=3)
    want = levels_of_skimage(image)
    monkeypatch.setattr(ridges, "REACH", 4)
    monkeypatch.setattr(ridges, "DOUBT", 0.0)
    wrong = (ridges.ridge_levels(image, SIGMAS) != want)[20:-20, 20:-20]
    assert 0 < wrong.sum() < 500
    monkeypatch.setattr(ridges, "DOUBT", 0.02)
    assert np.array_equal(ridges.ridge_levels(image, SIGMAS)[20:-20, 20:-20], want[20:-20, 20:-20])


def test_the_exact_part_has_all_digits_of_skimage(monkeypatch):
    image, seen = clouds((256, 256), 0.5, seed=4), []
    monkeypatch.setattr(ridges, "DOUBT", 1.0)  # every pixel is in doubt
    exact = ridges.exact

    def both(image, rows, columns, sigmas):
        seen.append((rows, columns, exact(image, rows, columns, sigmas)))
        return np.zeros(len(rows))

    monkeypatch.setattr(ridges, "exact", both)
    monkeypatch.setattr(ridges, "TOGETHER", 2000)
    ridges.ridge_levels(image, SIGMAS)
    want = sato(image, sigmas=SIGMAS, black_ridges=True, mode="reflect", cval=0)
    for rows, columns, found in seen:
        assert np.allclose(found, want[rows, columns], atol=1e-9)


def test_one_dark_line_answers_as_calculated():
    # a line of Gaussian profile, depth A and width s: sigma^2 times the second derivative at its middle is
    # A s sigma^2 / (s^2 + sigma^2)^1.5
    image = np.rint(200 - 100 * np.exp(-0.5 * ((np.arange(81) - 40) / 2) ** 2)).astype(np.uint8)
    response = ridges.ridge_levels(np.tile(image, (81, 1)), (2,))
    assert response[40, 40] == int(100 * 2 * 4 / 8**1.5) and response[40, 10] == 0
