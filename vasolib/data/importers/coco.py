"""ARCADE: COCO's JSON with outlines of SYNTAX segments (one half) and of stenoses (the other).

Certain (its page on Zenodo, and every program that reads it): {syntax,stenosis}/{train,val,test}/ with
images/<number>.png and annotations/<part>.json; no patient ids; the annotation ids repeat (issue 7 of cmctec/ARCADE),
so readers that go by them get another image's outlines. Here annotations are read by image_id alone, repeated ids are
counted among the repairs, and an annotation that is there twice word by word is taken once. An image with an annotation
that cannot be used is left out: what it outlines would pass for background. From memory: the 26 categories are the 25
segments and, last, "stenosis"; they are told by name, so their numbers do not matter.

Three sets: arcade_vs (segments), arcade_v (vessels: the union of the segments), arcade_s (stenoses, numbered from 1 in
the file's order). Where outlines overlap, the later annotation wins, except in the union. A pixel is inside an outline
where its centre is.
"""

__all__ = ["plan_arcade"]

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from skimage.draw import polygon

from vasolib.data.importers.looking import folders_in, listed, locate, lost, plain, within
from vasolib.data.importers.outlines import Annotations, Outline, read_annotations
from vasolib.data.importers.plan import Item, Later, Plan
from vasolib.data.importers.splits import splits_in, unread
from vasolib.data.left_out import BadFile, LeftOut, shown
from vasolib.data.listing import stem_of
from vasolib.data.synthetic.tree import SYNTAX
from vasolib.errors import UserError

HALVES = {"syntax": (("arcade_vs", "segments"), ("arcade_v", "vessels")), "stenosis": (("arcade_s", "stenoses"),)}
LAYOUT = ("folder `syntax` or `stenosis` with train, val or test in it, expected ARCADE as published: "
          "{syntax,stenosis}/{train,val,test}/{images,annotations}")  # fmt: skip


def plan_arcade(folder: Path) -> list[Plan]:
    """The sets of ARCADE's halves that are there. UserError where none is.

    Annotation files are read when a set's items are asked for, which raises UserError where one cannot be read.
    """
    root = locate(folder, lambda one: any(splits_in(one / half) for half in HALVES), LAYOUT)
    plans = []
    for half, sets in HALVES.items():
        splits = splits_in(root / half)
        notes = tuple(unread(root, [*folders_in(root), *folders_in(root / half)], splits.values()))
        for name, kind in sets if splits else ():
            repairs: list[str] = []
            items = Later(partial(_of_half, root, splits, name, kind, repairs))
            plans.append(Plan(name, kind, items, half, repairs, notes))
    return plans


def _of_half(root: Path, splits: dict[str, Path], name: str, kind: str, repairs: list[str]) -> Iterator[Item | LeftOut]:
    """The images of one half, and what had to be repaired."""
    for split, folder in splits.items():
        path = _annotation_file(folder / "annotations")
        found = read_annotations(path, kind)
        repairs += [f"{within(root, path)}: {count} {fault}" for fault, count in found.repairs.items() if count]
        if found.strangers:
            reason = f"has {len(found.strangers)} annotations of images that it does not list, the first of the "
            reason += f"image_id {found.strangers[0]!r}, so these are not used: unpack the set again, or remove them"
            yield lost(name, root, path, reason, "ignored")
        yield from _items(root, split, path, found, name, kind)


def _annotation_file(folder: Path) -> Path:
    """The only file of annotations in a part's folder. UserError where there is another number of them."""
    found = [path for path in sorted(folder.glob("*")) if path.suffix.lower() == ".json" and path.name[0] != "."]
    if len(found) != 1:
        raise UserError(f"{folder} has {len(found)} .json files, expected the one of this part: unpack the set again")
    return found[0]


def _items(root: Path, split: str, path: Path, found: Annotations, name: str, kind: str) -> Iterator[Item | LeftOut]:
    """The images of one part, in the order of their file names; `path` is its annotation file, and `found` in it."""
    folder = path.parents[1]
    files, bad = listed(name, root, folder / "images")
    yield from bad
    for stem in sorted(found.images.keys() - files.keys() - {stem_of(root / one.file) for one in bad}):
        missing = folder / "images" / f"{shown(stem)}.png"
        yield lost(name, root, missing, f"is named by {path.name} but is not there: unpack the archive again")
    for stem, image in files.items():
        noted = found.images.get(stem)
        if noted is None:
            yield lost(name, root, image, f"has no entry in {path.name}, so its labels are not known: remove it")
        elif noted.fault:
            remedy = f"so its label would not be whole: mend {path.name}, or remove the image"
            yield lost(name, root, image, f"{noted.fault}, {remedy}")
        else:
            part, label = f"{folder.parent.name}/{split}", partial(_drawn, image, kind, noted.outlines)
            name_in_set, original = f"{split}-{plain(stem)}", within(root, image)
            yield Item(name_in_set, image, original, split, part=part, label=label, stated=noted.size)


def _drawn(image: Path, kind: str, outlines: list[Outline], shape: tuple[int, int]) -> np.ndarray:
    """The label (H, W) uint8 of one image. BadFile where none is drawn of what is outlined, or of a vessel at all."""
    label = np.zeros(shape, np.uint8)
    if kind == "stenoses" and len(outlines) > 255:
        raise BadFile(image, f"has {len(outlines)} stenoses, expected at most 255: remove it")
    for number, outline in enumerate(outlines, start=1):
        if kind == "segments":
            value = SYNTAX.index(outline.category) + 1
        else:
            value = 255 if kind == "vessels" else number
        inside = [polygon(corners[:, 1] - 0.5, corners[:, 0] - 0.5, shape) for corners in outline.polygons]
        if any(_is_outside(corners, shape) for corners in outline.polygons) or not any(rows.size for rows, _ in inside):
            found = f"has an outline of the category {outline.category!r} that covers no pixel of it"
            raise BadFile(image, f"{found}, expected all of them inside {shape[1]} x {shape[0]} pixels: mend or remove")
        for pixels in inside:
            label[pixels] = value
    if kind != "stenoses" and not label.any():
        raise BadFile(image, "has no annotated segment, expected one or more: remove it")
    return label


def _is_outside(corners: np.ndarray, shape: tuple[int, int]) -> bool:
    """Whether a polygon (N, 2) of x and y lies wholly beside an image of `shape` (H, W)."""
    return bool((corners.max(0) <= 0).any() or (corners.min(0) >= shape[::-1]).any())
