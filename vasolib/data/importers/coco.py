"""ARCADE: COCO's JSON with outlines of SYNTAX segments (one half) and of stenoses (the other).

Certain (its page on Zenodo, and every program that reads it): {syntax,stenosis}/{train,val,test}/ with
images/<number>.png and annotations/<part>.json; no patient ids; the annotation ids repeat (issue 7 of cmctec/ARCADE),
so readers that go by them get another image's outlines. Here annotations are read by image_id alone, repeated ids are
counted among the repairs, and an annotation that is there twice word by word is taken once. From memory: the 26
categories are the 25 segments and, last, "stenosis"; they are told by name, so their numbers do not matter.

Three sets: arcade_vs (segments), arcade_v (vessels: the union of the segments), arcade_s (stenoses, numbered from 1 in
the file's order). Where outlines overlap, the later annotation wins, except in the union. A pixel is inside an outline
where its centre is.
"""

__all__ = ["plan_arcade"]

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from skimage.draw import polygon

from vasolib.data.importers.looking import listed, locate, lost, plain
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.left_out import BadFile, LeftOut, shown
from vasolib.data.listing import stem_of
from vasolib.data.synthetic.tree import SYNTAX
from vasolib.errors import UserError

HALVES = {"syntax": (("arcade_vs", "segments"), ("arcade_v", "vessels")), "stenosis": (("arcade_s", "stenoses"),)}
SPLITS = ("train", "val", "test")
LAYOUT = ("folder `syntax` or `stenosis` with train, val or test in it, expected ARCADE as published: "
          "{syntax,stenosis}/{train,val,test}/{images,annotations}")  # fmt: skip


@dataclass(frozen=True)
class Outline:
    """One annotation: its category's name and its polygons (N, 2) of x and y in pixels."""

    category: str
    polygons: tuple[np.ndarray, ...]


def plan_arcade(folder: Path) -> list[Plan]:
    """The sets of ARCADE's halves that are there. UserError where none is, or an annotation file cannot be read."""
    root = locate(folder, _has_half, LAYOUT)
    plans = []
    for half, sets in HALVES.items():
        for name, kind in sets if any((root / half / split).is_dir() for split in SPLITS) else ():
            repairs: list[str] = []
            there = [split for split in SPLITS if (root / half / split).is_dir()]
            items = [one for split in there for one in _items(root, half, split, name, kind, repairs)]
            plans.append(Plan(name, kind, items, half, repairs))
    return plans


def _has_half(folder: Path) -> bool:
    return any((folder / half / split).is_dir() for half in HALVES for split in SPLITS)


def _items(root: Path, half: str, split: str, name: str, kind: str, repairs: list[str]) -> Iterator[Item | LeftOut]:
    """The images of one part, in the order of their file names."""
    folder = root / half / split
    path, outlines = _annotations(folder / "annotations", kind, repairs)
    files, bad = listed(name, root, folder / "images")
    yield from bad
    for stem in sorted(outlines.keys() - files.keys() - {stem_of(root / one.file) for one in bad}):
        missing = folder / "images" / f"{shown(stem)}.png"
        yield lost(name, root, missing, f"is named by {path.name} but is not there: unpack the archive again")
    for stem, image in files.items():
        if stem not in outlines:
            yield lost(name, root, image, f"has no entry in {path.name}, so its labels are not known: remove it")
            continue
        label = partial(_drawn, image, kind, outlines[stem])
        original = f"{half}/{split}/images/{image.name}"
        yield Item(f"{split}-{plain(stem)}", image, original, split, part=f"{half}/{split}", label=label)


def _annotations(folder: Path, kind: str, repairs: list[str]) -> tuple[Path, dict[str, list[Outline]]]:
    """The part's annotation file, and the outlines of each image it names, by the image's stem."""
    found = [path for path in sorted(folder.glob("*")) if path.suffix.lower() == ".json" and path.name[0] != "."]
    if len(found) != 1:
        raise UserError(f"{folder} has {len(found)} .json files, expected the one of this part: unpack the set again")
    try:
        content = json.loads(found[0].read_text(encoding="utf-8"))
        categories = {one["id"]: str(one["name"]).strip() for one in content["categories"]}
        stems = {one["id"]: stem_of(Path(one["file_name"])) for one in content["images"]}
        return found[0], _by_image(found[0], content["annotations"], categories, stems, kind, repairs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise UserError(f"{found[0]} is no COCO file ({reason}), expected images, categories and annotations: unpack "
                        "the set again") from error  # fmt: skip


def _by_image(
    path: Path, annotations: list[dict], categories: dict, stems: dict, kind: str, repairs: list[str]
) -> dict[str, list[Outline]]:
    """The outlines by image, and what had to be repaired."""
    faults: Counter[str] = Counter()
    faults["ids repeat, annotations read by image"] = len(annotations) - len({one["id"] for one in annotations})
    faults["images have one file name"] = len(stems) - len(set(stems.values()))
    outlines: dict[str, list[Outline]] = {stem: [] for stem in stems.values()}
    seen: dict[object, set[str]] = defaultdict(set)
    for one in annotations:
        category = categories.get(one["category_id"], "")
        words = json.dumps([category, one["segmentation"]])
        polygons = _polygons(one["segmentation"])
        if one["image_id"] not in stems:
            faults["annotations of no image, dropped"] += 1
        elif (category == "stenosis") != (kind == "stenoses") or category not in (*SYNTAX, "stenosis"):
            faults["annotations of a category that is not this task's, dropped"] += 1
        elif not polygons:
            faults["annotations without a polygon, dropped"] += 1
        elif words in seen[one["image_id"]]:
            faults["annotations that are there twice, taken once"] += 1
        else:
            seen[one["image_id"]].add(words)
            outlines[stems[one["image_id"]]].append(Outline(category, polygons))
    place = "/".join(path.parts[-4:])
    repairs += [f"{place}: {count} {fault}" for fault, count in faults.items() if count]
    return outlines


def _polygons(segmentation: object) -> tuple[np.ndarray, ...]:
    """The polygons (N, 2) with three finite corners or more; none for a run-length code, which ARCADE does not use."""
    good = []
    for flat in segmentation if isinstance(segmentation, list) else ():
        corners = np.asarray(flat, float)
        if corners.ndim == 1 and corners.size >= 6 and corners.size % 2 == 0 and np.isfinite(corners).all():
            good.append(corners.reshape(-1, 2))
    return tuple(good)


def _drawn(image: Path, kind: str, outlines: list[Outline], shape: tuple[int, int]) -> np.ndarray:
    """The label (H, W) uint8 of one image. BadFile where a vessel is expected and none is drawn."""
    label = np.zeros(shape, np.uint8)
    if kind == "stenoses" and len(outlines) > 255:
        raise BadFile(image, f"has {len(outlines)} stenoses, expected at most 255: remove it")
    for number, outline in enumerate(outlines, start=1):
        if kind == "segments":
            value = SYNTAX.index(outline.category) + 1
        else:
            value = 255 if kind == "vessels" else number
        for corners in outline.polygons:
            label[polygon(corners[:, 1] - 0.5, corners[:, 0] - 0.5, shape)] = value
    if kind != "stenoses" and not label.any():
        raise BadFile(image, "has no annotated segment, expected one or more: remove it")
    return label
