"""The canonical store: every image square, of one size and 8 bits, beside a table of where it came from."""

__all__ = ["COLUMNS", "Frame", "ImageStore"]

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vasolib.errors import UserError, nearest

COLUMNS = ["id", "source", "split", "patient", "sha256"]
REMEDY = "delete the folder of stores and give the same command again"


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
