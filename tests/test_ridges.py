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


def test_the_exact_part_mends_what_short_kernels_lose():
    image = clouds((256, 256), 0.0, seed=3)
    exact, near = sato(image, sigmas=SIGMAS, black_ridges=True, mode="reflect", cval=0), ridges.DOUBT / 2
    lost = np.where(exact > 1, np.rint(exact) + np.where(exact < np.rint(exact), near, -near), exact).astype(np.float32)
    wrong = (lost.astype(np.uint8) != exact.astype(np.uint8))[20:-20, 20:-20]
    assert wrong.mean() > 0.3
    ridges.decide(lost, image, ridges.exact_kernels(SIGMAS), np.square(SIGMAS) / 2, 20)
    assert np.array_equal(lost.astype(np.uint8)[20:-20, 20:-20], exact.astype(np.uint8)[20:-20, 20:-20])


def test_only_what_is_in_doubt_is_computed_again():
    image = clouds((64, 64), 0.0, seed=3)
    response = np.full(image.shape, 7.4, np.float32)
    response[30, 30], response[0, 0], response[40, 40] = 7, 7, 0
    ridges.decide(response, image, ridges.exact_kernels(SIGMAS), np.square(SIGMAS) / 2, 20)
    assert {tuple(where) for where in np.argwhere(response != np.float32(7.4))} == {(0, 0), (30, 30), (40, 40)}
    assert response[0, 0] == 7 and response[40, 40] == 0 and response[30, 30] != 7


@pytest.mark.parametrize("sigmas", [SIGMAS, (2,), (0.7, 6)])
def test_the_exact_part_has_all_digits_of_skimage(sigmas):
    image = clouds((200, 220), 0.5, seed=4)
    want = sato(image, sigmas=sigmas, black_ridges=True, mode="reflect", cval=0)
    kernels, scales = ridges.exact_kernels(sigmas), np.square(sigmas) / 2
    for y, x in np.random.default_rng(0).integers(30, 170, (200, 2)):
        assert ridges.exact(image, y, x, kernels, scales) == pytest.approx(want[y, x], abs=1e-9)


def test_one_dark_line_answers_as_calculated():
    # a line of Gaussian profile, depth A and width s: sigma^2 times the second derivative at its middle is
    # A s sigma^2 / (s^2 + sigma^2)^1.5
    image = np.rint(200 - 100 * np.exp(-0.5 * ((np.arange(81) - 40) / 2) ** 2)).astype(np.uint8)
    response = ridges.ridge_levels(np.tile(image, (81, 1)), (2,))
    assert response[40, 40] == int(100 * 2 * 4 / 8**1.5) and response[40, 10] == 0
