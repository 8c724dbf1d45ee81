"""Vessel masks without labels that bear shutters, uneven exposure and other image sizes.

The papers' recipe (`vasolib.anatomy`) takes one percentile of the whole frame, shutter included, at the image's own
size, and keeps the one region around the strongest pixel. Here every frame is brought to one working side; shutters
are found and left out; grey levels become depth (Beer and Lambert: what a vessel absorbs adds to what lies behind it,
and exposure is an offset) less its slow background; a weak pixel counts where a strong one is connected to it; a
vessel is as wide as its own ridge says; and every region with enough of the ridge strength is kept. No label is
used, but the defaults were chosen on half of the labelled real frames (benchmarks.anatomy_parts). Catheters look
like vessels and are found like them. Lengths are in pixels at the working side.
"""

__all__ = ["field_of_view", "flat_depth", "ridge_strength", "robust_anatomy", "select_vessels"]

import numpy as np
from scipy import ndimage
from skimage.transform import resize

SIGMAS = (1.0, 1.5, 2.2, 3.2)
GAMMA = 1.5  # power of sigma; Lindeberg's 2 makes every width equal, and so favours ribs and spine over twigs
BLOB = 0.5  # share of the curvature along a ridge that is taken off: blobs and crossings of noise answer less
OFFSET = 4.0  # grey levels added before the logarithm, which would blow up the noise of black pixels
DARK, FLAT = 32, 16  # of a shutter: highest grey level, largest range in 3 x 3 pixels
LEAST_SHARE = 0.0003  # of the frame: smaller dark areas are no shutter
LEAST_STRENGTH = 1e-3  # less than half a grey level makes; zero in a flat image but for rounding
REACH = 4  # pixels from a vessel's edge to its ridge, at most
EIGHT = np.ones((3, 3), int)


