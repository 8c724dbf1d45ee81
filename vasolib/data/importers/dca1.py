"""DCA1 (Cervantes-Sanchez et al. 2019): 134 frames with vessel masks, side by side in one folder.

Certain (programs that read it): Database_134_Angiograms/<number>.pgm and <number>_gt.pgm, 300 x 300. Patients are not
known. Frames 1 to 100 are for training and the other 34 for testing, as in the copy published with SPIRONet, which is
read too: {train,test}/img/<number>.pgm and {train,test}/label/<number>.pgm.
"""

__all__ = ["plan_dca1"]

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from vasolib.data.importers.caxf import has_parts, parts_of, strange_parts, with_parts
from vasolib.data.importers.looking import id_of, listed, locate, lost, mask_of, pairs, within
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.left_out import LeftOut

SET = "dca1"
TRAINING = 100
LAYOUT = ("file <number>_gt.pgm beside a <number>.pgm, expected DCA1 as published: Database_134_Angiograms with 134 "
          "pairs of them, or {train,test}/{img,label}")  # fmt: skip


def plan_dca1(folder: Path) -> list[Plan]:
    """The set of pairs. UserError where there is none."""
    root = locate(folder, lambda one: _is_split(one) or next(one.glob("*_[gG][tT].*"), None) is not None, LAYOUT)
    parts = parts_of(root) if _is_split(root) else {}
    found = with_parts(_in_parts(root, parts)) if parts else list(_items(root))
    return [Plan(SET, "vessels", found, notes=strange_parts(root, parts))]


def _is_split(root: Path) -> bool:
    """Whether a folder is the copy that is split already: XCAD's has the same folders, but no number for a name."""
    return has_parts(root) and any(path.stem.isdecimal() for path in root.glob("*/*/*.*"))


def _in_parts(root: Path, parts: dict[str, tuple[Path, Path]]) -> Iterator[Item | LeftOut]:
    """The pairs of the copy that is split already."""
    for split, (images, masks) in parts.items():
        for pair in sorted(pairs(SET, root, images, masks), key=_number):
            if isinstance(pair, LeftOut):
                yield pair
                continue
            stem, path, label = pair
            yield Item(id_of(stem), path, within(root, path), split, part=split, label=label)


def _number(pair: tuple[str, Path, partial] | LeftOut) -> int:
    """What the pairs of a part are in the order of; what has no number comes first."""
    return int(pair[0]) if isinstance(pair, tuple) and pair[0].isascii() and pair[0].isdecimal() else -1


def _items(root: Path) -> Iterator[Item | LeftOut]:
    """The pairs in the order of their numbers."""
    files, bad = listed(SET, root, root)
    yield from bad
    images = [stem for stem in files if stem.isascii() and stem.isdecimal()]
    masks = {stem.lower(): path for stem, path in files.items()}
    for stem in sorted(images, key=int):
        mask = masks.get(f"{stem}_gt")
        if mask is None:
            yield lost(SET, root, files[stem], f"has no mask, expected {stem}_gt.pgm beside it: unpack the set again")
            continue
        split = "train" if int(stem) <= TRAINING else "test"
        yield Item(stem, files[stem], within(root, files[stem]), split, part=split, label=partial(mask_of, mask))
    used = {masks.get(f"{stem}_gt") for stem in images}
    for stem, path in files.items():
        if stem not in images and path not in used:
            yield lost(SET, root, path, "is neither <number>.pgm nor the mask of one: remove it", "ignored")
