"""Near-duplicates: a perceptual hash proposes pairs of images, the correlation of small pictures confirms them.

The hash is the usual one (Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010): which of
the 64 lowest frequencies of the cosine transform of a picture of 32 x 32 pixels are above their median. Alone it says
that all dark frames in one shutter are alike. So pairs are kept only if their small pictures, in which each pixel
counts by how much it differs from what is around it, correlate, one moved a little against the other.

DISTANCE and CORRELATION were chosen on synthetic frames and on public real ones. A copy that was compressed, resized,
blurred, brightened or cut by 2 % of its side is found, one cut by 4 % mostly, one cut by 10 % hardly ever; nor is one
that was mirrored or turned. Two frames in a row of a recording are found, many of a later beat are not.
"""

__all__ = ["CORRELATION", "DISTANCE", "Looks", "near_duplicates", "near_links", "near_pairs"]

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice, product

import numpy as np
import pandas as pd
from PIL import Image
from scipy.fft import dctn
from scipy.ndimage import gaussian_filter
from scipy.sparse import csr_array

from vasolib.data.leaks import sides, splits
from vasolib.data.store import ImageStore

DISTANCE = 16  # of 64 bits, how many may differ
CORRELATION = 0.55  # and how much the small pictures must be alike
SIDE = 32  # of a small picture
RIM = 3  # of its pixels on each side, where a shutter's edge often is, are left out
AROUND = 2.0  # sigma in its pixels of what is around one of them
FLAT = 2.0  # grey levels: a weaker contrast is noise
INSIDE = SIDE - 2 * RIM
REACH = 2  # pixels that one picture is moved by against the other, each way
BLOCK = 1 << 22  # hashes compared at a time
BATCH = 1 << 12  # pictures filtered or compared at a time
NAMES = ["first", "second"]  # of both sides of a comparison


@dataclass(frozen=True)
class Looks:
    """What N images look like: hashes (N,) uint64, pictures (N, 26, 26) float32, dark detail (N,); 3 kB an image."""

    hashes: np.ndarray
    pictures: np.ndarray
    detail: np.ndarray

    @classmethod
    def of(cls, *stacks: np.ndarray) -> "Looks":
        """Of images, one stack (n, H, W) uint8 after the other; they may be memory-mapped."""
        count, images = sum(map(len, stacks)), chain(*stacks)
        hashes, pictures = np.empty(count, np.uint64), np.empty((count, INSIDE, INSIDE), np.float32)
        detail = np.empty(count, np.float32)
        for start in range(0, count, BATCH):
            small = np.stack([shrunk(image) for image in islice(images, BATCH)])
            rows = slice(start, start + BATCH)
            hashes[rows], pictures[rows], detail[rows] = perceptual_hash(small), local_contrast(small), darkness(small)
        return cls(hashes, pictures, detail)

    def part(self, rows: np.ndarray) -> "Looks":
        """Of some of the images."""
        return Looks(self.hashes[rows], self.pictures[rows], self.detail[rows])


def shrunk(image: np.ndarray) -> np.ndarray:
    """An image (H, W) uint8 averaged to (32, 32) float32."""
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)


def perceptual_hash(small: np.ndarray) -> np.ndarray:
    """(N, 32, 32) -> (N,) uint64, a bit per frequency."""
    low = dctn(small, axes=(1, 2), norm="ortho")[:, :8, :8].reshape(-1, 64)
    return np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1).view(np.uint64)[:, 0]


def local_contrast(small: np.ndarray) -> np.ndarray:
    """(N, 32, 32) -> (N, 26, 26): each pixel minus the average around it, in standard deviations there.

    Cut at -1 and 1, so that the edge of a shutter, which many frames share, weighs no more than a vessel; zero on
    average; without the rim.
    """
    around = (0, AROUND, AROUND)
    detail = small - gaussian_filter(small, around)
    spread = np.sqrt(gaussian_filter(detail**2, around) + FLAT**2)
    inside = np.clip(detail / spread, -1, 1)[:, RIM:-RIM, RIM:-RIM]
    return inside - inside.mean(axis=(1, 2), keepdims=True)


