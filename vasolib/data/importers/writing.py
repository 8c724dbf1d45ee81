"""A set's folder in the layout of imported sets, from a plan: written whole, or not at all.

<set>/images/<id>.*; masks (0, 255), segments (0, 1 to 25) or stenoses (0, 1 and on) as <id>.png, or boxes.csv with
id,x0,y0,x1,y1 (half-open, in pixels); table.csv with id,split,patient,cine,original; left_out.csv with file,reason;
about.json with what the catalogue says of the set, and what was repaired.

A published file that is grey with 8 bits is linked (one file with two names, so it takes no room) where the disk can,
else copied; any other becomes a grey PNG by the rules of `vasolib.data.reading`. Labels are always written anew.
"""

__all__ = ["FOLDERS", "boxes_inside", "free", "is_written", "judged", "write_plan"]

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from PIL import Image

from vasolib.data.importers.looking import within
from vasolib.data.importers.plan import Item, Plan, Summary
from vasolib.data.left_out import MAX_UNUSABLE, BadFile, LeftOut, shown
from vasolib.data.listing import SUFFIXES
from vasolib.data.reading import MIN_SIDE, read_image
from vasolib.errors import UserError
from vasolib.files import atomic, write_csv, write_json
from vasolib.progress import reported

FOLDERS = {"vessels": "masks", "segments": "segments", "stenoses": "stenoses"}  # where the labels of each kind are
ABOUT = ("name", "title", "licence", "citation", "home")
COLUMNS = ("id", "split", "patient", "cine", "original")
STILL = ".image"
LINKED = {".png", ".jpg", ".jpeg", ".bmp", ".pgm"}
EXAMPLES = 3

Judged = tuple[Item, np.ndarray, np.ndarray | None]


def judged(plan: Plan) -> Iterator[Judged | LeftOut]:
    """Each item with its image (H, W) and label (H, W), both uint8, its boxes cut to the image; or why it is left out.

    An id that differs from an earlier one by small and capital letters only is one name on some disks, so it is out.
    """
    ids: set[str] = set()
    items = plan.items
    for item in reported(items, len(items), f"images of {plan.set}") if isinstance(items, Sequence) else items:
        if isinstance(item, LeftOut):
            yield item
            continue
        try:
            image = _image(item)
            label = item.label(image.shape) if item.label else None
            if item.id.casefold() in ids:
                raise BadFile(Path(item.original), f"has the id {item.id} of an earlier one: rename it")
        except BadFile as error:
            yield LeftOut("unusable", plan.set, item.original, _whose(item, Path(error.args[0])) + error.reason)
            continue
        ids.add(item.id.casefold())
        yield replace(item, boxes=boxes_inside(item, image.shape, plan.repairs)), image, label


def boxes_inside(item: Item, shape: tuple[int, int], repairs: list[str]) -> tuple[tuple[int, int, int, int], ...]:
    """The item's boxes in whole pixels, corners in order, cut to an image of `shape` (H, W).

    What was changed is added to `repairs`. A box of which nothing is left is dropped.
    """
    kept = []
    for box in item.boxes:
        if not np.isfinite(box).all():
            repairs.append(f"{item.original}: the box {box} has corners that are no numbers, dropped")
            continue
        x, y = sorted((round(box[0]), round(box[2]))), sorted((round(box[1]), round(box[3])))
        (x0, x1), (y0, y1) = np.clip(x, 0, shape[1]).tolist(), np.clip(y, 0, shape[0]).tolist()
        whole = tuple(map(round, box))
        if x0 == x1 or y0 == y1:
            repairs.append(f"{item.original}: the box {whole} covers no pixel of the image, dropped")
            continue
        if (x0, y0, x1, y1) != whole:
            repairs.append(f"{item.original}: the box {whole} was inverted or stuck out, now {(x0, y0, x1, y1)}")
        kept.append((x0, y0, x1, y1))
    return tuple(kept)


def write_plan(plan: Plan, to: Path, entry: object) -> Summary:
    """Write a set below the folder `to`; `entry`: what the catalogue says of it.

    Raises:
        UserError: its folder is there already, no image is usable, or more than a fifth of the set is not.
    """
    target = free(plan, to)
    with atomic(target) as folder:
        for name in filter(None, ("images", FOLDERS.get(plan.kind))):
            (folder / name).mkdir(parents=True)
        rows, boxes, left_out = [], [], []
        for one in judged(plan):
            if isinstance(one, LeftOut):
                left_out.append(one)
                continue
            item, image, label = one
            _put_image(item, image, folder / "images")
            if label is not None:
                Image.fromarray(label).save(folder / FOLDERS[plan.kind] / f"{item.id}.png")
            rows.append([getattr(item, name) for name in COLUMNS])
            boxes += [[item.id, *box] for box in item.boxes]
        _check_share(plan, rows, left_out)
        write_csv(folder / "table.csv", pd.DataFrame(rows, columns=COLUMNS))
        if plan.kind == "boxes":
            write_csv(folder / "boxes.csv", pd.DataFrame(boxes, columns=["id", "x0", "y0", "x1", "y1"]))
        lost = [[one.file, one.reason] for one in left_out]
        write_csv(folder / "left_out.csv", pd.DataFrame(lost, columns=["file", "reason"]))
        about = {name: getattr(entry, name) for name in ABOUT}
        write_json(folder / "about.json", about | {"kind": plan.kind, "repairs": plan.repairs})
    splits = dict(sorted(Counter(row[1] for row in rows).items()))
    patients = len({row[2] for row in rows} - {""})
    return Summary(plan.set, plan.kind, len(rows), len(left_out), splits, patients, len(plan.repairs))


