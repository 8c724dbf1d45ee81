"""XCAV, published with DeNVeR as XACV: frames of cines, some of them with vessel masks.

Certain (programs that read it): <patient>/images/<cine>/<frame>.png and <patient>/ground_truth/<cine>/<frame>.png, such
as CVAI-1207/images/CVAI-1207LAO44_CRA29/00031.png. Folders ground_truth/<cine>CATH mark the catheter as well and are
left out, by which the papers' 221 labelled frames are expected; whether their authors did so is not known. The papers'
split into 175 and 46 is not published: here it is by patient, about as large. Frames without a mask are not imported.
"""

__all__ = ["plan_xcav"]

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from vasolib.data.folder import split_by_patient
from vasolib.data.importers.looking import listed, locate, lost, mask_of, plain, within
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.left_out import LeftOut

SET = "xcav"
TEST = 46 / 221
CATHETER = "CATH"
LAYOUT = ("folder with `images` and `ground_truth`, expected XACV as published: <patient>/{images,ground_truth}/<cine>/"
          "<frame>.png")  # fmt: skip


def plan_xcav(folder: Path) -> list[Plan]:
    """The set of labelled frames. UserError where there is none, or one patient only."""
    root = locate(folder, lambda one: next(one.glob("*/ground_truth/*"), None) is not None, LAYOUT)
    found = [one for truth in sorted(root.glob("*/ground_truth/*")) if truth.is_dir() for one in _frames(root, truth)]
    items = [one for one in found if isinstance(one, Item)]
    parts = dict(zip([one.id for one in items], split_by_patient(SET, [one.id for one in items], TEST), strict=True))
    split = [replace(one, split=parts[one.id]) if isinstance(one, Item) else one for one in found]
    return [Plan(SET, "vessels", split)]


def _frames(root: Path, truth: Path) -> Iterator[Item | LeftOut]:
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
        yield Item(name, images[stem], original, "", patient, cine, label=label)
