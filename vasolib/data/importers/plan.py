"""What an importer hands over: which images a set has, and what is known of each, before anything is written."""

__all__ = ["Item", "Plan", "Summary"]

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Plan:
    """One set that is to be written.

    set: its name; part: of the published set that it is made from, "" for the whole.
    kind: of its labels, see `vasolib.data.importers.writing.FOLDERS`, boxes, or "".
    items: the images, and what is left out; made as they are read where a file has many.
    repairs: what was repaired, a sentence each; it grows as items are read.
    """

    set: str
    kind: str
    items: Iterable[Item | LeftOut]
    part: str = ""
    repairs: list[str] = field(default_factory=list)

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
        patients = f"{self.patients} patients" if self.patients else "patients unknown"
        told = f", {self.repairs} repairs (about.json)" if self.repairs else ""
        lost = f", {self.left_out} files left out (left_out.csv)" if self.left_out else ""
        return f"{self.set}: {self.images} images ({splits}), {self.kind or 'no labels'}, {patients}{lost}{told}"