def darkness(small: np.ndarray) -> np.ndarray:
    """(N, 32, 32) -> (N,): mean square, in grey levels, of what is darker than around it.

    Of the frames of a recording, those full of contrast agent have most.
    """
    detail = (small - gaussian_filter(small, (0, AROUND, AROUND)))[:, RIM:-RIM, RIM:-RIM]
    return (np.minimum(detail, 0) ** 2).mean(axis=(1, 2))


def near_pairs(first: Looks, second: Looks) -> pd.DataFrame:
    """Which images of `first` (N) and `second` (M) are near-duplicates; each pair once where both are the same.

    Columns first, second (rows of either), distance (bits that differ), correlation; in no order. Takes N x M
    comparisons of hashes, some nanoseconds each, and holds a few million at a time.
    """
    found = [np.empty((0, 4))]
    for rows, columns, distance in candidates(first.hashes, second.hashes, once=first is second):
        correlation = correlations(first.pictures[rows], second.pictures[columns])
        found.append(np.stack([rows, columns, distance, correlation], axis=1)[correlation >= CORRELATION])
    table = pd.DataFrame(np.concatenate(found), columns=[*NAMES, "distance", "correlation"])
    return table.astype({"first": int, "second": int, "distance": int})


def candidates(
    first: np.ndarray, second: np.ndarray, once: bool = False
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Rows of either and distance of the pairs of hashes that differ in DISTANCE bits or fewer, some at a time.

    once: only pairs of which the second's row lies behind the first's.
    """
    step = max(1, BLOCK // max(1, len(second)))
    for start in range(0, len(first), step):
        distance = np.bitwise_count(first[start : start + step, None] ^ second)
        close = distance <= DISTANCE
        rows, columns = np.nonzero(np.triu(close, start + 1) if once else close)
        for at in range(0, len(rows), BATCH):
            row, column = rows[at : at + BATCH], columns[at : at + BATCH]
            yield row + start, column, distance[row, column]


def correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The largest correlation (N,) of pictures (N, 26, 26), one moved against the other by up to REACH pixels."""
    best = np.full(len(a), -1.0)
    for down, right in product(range(-REACH, REACH + 1), repeat=2):
        ours, theirs = a[overlap(down, right)], b[overlap(-down, -right)]
        sizes = np.sqrt(inner(ours, ours) * inner(theirs, theirs))
        best = np.maximum(best, inner(ours, theirs) / np.maximum(sizes, 1e-6))
    return best


def overlap(down: int, right: int) -> tuple[slice, ...]:
    """Of each picture, what a copy of it covers that is moved by so many pixels, as indices."""
    return np.s_[:, max(0, down) : INSIDE + min(0, down), max(0, right) : INSIDE + min(0, right)]


def inner(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Sums of products (N,) of pictures."""
    return np.einsum("nij,nij->n", a, b)


def near_links(looks: Looks) -> csr_array:
    """(N, N) bool, symmetric: which images are near-duplicates of which; each is one of itself."""
    pairs, itself = near_pairs(looks, looks), np.arange(len(looks.hashes))
    rows, columns = (np.concatenate([pairs[one], pairs[other], itself]) for one, other in (NAMES, NAMES[::-1]))
    return csr_array((np.ones(len(rows), bool), (rows, columns)), shape=2 * itself.shape)


def near_duplicates(stores: Mapping[str, ImageStore]) -> pd.DataFrame:
    """The near-duplicates among a tested and a trained image of any two stores, the most alike first.

    Columns tested and trained (ids), distance, correlation. An image that two stores have is compared once.
    """
    looks = Looks.of(*(store.images for store in stores.values()))
    tested, trained = (rows.drop_duplicates("id")["id"] for rows in sides(splits(stores)))
    pairs = near_pairs(looks.part(tested.index), looks.part(trained.index))
    pairs["tested"] = tested.to_numpy()[pairs.pop("first")]
    pairs["trained"] = trained.to_numpy()[pairs.pop("second")]
    order = {"by": ["correlation", "tested", "trained"], "ascending": [False, True, True], "ignore_index": True}
    return pairs.sort_values(**order)[["tested", "trained", "distance", "correlation"]]
