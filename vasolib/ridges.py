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
from numpy.lib.stride_tricks import sliding_window_view

REACH = 5  # standard deviations at which kernels end
EXACT_REACH = 8  # the same, where nothing may be lost
DOUBT = 1e-4  # grey levels: closer to a whole number than this, single precision and short kernels do not decide
TOGETHER = 256  # pixels that are computed exactly at a time, to bound the memory


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
    near = math.ceil(REACH * max(sigmas))
    inner = response[near:-near, near:-near]
    rows, columns = np.nonzero((np.abs(inner - np.rint(inner)) < DOUBT) & (inner > 0.5))
    for i in range(0, len(rows), TOGETHER):
        where = rows[i : i + TOGETHER] + near, columns[i : i + TOGETHER] + near
        response[where] = exact(image, *where, sigmas)
    return response.astype(np.uint8)


def half_kernels(sigma: float, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """A Gaussian of sigma / sqrt 2 and its derivative, from their middle outwards; the other half mirrors it.

    The Gaussian's middle is halved, as it is met from both sides.
    """
    s = sigma / math.sqrt(2)
    t = np.arange(math.ceil(reach * s) + 1)
    g = np.exp(-0.5 * (t / s) ** 2)
    g[0] /= 2
    g /= 2 * g.sum()
    return g, t / s**2 * g


@njit(inline="always")  # a call would cost more than the work
def add_pairs(line, weight, sign, after, before):
    """line += weight * (after + sign * before), element by element."""
    for j in range(len(line)):
        line[j] += weight * (after[j] + sign * before[j])


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
        for t in range(len(down)):
            add_pairs(row, down[t], sign_down, image[mirrored(i + t, h)], image[mirrored(i - t, h)])
        for t in range(1, reach + 1):
            line[reach - t], line[reach + w - 1 + t] = row[mirrored(-t, w)], row[mirrored(w - 1 + t, w)]
        for t in range(reach + 1):
            add_pairs(out[i], across[t], sign_across, line[reach + t : reach + t + w], line[reach - t : reach - t + w])
    return out


@njit(cache=True, fastmath=True)
def keep_larger(response, rr, rc, cc, scale):
    """response <- the larger of itself and `scale` times twice the larger eigenvalue, pixel by pixel."""
    for i in range(response.shape[0]):
        for j in range(response.shape[1]):
            half = (rr[i, j] - cc[i, j]) ** 2 + 4 * rc[i, j] ** 2
            response[i, j] = max(response[i, j], scale * (rr[i, j] + cc[i, j] + np.sqrt(half)))


def exact(image: np.ndarray, rows: np.ndarray, columns: np.ndarray, sigmas: tuple[float, ...]) -> np.ndarray:
    """The response at single pixels in double precision: (P,) rows and columns -> (P,)."""
    responses = [np.zeros(len(rows))]
    for sigma in sigmas:
        wide = [np.pad(kernel, (len(kernel) - 1, 0)) for kernel in half_kernels(sigma, EXACT_REACH)]
        g, d = wide[0] + wide[0][::-1], wide[1] - wide[1][::-1]
        kernels = np.stack([np.convolve(g, g), np.convolve(g, d), np.convolve(d, d)], axis=1)
        reach = len(kernels) // 2
        around = np.pad(image, reach, mode="symmetric")
        windows = sliding_window_view(around, (2 * reach + 1,) * 2)[rows, columns].astype(float)
        (_, _, rr), (_, rc, _), (cc, _, _) = np.einsum("pij,ja,ib->abp", windows, kernels, kernels, optimize=True)
        responses.append(sigma**2 / 2 * (rr + cc + np.sqrt((rr - cc) ** 2 + 4 * rc**2)))
    return np.max(responses, axis=0)
