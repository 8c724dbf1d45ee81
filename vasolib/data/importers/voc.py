"""Stenosis (Danilov et al. 2021): frames with boxes in Pascal VOC's XML.

Certain (files of the set at hand, and programs that read it): <site>_<patient>_<cine>_<frame>, such as
14_021_1_0031.bmp, and an XML of the same stem, whose <filename> ends in .bmp whatever the image's suffix is; so images
and boxes are paired by stem. From memory: published, all lie in one folder `dataset`; any depth is read. Corners are
taken as half-open: LabelImg, which wrote them, counts pixels from 0.

Frames without a stenosis have an XML without a box; an image without XML is left out. The papers' split into 7,492 and
833 is not published: a tenth of the frames is for testing here, by patient. Frames of a single patient are for training
all; split them by time in the study.
"""

__all__ = ["plan_stenosis"]

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from vasolib.data.folder import split_by_patient
from vasolib.data.importers.looking import files_below, locate, lost, plain, within
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.left_out import BadFile, LeftOut
from vasolib.data.listing import stem_of
from vasolib.data.reading import read_bytes

SET = "stenosis"
LAYOUT = ("frame with its box file, expected the set as published: dataset/<site>_<patient>_<cine>_<frame>.bmp and a "
          ".xml of the same name")  # fmt: skip
NAME = re.compile(r"(\w+?_\w+?)_(\w+?)_(\d+)")  # site_patient, cine, frame
TEST = 833 / 8325
CORNERS = ("xmin", "ymin", "xmax", "ymax")


def plan_stenosis(folder: Path) -> list[Plan]:
    """The set of frames with boxes. UserError where there are none."""
    root = locate(folder, lambda one: any(next(one.glob(depth), None) for depth in ("*.xml", "*/*.xml")), LAYOUT)
    return [Plan(SET, "boxes", list(_items(root)))]


def _items(root: Path) -> Iterator[Item | LeftOut]:
    """Frames whose XML can be read, in the order of their names, with the part each is in."""
    images, same = _by_stem(files_below(root))
    boxes, twins = _by_stem(files_below(root, {".xml"}))
    for path in same + twins:
        yield lost(SET, root, path, "is one of several files of its name, expected one: remove the others")
    for stem in sorted(boxes.keys() - images.keys()):
        yield lost(SET, root, boxes[stem], "has no image of its name: unpack the archive again")
    ids = {stem: _names(stem) for stem in sorted(images)}
    parts = _parts([known[0] for known in ids.values()])
    for (stem, (name, patient, cine)), split in zip(ids.items(), parts, strict=True):
        try:
            if stem not in boxes:
                raise BadFile(images[stem], f"has no {stem}.xml, so it is not known whether it has boxes: remove it")
            found = _boxes(boxes[stem])
        except BadFile as error:
            yield lost(SET, root, images[stem], f"{Path(error.args[0]).name} {error.reason}")
            continue
        yield Item(name, images[stem], within(root, images[stem]), split, patient, cine, boxes=found)


def _by_stem(paths: list[Path]) -> tuple[dict[str, Path], list[Path]]:
    """The files by stem, and those that share one."""
    named: dict[str, list[Path]] = {}
    for path in paths:
        named.setdefault(stem_of(path), []).append(path)
    single = {stem: found[0] for stem, found in named.items() if len(found) == 1}
    return single, [path for found in named.values() if len(found) > 1 for path in found]


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
