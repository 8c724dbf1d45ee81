"""SYNTAX (Mahmoudi et al. 2025): coronary angiograms of 231 patients, for pre-training.

Certain: 2,943 images, 231 patients. Not certain, as its page could not be read: that each patient has a folder of
images. So images are read at any depth; the first folder is taken for the patient, and folders below it for the cine;
images without a folder have no known patient.
"""

__all__ = ["plan_syntax"]

from pathlib import Path

from vasolib.data.importers.looking import files_below, holding, plain, within
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.listing import SUFFIXES

LAYOUT = ("image file (PNG, JPEG, BMP or TIFF), expected SYNTAX as published: a folder of images per patient; for "
          "DICOM files use the importer dicom")  # fmt: skip


def plan_syntax(folder: Path) -> list[Plan]:
    """The set of all images below a folder. UserError where there are none."""
    root = holding(folder, SUFFIXES, LAYOUT)
    paths = files_below(root)
    while len(around := {path.relative_to(root).parts[0] for path in paths}) == 1 and paths[0].parent != root:
        root = root / around.pop()  # a folder around all patients is none of them
    return [Plan("syntax", "", [_item(root, path) for path in paths])]


def _item(root: Path, path: Path) -> Item:
    """One image, its patient and cine from its folders."""
    folders = [plain(name) for name in path.relative_to(root).parts[:-1]]
    patient, cine = folders[0] if folders else "", "_".join(folders) if len(folders) > 1 else ""
    name = "_".join([*folders, plain(path.stem)])
    return Item(name, path, within(root, path), "unlabelled", patient, cine, part="train")
