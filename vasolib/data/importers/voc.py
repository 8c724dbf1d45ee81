"""Stenosis (Danilov et al. 2021): frames with boxes in Pascal VOC's XML.

Certain (files of the set at hand, and programs that read it): <site>_<patient>_<cine>_<frame>, such as
14_021_1_0031.bmp, and an XML of the same stem, whose <filename> ends in .bmp whatever the image's suffix is; so images
and boxes are paired by stem. From memory: published, all lie in one folder `dataset`; any depth is read. Corners are
taken as half-open: LabelImg, which wrote them, counts pixels from 0.

Frames without a stenosis have an XML without a box; an image without XML is left out, and so is one whose XML has an
object that is not called Stenosis, in small letters or capitals, as all of the files at hand are: it may be one, or
none. Boxes of an object's parts are not read. The papers' split into 7,492 and 833 is not published: where folders
called train, val and test hold the frames, these are the parts; else a tenth of the frames is for testing here, by
patient. Frames of a single patient are for training all; split them by time in the study.
"""

__all__ = ["plan_stenosis"]

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from vasolib.data.folder import split_by_patient
from vasolib.data.importers.looking import files_below, folders_in, locate, lost, plain, stated, within
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.importers.splits import DRAWN, around, split_of, unread
from vasolib.data.left_out import BadFile, LeftOut
from vasolib.data.listing import stem_of
from vasolib.data.reading import read_bytes
from vasolib.errors import UserError

SET = "stenosis"
LAYOUT = ("frame with its box file, expected the set as published: dataset/<site>_<patient>_<cine>_<frame>.bmp and a "
          ".xml of the same name")  # fmt: skip
NAME = re.compile(r"(\w+?_\w+?)_(\w+?)_(\d+)")  # site_patient, cine, frame
COPY = re.compile(r"( - Copy)?( ?\(\d+\))?$")  # what Windows and browsers put behind the name of a second file
XML = ("*.[xX][mM][lL]", "*/*.[xX][mM][lL]")
TEST = 833 / 8325
CORNERS = ("xmin", "ymin", "xmax", "ymax")
SINGLE = "all frames are of one patient, so all are for training: the study splits them by time"


def plan_stenosis(folder: Path) -> list[Plan]:
    """The set of frames with boxes. UserError where there are none, or only some of them are in a given part."""
    root = around(locate(folder, _fits, LAYOUT), _fits)
    images, others = _by_stem(root, files_below(root))
    frames = {stem: images[stem] for stem in sorted(images)}
    notes = unread(root, sorted(_folders(root, frames.values())), _folders(root, frames.values(), split_of))
    if parts := _given(root, list(frames.values())):
        published = parts
    else:
        parts, published = _parts([_names(stem)[0] for stem in frames]), [""] * len(frames)
        notes.append(DRAWN if "test" in parts else SINGLE)
    return [Plan(SET, "boxes", [*others, *_items(root, frames, parts, published)], notes=tuple(notes))]


def _fits(folder: Path) -> bool:
    """Whether box files lie in a folder or one below it, or so in a part."""
    parts = [one for one in folders_in(folder) if split_of(one.name)]
    return any(next(one.glob(depth), None) for one in [folder, *parts] for depth in XML)


def _folders(root: Path, paths: Iterable[Path], fits: Callable[[str], object] = bool) -> set[Path]:
    """The folders below `root` around some files whose names fit."""
    return {one for path in paths for one in path.parents if root in one.parents and fits(one.name)}


def _items(root: Path, frames: dict[str, Path], splits: list[str], parts: list[str]) -> Iterator[Item | LeftOut]:
    """Frames whose XML can be read, with the split each is in and the part that it is published in."""
    boxes, twins = _by_stem(root, files_below(root, {".xml"}))
    yield from twins
    for stem in sorted(boxes.keys() - frames.keys()):
        yield lost(SET, root, boxes[stem], "has no image of its name: unpack the archive again")
    for (stem, image), split, part in zip(frames.items(), splits, parts, strict=True):
        if stem not in boxes:
            yield lost(SET, root, image, f"has no {stem}.xml, so it is not known whether it has boxes: remove it")
            continue
        try:
            found, size = _noted(boxes[stem])
        except BadFile as error:
            yield lost(SET, root, image, f"its annotation {boxes[stem].name} {error.reason}")
            continue
        name, patient, cine = _names(stem)
        yield Item(name, image, within(root, image), split, patient, cine, part, boxes=found, stated=size)


