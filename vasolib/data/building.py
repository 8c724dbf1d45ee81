"""Building a store: frames are made and resized wherever a core is free, and written here one after another."""

__all__ = ["Frames", "build_store", "left_out_of"]

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from vasolib.data.growing import growing
from vasolib.data.left_out import LeftOut
from vasolib.data.store import COLUMNS, Frame, ImageStore
from vasolib.errors import UserError
from vasolib.files import atomic
from vasolib.parallel import spread
from vasolib.progress import reported

LOST = [field.name for field in fields(LeftOut)]


def as_it_is(item: object) -> object:
    """The item."""
    return item


@dataclass(frozen=True)
class Frames:
    """Frames that are yet to be made: `make(fetch(item))` for each item, in their order.

    `fetch`, such as reading a file's bytes, is called here, `make`, such as decoding them, on any core of any machine.
    What cannot be used is made a `LeftOut`.
    """

    items: Sequence
    make: Callable[..., Frame | LeftOut] = as_it_is
    fetch: Callable = as_it_is

    def fitted(self, side: int, first: int, jobs: int) -> Iterator[Frame | LeftOut]:
        """What the items from number `first` on are made, frames at the store's size."""
        fetched = (self.fetch(item) for item in islice(self.items, first, None))
        return reported(spread(partial(_fitted, self.make, side), fetched, jobs), len(self.items), "frames", first)


def build_store(folder: Path, frames: Frames, side: int, *, resume: bool = False, jobs: int = -1) -> ImageStore:
    """Write frames, in their order and one at a time, as a store of images of `side` x `side` pixels.

    Each is centred on a square of zeros, never squashed, then resized: averaged for images, and for masks set
    where the average is at least one half. The folder appears once all is written; an older one is replaced. Where
    items were left out, its file left_out.csv has their numbers, from 0, and the columns of `LeftOut`.

    Args:
        resume: a finished store is kept as it is, and one that a killed call left half written is gone on with; for a
            folder whose name changes with anything that changes the store.
        jobs: see `vasolib.parallel.spread`.

    Raises:
        UserError: no (usable) frame, an id used twice, an image or mask of a wrong shape, or too few masks.
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
    rows, lost = _whole_rows(folder / "table.csv"), _whole_rows(folder / "left_out.csv")
    with (
        growing(folder / "images.npy", side) as images,
        growing(folder / "masks.npy", side) as masks,
        _row_by_row(folder / "table.csv") as write_row,
        _row_by_row(folder / "left_out.csv") as write_lost,
    ):
        count = min(len(rows), images.count, masks.count if masks.held else len(rows))
        labelled = masks.count > 0 if count else None
        images.truncate(count)
        masks.truncate(count if labelled else 0)
        done = _next_item(count, lost)
        for row in (("item", *LOST), *(row for row in lost if int(row[0]) < done)):
            write_lost(row)  # first, while the table is empty: killed here, the next call begins anew
        for row in (COLUMNS, *rows[:count]):
            write_row(row)
        ids = dict.fromkeys(row[0] for row in rows[:count])
        for item, frame in enumerate(frames.fitted(side, done, jobs), done):
            if isinstance(frame, LeftOut):
                write_lost([item, *(getattr(frame, name) for name in LOST)])
                continue
            labelled = frame.mask is not None if labelled is None else labelled  # the first one decides
            _check(frame, ids, labelled)
            images.append(frame.image)
            if labelled:
                masks.append(frame.mask)
            write_row([getattr(frame, name) for name in COLUMNS])
            ids[frame.id] = None
    if not ids:
        raise UserError(f"no frame can be written to {folder}: {left_out_of(folder)[0]}")
    _clear(folder, labelled)


@contextmanager
def _row_by_row(path: Path) -> Iterator[Callable[[Sequence], object]]:
    """A function that writes a row to a table, which is on disk when the function returns."""
    with open(path, "w", encoding="utf-8", newline="", buffering=1) as table:
        yield csv.writer(table, lineterminator="\n").writerow


def _next_item(written: int, lost: list[list[str]]) -> int:
    """The number of the first item that is neither among the first frames written nor, between them, left out."""
    item = written
    for row in lost:
        item += int(row[0]) <= item
    return item


def _clear(folder: Path, labelled: bool) -> None:
    """Remove the files that hold nothing."""
    if not labelled:
        (folder / "masks.npy").unlink()
    if not left_out_of(folder):
        (folder / "left_out.csv").unlink()


def _whole_rows(path: Path) -> list[list[str]]:
    """The rows of a table that may have been left half written."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return list(csv.reader(io.StringIO(text[: text.rfind("\n") + 1], newline="")))[1:]


def left_out_of(folder: Path) -> list[LeftOut]:
    """What was left out when the store in `folder` was built, in the order of the items."""
    return [LeftOut(*row[1:]) for row in _whole_rows(folder / "left_out.csv")]


def _check(frame: Frame, ids: dict[str, None], labelled: bool) -> None:
    """UserError for an id that is there already, or a mask that only some frames have."""
    if frame.id in ids:
        raise UserError(f"two frames are called {frame.id!r}: give every image its own name")
    if (frame.mask is not None) != labelled:
        without = frame.id if labelled else next(iter(ids))
        raise UserError(f"{without} has no mask while others have one: give masks to all images, or to none")


def _fitted(make: Callable[..., Frame], side: int, item: object) -> Frame | LeftOut:
    """One frame made, checked and brought to the store's size; or left out."""
    frame = make(item)
    if isinstance(frame, LeftOut):
        return frame
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
