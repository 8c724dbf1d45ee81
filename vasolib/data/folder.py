"""Real angiograms from disk: one sub-folder per set, with `images` and, where there are labels, `masks`."""

__all__ = ["FolderSet", "ImageFile", "find_sets", "frames_of", "patient_of", "place", "split_by_patient"]

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vasolib.data.building import Frames
from vasolib.data.left_out import BadFile, LeftOut, check_share, shown
from vasolib.data.listing import Listing, list_images, name_fault, stem_of, unread_labels
from vasolib.data.reading import read_bytes, read_image, read_mask
from vasolib.data.store import Frame
from vasolib.errors import UserError

LAYOUT = "expected one sub-folder per set, each with a folder `images` and optionally a folder `masks`"

UNLISTED = "cannot be listed ({}), expected a folder open to this user: change its rights"


@dataclass(frozen=True)
class FolderSet:
    """The usable files of one set, by name; masks are those of the images, in the same order.

    stems: of all images, those left out too.
    """

    name: str
    images: tuple[Path, ...]
    masks: tuple[Path, ...] | None
    stems: tuple[str, ...]

    def split(self) -> list[str]:
        """The part of each image: decided on all stems, so that a file left out moves no other one.

        Raises UserError as `split_by_patient` does.
        """
        parts = dict(zip(self.stems, split_by_patient(self.name, self.stems), strict=True))
        return [parts[stem_of(path)] for path in self.images]


@dataclass(frozen=True)
class ImageFile:
    """One image on disk: the set it is from, its part ("train" or "test"), and its mask's file where there is one."""

    source: str
    path: Path
    mask: Path | None
    split: str

    @property
    def id(self) -> str:
        """What it is called in a store."""
        return f"{self.source}/{stem_of(self.path)}"


def find_sets(root: Path) -> tuple[dict[str, FolderSet], list[LeftOut]]:
    """The sets below `root` by name, and the sets and files left out before any file is opened.

    Raises:
        UserError: no folder or no set there, or too many unusable images in a set, see `check_share`.
    """
    root = Path(root)
    if not root.is_dir():
        found = "is a file, not a folder" if root.exists() else "does not exist"
        raise UserError(f"the data folder {root} {found}: {LAYOUT}")
    sets: dict[str, FolderSet] = {}
    left_out: list[LeftOut] = []
    for folder in _folders(root):
        name = unicodedata.normalize("NFC", folder.name)
        try:
            found, unused = _usable(folder, name)
        except BadFile as error:
            left_out.append(LeftOut("set", shown(name), shown(name), error.reason))
            continue
        if name in sets:
            raise UserError(f"{folder} has the name of another set but for its accents: rename it")
        sets[name] = found
        check_share(name, len(sets[name].stems), unused)
        left_out += unused
    if not sets:
        raise UserError(f"no set in the data folder {root}: {LAYOUT}{''.join(f'; {one}' for one in left_out)}")
    return sets, left_out


def _folders(root: Path) -> list[Path]:
    """The folders, and links, in a folder, in order, without hidden ones. UserError where it cannot be listed."""
    try:
        found = [path for path in sorted(root.iterdir()) if not path.name.startswith(".")]
        return [path for path in found if path.is_dir() or path.is_symlink()]
    except OSError as error:
        raise UserError(f"the data folder {root} {UNLISTED.format(error.strerror)}") from error


def _listings(folder: Path) -> tuple[Listing, Listing | None]:
    """The images and, where there are some, masks in a set's folder. BadFile where it is no set of angiograms."""
    if fault := name_fault(folder.name):
        raise BadFile(folder, fault)
    if not folder.is_dir():
        raise BadFile(folder, "is a link that leads to no folder: mend or remove it")
    labelled = os.path.lexists(folder / "masks")
    if labelled and not (folder / "masks").is_dir():
        raise BadFile(folder, "has something else than a folder called `masks`: mend or remove it")
    try:
        images, masks = list_images(folder / "images"), list_images(folder / "masks") if labelled else None
        unread = unread_labels(folder, images.stems)
    except OSError as error:
        raise BadFile(folder, UNLISTED.format(error.strerror)) from error
    if not images.stems:
        deeper = [path.parent.name for path in sorted(folder.glob("*/images")) if path.is_dir()]
        remedy = (
            f"its folder {shown(deeper[0])} has one: move it beside this one" if deeper else "add some, or remove it"
        )
        raise BadFile(folder, f"has no image file in a folder `images`: {remedy}")
    if unread:
        where = f"has files called as its images in a folder `{shown(unread)}`, which is not read"
        raise BadFile(folder, f"{where}: call it `masks` if these are vessel masks, or move it elsewhere")
    if (folder / "boxes").is_dir():
        raise BadFile(folder, "is a detection set (it has a folder `boxes`), not one of vessel masks")
    return images, masks


