"""Building a store: frames are made and resized wherever a core is free, and written here one after another."""

__all__ = ["Frames", "build_store"]

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from vasolib.data.growing import growing
from vasolib.data.store import COLUMNS, Frame, ImageStore
from vasolib.errors import UserError
from vasolib.files import atomic
from vasolib.parallel import spread
from vasolib.progress import reported


def as_it_is(item: object) -> object:
    """The item."""
    return item


@dataclass(frozen=True)
class Frames:
    """Frames that are yet to be made: `make(fetch(item))` for each item, in their order.

    `fetch`, such as reading a file's bytes, is called here, `make`, such as decoding them, on any core of any machine.
    """

    items: Sequence
    make: Callable[..., Frame] = as_it_is
    fetch: Callable = as_it_is

    def fitted(self, side: int, first: int, jobs: int) -> Iterator[Frame]:
        """The frames from number `first` on, at the store's size."""
        fetched = (self.fetch(item) for item in islice(self.items, first, None))
        return reported(spread(partial(_fitted, self.make, side), fetched, jobs), len(self.items), "frames", first)


def build_store(folder: Path, frames: Frames, side: int, *, resume: bool = False, jobs: int = -1) -> ImageStore:
    """Write frames, in their order and one at a time, as a store of images of `side` x `side` pixels.

    Each is centred on a square of zeros, never squashed, then resized: averaged for images, and for masks set
    where the average is at least one half. The folder appears once all is written; an older one is replaced.

    Args:
        resume: a finished store is kept as it is, and one that a killed call left half written is gone on with; for a
            folder whose name changes with anything that changes the store.
        jobs: see `vasolib.parallel.spread`.

    Raises:
        UserError: no frame, an id used twice, an image or mask of a wrong shape, or too few masks.
    """
    folder = Path(folder)
    if resume and folder.exists():
        return ImageStore.open(folder)
    if not len(frames.items):
        raise UserError(f"no frame to write to {folder}: check where the data set is read from")
    with atomic(folder, keep=resume) as temporary:
        temporary.mkdir(exist_ok=True)
        _write(temporary, frames, side, jobs)
    return ImageStore.open(folder)


def _write(folder: Path, frames: Frames, side: int, jobs: int) -> None:
    """Bring the store in `folder` to its end: an image, a mask, then the table's row, frame by frame."""
    rows = _whole_rows(folder / "table.csv")
    with (
        growing(folder / "images.npy", side) as images,
        growing(folder / "masks.npy", side) as masks,
        open(folder / "table.csv", "w", encoding="utf-8", newline="", buffering=1) as table,  # 1: row by row
    ):
        count = min(len(rows), images.count, masks.count if masks.held else len(rows))
        labelled = masks.count > 0 if count else None
        images.truncate(count)
        masks.truncate(count if labelled else 0)
        write_row = csv.writer(table, lineterminator="\n").writerow
        for row in (COLUMNS, *rows[:count]):
            write_row(row)
        ids = dict.fromkeys(row[0] for row in rows[:count])
        for frame in frames.fitted(side, count, jobs):
            labelled = frame.mask is not None if labelled is None else labelled  # the first one decides
            _check(frame, ids, labelled)
            images.append(frame.image)
            if labelled:
                masks.append(frame.mask)
            write_row([getattr(frame, name) for name in COLUMNS])
            ids[frame.id] = None
    if not labelled:
        (folder / "masks.npy").unlink()


def _whole_rows(path: Path) -> list[list[str]]:
    """The rows of a table that may have been left half written."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return list(csv.reader(io.StringIO(text[: text.rfind("\n") + 1], newline="")))[1:]


def _check(frame: Frame, ids: dict[str, None], labelled: bool) -> None:
    """UserError for an id that is there already, or a mask that only some frames have."""
    if frame.id in ids:
        raise UserError(f"two frames are called {frame.id!r}: give every image its own name")
    if (frame.mask is not None) != labelled:
        without = frame.id if labelled else next(iter(ids))
        raise UserError(f"{without} has no mask while others have one: give masks to all images, or to none")


def _fitted(make: Callable[..., Frame], side: int, item: object) -> Frame:
    """One frame made, checked and brought to the store's size."""
    frame = make(item)
    image, mask = frame.image, frame.mask
    if image.ndim != 2 or image.dtype != np.uint8:
        found = f"{image.dtype} of shape {image.shape}"
        raise UserError(f"{frame.id} is {found}: give a grey image (height, width) of 8 bits")
    if mask is not None and mask.shape != image.shape:
        found = f"mask {mask.shape}, image {image.shape}"
        raise UserError(f"{frame.id}: {found} as (height, width): give the mask the image's size")
    return replace(frame, image=_fit(image, side), mask=None if mask is None else _fit_mask(mask, side))


def _fit(image: np.ndarray, side: int) -> np.ndarray:
    """An image (H, W) centred on a square of zeros and resized to (side, side), averaging."""
    height, width = image.shape
    longest = max(height, width)
    square = np.zeros((longest, longest), image.dtype)
    top, left = (longest - height) // 2, (longest - width) // 2
    square[top : top + height, left : left + width] = image
    if longest == side:
        return square
    return np.asarray(Image.fromarray(square).resize((side, side), Image.Resampling.BILINEAR))


def _fit_mask(mask: np.ndarray, side: int) -> np.ndarray:
    """`_fit` for a mask of 0 and 1, rounded where half a pixel is covered."""
    return (_fit((mask > 0).astype(np.float32), side) >= 0.5).astype(np.uint8)
