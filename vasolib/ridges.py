"""Dark ridges at several scales (Sato et al., 1998) in whole grey levels: scikit-image's, many times faster.

scikit-image differentiates twice by the first derivative of a Gaussian of sigma / sqrt 2, in double precision, with
kernels of sixteen sigma and more. Here a filter is rows of multiplications that a processor does eight at a time, in
single precision, and kernels end where little is left of them. As the result is cut to whole grey levels, that shows
only where a response is next to a whole number: these pixels, some tens an image, are computed in double precision.
"""

__all__ = ["ridge_levels"]

import math

import numpy as np
from numba import njit

REACH = 5  # standard deviations at which kernels end
EXACT_REACH = 8  # the same, where nothing may be lost
DOUBT = 1e-4  # grey levels: closer to a whole number than this, single precision and short kernels do not decide


def ridge_levels(image: np.ndarray, sigmas: tuple[float, ...]) -> np.ndarray:
    """Largest eigenvalue of the Hessian times sigma^2, the maximum over scales, cut to whole levels.

    Args:
        image: (H, W) uint8; continued beyond its borders as in a mirror.
        sigmas: Gaussian scales in pixels.

    Returns:
        (H, W) uint8, what `skimage.filters.sato(image, sigmas, black_ridges=True, mode="reflect")` is, cut; nearer
        than 5 times the largest sigma to the border a level may, rarely, be off by one.
    """
    grey, response = image.astype(np.float32), np.zeros(image.shape, np.float32)
    for sigma in sigmas:
        g, d = (kernel.astype(np.float32) for kernel in half_kernels(sigma, REACH))
        down, across = filtered(grey, d, g), filtered(grey, g, d)
        hessian = filtered(down, d, g), filtered(down, g, d), filtered(across, g, d)
        keep_larger(response, *hessian, np.float32(sigma**2 / 2))
    decide(response, image, exact_kernels(sigmas), np.square(sigmas) / 2, math.ceil(REACH * max(sigmas)))
    return response.astype(np.uint8)


def half_kernels(sigma: float, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """A Gaussian of sigma / sqrt 2 and its derivative, from their middle outwards; the other half mirrors it.

    The Gaussian's middle is halved, as it is met from both sides. The length is even.
    """
    s = sigma / math.sqrt(2)
    t = np.arange(2 * math.ceil((reach * s + 1) / 2))
    g = np.exp(-0.5 * (t / s) ** 2)
    g[0] /= 2
    g /= 2 * g.sum()
    return g, t / s**2 * g


def exact_kernels(sigmas: tuple[float, ...]) -> np.ndarray:
    """The whole kernels gg, gd, dd of g and d met twice, for each scale: (S, 3, K), zeros around the shorter ones."""
    kernels = []
    for sigma in sigmas:
        wide = [np.pad(kernel, (len(kernel) - 1, 0)) for kernel in half_kernels(sigma, EXACT_REACH)]
        g, d = wide[0] + wide[0][::-1], wide[1] - wide[1][::-1]
        kernels.append([np.convolve(g, g), np.convolve(g, d), np.convolve(d, d)])
    longest = max(len(gg) for gg, _, _ in kernels)
    return np.stack([np.pad(three, ((0, 0), ((longest - len(three[0])) // 2,) * 2)) for three in kernels])


@njit(inline="always")  # a call would cost more than the work
def add_pairs(line, weights, sign, after, before, later, earlier):
    """line += weights[0] * (after + sign * before) + weights[1] * (later + sign * earlier), element by element."""
    for j in range(len(line)):
        line[j] += weights[0] * (after[j] + sign * before[j]) + weights[1] * (later[j] + sign * earlier[j])


@njit(cache=True)
def mirrored(i, n):
    """The index from 0 to n - 1 that index i, which may lie outside, shows in a mirror at the borders."""
    i %= 2 * n
    return i if i < n else 2 * n - 1 - i


@njit(cache=True, fastmath=True)
def filtered(image, down, across):
    """(H, W) filtered along columns by the kernel `down`, then along rows by `across`, given by their halves.

    A half kernel that begins with 0 is that of an odd one.
    """
    h, w = image.shape
    reach = len(across) - 1
    sign_down = image.dtype.type(-1 if down[0] == 0 else 1)
    sign_across = image.dtype.type(-1 if across[0] == 0 else 1)
    out, line = np.zeros_like(image), np.empty(w + 2 * reach, image.dtype)
    row = line[reach : reach + w]
    for i in range(h):
        row[:] = 0
        for t in range(0, len(down), 2):
            after, before = image[mirrored(i + t, h)], image[mirrored(i - t, h)]
            later, earlier = image[mirrored(i + t + 1, h)], image[mirrored(i - t - 1, h)]
            add_pairs(row, down[t : t + 2], sign_down, after, before, later, earlier)
        for t in range(1, reach + 1):
            line[reach - t], line[reach + w - 1 + t] = row[mirrored(-t, w)], row[mirrored(w - 1 + t, w)]
        for t in range(0, len(across), 2):
            after, before = line[reach + t :], line[reach - t :]
            add_pairs(out[i], across[t : t + 2], sign_across, after, before, after[1:], line[reach - t - 1 :])
    return out


@njit(cache=True, fastmath=True)
def keep_larger(response, rr, rc, cc, scale):
    """response <- the larger of itself and `scale` times twice the larger eigenvalue, pixel by pixel."""
    for i in range(response.shape[0]):
        for j in range(response.shape[1]):
            half = (rr[i, j] - cc[i, j]) ** 2 + 4 * rc[i, j] ** 2
            response[i, j] = max(response[i, j], scale * (rr[i, j] + cc[i, j] + np.sqrt(half)))


@njit(cache=True)
def decide(response, image, kernels, scales, near):
    """Replace, where single precision does not decide on a whole number, the response by that in double precision.

    Not within `near` pixels of the border, beyond which filtering twice is not filtering by both kernels at once.
    """
    h, w = image.shape
    for y in range(near, h - near):
        for x in range(near, w - near):
            if response[y, x] > 0.5 and abs(response[y, x] - np.rint(response[y, x])) < DOUBT:
                response[y, x] = exact(image, y, x, kernels, scales)


@njit(cache=True, fastmath=True)
def exact(image, y, x, kernels, scales):
    """The response at one pixel in double precision, by the kernels (S, 3, K) of `exact_kernels`."""
    size = kernels.shape[2]
    column = np.array([mirrored(x + j - size // 2, image.shape[1]) for j in range(size)])
    window, largest = np.empty((size, size)), 0.0
    for i in range(size):
        row = image[mirrored(y + i - size // 2, image.shape[0])]
        for j in range(size):
            window[i, j] = row[column[j]]
    for s in range(len(kernels)):
        gg, gd, dd = kernels[s]
        inside, rr, rc, cc = np.nonzero(gg)[0], 0.0, 0.0, 0.0
        for i in inside:
            smooth = slope = bend = 0.0  # across, at this row
            for j in range(inside[0], inside[-1] + 1):
                smooth += window[i, j] * gg[j]
                slope += window[i, j] * gd[j]
                bend += window[i, j] * dd[j]
            rr, rc, cc = rr + dd[i] * smooth, rc + gd[i] * slope, cc + gg[i] * bend
        largest = max(largest, scales[s] * (rr + cc + np.sqrt((rr - cc) ** 2 + 4 * rc**2)))
    return largest
