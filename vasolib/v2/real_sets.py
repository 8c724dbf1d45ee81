"""Sets below the data folder, of any task: what is there tells the kind, and table.csv, where there is one, the parts.

A set is a folder with `images` and at most one of `masks` (vessels), `segments`, `stenoses` and `boxes.csv`; without,
it is for pre-training only. A folder of images and masks alone, as the first part takes it, is a vessel set.
"""

__all__ = ["KINDS", "RealSet", "find_real_sets"]

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from vasolib.data.folder import LAYOUT, _folders, _listings, patient_of, place
from vasolib.data.left_out import BadFile, LeftOut, check_share, shown
from vasolib.data.listing import Listing, list_images, stem_of
from vasolib.errors import UserError
from vasolib.v2.parts import Parts, published_parts, split_by_names
from vasolib.v2.real_files import RealFile
from vasolib.v2.real_tables import read_boxes, read_parts

KINDS = {"masks": "vessels", "segments": "segments", "stenoses": "stenoses", "boxes.csv": "boxes"}
UNUSED = "unused", "is of a patient in both parts, and between them in time, so it is not used"
UNLEARNED = "test", "is of a test part without labels, so it is not learned from"


@dataclass(frozen=True)
class RealSet:
    """The usable files of one set.

    task: of its labels, "" without. stems: of all images, those left out too. parts: where train and test come from.
    """

    name: str
    task: str
    files: tuple[RealFile, ...]
    stems: tuple[str, ...]
    parts: str


def find_real_sets(root: Path) -> tuple[dict[str, RealSet], list[LeftOut]]:
    """The sets below `root` by name, and the sets and files left out before any image is opened.

    Raises:
        UserError: no folder or no set there; a set with two kinds of labels, a faulty table, or too many unusable
            images, see `check_share`.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"the data folder {root} {'is a file' if root.exists() else 'does not exist'}: {LAYOUT}")
    sets: dict[str, RealSet] = {}
    left_out: list[LeftOut] = []
    for folder in _folders(root):
        name = unicodedata.normalize("NFC", folder.name)
        try:
            images, _ = _listings(folder)
            found, unused = _usable(folder, name, images)
        except BadFile as error:
            left_out.append(LeftOut("set", shown(name), shown(name), error.reason))
            continue
        if name in sets:
            raise UserError(f"{folder} has the name of another set but for its accents: rename it")
        sets[name] = found
        check_share(name, len(found.stems), unused)
        left_out += unused
    if not sets:
        raise UserError(f"no set in the data folder {root}: {LAYOUT}{''.join(f'; {one}' for one in left_out)}")
    return sets, left_out


def kind_of(folder: Path) -> str:
    """The name in `KINDS` that is in a set's folder, "" for none. UserError for two."""
    there = [name for name in KINDS if (folder / name).exists()]
    if len(there) > 1:
        raise UserError(f"{folder} has {' and '.join(there)}, expected one kind of labels: make a set of each")
    return there[0] if there else ""


def _usable(folder: Path, name: str, images: Listing) -> tuple[RealSet, list[LeftOut]]:
    """The usable files of a set's folder, and the others."""
    kind, bad, ignored = kind_of(folder), dict(images.bad), {}
    stems, files = set(images.stems), dict(images.files)
    parts = _parts(folder, name, KINDS.get(kind, ""), stems)
    bad |= _unshared(folder, stems, parts.unknown, files)
    part, reason = UNUSED if kind else UNLEARNED
    ignored |= {files.pop(stem): reason for stem in list(files) if parts.of[stem] == part}
    boxes = _boxes(folder, stems, ignored) if kind == "boxes.csv" else {}
    labels = Listing({}, {}, [])
    if kind in ("masks", "segments", "stenoses"):
        labels = _labels(folder / kind)
        wanting = [stem for stem in files if parts.of[stem] != "unlabelled" and stem not in labels.files]
        bad |= {files.pop(stem): _missing(folder.name, kind, stem, labels) for stem in wanting}
        lone = [path for stem, path in labels.files.items() if stem not in stems]
        ignored |= dict.fromkeys(lone, "has no image of its name: give both one name, or remove it")
    ignored |= dict.fromkeys(images.other, "has another suffix than an image's, so it is not read")
    found = [
        RealFile(
            name,
            path,
            None,
            parts.of[stem],
            parts.patient[stem],
            labels.files.get(stem),
            boxes.get(stem, ()),
            parts.cine.get(stem, ""),
        )
        for stem, path in files.items()
    ]
    left_out = [LeftOut("unusable", name, place(path), bad[path]) for path in sorted(bad)]
    left_out += [LeftOut("ignored", name, place(path), ignored[path]) for path in sorted(ignored)]
    everything = tuple(sorted(stems | parts.unknown))
    return RealSet(name, KINDS.get(kind, ""), tuple(found), everything, parts.source), left_out


def _unshared(folder: Path, stems: set[str], unknown: set[str], files: dict[str, Path]) -> dict[Path, str]:
    """What table.csv and the folder do not both have, with the reason; taken out of `files`."""
    absent = "is not there, though table.csv names it: add it, or remove the row"
    unnamed = "has no row in table.csv: add it, or remove the image"
    lost = dict.fromkeys((folder / "images" / f"{stem}.*" for stem in unknown - stems), absent)
    return lost | {files.pop(stem): unnamed for stem in unknown & files.keys()}


def _labels(folder: Path) -> Listing:
    """The label files in a folder. BadFile where it is none, or cannot be listed."""
    if not folder.is_dir():
        raise BadFile(folder.parent, f"has something else than a folder called `{folder.name}`: mend or remove it")
    try:
        return list_images(folder)
    except OSError as error:
        raise BadFile(folder, f"cannot be listed ({error.strerror}), expected a folder open to this user") from error


def _missing(name: str, kind: str, stem: str, labels: Listing) -> str:
    """Why an image has no usable label."""
    faults = {stem_of(path): reason for path, reason in labels.bad.items()}
    missing = f"has no label, expected {name}/{kind}/{stem}.*: add it, or remove the image"
    return f"has a label that cannot be used: it {faults[stem]}" if stem in faults else missing


def _parts(folder: Path, name: str, task: str, stems: set[str]) -> Parts:
    """The part, patient and cine of each image: of table.csv where there is one, else by what names say."""
    path = folder / "table.csv"
    if path.exists():
        table = read_parts(path)
        cines = dict(zip(table["id"], table["cine"], strict=True))
        return replace(published_parts(name, task, table, stems), cine=cines)
    patients = {stem: patient_of(stem) for stem in sorted(stems)}
    return split_by_names(name, patients) if task else Parts(dict.fromkeys(stems, "train"), patients, set(), "")


def _boxes(folder: Path, stems: set[str], ignored: dict[Path, str]) -> Mapping[str, tuple]:
    """The boxes of each image, those of no image said."""
    found = read_boxes(folder / "boxes.csv")
    if strange := sorted(set(found) - stems):
        ignored[folder / "boxes.csv"] = f"has boxes of {len(strange)} image(s) that are not there, such as {strange[0]}"
    return found
