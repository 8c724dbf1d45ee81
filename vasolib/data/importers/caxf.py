"""CAXF, the papers' in-house set, or any set of one's own: images and vessel masks of the same names.

Not published, so its layout is this project's: {train,test}/{images,masks}, or {images,masks} alone, which is then
split by patient, the part of a name before its first underscore. The copies of DCA1 and XCAD that came with SPIRONet
have the same layout with the names {img,label}, so these are known too, in small letters or capitals.

Where names begin anew in each part, such as train/images/1.png and test/images/1.png, ids have the part in them.
"""

__all__ = ["has_parts", "parts_of", "plan_caxf", "strange_parts", "with_parts"]

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from vasolib.data.folder import patient_of
from vasolib.data.importers.looking import files_below, folders_in, id_of, locate, pairs, within
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.importers.splits import DRAWN, around, drawn, split_of, splits_in, unread
from vasolib.data.left_out import LeftOut, shown
from vasolib.errors import UserError

SET = "caxf"
IMAGES, MASKS = ("images", "img"), ("masks", "label")
TEST = 201 / 538
LAYOUT = "folders `images` and `masks`, expected {train,test}/{images,masks} or {images,masks}, masks named as images"


def plan_caxf(folder: Path) -> list[Plan]:
    """The set of pairs. UserError where there are none, or one patient only where the parts are not given."""
    root = around(locate(folder, lambda one: _pair_in(one) or has_parts(one), LAYOUT), _pair_in)
    parts = parts_of(root)
    pairs_of = parts or {"": _pair_in(root)}
    found = [one for split, pair in pairs_of.items() for one in _items(root, split, *pair)]
    notes = strange_parts(root, pairs_of)
    if parts:
        return [Plan(SET, "vessels", with_parts(found), notes=notes)]
    return [Plan(SET, "vessels", drawn(SET, found, TEST), notes=(*notes, DRAWN))]


def has_parts(root: Path) -> bool:
    """Whether a folder below is a split and has images and masks."""
    return any(map(_is_part, folders_in(root)))


def parts_of(root: Path, others: Collection[str] = ()) -> dict[str, tuple[Path, Path]]:
    """The folders of images and of masks by part, "train", "val" or "test".

    Args:
        others: folders that may be in a part instead of these.

    Raises:
        UserError: images lie in a part without masks, or the reverse, or pairs in a folder called otherwise or beside
            the parts; or two folders are of one part.
    """
    splits = splits_in(root)
    if has_parts(root) and _pair_in(root):
        raise UserError(f"{root} has images and masks in parts and beside them, expected either: move or remove some")
    for folder in folders_in(root):
        if folder not in splits.values() and _pair_in(folder):
            raise UserError(f"{folder} has images and masks, expected parts called train, val and test: rename it")
    for folder in splits.values():
        if not _pair_in(folder) and files_below(folder) and not any((folder / one).is_dir() for one in others):
            found = ", ".join(shown(one.name) for one in folders_in(folder)) or "images alone"
            wanted = f"one folder {' or '.join(IMAGES)} and one {' or '.join(MASKS)}"
            raise UserError(f"{folder} has {found}, expected {wanted}: rename or add one, or remove the part")
    return {split: pair for split, folder in splits.items() if (pair := _pair_in(folder))}


def strange_parts(root: Path, parts: dict[str, tuple[Path, Path]]) -> tuple[str, ...]:
    """What to say of folders that look like parts, beside those that are read or among their images."""
    inside = [one for pair in parts.values() for folder in pair for one in folders_in(folder)]
    return tuple(unread(root, [*folders_in(root), *inside], splits_in(root).values()))


def with_parts(found: Iterable[Item | LeftOut]) -> list[Item | LeftOut]:
    """The items, with the part in all ids if one id is there in two parts; behind the patient, where that is known."""
    found, splits = list(found), defaultdict(set)
    for one in found:
        if isinstance(one, Item):
            splits[one.id.casefold()].add(one.split)
    if all(len(of_one) == 1 for of_one in splits.values()):
        return found
    return [replace(one, id=_with_part(one)) if isinstance(one, Item) else one for one in found]


def _with_part(item: Item) -> str:
    """An item's id with its part in it."""
    start = f"{item.patient}_" if item.patient else ""
    return f"{start}{item.split}-{item.id.removeprefix(start)}"


def _is_part(folder: Path) -> bool:
    return bool(split_of(folder.name)) and _pair_in(folder) is not None


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
