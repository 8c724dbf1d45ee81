"""Which images of a set to show, and its labels as maps whatever the task."""

__all__ = ["examples", "label_maps"]

import numpy as np

from vasolib.data.store import ImageStore
from vasolib.v2.box_table import boxes_of


def examples(store: ImageStore, count: int = 4) -> np.ndarray:
    """Rows (count or fewer,) of a labelled store to show: the first ones with something labelled, else the first."""
    if store.masks is None:
        marked = np.array([len(boxes) > 0 for boxes in boxes_of(store)])
    else:
        marked = np.array([mask.any() for mask in store.masks])
    return np.argsort(~marked, kind="stable")[:count]


def label_maps(store: ImageStore, rows: np.ndarray) -> np.ndarray:
    """Labels (n, side, side) uint8 of some rows of a store; of boxes their outlines, numbered from 1."""
    if store.masks is not None:
        return store.masks[rows]
    boxes = boxes_of(store)
    return np.stack([outlines(boxes[row], store.side) for row in rows])


def outlines(boxes: np.ndarray, side: int) -> np.ndarray:
    """Boxes (k, 4) as a map (side, side) uint8: pixels along the inner edge of each have its number."""
    drawn = np.zeros((side, side), np.uint8)
    for number, (x0, y0, x1, y1) in enumerate(boxes, start=1):
        left, top = int(x0), int(y0)
        right, bottom = int(np.ceil(x1)) - 1, int(np.ceil(y1)) - 1
        drawn[[top, bottom], left : right + 1] = number
        drawn[top : bottom + 1, [left, right]] = number
    return drawn
