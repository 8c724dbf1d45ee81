"""Resizing to a square: bicubic with antialiasing, equal to Pillow byte by byte, and by nearest pixels.

Both of Pillow's passes are written as sums of whole rows, of which a processor adds many pixels at a time; for columns
that is done to the transposed image. What depends on lengths alone is kept: crops have some hundred of them.
"""

__all__ = ["bicubic", "nearest"]

from functools import cache

import numpy as np
from numba import njit

BITS = 22  # of the fraction of a weight: with 8 of a pixel and 2 for what overshoots they fill 32


def bicubic(image: np.ndarray, side: int, mirrored: bool = False) -> np.ndarray:
    """(h, w) uint8 -> (side, side) uint8, what `resize` of Pillow 13 gives with `Resampling.BICUBIC`.

    Pixels are rounded between the two passes, so their order shows in some last bits: as there, the width goes first,
    unless the height is to lose more than twice as many pixels.

    Args:
        mirrored: left and right are swapped afterwards.
    """
    image = np.array(image, order="C")
    height, width = image.shape
    down, across = taps(height, side, False), taps(width, side, mirrored)
    if height > side and height - side > 2 * (width - side):
        resized = transposed(weighted_rows(transposed(weighted_rows(image, *down)), *across))
    else:
        resized = weighted_rows(transposed(weighted_rows(transposed(image), *across)), *down)
    return np.ascontiguousarray(resized[:side, :side])


def nearest(mask: np.ndarray, side: int, mirrored: bool = False) -> np.ndarray:
    """(h, w) -> (side, side) of the same type: the pixels that the centres of the new ones lie in."""
    height, width = mask.shape
    return mask[centres(height, side, False)][:, centres(width, side, mirrored)]


@cache
def centres(size: int, side: int, mirrored: bool) -> np.ndarray:
    """Which of `size` pixels holds the centre of each of `side`, from the last to the first if mirrored."""
    return ((np.arange(side) + 0.5) * size / side).astype(int)[:: -1 if mirrored else 1]


@cache
def taps(size: int, side: int, mirrored: bool) -> list[np.ndarray]:
    """Which of `size` pixels, and how much of each, make each of `side`, from the last to the first if mirrored.

    Returns:
        First pixels (side,), numbers of pixels (side,), and their weights (side, most pixels) of `BITS` bits.
    """
    step = size / side
    reach = max(step, 1.0)  # wider where pixels are merged: that is the antialiasing
    centre = (np.arange(side) + 0.5) * step
    first = np.maximum((centre - 2 * reach + 0.5).astype(int), 0)
    last = np.minimum((centre + 2 * reach + 0.5).astype(int), size)
    most = (last - first).max()
    pixels = first[:, None] + np.arange(most + most % 2)  # an even number, as `weighted_rows` takes two at a time
    x = np.abs((pixels - centre[:, None] + 0.5) * (1 / reach))
    weights = np.where(x < 1, (1.5 * x - 2.5) * x * x + 1, (((x - 5) * x + 8) * x - 4) * -0.5)
    weights[(x >= 2) | (pixels >= last[:, None])] = 0
    weights /= np.cumsum(weights, axis=1)[:, -1:]  # summed one by one, as Pillow does
    fixed = np.trunc(weights * 2**BITS + np.copysign(0.5, weights)).astype(np.int32)
    return [np.ascontiguousarray(part[:: -1 if mirrored else 1]) for part in (first, last - first, fixed)]


@njit(cache=True)
def weighted_rows(image, first, count, weights):
    """(h, w) -> (len(first), w) uint8: each row the sum of `count` rows from `first` on by their weights, rounded."""
    out, total = np.empty((len(first), image.shape[1]), np.uint8), np.empty(image.shape[1], np.int32)
    for i in range(len(first)):
        total[:] = 1 << (BITS - 1)
        for t in range(0, count[i], 2):
            row, after = image[first[i] + t], image[min(first[i] + t + 1, len(image) - 1)]  # of weight 0 if not counted
            for j in range(len(total)):
                total[j] += weights[i, t] * np.int32(row[j]) + weights[i, t + 1] * np.int32(after[j])
        for j in range(len(total)):
            out[i, j] = min(max(total[j] >> BITS, 0), 255)
    return out


@njit(cache=True)
def transposed(image):
    """(h, w) uint8 -> (w, h) uint8 with zeros on the right, up to a multiple of 8: rows are moved by eight at a time,
    as the bytes of a row of words."""
    out = np.empty((image.shape[1], (len(image) + 7) // 8), np.uint64)
    words = np.empty(len(out), np.uint64)
    for block in range(out.shape[1]):
        words[:] = 0
        for i in range(8 * block, min(8 * block + 8, len(image))):
            row, shift = image[i], np.uint64(8 * (i % 8))
            for j in range(len(words)):
                words[j] |= np.uint64(row[j]) << shift
        out[:, block] = words
    return out.view(np.uint8)
