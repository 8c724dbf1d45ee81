"""SYNTAX (Mahmoudi et al. 2025): coronary angiograms of 231 patients, for pre-training.

Certain: 2,943 images, 231 patients. Not certain, as its page could not be read: that each patient has a folder of
images. So images are read at any depth. A folder that holds nearly all of them is none of a patient, and neither is one
called part, batch, train and the like. The first folder below these is taken for the patient, and folders below it for
the cine; images without such a folder, or beside the one that holds nearly all, have no known patient.
"""

__all__ = ["plan_syntax"]

import re
from collections import Counter
from pathlib import Path

from vasolib.data.importers.looking import files_below, holding, plain, within
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.importers.splits import split_of, unsplit
from vasolib.data.listing import SUFFIXES

MOST = 0.9  # of the images: no patient of 231 has so many, and pictures of something else are not so few
PART = re.compile(r"(part|batch|group|volume|set|train|test|val)(-?[0-9]+|-[a-z])?", re.IGNORECASE)
LAYOUT = ("image file (PNG, JPEG, BMP or TIFF), expected SYNTAX as published: a folder of images per patient; for "
          "DICOM files use the importer dicom")  # fmt: skip


def plan_syntax(folder: Path) -> list[Plan]:
    """The set of all images below a folder. UserError where there are none."""
    top = holding(folder, SUFFIXES, LAYOUT)
    paths = files_below(top)
    root = _around_patients(top, paths)
    return [Plan("syntax", "", [_item(top, root, path) for path in paths], notes=unsplit(top, paths))]


def _around_patients(top: Path, paths: list[Path]) -> Path:
    """The innermost folder that holds nearly all images."""
    root = top
    while below := [path for path in paths if root in path.parents and path.parent != root]:
        name, count = Counter(path.relative_to(root).parts[0] for path in below).most_common(1)[0]
        if count < MOST * len(paths):
            break
        root = root / name
    return root


def _item(top: Path, root: Path, path: Path) -> Item:
    """One image, its patient and cine from its folders below `root`."""
    inside = root in path.parents
    folders = [plain(name) for name in path.relative_to(root if inside else top).parts[:-1]]
    part = bool(folders) and bool(PART.fullmatch(folders[0]) or split_of(folders[0]))
    if part:
        folders[:2] = ["-".join(folders[:2])]  # numbers may begin anew in each part
    known = inside and len(path.relative_to(root).parts) > 1 + part
    patient, cine = (folders[0], "_".join(folders) if len(folders) > 1 else "") if known else ("", "")
    name = "_".join([*folders, plain(path.stem)])
    return Item(name, path, within(top, path), "unlabelled", patient, cine, part="train")
