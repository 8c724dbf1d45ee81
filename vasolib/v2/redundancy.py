"""How redundant a corpus is: images that are near-duplicates of one another, and those that are left without them.

Near-duplicates are those of `vasolib.data.near`. A group is of them and of theirs in turn: a whole recording, where
each frame is like the next. N images cost N x N comparisons of hashes (5 ns each on one core: two and a half minutes
for 171,478), 10 to 25 microseconds for each pair with close hashes, of which each is looked at once (for 171,478 images
minutes, if one pair in a thousand has such, and hours, if one in fifty has, as within one public set), and of memory
3 kB an image and about 200 bytes a near-duplicate.
"""

__all__ = ["LEFT_OUT", "Alike", "leaks_left", "recordings", "redundancy", "usable_rows"]

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from vasolib.data.leaks import counted
from vasolib.data.near import Looks, near_links
from vasolib.data.store import ImageStore
from vasolib.errors import UserError
from vasolib.v2.cines import cines_of

EVERYTHING = "all"
LEFT_OUT = "nothing: looks like a test image"


@dataclass(frozen=True)
class Alike:
    """Which of N images are near-duplicates: links (N, N) of `near_links`; and how much dark detail each has (N,)."""

    links: csr_array
    detail: np.ndarray

    @classmethod
    def of(cls, images: np.ndarray) -> "Alike":
        """Of images (N, H, W) uint8."""
        looks = Looks.of(images)
        return cls(near_links(looks), looks.detail)

    @cached_property
    def group(self) -> np.ndarray:
        """A number (N,) per image, the same for near-duplicates and for near-duplicates of these."""
        return connected_components(self.links, directed=False)[1]

    def distinct(self, among: np.ndarray) -> np.ndarray:
        """Rows (m,), rising, of the images that are kept: none is a near-duplicate of another, each left out is one of
        an image that is kept. Those with more dark detail come first: of a recording, not frames without contrast.

        Args:
            among: (N,) bool, the images that may be kept.
        """
        free, kept = among.copy(), []
        for row in np.argsort(-self.detail, kind="stable"):
            if free[row]:
                kept.append(row)
                free[self.links.indices[self.links.indptr[row] : self.links.indptr[row + 1]]] = False
        return np.sort(np.array(kept, int))


def redundancy(corpus: ImageStore) -> tuple[pd.DataFrame, Alike]:
    """How much of a corpus is left without near-duplicates.

    Returns:
        A row per source of images and one for all: source, images, distinct (images kept), share (%), groups (of two
        images or more), largest (images of the largest one), first (its first image's id); and what is alike.
    """
    alike = Alike.of(corpus.images)
    kept = np.isin(np.arange(len(corpus)), alike.distinct(np.ones(len(corpus), bool)))
    table = corpus.table.assign(group=alike.group, kept=kept)
    parts = [(EVERYTHING, table)]
    if table["source"].nunique() > 1:
        parts += list(table.groupby("source", sort=False))
    return pd.DataFrame([_row(name, part) for name, part in parts]), alike


def recordings(corpus: ImageStore, group: np.ndarray) -> pd.Series:
    """What each image of a corpus is a frame of: its cine, or where that is unknown its group's first image, by name.

    Args:
        group: a number (N,) per image, from `Alike`.
    """
    cines, first = cines_of(corpus), np.unique(group, return_index=True)[1]
    alike = corpus.table["id"].iloc[first[np.unique(group, return_inverse=True)[1]]]
    return cines.where(cines != "", alike.to_numpy())


def usable_rows(corpus: pd.DataFrame, pairs: pd.DataFrame) -> np.ndarray:
    """Whether each image of the corpus may be learned from (N,): it looks like no test image of any set.

    Args:
        corpus: its table. pairs: ids in the column trained, from `vasolib.data.near.near_duplicates`.

    Raises:
        UserError: none may.
    """
    usable = ~corpus["id"].isin(pairs["trained"]).to_numpy()
    if not usable.any():
        raise UserError(
            f"each of the {len(corpus)} images to pre-train on looks like a test image, so none may be learned from: "
            "add a set of other patients to the data folder, such as one without labels"
        )
    return usable


def leaks_left(table: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """`vasolib.data.leaks.counted` of what is learned from, and a row of the corpus's images that are not.

    An image of the corpus that looks like a test image is not learned from; a labelled one to fine-tune on is.

    Args:
        table: from `vasolib.data.leaks.splits`. pairs: as in `usable_rows`.
    """
    out = (table["store"] == "corpus") & table["id"].isin(pairs["trained"])
    used = table.assign(used_for=table["used_for"].mask(out, LEFT_OUT))
    learned = pairs[pairs["trained"].isin(table.loc[~out, "id"])]
    counts = counted(used[~out], learned)
    return pd.concat([counts, counted(used[out], pairs)], ignore_index=True) if out.any() else counts


def _row(name: str, part: pd.DataFrame) -> dict[str, object]:
    """The numbers of one source."""
    sizes = part["group"].value_counts(sort=False)
    largest = sizes.idxmax()
    return {
        "source": name,
        "images": len(part),
        "distinct": int(part["kept"].sum()),
        "share": 100 * part["kept"].mean(),
        "groups": int((sizes > 1).sum()),
        "largest": int(sizes.max()),
        "first": part["id"][part["group"] == largest].iloc[0],
    }