def _usable(folder: Path, name: str) -> tuple[FolderSet, list[LeftOut]]:
    """The usable files of a set's folder, and the others. BadFile where it is no set of angiograms."""
    listed, masks = _listings(folder)
    images, bad, ignored = listed.files, dict(listed.bad), {}
    if masks:
        bad |= _without_mask(folder, images, masks)
        images = {stem: path for stem, path in images.items() if stem in masks.files}
        orphans = [masks.files[stem] for stem in masks.files.keys() - set(listed.stems)]
        ignored = dict.fromkeys(orphans, "has no image of its name: give both one name, or remove it")
    ignored |= dict.fromkeys(listed.other, "has another suffix than an image's, so it is not read")
    kinds = {"unusable": bad, "ignored": ignored}
    left_out = [LeftOut(kind, name, place(path), kinds[kind][path]) for kind in kinds for path in sorted(kinds[kind])]
    of_images = tuple(masks.files[stem] for stem in images) if masks else None
    return FolderSet(name, tuple(images.values()), of_images, tuple(listed.stems)), left_out


def _without_mask(folder: Path, images: dict[str, Path], masks: Listing) -> dict[Path, str]:
    """The files to blame for each image that has no usable mask, with the reason."""
    faults = {stem_of(path): (path, reason) for path, reason in masks.bad.items()}
    missing = f"has no mask, expected {folder.name}/masks/{{}}.*: add it, or remove the image"
    lacking = [stem for stem in images if stem not in masks.files]
    return dict(faults.get(stem, (images[stem], missing.format(stem))) for stem in lacking)


def place(path: Path) -> str:
    """A file's place in the data folder, such as set/images/a.png."""
    return shown("/".join(path.parts[-3:]))


def patient_of(stem: str) -> str:
    """The patient a file name stands for: what comes before its first underscore."""
    return stem.split("_", 1)[0]


def split_by_patient(set_name: str, stems: Iterable[str], test_fraction: float = 0.3) -> list[str]:
    """The part, "train" or "test", of each stem: no patient is in both, and only the names decide.

    Patients, ordered by the sha256 of "set/patient", go to the test part until it has `test_fraction`
    of the stems or more; the last one always stays for training. Raises UserError for a single patient.
    """
    patients = [patient_of(stem) for stem in stems]
    counts = Counter(patients)
    if len(counts) < 2:
        remedy = "name files PATIENT_REST, and give two patients or more"
        raise UserError(f"the set {set_name} has {len(counts)} patient(s), too few for two parts: {remedy}")
    test: set[str] = set()
    frames = 0
    for patient in sorted(counts, key=lambda p: hashlib.sha256(f"{set_name}/{p}".encode()).hexdigest())[:-1]:
        if frames >= test_fraction * len(patients) - 1e-9:  # 0.1 * 30 is a little more than 3
            break
        test.add(patient)
        frames += counts[patient]
    return ["test" if patient in test else "train" for patient in patients]


def frames_of(folder_set: FolderSet, split: list[str] | None = None) -> Frames:
    """The set's images as frames for a store, their items `ImageFile`s; split: a part per image, None for "train".

    Making them gives a `LeftOut` for each image that cannot be used, or whose mask cannot.
    """
    splits = ["train"] * len(folder_set.images) if split is None else split
    masks = folder_set.masks or [None] * len(folder_set.images)
    files = zip(folder_set.images, masks, splits, strict=True)
    return Frames([ImageFile(folder_set.name, *file) for file in files], _decoded, _fetched)


def _fetched(file: ImageFile) -> tuple[ImageFile, bytes, bytes | None] | LeftOut:
    """A file and the bytes of its image and mask."""
    try:
        return file, read_bytes(file.path), read_bytes(file.mask) if file.mask else None
    except BadFile as error:
        return _lost(file, error)


def _decoded(fetched: tuple[ImageFile, bytes, bytes | None] | LeftOut) -> Frame | LeftOut:
    """The frame that the bytes stand for."""
    if isinstance(fetched, LeftOut):
        return fetched
    file, data, mask_data = fetched
    try:
        image = read_image(file.path, data)
        mask = read_mask(file.mask, image.shape, mask_data) if file.mask else None
    except BadFile as error:
        return _lost(file, error)
    patient, sha256 = patient_of(stem_of(file.path)), hashlib.sha256(data).hexdigest()
    return Frame(file.id, file.source, file.split, patient, sha256, image, mask)


def _lost(file: ImageFile, error: BadFile) -> LeftOut:
    """An image that its own file, or its mask's, makes unusable."""
    return LeftOut("unusable", file.source, place(error.args[0]), error.reason)
