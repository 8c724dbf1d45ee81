"""CAXF, the papers' in-house set, or any set of one's own: images and vessel masks of the same names.

Not published, so its layout is this project's: {train,test}/{images,masks}, or {images,masks} alone, which is then
split by patient, the part of a name before its first underscore.
"""

__all__ = ["plan_caxf"]

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from vasolib.data.folder import patient_of, split_by_patient
from vasolib.data.importers.looking import id_of, locate, pairs, within
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.left_out import LeftOut

SET = "caxf"
SPLITS = ("train", "val", "test")
TEST = 201 / 538
LAYOUT = "folders `images` and `masks`, expected {train,test}/{images,masks} or {images,masks}, masks named as images"


def plan_caxf(folder: Path) -> list[Plan]:
    """The set of pairs. UserError where there are none, or one patient only where the parts are not given."""
    root = locate(folder, lambda one: _is_pair(one) or any(_is_pair(one / split) for split in SPLITS), LAYOUT)
    if root.name in SPLITS and any(_is_pair(root.parent / split) for split in SPLITS if split != root.name):
        root = root.parent  # one part was named, and the others are beside it
    given = [split for split in SPLITS if _is_pair(root / split)]
    found = [one for split in given or [""] for one in _items(root, split)]
    if not given:
        ids = [one.id for one in found if isinstance(one, Item)]
        parts = dict(zip(ids, split_by_patient(SET, ids, TEST), strict=True))
        found = [replace(one, split=parts[one.id]) if isinstance(one, Item) else one for one in found]
    return [Plan(SET, "vessels", found)]


def _is_pair(folder: Path) -> bool:
    return (folder / "images").is_dir() and (folder / "masks").is_dir()


def _items(root: Path, split: str) -> Iterator[Item | LeftOut]:
    """The pairs of one part; names with an underscore tell the patient."""
    for pair in pairs(SET, root, root / split / "images", root / split / "masks"):
        if isinstance(pair, LeftOut):
            yield pair
            continue
        stem, path, label = pair
        name = id_of(stem)
        patient = patient_of(name) if "_" in name else ""
        yield Item(name, path, within(root, path), split, patient, part=split, label=label)
