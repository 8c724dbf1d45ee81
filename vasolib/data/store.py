"""The canonical store: every image square, of one size and 8 bits, beside a table of where it came from."""

__all__ = ["COLUMNS", "Frame", "ImageStore", "build_store"]

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
from numpy.lib import format as npy
from PIL import Image

from vasolib.errors import UserError, nearest
from vasolib.files import atomic, write_csv

COLUMNS = ["id", "source", "split", "patient", "sha256"]
REMEDY = "delete the folder and run the data stage again"


@dataclass(frozen=True)
class Frame:
    """One angiogram on its way into the store: image (H, W) uint8, mask (H, W) of 0 and 1 or None."""

    id: str
    source: str
    split: str
    patient: str
    sha256: str  # of the source file's bytes, or of the pixels where there is no file
    image: np.ndarray
    mask: np.ndarray | None


@dataclass(frozen=True)
class ImageStore:
    """An opened store: images and masks (N, side, side) uint8, memory-mapped; table of N rows of text."""

    folder: Path
    images: np.ndarray
    masks: np.ndarray | None
    table: pd.DataFrame

    @classmethod
    def open(cls, folder: Path) -> "ImageStore":
        """The store in `folder`. Raises UserError for a file missing, damaged or at odds with the table."""
        folder = Path(folder)
        table = _read_table(folder / "table.csv")
        images = _read_array(folder / "images.npy", len(table), None)
        masks = folder / "masks.npy"
        masks = _read_array(masks, len(table), images.shape[1]) if masks.exists() else None
        return cls(folder, images, masks, table)

    @property
    def side(self) -> int:
        """Height and width of every image in pixels."""
        return self.images.shape[1]

    def __len__(self) -> int:
        return len(self.table)

    def select(self, split: str) -> np.ndarray:
        """Row indices (n,) of a split, in the table's order. Raises UserError for a split the store lacks."""
        rows = np.flatnonzero(self.table["split"].to_numpy() == split)
        if not len(rows):
            hint = nearest(split, set(self.table["split"]))
            raise UserError(f"{self.folder} has no image in the split {split!r}: {hint}")
        return rows


def build_store(folder: Path, frames: Iterable[Frame], side: int) -> ImageStore:
    """Write frames, in their order and one at a time, as a store of images of `side` x `side` pixels.

    Each is centred on a square of zeros, never squashed, then resized: averaged for images, and for masks set
    where the average is at least one half. The folder appears once all is written; an older one is replaced.
    Raises UserError for no frame, an id used twice, an image or mask of a wrong shape, or too few masks.
    """
    rows: dict[str, list[str]] = {}
    labelled = False
    with atomic(Path(folder)) as temporary:
        temporary.mkdir()
        with open(temporary / "images.npy", "wb") as images, open(temporary / "masks.npy", "wb") as masks:
            for file in (images, masks):
                _write_header(file, 0, side)
            for frame in frames:
                labelled = labelled if rows else frame.mask is not None  # the first one decides
                _check(frame, rows, labelled)
                images.write(_fit(frame.image, side).tobytes())
                if labelled:
                    masks.write(_fit_mask(frame.mask, side).tobytes())
                rows[frame.id] = [getattr(frame, name) for name in COLUMNS]
            if not rows:
                raise UserError(f"no frame to write to {folder}: check where the data set is read from")
            for file in (images, masks):
                _write_header(file, len(rows), side)
        if not labelled:
            (temporary / "masks.npy").unlink()
        write_csv(temporary / "table.csv", pd.DataFrame(rows.values(), columns=COLUMNS))
    return ImageStore.open(folder)


def _check(frame: Frame, rows: dict[str, list[str]], labelled: bool) -> None:
    if frame.id in rows:
        raise UserError(f"two frames are called {frame.id!r}: give every image its own name")
    if (frame.mask is not None) != labelled:
        without = frame.id if labelled else next(iter(rows))
        raise UserError(f"{without} has no mask while others have one: give masks to all images, or to none")
    if frame.image.ndim != 2 or frame.image.dtype != np.uint8:
        found = f"{frame.image.dtype} of shape {frame.image.shape}"
        raise UserError(f"{frame.id} is {found}: give a grey image (height, width) of 8 bits")
    if labelled and frame.mask.shape != frame.image.shape:
        found = f"mask {frame.mask.shape}, image {frame.image.shape}"
        raise UserError(f"{frame.id}: {found} as (height, width): give the mask the image's size")


def _write_header(file: BinaryIO, count: int, side: int) -> None:
    """The .npy header for `count` images; numpy pads it so that a later count fits into the same bytes."""
    file.seek(0)
    npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (count, side, side)})


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


def _read_table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}), expected the store's table: {REMEDY}") from error
    if list(table.columns) != COLUMNS:
        raise UserError(f"{path} has the columns {list(table.columns)}, expected {COLUMNS}: {REMEDY}")
    return table


def _read_array(path: Path, count: int, side: int | None) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} cannot be read ({error}), expected {count} images: {REMEDY}") from error
    side = side or array.shape[-1]
    if array.shape != (count, side, side) or array.dtype != np.uint8:
        expected = f"uint8 {(count, side, side)}"
        raise UserError(f"{path} holds {array.dtype} {array.shape}, expected {expected}: {REMEDY}")
    return array
