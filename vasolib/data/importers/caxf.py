"""CAXF, the papers' in-house set, or any set of one's own: images and vessel masks of the same names.

Not published, so its layout is this project's: {train,test}/{images,masks}, or {images,masks} alone, which is then
split by patient, the part of a name before its first underscore. The copies of DCA1 and XCAD that came with SPIRONet
have the same layout with the names {img,label}, so these are known too, in small letters or capitals.
"""

__all__ = ["SPLITS", "has_parts", "parts_of", "plan_caxf"]

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from vasolib.data.folder import patient_of, split_by_patient
from vasolib.data.importers.looking import files_below, folders_in, id_of, locate, pairs, within
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.left_out import LeftOut, shown
from vasolib.errors import UserError

SET = "caxf"
SPLITS = ("train", "val", "test")
IMAGES, MASKS = ("images", "img"), ("masks", "label")
TEST = 201 / 538
LAYOUT = "folders `images` and `masks`, expected {train,test}/{images,masks} or {images,masks}, masks named as images"


def plan_caxf(folder: Path) -> list[Plan]:
    """The set of pairs. UserError where there are none, or one patient only where the parts are not given."""
    root = locate(folder, lambda one: _pair_in(one) or has_parts(one), LAYOUT)
    if _is_part(root) and sum(map(_is_part, folders_in(root.parent))) > 1:
        root = root.parent  # one part was named, and the others are beside it
    parts = parts_of(root)
    found = [one for split, pair in (parts or {"": _pair_in(root)}).items() for one in _items(root, split, *pair)]
    if not parts:
        ids = [one.id for one in found if isinstance(one, Item)]
        drawn = dict(zip(ids, split_by_patient(SET, ids, TEST), strict=True))
        found = [replace(one, split=drawn[one.id]) if isinstance(one, Item) else one for one in found]
    return [Plan(SET, "vessels", found)]


def has_parts(root: Path) -> bool:
    """Whether a folder below is called train, val or test and has images and masks."""
    return any(map(_is_part, folders_in(root)))


def parts_of(root: Path, others: Collection[str] = ()) -> dict[str, tuple[Path, Path]]:
    """The folders of images and of masks by part, "train", "val" or "test".

    Args:
        others: folders that may be in a part instead of these.

    Raises:
        UserError: images lie in a part without masks, or the reverse, or pairs in a folder called otherwise.
    """
    parts = {}
    for folder in folders_in(root):
        name = folder.name.lower()
        if _is_part(folder) and name not in parts:
            parts[name] = _pair_in(folder)
        elif _pair_in(folder):
            raise UserError(f"{folder} has images and masks, expected parts called train, val and test: rename it")
        elif name in SPLITS and files_below(folder) and not any((folder / one).is_dir() for one in others):
            found = ", ".join(shown(one.name) for one in folders_in(folder)) or "images alone"
            wanted = f"one folder {' or '.join(IMAGES)} and one {' or '.join(MASKS)}"
            raise UserError(f"{folder} has {found}, expected {wanted}: rename or add one, or remove the part")
    return {split: parts[split] for split in SPLITS if split in parts}


def _is_part(folder: Path) -> bool:
    return folder.name.lower() in SPLITS and _pair_in(folder) is not None


def _pair_in(folder: Path) -> tuple[Path, Path] | None:
    """The folders of images and of masks in a folder, if there is one of each."""
    inside = folders_in(folder)
    images, masks = ([one for one in inside if one.name.lower() in names] for names in (IMAGES, MASKS))
    return (images[0], masks[0]) if len(images) == len(masks) == 1 else None


def _items(root: Path, split: str, images: Path, masks: Path) -> Iterator[Item | LeftOut]:
    """The pairs of one part; names with an underscore tell the patient."""
    for pair in pairs(SET, root, images, masks):
        if isinstance(pair, LeftOut):
            yield pair
            continue
        stem, path, label = pair
        name = id_of(stem)
        patient = patient_of(name) if "_" in name else ""
        yield Item(name, path, within(root, path), split, patient, part=split, label=label)
