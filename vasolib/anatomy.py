"""Vessel masks without labels: vesselness, percentile, region growing (VasoMIM v1, section 3.1).

Departs from the paper's eq. (1), which keeps the smaller-magnitude eigenvalue of bright ridges and so misses dark
vessels; like the released code, this keeps the largest eigenvalue of dark ridges (a Sato filter).
"""

__all__ = [
    "check_found", "extract_anatomy", "extract_to", "grow_region", "reference_anatomy", "vesselness", "vesselness_eq1",
]  # fmt: skip

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage
from skimage.feature import hessian_matrix, hessian_matrix_eigvals
from skimage.transform import resize

from vasolib.data.growing import growing
from vasolib.errors import UserError
from vasolib.files import atomic, write_csv
from vasolib.parallel import spread
from vasolib.progress import reported
from vasolib.ridges import ridge_levels

SIGMAS = (1, 2, 3, 4)  # pixels at 512 x 512
EMPTY_SHARE = 0.2  # of a corpus: with more images without a vessel, guided masks are random ones, and judges learn none


def vesselness(image: np.ndarray, sigmas: tuple[int, ...] = SIGMAS) -> np.ndarray:
    """Dark-ridge strength, the maximum over scales, in whole grey levels.

    Args:
        image: (H, W) uint8; vessels dark.
        sigmas: Gaussian scales in pixels.

    Returns:
        (H, W) uint8. The released code truncates to whole levels, and the ties which that makes are part of
        its result: the pixels kept above a percentile are more than the percentile says.
    """
    return ridge_levels(image, sigmas)


def vesselness_eq1(image: np.ndarray, sigmas: tuple[int, ...] = SIGMAS) -> np.ndarray:
    """Eq. (1) of v1 as printed: |lambda_1| where lambda_2 < 0, |lambda_1| <= |lambda_2|; (H, W) float.

    Kept to show that it cannot be what the authors ran: it answers to bright ridges, with the curvature along them.
    """
    responses = []
    for sigma in sigmas:
        hessian = hessian_matrix(image.astype(float), sigma, use_gaussian_derivatives=True)
        first, second = hessian_matrix_eigvals(hessian)
        swap = np.abs(first) > np.abs(second)
        lambda_1, lambda_2 = np.where(swap, second, first), np.where(swap, first, second)
        responses.append(np.where(lambda_2 < 0, np.abs(lambda_1), 0))
    return np.max(responses, axis=0)


def grow_region(strength: np.ndarray, percentile: float = 92.0, border: int = 20) -> np.ndarray:
    """The connected region of strong pixels around the strongest one.

    Args:
        strength: (H, W) vesselness, non-negative.
        percentile: share of pixels (in %) below the threshold; the zeroed border counts.
        border: pixels set to zero along each side, where shutters answer like vessels.

    Returns:
        (H, W) uint8 of 0 and 1: the 4-connected component that holds the first maximum in raster order; empty when
        nothing answers.
    """
    strength = strength.copy()
    if border:
        strength[:border] = strength[-border:] = 0
        strength[:, :border] = strength[:, -border:] = 0
    rank = math.ceil((strength.size - 1) * percentile / 100)  # a percentile between two pixels parts them as this does
    weakest = np.sort(strength, axis=None, kind="stable")[rank]  # which of bytes is quicker than a percentile
    candidates = (strength >= weakest) & (strength > 0)
    labels, _ = ndimage.label(candidates)
    seed = labels.flat[np.argmax(strength)]
    return ((labels == seed) & (seed > 0)).astype(np.uint8)


def reference_anatomy(image: np.ndarray, percentile: float = 92.0, border: int = 20) -> np.ndarray:
    """The released recipe at the image's own resolution: (H, W) uint8 -> (H, W) uint8 of 0 and 1."""
    return grow_region(vesselness(image), percentile, border)


def extract_anatomy(image: np.ndarray, percentile: float, border: int, working_side: int) -> np.ndarray:
    """The recipe at the one resolution which its scales and border are tuned for, brought back to the image's size.

    Args:
        image: (S, S) uint8.
        percentile, border: as in `grow_region`.
        working_side: side in pixels at which to filter (the released code saw 512).
    """
    side = image.shape[0]
    if side == working_side:
        return reference_anatomy(image, percentile, border)
    working = resize(
        image, (working_side, working_side), order=3, preserve_range=True, anti_aliasing=side > working_side
    )
    mask = reference_anatomy(np.clip(np.rint(working), 0, 255).astype(np.uint8), percentile, border)
    share = resize(mask.astype(float), (side, side), order=1, anti_aliasing=side < working_side)
    return (share >= 0.5).astype(np.uint8)


def extract_to(
    path: Path, images: np.ndarray, rows: Sequence[int], extract: Callable[[np.ndarray], np.ndarray], jobs: int = -1
) -> np.ndarray:
    """`extract` of each row of the images, written to the .npy file `path` as it comes.

    Args:
        path: a finished file is kept as it is, and one that a killed call left half written is gone on with: the name,
            or that of its folder, must change with anything that changes the masks.
        images: (N, S, S) uint8, memory-mapped: one after another is read.
        rows: (n,) which of them, in which order.
        extract: (S, S) uint8 -> the same, of 0 and 1.
        jobs: see `vasolib.parallel.spread`.

    Returns:
        (n, S, S) uint8, memory-mapped.
    """
    if not path.exists():
        with atomic(path, keep=True) as temporary, growing(temporary, images.shape[1]) as masks:
            ahead = (np.array(images[row]) for row in rows[masks.count :])
            for mask in reported(spread(extract, ahead, jobs), len(rows), "masks", masks.count):
                masks.append(mask)
    return np.load(path, mmap_mode="r")


def check_found(masks: np.ndarray, ids: Sequence[str], kind: str, path: Path) -> None:
    """Say how many of the masks (N, H, W) are empty, and list the ids of their images in the file `path`.

    Args:
        kind: of the extraction, for messages.
        path: beside the masks, with which it may be moved to its place later.

    Raises:
        UserError: more than `EMPTY_SHARE` of them are.
    """
    empty = [name for name, mask in zip(ids, masks, strict=True) if not mask.any()]
    if not empty:
        path.unlink(missing_ok=True)
        return
    write_csv(path, pd.DataFrame({"image": empty}))
    message = f"the {kind} extraction finds no vessel in {len(empty)} of {len(ids)} images"
    if len(empty) > EMPTY_SHARE * len(ids):
        raise UserError(
            f"{message}, listed in {path}, expected at most {100 * EMPTY_SHARE:g} %: take out what is no angiogram"
        )
    print(f"warning: {message}, listed in {path.name} beside the masks: patches are hidden at random there", flush=True)
