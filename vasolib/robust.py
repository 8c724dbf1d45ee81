"""Vessel masks without labels that bear shutters, uneven exposure and other image sizes.

The papers' recipe (`vasolib.anatomy`) takes one percentile of the whole frame, shutter included, at the image's own
size, and keeps the one region around the strongest pixel. Here every frame is brought to one working side; shutters
and blades are found and left out; grey levels become depth (Beer and Lambert: what a vessel absorbs adds to what lies
behind it, and exposure is an offset) less its slow background; blobs answer less than lines; the threshold is
relative to the frame's own strong ridges; and every region with enough of the ridge strength is kept. No label is
used, but the defaults were chosen on half of the labelled real frames (benchmarks.anatomy_parts). Catheters look
like vessels and are found like them. Lengths are in pixels at the working side.
"""

__all__ = ["field_of_view", "flat_depth", "heavy_regions", "ridge_strength", "ridge_threshold", "robust_anatomy"]

import numpy as np
from scipy import ndimage
from skimage.transform import resize

SIGMAS = (1.0, 1.5, 2.2, 3.2)
GAMMA = 1.5  # power of sigma; Lindeberg's 2 makes every width equal, and so favours ribs and spine over twigs
BLOB = 0.5  # share of the curvature along a ridge that is taken off: blobs and crossings of noise answer less
OFFSET = 4.0  # grey levels added before the logarithm, which would blow up the noise of black pixels
DARK, BRIGHT, FLAT = 32, 246, 16  # of a shutter, of overexposure: grey levels; largest range in 3 x 3 pixels
STEP, STRAIGHT = 0.1, 0.8  # of a blade's edge: difference of depth, on this share of its length
PENUMBRA = 4  # pixels: half the width of that edge
LEAST_AREA = 0.0003  # of the frame: smaller dark areas are no shutter
LEAST_SHARE = 0.2  # of the 99.5th percentile of a frame's strength, see `ridge_threshold`
LEAST_STRENGTH = 1e-3  # less than half a grey level makes; zero in a flat image but for rounding
BELOW = -0.05  # excess of dropped regions, so that interpolation does not bring their edges back
EIGHT = np.ones((3, 3), int)


def field_of_view(image: np.ndarray, margin: int) -> np.ndarray:
    """Where the beam reached the detector, less a margin in which the shutter's edge would answer like a vessel.

    Args:
        image: (H, W), grey levels 0 to 255.
        margin: pixels around blades and around flat areas, dark or overexposed, that touch the frame's border; half
            of it along the border itself.

    Returns:
        (H, W) bool.
    """
    outside = _shutter(image) | _shutter(DARK + BRIGHT - image) | _blades(image)
    field = ndimage.distance_transform_edt(~outside) > margin if outside.any() else ~outside
    inner = np.zeros_like(field)
    rim = (margin + 1) // 2
    inner[rim : len(field) - rim, rim : field.shape[1] - rim] = True
    return field & inner