def field_of_view(image: np.ndarray, margin: int) -> np.ndarray:
    """Where the beam reached the detector, less a margin in which the shutter's edge would answer like a vessel.

    Args:
        image: (H, W), grey levels 0 to 255.
        margin: pixels around dark, flat areas that touch the frame's border; half of it along the border itself.

    Returns:
        (H, W) bool.
    """
    spread = ndimage.maximum_filter(image, 3) - ndimage.minimum_filter(image, 3)
    labels, count = ndimage.label((image < DARK) & (spread < FLAT))
    shutter = np.bincount(labels.ravel(), minlength=count + 1) > LEAST_SHARE * image.size
    shutter &= np.isin(np.arange(count + 1), [labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    shutter[0] = False  # everything else
    field = ~shutter[labels]
    if not field.all():
        field = ndimage.distance_transform_edt(field) > margin
    inner = np.zeros_like(field)
    rim = (margin + 1) // 2
    inner[rim : len(field) - rim, rim : field.shape[1] - rim] = True
    return field & inner


def flat_depth(image: np.ndarray, field: np.ndarray, background: float, logarithm: bool = True) -> np.ndarray:
    """How much more is absorbed than around, in natural units: log(background / grey level).

    Args:
        image: (H, W), grey levels 0 to 255.
        field: (H, W) bool; the background is averaged within it, so that a shutter does not leak into it.
        background: sigma in pixels of that average; 0 leaves the background in.
        logarithm: whether depth is logarithmic; else it is linear in grey levels, 1 from white to black.

    Returns:
        (H, W) float32, 0 outside the field.
    """
    image = image.astype(np.float32)
    depth = np.log((255 + OFFSET) / (image + OFFSET)) if logarithm else 1 - image / 255
    if background:
        inside = field.astype(np.float32)
        weight = ndimage.gaussian_filter(inside, background, truncate=3)
        depth = depth - ndimage.gaussian_filter(depth * inside, background, truncate=3) / np.maximum(weight, 1e-3)
    return depth * field


def ridge_strength(depth: np.ndarray, blob: float = BLOB) -> np.ndarray:
    """Largest over `SIGMAS` of sigma ** GAMMA times the curvature across a ridge, less `blob` of that along it.

    Args:
        depth: (H, W) float, vessels high.
        blob: weight of the other eigenvalue's magnitude; 0 leaves the largest eigenvalue alone, as Sato's filter.

    Returns:
        (H, W) float, 0 where there is no ridge.
    """
    strongest = np.zeros_like(depth)
    for sigma in SIGMAS:
        rows, columns, mixed = (
            ndimage.gaussian_filter(depth, sigma, order=order, truncate=3.5) for order in ((2, 0), (0, 2), (1, 1))
        )
        mean, deviation = (rows + columns) / 2, np.hypot((rows - columns) / 2, mixed)
        across, along = deviation - mean, np.abs(deviation + mean)
        strongest = np.maximum(strongest, sigma**GAMMA * (across - blob * along))
    return strongest


def select_vessels(
    strength: np.ndarray, field: np.ndarray, low: float, high: float, own_width: float, mass: float
) -> np.ndarray:
    """How far pixels of kept regions are above their threshold: positive in a vessel, else negative.

    Args:
        strength: (H, W), non-negative.
        field: (H, W) bool; percentiles are of the strength within it.
        low: percentile above which a pixel may be a vessel's.
        high: percentile above which at least one pixel of its region must be.
        own_width: share of the strongest answer within `REACH` that a pixel needs as well, so that wide skirts of
            strong ridges are cut; 0 switches it off.
        mass: regions (8-connected) with less than this share of the largest summed strength are dropped; 1 keeps
            the largest alone.

    Returns:
        (H, W) float: strength / threshold - 1, at most -0.05 outside the kept regions.
    """
    answers = np.where(field, strength, 0)
    weak, strong = np.percentile(answers[field], [low, high]) if field.any() else (np.inf, np.inf)
    threshold = np.maximum(own_width * ndimage.maximum_filter(answers, 2 * REACH + 1), max(weak, LEAST_STRENGTH))
    labels, count = ndimage.label(answers > threshold, EIGHT)
    regions = np.arange(count + 1)
    masses = ndimage.sum_labels(answers, labels, regions) * (regions > 0)
    kept = (ndimage.maximum(answers, labels, regions) > strong) & (masses >= mass * masses.max()) & (regions > 0)
    excess = answers / threshold - 1
    return np.where(kept[labels], excess, np.minimum(excess, -0.05))


def robust_anatomy(
    image: np.ndarray,
    *,
    working_side: int | None = 256,
    margin: int | None = 5,
    logarithm: bool = True,
    background: float = 14.0,
    blob: float = BLOB,
    low: float = 90.0,
    high: float = 95.0,
    own_width: float = 0.2,
    mass: float = 0.1,
) -> np.ndarray:
    """The vessels of a frame, dark on bright.

    Args:
        image: (S, S) uint8.
        working_side: side in pixels at which to filter; None: the image's own.
        margin: of `field_of_view`; None: the whole frame counts, shutters too.
        logarithm, background: of `flat_depth`.
        blob: of `ridge_strength`.
        low, high, own_width, mass: of `select_vessels`.

    Returns:
        (S, S) uint8 of 0 and 1, drawn at the image's own size from the interpolated strength.

    Raises:
        ValueError: the image is no square of uint8.
    """
    if image.ndim != 2 or image.shape[0] != image.shape[1] or image.dtype != np.uint8:
        raise ValueError(f"image: expected (S, S) uint8, found {image.shape} {image.dtype}: cut or convert it")
    working = _resized(image.astype(np.float32), working_side or len(image))
    field = np.ones(working.shape, bool) if margin is None else field_of_view(working, margin)
    strength = ridge_strength(flat_depth(working, field, background, logarithm), blob)
    excess = select_vessels(strength, field, low, high, own_width, mass)
    return (_resized(excess, len(image)) > 0).astype(np.uint8)


def _resized(array: np.ndarray, side: int) -> np.ndarray:
    """(S, S) float -> (side, side) float, linear; averaged where it shrinks."""
    if len(array) == side:
        return array
    return resize(array, (side, side), order=1, anti_aliasing=len(array) > side)
