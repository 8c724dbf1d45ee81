"""Resized images beside Pillow's, byte by byte."""

import numpy as np
import pytest
from PIL import Image

from vasolib.data import resample

RNG = np.random.default_rng(0)


def pillow(image: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("side", [1, 17, 64, 128, 224])
def test_any_size_is_resized_as_pillow_does(side):
    for height, width in [*RNG.integers(1, 512, (30, 2)), (side, side), (side, 300), (300, side), (1, 1), (511, 3)]:
        noise = RNG.integers(0, 256, (height, width), dtype=np.uint8)
        for image in (noise, np.where(noise < 128, 0, 255).astype(np.uint8)):  # the latter overshoots most
            assert np.array_equal(resample.bicubic(image, side), pillow(image, side)), (height, width)


def test_the_order_of_both_passes_turns_where_pillows_does():
    for side, width in [(64, 100), (128, 128), (128, 150), (224, 100), (224, 250)]:
        turn = side + 2 * max(width - side, 0)
        for height in range(turn - 2, turn + 3):
            image = RNG.integers(0, 256, (height, width), dtype=np.uint8)
            assert np.array_equal(resample.bicubic(image, side), pillow(image, side)), (height, width, side)


@pytest.mark.parametrize(("height", "width", "side"), [(90, 80, 64), (300, 100, 64), (30, 45, 50)])
def test_mirrored_is_flipped_afterwards(height, width, side):
    image = RNG.integers(0, 256, (height, width), dtype=np.uint8)
    for resized in (resample.bicubic, resample.nearest):
        assert np.array_equal(resized(image, side, mirrored=True), resized(image, side)[:, ::-1])


def test_windows_and_read_only_images_are_taken():
    image = RNG.integers(0, 256, (80, 90), dtype=np.uint8)
    image.flags.writeable = False
    window = image[5:70, 7:60]
    assert np.array_equal(resample.bicubic(window, 32), pillow(window.copy(), 32))
    assert np.array_equal(resample.bicubic(image, 32), pillow(image, 32))
    resample.bicubic(image, 80)[:] = 0
    assert image.any()


@pytest.mark.parametrize("shape", [(1, 1), (7, 20), (8, 8), (61, 33)])
def test_transposed_and_filled_up_with_zeros(shape):
    image = RNG.integers(1, 256, shape, dtype=np.uint8)
    turned = resample.transposed(image)
    assert turned.shape == (shape[1], -(-shape[0] // 8) * 8)
    assert np.array_equal(turned[:, : shape[0]], image.T)
    assert not turned[:, shape[0] :].any()