def _shutter(image: np.ndarray) -> np.ndarray:
    """Dark, flat areas that touch the frame's border, (H, W) bool."""
    spread = ndimage.maximum_filter(image, 3) - ndimage.minimum_filter(image, 3)
    labels, count = ndimage.label((image < DARK) & (spread < FLAT))
    found = np.bincount(labels.ravel(), minlength=count + 1) > LEAST_AREA * image.size
    found &= np.isin(np.arange(count + 1), [labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    found[0] = False  # everything else
    return found[labels]


def _blades(image: np.ndarray) -> np.ndarray:
    """Bands along the frame's sides that end in a step up to brighter grey levels, straight across; (H, W) bool.

    Blades of a collimator let some rays pass, so that no grey level tells them, but their edges are straight.
    """
    depth = -np.log(image + OFFSET)
    outside, third = np.zeros(image.shape, bool), len(image) // 3
    for turns in range(4):
        turned = np.rot90(depth, turns)
        turned = turned[:third, third // 2 : -(third // 2)]  # without what other blades may cover
        rim = turned[:PENUMBRA].mean(axis=0)  # a blade reaches the frame's side, a vessel along it does not
        darker = np.minimum(turned, rim)[: -2 * PENUMBRA] - turned[2 * PENUMBRA :]
        edges = np.flatnonzero(np.quantile(darker, 1 - STRAIGHT, axis=1) > STEP)
        if edges.size:
            np.rot90(outside, turns)[: edges[-1] + PENUMBRA] = True
    return outside


def flat_depth(image: np.ndarray, field: np.ndarray, background: float, logarithm: bool = True) -> np.ndarray:
    """How much more is absorbed than around, in natural units: log(background / grey level).

    Args:
        image: (H, W), grey levels 0 to 255.
        field: (H, W) bool; the background is averaged within it, so that a shutter does not leak into it.
        background: sigma in pixels of that average; 0 takes the whole field's mean instead.
        logarithm: whether depth is logarithmic; else it is linear in grey levels, 1 from white to black.

    Returns:
        (H, W) float32, 0 outside the field.
    """
    image = image.astype(np.float32)
    inside = field.astype(np.float32)
    depth = np.log((255 + OFFSET) / (image + OFFSET)) if logarithm else 1 - image / 255
    if background:
        weight = ndimage.gaussian_filter(inside, background, truncate=3)
        average = ndimage.gaussian_filter(depth * inside, background, truncate=3) / np.maximum(weight, 1e-3)
    else:
        average = (depth * inside).sum() / max(inside.sum(), 1)
    return (depth - average) * inside


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


def ridge_threshold(answers: np.ndarray, share: float | None) -> float:
    """The strength above which a pixel may be a vessel's: relative to the strong ridges of the same frame.

    Args:
        answers: (N,) strengths within the field of view.
        share: of the 95th percentile, which is about where ridges of vessels begin, but not below `LEAST_SHARE` of
            the strongest: few vessels would be drowned in noise. None: the 90th percentile, however strong.
    """
    if not answers.size:
        return np.inf
    if share is None:
        return max(float(np.percentile(answers, 90)), LEAST_STRENGTH)
    typical, strongest = np.percentile(answers, [95, 99.5])
    return float(max(share * typical, LEAST_SHARE * strongest, LEAST_STRENGTH))


def heavy_regions(strength: np.ndarray, threshold: float, mass: float) -> np.ndarray:
    """The regions above a threshold whose summed strength is not small beside the largest one's.

    Args:
        strength: (H, W), non-negative.
        threshold: positive.
        mass: regions (8-connected) with less than this share of the largest sum are dropped; 1 keeps the largest.

    Returns:
        (H, W) bool.
    """
    labels, count = ndimage.label(strength > threshold, EIGHT)
    masses = np.bincount(labels.ravel(), weights=strength.ravel(), minlength=count + 1)
    masses[0] = 0  # what is below the threshold
    return ((masses >= mass * masses.max()) & (masses > 0))[labels]


def robust_anatomy(
    image: np.ndarray,
    *,
    working_side: int | None = 256,
    margin: int | None = 5,
    logarithm: bool = True,
    background: float = 10.0,
    blob: float = BLOB,
    share: float | None = 0.6,
    mass: float = 0.12,
) -> np.ndarray:
    """The vessels of a frame, dark on bright.

    Args:
        image: (S, S) uint8.
        working_side: side in pixels at which to filter; None: the image's own.
        margin: of `field_of_view`; None: the whole frame counts, shutters too.
        logarithm, background: of `flat_depth`.
        blob: of `ridge_strength`.
        share: of `ridge_threshold`.
        mass: of `heavy_regions`.

    Returns:
        (S, S) uint8 of 0 and 1, drawn at the image's own size from the interpolated strength.

    Raises:
        ValueError: the image is no square of uint8.
    """
    if image.ndim != 2 or image.shape[0] != image.shape[1] or image.dtype != np.uint8:
        raise ValueError(f"image: expected (S, S) uint8, found {image.shape} {image.dtype}: cut or convert it")
    working = _resized(image.astype(np.float32), working_side or len(image))
    field = np.ones(working.shape, bool) if margin is None else field_of_view(working, margin)
    strength = ridge_strength(flat_depth(working, field, background, logarithm), blob) * field
    threshold = ridge_threshold(strength[field], share)
    excess = strength / threshold - 1
    excess = np.where(heavy_regions(strength, threshold, mass), excess, np.minimum(excess, BELOW))
    return (_resized(excess, len(image)) > 0).astype(np.uint8)


def _resized(array: np.ndarray, side: int) -> np.ndarray:
    """(S, S) float -> (side, side) float, linear; averaged where it shrinks."""
    if len(array) == side:
        return array
    return resize(array, (side, side), order=1, anti_aliasing=len(array) > side)