def _by_stem(root: Path, paths: list[Path]) -> tuple[dict[str, Path], list[LeftOut]]:
    """The files by stem, and those that share one or are copies; a copy alone has the stem of what it was made of."""
    named: dict[str, list[Path]] = {}
    for path in paths:
        named.setdefault(stem_of(path), []).append(path)
    bases = Counter(COPY.sub("", stem) for stem in named)
    single, others = {}, []
    for stem, found in named.items():
        base = COPY.sub("", stem)
        if base != stem and base in named:
            reason = f"is a copy of {base}{found[0].suffix} by its name, so unused: remove it, or rename it"
            others += [lost(SET, root, path, reason, "copy") for path in found]
        elif len(found) > 1:
            reason = "is one of several files of its name, expected one: remove the others"
            others += [lost(SET, root, path, reason) for path in found]
        else:
            single[base if bases[base] == 1 else stem] = found[0]
    return single, others


def _given(root: Path, images: list[Path]) -> list[str]:
    """The part of each frame by the folder that it lies in; none where no folder is called as a part."""
    folders = [map(split_of, path.relative_to(root).parts[-2::-1]) for path in images]
    parts = [next(filter(None, splits), "") for splits in folders]
    if any(parts) and not all(parts):
        outside = within(root, images[parts.index("")])
        raise UserError(f"{root} has frames in train, val or test and others, such as {outside}: move or remove these")
    return parts if any(parts) else []


def _names(stem: str) -> tuple[str, str, str]:
    """Id, patient and cine of a frame; what is named otherwise is one patient, whose name is all before its end."""
    match = NAME.fullmatch(stem)
    patient, cine, frame = match.groups() if match else (stem.rpartition("_")[0] or stem, "", stem.rpartition("_")[2])
    patient = plain(patient)
    rest = "_".join(plain(one) for one in (cine, frame) if one)
    return f"{patient}_{rest}", patient, f"{patient}_{plain(cine)}" if cine else ""


def _parts(ids: list[str]) -> list[str]:
    """train or test for each id."""
    single = len({one.split("_", 1)[0] for one in ids}) < 2
    return ["train"] * len(ids) if single else split_by_patient(SET, ids, TEST)


def _noted(path: Path) -> tuple[tuple[tuple[float, float, float, float], ...], tuple[float, float] | None]:
    """The boxes of one XML, corners as they stand, and the size (H, W) that it states of its image.

    BadFile where it is damaged, declares entities of its own, or has an object that is no stenosis.
    """
    data = read_bytes(path)
    try:
        if b"<!ENTITY" in data or b"<!DOCTYPE" in data:
            raise ValueError("it declares a document type")  # with which a few bytes become gigabytes
        found = ElementTree.fromstring(data)
        objects = found.findall("object")
        if len(list(found.iter("bndbox"))) != sum(len(list(one.iter("bndbox"))) for one in objects):
            raise ValueError("it has a box outside of any object")
        boxes = [one.findall("bndbox") for one in objects]
        if found.tag != "annotation" or any(len(one) != 1 for one in boxes):
            raise ValueError("it is no annotation, or has an object without a box or with several")
        corners = tuple(tuple(float(box.findtext(name)) for name in CORNERS) for (box,) in boxes)
        size = stated(found.findtext("size/width"), found.findtext("size/height"))
    except (ElementTree.ParseError, ValueError, TypeError, LookupError) as error:  # the last of an odd encoding
        raise BadFile(path, f"cannot be read ({error}), expected Pascal VOC boxes: unpack the set again") from error
    names = [(one.findtext("name") or "").strip() for one in objects]
    if others := [name for name in names if name.lower() != SET]:
        reason = f"has an object called {others[0]!r}, expected Stenosis, so it is not known whether it is one"
        raise BadFile(path, f"{reason}: mend or remove it and its image")
    return corners, size
