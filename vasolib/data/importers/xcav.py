"""XCAV, published with DeNVeR as XACV: frames of cines, some of them with vessel masks.

Certain (programs that read it): <patient>/images/<cine>/<frame>.png and <patient>/ground_truth/<cine>/<frame>.png, such
as CVAI-1207/images/CVAI-1207LAO44_CRA29/00031.png. Folders ground_truth/<cine>CATH mark the catheter as well and are
left out, by which the papers' 221 labelled frames are expected; whether their authors did so is not known. The papers'
split into 175 and 46 is not published: where folders of patients lie in train, val and test, these are the parts; else
it is drawn here by patient, about as large. Frames without a mask are not imported.
"""

__all__ = ["plan_xcav"]

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from vasolib.data.importers.looking import folders_in, listed, locate, lost, mask_of, plain, within
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.importers.splits import DRAWN, around, drawn, splits_in, unread
from vasolib.data.left_out import LeftOut
from vasolib.errors import UserError

SET = "xcav"
TEST = 46 / 221
CATHETER = "CATH"
LAYOUT = ("folder with `images` and `ground_truth`, expected XACV as published: <patient>/{images,ground_truth}/<cine>/"
          "<frame>.png")  # fmt: skip


def plan_xcav(folder: Path) -> list[Plan]:
    """The set of labelled frames. UserError where there is none, or one patient only where the parts are not given."""
    root = around(locate(folder, lambda one: _has_patients(one) or _parts_of(one), LAYOUT), _has_patients)
    parts = _parts_of(root)
    if parts and _has_patients(root):
        raise UserError(f"{root} has patients in train, val or test and beside them, expected either: move or remove "
                        "some")  # fmt: skip
    found = [one for split, part in (parts or {"": root}).items() for one in _of_patients(root, split, part)]
    notes = unread(root, folders_in(root), parts.values())
    if parts:
        return [Plan(SET, "vessels", found, notes=tuple(notes))]
    return [Plan(SET, "vessels", drawn(SET, found, TEST), notes=(*notes, DRAWN))]


def _has_patients(folder: Path) -> bool:
    return next(folder.glob("*/ground_truth/*"), None) is not None


def _parts_of(root: Path) -> dict[str, Path]:
    """The folders that are splits and have patients in them."""
    return {split: folder for split, folder in splits_in(root).items() if _has_patients(folder)}


def _of_patients(root: Path, split: str, folder: Path) -> Iterator[Item | LeftOut]:
    """The labelled frames of the patients in a folder; `split` is what they are for, "" if that is not known."""
    for truth in sorted(folder.glob("*/ground_truth/*")):
        if truth.is_dir():
            yield from _frames(root, split, truth)


def _frames(root: Path, split: str, truth: Path) -> Iterator[Item | LeftOut]:
    """The labelled frames of one cine; `truth` is the folder of its masks."""
    folder = truth.parents[1]
    masks, bad = listed(SET, root, truth)
    if CATHETER in truth.name.upper():
        for path in masks.values():
            yield lost(SET, root, path, "is a mask with the catheter, not of vessels alone, so unused", "ignored")
        return
    yield from bad
    images, _ = listed(SET, root, folder / "images" / truth.name)
    patient = plain(folder.name)
    view = plain(truth.name).removeprefix(patient).strip("-") or "0"
    for stem, mask in masks.items():
        if stem not in images:
            yield lost(SET, root, mask, f"has no image, expected images/{truth.name}/{stem}.*: unpack the set again")
            continue
        name, cine = f"{patient}_{view}_{plain(stem)}", f"{patient}_{view}"
        original, label = within(root, images[stem]), partial(mask_of, mask)
        yield Item(name, images[stem], original, split, patient, cine, part=split, label=label)
