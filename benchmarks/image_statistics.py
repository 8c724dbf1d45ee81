"""What can be measured on one angiogram and its vessel mask: grey levels, texture, vessels and their tree.

All lengths are in pixels of an image of 512 x 512, to which the caller brings every image first.
"""

__all__ = ["SIDE", "contrast", "grey_levels", "measure", "noise_level", "spectrum_slope", "vessels"]

import numpy as np
from scipy import ndimage

from benchmarks.skeleton import branch_points, end_points, pieces, pruned_skeleton, tortuosity
from vasolib.anatomy import reference_anatomy
from vasolib.metrics import dsc

SIDE = 512
VERY_DARK = 16  # grey levels: below it, hardly anything but shutters
RING = 3.0, 8.0  # pixels from the mask: beyond the blurred border, before the next vessel
BAND = 1 / 64, 1 / 8  # cycles per pixel: finer than shading, coarser than what resizing and the detector's blur take
LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
MAD = 0.6745  # median absolute value of a standard normal variable


def measure(image: np.ndarray, mask: np.ndarray | None) -> dict[str, float]:
    """Every measurement of one frame by name; those that need a mask only where there is one.

    Args:
        image: (512, 512) uint8.
        mask: (512, 512) of 0 and 1, or None. Measurements of vessels are NaN where it is empty.
    """
    values = grey_levels(image) | {"noise level": noise_level(image), "spectrum slope": spectrum_slope(image)}
    if mask is None:
        return values
    anatomy = {"anatomy DSC": dsc(reference_anatomy(image), mask)}
    return values | anatomy | {"vessel contrast": contrast(image, mask)} | vessels(mask)


def grey_levels(image: np.ndarray) -> dict[str, float]:
    """Quantiles of the grey levels, and the share of pixels so dark that a shutter covers them."""
    low, middle, high = np.percentile(image, (5, 50, 95))
    dark = float((image < VERY_DARK).mean())
    return {"grey 5 %": float(low), "grey 50 %": float(middle), "grey 95 %": float(high), "very dark share": dark}


def noise_level(image: np.ndarray) -> float:
    """Standard deviation of the noise in grey levels: median absolute Laplacian (Immerkaer 1996) of white noise.

    Pixels as dark as a shutter are left out. NaN where no other pixel is.
    """
    response = np.abs(ndimage.convolve(image.astype(int), LAPLACIAN, mode="reflect"))[image >= VERY_DARK]
    return _grouped_median(response) / MAD / float(np.sqrt((LAPLACIAN**2).sum())) if response.size else float("nan")


def _grouped_median(whole: np.ndarray) -> float:
    """The median of what was rounded to these whole numbers, spread evenly within each step: finer than the steps."""
    shares = np.cumsum(np.bincount(whole)) / whole.size
    return float(np.interp(0.5, np.r_[0, shares], np.r_[0, np.arange(len(shares)) + 0.5]))


def spectrum_slope(image: np.ndarray) -> float:
    """Slope of log power over log frequency: radially averaged under a Hann window, between the ends of `BAND`."""
    size = image.shape[0]
    window = np.hanning(size)
    power = np.abs(np.fft.fft2((image - image.mean()) * window * window[:, None])) ** 2
    cycles = np.fft.fftfreq(size, 1 / size)
    radius = np.rint(np.hypot(cycles, cycles[:, None])).astype(int)
    mean = np.bincount(radius.ravel(), power.ravel()) / np.bincount(radius.ravel())
    band = np.arange(round(BAND[0] * size), round(BAND[1] * size) + 1)
    return float(np.polyfit(np.log(band), np.log(mean[band] + 1e-12), 1)[0])


def contrast(image: np.ndarray, mask: np.ndarray) -> float:
    """Grey levels by which the vessels are darker than the ring around them; NaN without a vessel or a ring."""
    distance = ndimage.distance_transform_edt(mask == 0)
    ring = (distance > RING[0]) & (distance <= RING[1])
    if not mask.any() or not ring.any():
        return float("nan")
    return float(image[ring].mean() - image[mask > 0].mean())


def vessels(mask: np.ndarray) -> dict[str, float]:
    """Area share, mean width, branch and end points, mean tortuosity of a mask (H, W) of 0 and 1.

    The width is twice the distance from the skeleton to the nearest pixel outside: up to one pixel too wide.
    """
    skeleton = pruned_skeleton(mask)
    bends = [value for path in pieces(skeleton) if (value := tortuosity(path)) is not None]
    width = 2 * ndimage.distance_transform_edt(mask)[skeleton]
    return {
        "vessel area share": float(mask.mean()),
        "vessel width": float(width.mean()) if width.size else float("nan"),
        "branch points": float(branch_points(skeleton)),
        "end points": float(end_points(skeleton).sum()),
        "tortuosity": float(np.mean(bends)) if bends else float("nan"),
    }
