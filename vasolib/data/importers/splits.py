"""Folders that are called as a split, in the spellings that are in use, and what to say where a set has none.

A split is train, val or test; a folder of it may also be called training, valid, validation or testing, in small
letters or capitals.
"""

__all__ = ["DRAWN", "SPLITS", "around", "drawn", "split_of", "splits_in", "unread", "unsplit"]

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from pathlib import Path

from vasolib.data.folder import split_by_patient
from vasolib.data.importers.looking import files_below, folders_in, within
from vasolib.data.importers.plan import Item
from vasolib.data.left_out import LeftOut, shown
from vasolib.errors import UserError

SPELLINGS = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
SPLITS = tuple(SPELLINGS)
NAMES = {name: split for split, names in SPELLINGS.items() for name in names}
LIKE = re.compile(r"train|(?<![a-z])(test|val|eval|holdout|hold-out|dev(?![a-z]))", re.IGNORECASE)
DRAWN = ("train and test are drawn here, by patient: the folder gives no split, and that of the papers is not known; "
         "give it as folders train and test if you have it")  # fmt: skip


def split_of(name: str) -> str:
    """The split that a folder's name stands for, "" for none."""
    return NAMES.get(name.strip().lower(), "")


def splits_in(folder: Path) -> dict[str, Path]:
    """The sub-folders that are splits, in the order of `SPLITS`. UserError where two are one split."""
    named: dict[str, Path] = {}
    for one in folders_in(folder):
        split = split_of(one.name)
        if split in named:
            twins = f"{shown(named[split].name)} and {shown(one.name)}"
            raise UserError(f"{folder} has {twins}, expected one folder of the split {split}: join or rename them")
        if split:
            named[split] = one
    return {split: named[split] for split in SPLITS if split in named}


def unread(root: Path, folders: Iterable[Path], read: Collection[Path] = ()) -> list[str]:
    """A sentence for each of some folders that has files and a name like a split's, but is not `read` as one."""
    like = [one for one in folders if one not in read and LIKE.search(one.name)]
    known = ", ".join(NAMES)
    return [
        f"the folder {within(root, one)} looks like a split and is not read as one, expected one of {known} where the "
        "published layout has them: rename or move it if it is one"
        for one in like
        if files_below(one) or files_below(one, {".xml", ".json"})
    ]


def unsplit(root: Path, paths: Iterable[Path]) -> tuple[str, ...]:
    """What to say where some images, at these paths, lie in splits, of a set that is learned from without labels."""
    folders = {name for path in paths for name in path.relative_to(root).parts[:-1]}
    named = " and ".join(sorted(shown(name) for name in folders if split_of(name)))
    return (f"the images in {named} are all read alike, as unlabelled: the set is for pre-training",) * bool(named)


def around(root: Path, fits: Callable[[Path], object]) -> Path:
    """The folder around the one given, where that is one of several splits that fit; else the one given."""
    beside = [one for one in folders_in(root.parent) if split_of(one.name) and fits(one)]
    return root.parent if root in beside and len(beside) > 1 else root


def drawn(name: str, found: list[Item | LeftOut], test: float) -> list[Item | LeftOut]:
    """The items of the set `name` with train or test for their split, no patient in both, and what is left out.

    Args:
        test: the share of images to test on, see `split_by_patient`, which raises UserError for a single patient.
    """
    ids = [one.id for one in found if isinstance(one, Item)]
    parts = dict(zip(ids, split_by_patient(name, ids, test), strict=True))
    return [replace(one, split=parts[one.id]) if isinstance(one, Item) else one for one in found]
