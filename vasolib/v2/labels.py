"""Labels that say more than vessel or not: maps of numbers and boxes, at a store's size and on their way into it.

`vasolib.data.building.build_store` rounds masks to 0 and 1. The sets with maps of numbers or boxes have a few thousand
images at most, so their stores are written in one go: a finished one is kept, a half-written one is begun anew.
"""

__all__ = ["LabelledFrame", "build_labelled", "fit_boxes", "fit_labels"]

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from vasolib.data.building import LOST, Frames, _fit, _fit_mask, left_out_of
from vasolib.data.growing import growing
from vasolib.data.left_out import LeftOut
from vasolib.data.store import COLUMNS, Frame, ImageStore
from vasolib.errors import UserError
from vasolib.files import atomic
from vasolib.parallel import spread
from vasolib.progress import reported
from vasolib.v2.box_table import BOX_COLUMNS


@dataclass(frozen=True)
class LabelledFrame:
    """An angiogram with a map of numbers (H, W) uint8, or with boxes (k, 4): x0, y0, x1, y1, half-open, pixels."""

    frame: Frame
    labels: np.ndarray | None = None
    boxes: np.ndarray | None = None


def fit_labels(labels: np.ndarray, side: int) -> np.ndarray:
    """A map of numbers (H, W) as the stored image has it: (side, side).

    Labelled is what a stored vessel mask would mark, and its number the one that covers most of the new pixel: an
    average of numbers would be another class.
    """
    numbers = np.unique(labels[labels > 0])
    if not len(numbers):
        return np.zeros((side, side), np.uint8)
    shares = np.stack([_fit((labels == number).astype(np.float32), side) for number in numbers])
    return _fit_mask(labels, side) * numbers[shares.argmax(axis=0)]


def fit_boxes(boxes: np.ndarray, shape: tuple[int, int], side: int) -> np.ndarray:
    """Boxes (k, 4) of an image of this shape (H, W) as the stored image has them: in pixels of (side, side)."""
    height, width = shape
    longest = max(height, width)
    left, top = (longest - width) // 2, (longest - height) // 2
    return (boxes + np.array([left, top, left, top])) * (side / longest)


def build_labelled(folder: Path, frames: Frames, side: int, *, jobs: int = -1) -> ImageStore:
    """Write `LabelledFrame`s, in their order, as a store; a finished one is kept as it is.

    Maps are its masks.npy, boxes its boxes.csv: id, x0, y0, x1, y1 in stored pixels, no row for an image without a
    lesion. What cannot be used is listed as `vasolib.data.building.build_store` does.

    Args:
        jobs: see `vasolib.parallel.spread`.

    Raises:
        UserError: no usable frame, or an id used twice.
    """
    folder = Path(folder)
    if not folder.exists():
        with atomic(folder) as temporary:
            temporary.mkdir()
            _write(temporary, _fitted(frames, side, jobs), side)
    return ImageStore.open(folder)


def _fitted(frames: Frames, side: int, jobs: int) -> Iterator[LabelledFrame | LeftOut]:
    """The frames at the store's size."""
    fetched = (frames.fetch(item) for item in frames.items)
    return reported(spread(partial(_fit_frame, frames.make, side), fetched, jobs), len(frames.items), "frames")


def _fit_frame(make: Callable, side: int, item: object) -> LabelledFrame | LeftOut:
    """One frame made and brought to the store's size, or left out."""
    made = make(item)
    if isinstance(made, LeftOut):
        return made
    image = made.frame.image
    labels = None if made.labels is None else fit_labels(made.labels, side)
    boxes = None if made.boxes is None else fit_boxes(made.boxes, image.shape, side)
    return LabelledFrame(replace(made.frame, image=_fit(image, side)), labels, boxes)


def _write(folder: Path, frames: Iterator[LabelledFrame | LeftOut], side: int) -> None:
    """Fill the folder of a store."""
    rows, boxes, lost = {}, [], []
    with growing(folder / "images.npy", side) as images, growing(folder / "masks.npy", side) as masks:
        for item, one in enumerate(frames):
            if isinstance(one, LeftOut):
                lost.append([item, *(getattr(one, name) for name in LOST)])
                continue
            if one.frame.id in rows:
                raise UserError(f"two frames are called {one.frame.id!r}: give every image its own name")
            rows[one.frame.id] = [getattr(one.frame, name) for name in COLUMNS]
            images.append(one.frame.image)
            if one.boxes is None:
                masks.append(one.labels)
            else:
                boxes += [[one.frame.id, *(f"{value:.8g}" for value in box)] for box in one.boxes]
        boxed = not masks.count
    if lost:
        _write_rows(folder / "left_out.csv", ["item", *LOST], lost)
    if not rows:
        raise UserError(f"no frame can be written to {folder}: {(left_out_of(folder) or ['there is none'])[0]}")
    _write_rows(folder / "table.csv", COLUMNS, rows.values())
    if boxed:
        (folder / "masks.npy").unlink()
        _write_rows(folder / "boxes.csv", BOX_COLUMNS, boxes)


def _write_rows(path: Path, columns: list[str], rows: object) -> None:
    """A table in a folder that appears once it is whole."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])
