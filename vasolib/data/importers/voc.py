"""Stenosis (Danilov et al. 2021): frames with boxes in Pascal VOC's XML.

Certain (files of the set at hand, and programs that read it): <site>_<patient>_<cine>_<frame>, such as
14_021_1_0031.bmp, and an XML of the same stem, whose <filename> ends in .bmp whatever the image's suffix is; so images
and boxes are paired by stem. From memory: published, all lie in one folder `dataset`; any depth is read. Corners are
taken as half-open: LabelImg, which wrote them, counts pixels from 0.

Frames without a stenosis have an XML without a box; an image without XML is left out. The papers' split into 7,492 and
833 is not published: where folders called train, val and test hold the frames, these are the parts; else a tenth of the
frames is for testing here, by patient. Frames of a single patient are for training all; split them by time in the
study.
"""

__all__ = ["plan_stenosis"]

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vasolib.data.folder import split_by_patient
from vasolib.data.importers.caxf import SPLITS
from vasolib.data.importers.looking import files_below, folders_in, locate, lost, plain, within
from vasolib.data.importers.plan import Item, Plan
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


def plan_stenosis(folder: Path) -> list[Plan]:
    """The set of frames with boxes. UserError where there are none, or only some of them are in a given part."""
    root = locate(folder, _fits, LAYOUT)
    return [Plan(SET, "boxes", list(_items(root)))]


def _fits(folder: Path) -> bool:
    """Whether box files lie in a folder or one below it, or so in a part."""
    parts = [one for one in folders_in(folder) if one.name.lower() in SPLITS]
    return any(next(one.glob(depth), None) for one in [folder, *parts] for depth in XML)


def _items(root: Path) -> Iterator[Item | LeftOut]:
    """Frames whose XML can be read, in the order of their names, with the part each is in."""
    images, same = _by_stem(root, files_below(root))
    boxes, twins = _by_stem(root, files_below(root, {".xml"}))
    yield from same + twins
    for stem in sorted(boxes.keys() - images.keys()):
        yield lost(SET, root, boxes[stem], "has no image of its name: unpack the archive again")
    ids = {stem: _names(stem) for stem in sorted(images)}
    parts = _given(root, [images[stem] for stem in ids]) or _parts([known[0] for known in ids.values()])
    for (stem, (name, patient, cine)), split in zip(ids.items(), parts, strict=True):
        try:
            if stem not in boxes:
                raise BadFile(images[stem], f"has no {stem}.xml, so it is not known whether it has boxes: remove it")
            found = _boxes(boxes[stem])
        except BadFile as error:
            yield lost(SET, root, images[stem], f"{Path(error.args[0]).name} {error.reason}")
            continue
        yield Item(name, images[stem], within(root, images[stem]), split, patient, cine, boxes=found)


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
    folders = [[name.lower() for name in path.relative_to(root).parts[-2::-1]] for path in images]
    parts = [next((name for name in names if name in SPLITS), "") for names in folders]
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


def _boxes(path: Path) -> tuple[tuple[float, float, float, float], ...]:
    """The boxes of one XML, corners as they stand. BadFile where it is damaged, or declares entities of its own."""
    data = read_bytes(path)
    try:
        if b"<!ENTITY" in data or b"<!DOCTYPE" in data:
            raise ValueError("it declares a document type")  # with which a few bytes become gigabytes
        found = ElementTree.fromstring(data).iter("bndbox")
        return tuple(tuple(float(box.findtext(name)) for name in CORNERS) for box in found)
    except (ElementTree.ParseError, ValueError, TypeError, LookupError) as error:  # the last of an odd encoding
        raise BadFile(path, f"cannot be read ({error}), expected Pascal VOC boxes: unpack the set again") from error
