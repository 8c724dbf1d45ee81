"""Which images of the corpus are learned from: none that is a near-duplicate of a test image, and of those a share."""

__all__ = ["DISTINCT", "KEPT", "USABLE", "Rows", "corpus_rows", "listed_rows", "read_kept"]

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vasolib.errors import UserError

KEPT = "kept"  # folder below the part's work
USABLE, DISTINCT = "usable.csv", "distinct.csv"  # in it: ids without near-duplicates of test images, of one another


@dataclass(frozen=True)
class Rows:
    """Some rows of an array (N, ...), read when asked for: a large corpus stays on the disk."""

    array: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """As of the array that it stands for."""
        return len(self), *self.array.shape[1:]

    def __getitem__(self, key: tuple) -> np.ndarray:
        """A window of one image: (index, slice of rows, slice of columns)."""
        return self.array[self.rows[key[0]], *key[1:]]


def listed_rows(ids: Sequence[str], kept: Path) -> np.ndarray:
    """Rising indices of the images whose ids a table names in its column `id`.

    Args:
        ids: of the corpus, in its order.

    Raises:
        UserError: the table names no image, or one that the corpus lacks.
    """
    wanted = set(read_kept(kept)["id"])
    if not wanted or (strange := wanted.difference(ids)):
        found = f"names {sorted(strange)[0]!r}, no image of the corpus" if wanted else "names no image"
        raise UserError(f"{kept} {found}, expected ids of the corpus: run notebook v2_15_redundancy again")
    return np.flatnonzero([name in wanted for name in ids])


def corpus_rows(ids: Sequence[str], kept: Path, share: float, seed: int) -> np.ndarray:
    """Rising indices of the images that an arm sees, a share of those that a table names, see `listed_rows`.

    Whole recordings are drawn from the seed, as near to the share as they allow and at least one: frames of a recording
    are nearly alike, so a part of the frames would show nearly all that there is. A smaller share lies within a larger.

    Args:
        kept: has also a column `recording`, the name of what an image is a frame of.
    """
    rows, recordings = listed_rows(ids, kept), read_kept(kept).set_index("id")["recording"]
    _, of_row, frames = np.unique(recordings[[ids[row] for row in rows]], return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(frames))
    drawn = 1 + np.abs(frames[order].cumsum() - share * len(rows)).argmin()
    return rows[np.isin(of_row, order[:drawn])]


def read_kept(path: Path) -> pd.DataFrame:
    """A table of images to learn from: id, recording."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)