def free(plan: Plan, to: Path) -> Path:
    """The folder that the set takes. UserError where something is there."""
    target = Path(to) / plan.set
    if os.path.lexists(target):
        raise UserError(f"{target} is there already: remove it to import the set again, or give another folder")
    return target


def is_written(plan: Plan, to: Path) -> bool:
    """Whether the set is there with the plan's images, by their names and splits; all not written must be left out.

    A plan of frames that are made as they are read cannot be compared, and is not taken for written.
    """
    target = Path(to) / plan.set
    if not isinstance(plan.items, Sequence) or not target.is_dir():
        return False
    try:
        table, lost = (pd.read_csv(target / f"{name}.csv", dtype=str, keep_default_na=False)
                       for name in ("table", "left_out"))  # fmt: skip
        written = set(table[list(COLUMNS)].itertuples(index=False, name=None))
        files = set(lost["file"])
    except (OSError, ValueError, KeyError):  # another folder of that name
        return False
    items = [one for one in plan.items if isinstance(one, Item)]
    planned = {tuple(getattr(item, name) for name in COLUMNS) for item in items}
    missing = {row[-1] for row in planned - written} | {one.file for one in plan.items if isinstance(one, LeftOut)}
    return written <= planned and missing == files


def _image(item: Item) -> np.ndarray:
    """The item's grey values (H, W) uint8. BadFile where they cannot be used."""
    if isinstance(item.image, Path):
        return read_image(item.image)
    values, path = item.image, Path(item.original)
    if values.ndim != 2 or values.dtype != np.uint8 or min(values.shape) < MIN_SIDE:
        raise BadFile(path, f"holds a frame of shape {values.shape}, expected a grey image: replace or remove it")
    if values.min() == values.max():
        raise BadFile(path, f"has a frame with the value {values.min()} everywhere, expected an image: remove it")
    return values


def _whose(item: Item, path: Path) -> str:
    """Whose fault it is, before the reason: nothing for the image's own; its mask may be a file of the same name."""
    original = Path(item.original)
    image = item.image if isinstance(item.image, Path) else original
    if path in (image, original):
        return ""
    root = [*image.parents][: len(original.parts)][-1]  # the published folder, which `original` starts from
    return f"its mask {within(root, path) if path.is_relative_to(root) else shown(path.name)} "


def _put_image(item: Item, image: np.ndarray, folder: Path) -> None:
    """The image in the set's folder: the published file under a second name, its copy, or a PNG."""
    if not isinstance(item.image, Path) or not _as_it_is(item.image):
        Image.fromarray(image).save(folder / f"{item.id}.png")
        return
    target, source = folder / f"{item.id}{item.image.suffix.lower()}", item.image.resolve()
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that has no links
        shutil.copyfile(source, target)


def _as_it_is(path: Path) -> bool:
    """Whether a readable image's file is grey with 8 bits, and is not turned by its EXIF data."""
    if path.suffix.lower() not in LINKED:
        return False
    with Image.open(path) as image:
        return image.mode == "L" and image.getexif().get(0x0112, 1) == 1


def _check_share(plan: Plan, rows: list[list], left_out: list[LeftOut]) -> None:
    """UserError if nothing is written, or too much of the set is unusable.

    Counted are published files, each once: one with several frames by the share of them that is unusable. A lost file
    that is no still image stands for a cine, and counts as much as a cine that is written.
    """
    unusable = [one for one in left_out if one.kind == "unusable"]
    good, bad = Counter(_still(row[-1]) for row in rows), Counter(_still(one.file) for one in unusable)
    cines = len({row[COLUMNS.index("cine")] for row in rows} - {""})
    of_cine = len(good) / cines if cines else 1  # 1 where a file is a cine, and more where it is a list of frames
    weights = {name: 1 if name in good or name.endswith(STILL) else of_cine for name in good | bad}
    lost = sum(weights[name] * count / (count + good[name]) for name, count in bad.items())
    if not rows or lost > MAX_UNUSABLE * sum(weights.values()):
        few = "; ".join(map(str, unusable[:EXAMPLES])) or "none was found"
        share = lost / (sum(weights.values()) or 1)
        raise UserError(
            f"the set {plan.set} has {len(rows)} usable images and {len(bad)} unusable files, {share:.1%} of it, "
            f"expected an image and at most {MAX_UNUSABLE:.0%}: mend or remove them; {EXAMPLES} at most are: {few}"
        )


def _still(file: str) -> str:
    """A file's place, with one suffix for a still image and its label: these are one however many of them are bad."""
    place = PurePosixPath(file)
    return str(place.with_suffix(STILL)) if place.suffix.lower() in {*SUFFIXES, ".xml"} else file
