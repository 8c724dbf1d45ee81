"""What an importer hands over: which images a set has, and what is known of each, before anything is written."""

__all__ = ["Item", "Later", "Plan", "Summary"]

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from vasolib.data.left_out import LeftOut


@dataclass(frozen=True)
class Item:
    """One image that is to be written.

    id: its name in the set; begins with "<patient>_" where the patient is known.
    image: its file, or grey values (H, W) uint8 where it is one of several in a file.
    original: its path inside the published folder.
    split: train, val, test or unlabelled.
    patient, cine: "" if unknown.
    part: of the catalogue's counts; "" where these cannot be told apart.
    label: makes the label (H, W) uint8 for an image's shape (H, W), and raises BadFile where it cannot be used.
    boxes: (x0, y0, x1, y1) in pixels as published, yet to be cut to the image.
    stated: (H, W) of the image by the file of its labels, None where that does not say it.
    """

    id: str
    image: Path | np.ndarray
    original: str
    split: str
    patient: str = ""
    cine: str = ""
    part: str = ""
    label: Callable[[tuple[int, int]], np.ndarray] | None = None
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    stated: tuple[float, float] | None = None


class Later(Sequence):
    """Items that are found when they are first asked for, so that nobody else stumbles over what is wrong with them."""

    def __init__(self, find: Callable[[], Iterable[Item | LeftOut]]):
        self._find = find

    @cached_property
    def _found(self) -> list[Item | LeftOut]:
        return list(self._find())

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, index: int) -> Item | LeftOut:
        return self._found[index]


@dataclass(frozen=True)
class Plan:
    """One set that is to be written.

    set: its name; part: of the published set that it is made from, "" for the whole.
    kind: of its labels, see `vasolib.data.importers.writing.FOLDERS`, boxes, or "".
    items: the images, and what is left out; made as they are read where a file has many.
    repairs: what was repaired, a sentence each; it grows as items are read.
    notes: what there is to know of the folder as a whole, a sentence each.
    files: the places of all files that items are made of, where these are made as they are read and it is known.
    """

    set: str
    kind: str
    items: Iterable[Item | LeftOut]
    part: str = ""
    repairs: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    files: frozenset[str] = frozenset()

    @property
    def splits(self) -> set[str]:
        """The splits that its images are in; those of frames made as they are read are not published with any."""
        if not isinstance(self.items, Sequence):
            return {"unlabelled"}
        return {one.split for one in self.items if isinstance(one, Item)}


@dataclass(frozen=True)
class Summary:
    """What came of one set: images written, files left out, images by split, patients (0 if unknown)."""

    set: str
    kind: str
    images: int
    left_out: int
    splits: dict[str, int]
    patients: int
    repairs: int = 0

    def __str__(self) -> str:
        splits = ", ".join(f"{split} {count}" for split, count in self.splits.items())
        patients = number(self.patients, "patient") if self.patients else "patients unknown"
        told = f", {number(self.repairs, 'repair')} (about.json)" if self.repairs else ""
        lost = f", {number(self.left_out, 'file')} left out (left_out.csv)" if self.left_out else ""
        images = number(self.images, "image")
        return f"{self.set}: {images} ({splits}), {self.kind or 'no labels'}, {patients}{lost}{told}"


def number(count: int, what: str) -> str:
    """Such as `1 file` and `2 files`."""
    return f"{count} {what}{'s' * (count != 1)}"
