"""A set's folder in the layout of imported sets, from a plan: written whole, or not at all.

<set>/images/<id>.*; masks (0, 255), segments (0, 1 to 25) or stenoses (0, 1 and on) as <id>.png, or boxes.csv with
id,x0,y0,x1,y1 (half-open, in pixels); table.csv with id,split,patient,cine,original; left_out.csv with file,reason;
about.json with what the catalogue says of the set, and what was repaired.

A published file that is grey with 8 bits is linked (one file with two names, so it takes no room) where the disk can,
else copied; any other becomes a grey PNG by the rules of `vasolib.data.reading`. Labels are always written anew.
"""

__all__ = ["COLUMNS", "FOLDERS", "free", "is_written", "write_plan"]

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from PIL import Image

from vasolib.data.importers.judging import judged
from vasolib.data.importers.plan import Item, Plan, Summary
from vasolib.data.left_out import MAX_UNUSABLE, LeftOut
from vasolib.data.listing import SUFFIXES
from vasolib.errors import UserError
from vasolib.files import atomic, write_csv, write_json

FOLDERS = {"vessels": "masks", "segments": "segments", "stenoses": "stenoses"}  # where the labels of each kind are
ABOUT = ("name", "title", "licence", "citation", "home")
COLUMNS = ("id", "split", "patient", "cine", "original")
STILL = ".image"
LINKED = {".png", ".jpg", ".jpeg", ".bmp", ".pgm"}
EXAMPLES = 3


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

    A plan of frames that are made as they are read is compared by their files, and is not taken for written where these
    are not known before.
    """
    target = Path(to) / plan.set
    if not target.is_dir():
        return False
    try:
        table, lost = (pd.read_csv(target / f"{name}.csv", dtype=str, keep_default_na=False)
                       for name in ("table", "left_out"))  # fmt: skip
        written = set(table[list(COLUMNS)].itertuples(index=False, name=None))
        files = set(lost["file"])
    except (OSError, ValueError, KeyError):  # another folder of that name
        return False
    if not isinstance(plan.items, Sequence):
        return files | set(table["original"]) == plan.files
    items = [one for one in plan.items if isinstance(one, Item)]
    planned = {tuple(getattr(item, name) for name in COLUMNS) for item in items}
    missing = {row[-1] for row in planned - written} | {one.file for one in plan.items if isinstance(one, LeftOut)}
    return written <= planned and missing == files


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
