"""The real frames that synthetic ones are compared with, and the half of them that the comparison may guide."""

__all__ = ["halves", "held_out", "read_real"]

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vasolib.data.crops import resize_image, resize_mask
from vasolib.data.folder import FolderSet, find_sets
from vasolib.data.reading import read_image, read_mask
from vasolib.errors import UserError

KEYFRAMES = "keyframes.txt"  # in a set's folder: the file names of frames in which the vessels are well filled


def halves(set_name: str, stems: list[str]) -> list[str]:
    """`tune` or `report` for each stem: the first half (rounded down) by the sha256 of "set/stem", and the rest.

    Choices of the generator are made on the half `tune` alone.
    """
    tune = set(_by_digest(set_name, stems)[: len(stems) // 2])
    return ["tune" if stem in tune else "report" for stem in stems]


def held_out(set_name: str, stems: list[str], share: float = 0.3) -> list[str]:
    """`test` for the last `share` of the stems in the order of `halves`, none of them in `tune`; `train` for the rest.

    Frames, not patients, are told apart: in these sets each frame is of another patient.
    """
    test = set(_by_digest(set_name, stems)[len(stems) - round(share * len(stems)) :])
    return ["test" if stem in test else "train" for stem in stems]


def _by_digest(set_name: str, stems: list[str]) -> list[str]:
    return sorted(stems, key=lambda stem: hashlib.sha256(f"{set_name}/{stem}".encode()).hexdigest())


@dataclass(frozen=True)
class RealSet:
    """Frames (N, S, S) uint8 of one set, their masks (N, S, S) of 0 and 1 or None, stems and halves by name."""

    images: np.ndarray
    masks: np.ndarray | None
    stems: list[str]
    parts: list[str]


def read_real(root: Path, side: int, labelled_only: bool = False) -> dict[str, RealSet]:
    """The sets below `root` by name, every frame resized to `side`. A set with a file keyframes.txt is its keyframes.

    Raises UserError where no set (with labels, if wanted) is found, a frame is not square, or a file is damaged.
    """
    found = {name: one for name, one in find_sets(root)[0].items() if one.masks or not labelled_only}
    if not found:
        raise UserError(f"no labelled set in {root}: expected a folder `masks` beside `images` in one of its folders")
    return {name: _read(one, side) for name, one in found.items()}


def _read(one: FolderSet, side: int) -> RealSet:
    chosen = _keyframes(one)
    images = [read_image(path) for path in chosen]
    for path, image in zip(chosen, images, strict=True):
        if image.shape[0] != image.shape[1]:
            raise UserError(f"{path} is {image.shape[1]} x {image.shape[0]} pixels, expected a square: cut it to one")
    masks = None
    if one.masks:
        labels = dict(zip(one.images, one.masks, strict=True))
        masks = np.stack(
            [
                resize_mask(read_mask(labels[path], image.shape), side).numpy()
                for path, image in zip(chosen, images, strict=True)
            ]
        )
    stems = [path.stem for path in chosen]
    resized = np.stack([resize_image(image, side).numpy() for image in images])
    return RealSet(resized, masks, stems, halves(one.name, stems))


def _keyframes(one: FolderSet) -> list[Path]:
    """The set's images, or those which its list of keyframes names."""
    listed = one.images[0].parents[1] / KEYFRAMES
    if not listed.is_file():
        return list(one.images)
    names = set(listed.read_text(encoding="utf-8").split())
    chosen = [path for path in one.images if path.name in names]
    if not chosen:
        raise UserError(
            f"{listed} names no image of its set: list file names such as {one.images[0].name}, or remove it"
        )
    return chosen
