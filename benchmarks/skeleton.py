"""The skeleton of a vessel mask as a graph: branch points, ends, and the pieces between them.

Pixels are neighbours with their eight surrounding ones. Touching pixels with three neighbours or more are one branch
point, and one only if three pieces meet there.
"""

__all__ = ["branch_points", "end_points", "pieces", "pruned_skeleton", "tortuosity"]

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

EIGHT = np.ones((3, 3), int)
SPUR = 5  # pixels: shorter free ends are unevenness of the mask's outline
PIECE = 20.0  # pixels of arc: shorter pieces say little about a vessel's course
SMOOTH = 3.0  # pixels: evens out the pixels' stairs, which would lengthen a straight slanted line by up to 8 %


def pruned_skeleton(mask: np.ndarray) -> np.ndarray:
    """The skeleton (H, W) bool of a mask, its free ends of fewer than `SPUR` pixels removed once."""
    skeleton = skeletonize(mask > 0)
    parts, _ = ndimage.label(skeleton & ~_crowded(skeleton), EIGHT)
    free = np.unique(parts[end_points(skeleton) | _alone(skeleton)])
    short = np.flatnonzero(np.bincount(parts.ravel()) < SPUR)
    spurs = np.isin(parts, np.intersect1d(free, short)) & (parts > 0)
    return skeletonize(skeleton & ~spurs)


def end_points(skeleton: np.ndarray) -> np.ndarray:
    """Where the skeleton has one neighbour, (H, W) bool; vessels cut by the picture's border end there too."""
    return skeleton & (_neighbours(skeleton) == 1)


def branch_points(skeleton: np.ndarray) -> int:
    """How many branch points there are; two vessels that cross make one or two, a bifurcation one."""
    crowded = _crowded(skeleton)
    points, count = ndimage.label(crowded, EIGHT)
    around = np.pad(points, 1)
    rows, columns = np.nonzero(skeleton & ~crowded)
    ends = [
        np.stack([around[rows + down, columns + across], rows, columns]) for down in range(3) for across in range(3)
    ]
    met = np.unique(np.concatenate(ends, axis=1), axis=1)[0]  # each pixel beside a point once
    return int((np.bincount(met, minlength=count + 1)[1:] >= 3).sum())


def pieces(skeleton: np.ndarray) -> list[np.ndarray]:
    """The pixels (n, 2) as row, column of each piece without branch point, in order; closed rings are left out."""
    parts, _ = ndimage.label(skeleton & ~_crowded(skeleton), EIGHT)
    boxes = ndimage.find_objects(parts)
    corners = [(down.start, across.start) for down, across in boxes]
    walks = [_walk(parts[box] == label) for label, box in enumerate(boxes, start=1)]
    return [np.add(walk, corner) for walk, corner in zip(walks, corners, strict=True) if len(walk)]


def tortuosity(path: np.ndarray) -> float | None:
    """Arc over chord of ordered pixels (n, 2), smoothed; None where the arc is `PIECE` or shorter, or returns."""
    smooth = ndimage.gaussian_filter1d(path.astype(float), SMOOTH, axis=0, mode="nearest")
    arc = float(np.hypot(*np.diff(smooth, axis=0).T).sum())
    chord = float(np.hypot(*(smooth[-1] - smooth[0])))
    return arc / chord if arc > PIECE and chord > 1 else None


def _neighbours(skeleton: np.ndarray) -> np.ndarray:
    return ndimage.convolve(skeleton.astype(int), EIGHT, mode="constant") - skeleton


def _crowded(skeleton: np.ndarray) -> np.ndarray:
    """Pixels with three neighbours or more."""
    return skeleton & (_neighbours(skeleton) >= 3)


def _alone(skeleton: np.ndarray) -> np.ndarray:
    return skeleton & (_neighbours(skeleton) == 0)


def _walk(piece: np.ndarray) -> np.ndarray:
    """The pixels of one piece (H, W) bool from one end to the other; none for a ring."""
    starts = np.argwhere(end_points(piece) | _alone(piece))
    left = set(map(tuple, np.argwhere(piece)))
    if not len(starts):
        return np.empty((0, 2), int)
    order = [tuple(starts[0])]
    left.remove(order[0])
    while step := _next(order[-1], left):
        order.append(step)
        left.remove(step)
    return np.array(order)


def _next(pixel: tuple[int, int], left: set[tuple[int, int]]) -> tuple[int, int] | None:
    """A neighbour not yet visited: one beside the pixel before one at its corner."""
    row, column = pixel
    beside = [(row, column - 1), (row, column + 1), (row - 1, column), (row + 1, column)]
    corners = [(row + down, column + across) for down in (-1, 1) for across in (-1, 1)]
    return next((place for place in beside + corners if place in left), None)
