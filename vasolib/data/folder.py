"""Real angiograms from disk: one sub-folder per set, with `images` and, where there are labels, `masks`."""

__all__ = ["FolderSet", "find_sets", "frames_of", "patient_of", "read_image", "read_mask", "split_by_patient"]

import hashlib
import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from vasolib.data.building import Frames
from vasolib.data.store import Frame
from vasolib.errors import UserError

SUFFIXES = {".png", ".jpg", ".jpeg", ".pgm", ".bmp", ".tif", ".tiff"}
LAYOUT = "expected one sub-folder per set, each with a folder `images` and optionally a folder `masks`"
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)


@dataclass(frozen=True)
class FolderSet:
    """The files of one set, by name; masks are those of the images, in the same order."""

    name: str
    images: tuple[Path, ...]
    masks: tuple[Path, ...] | None


@dataclass(frozen=True)
class ImageFile:
    """One image on disk: the set it is from, its part ("train" or "test"), and its mask's file where there is one."""

    source: str
    path: Path
    mask: Path | None
    split: str


def read_image(path: Path, data: bytes | None = None) -> np.ndarray:
    """A still image (PNG, JPEG, PGM, BMP, TIFF) as (H, W) uint8, turned as its EXIF tag says.

    Colours and palettes become luminance, transparency is ignored. More than 8 bits are stretched linearly
    from the image's own minimum and maximum to 0..255; a constant one becomes zeros.
    `data` are the file's bytes where they are read already.
    Raises UserError for a damaged file, several frames, or values that are not finite.
    """
    values = _read_values(path, data)
    if values.dtype == np.uint8:
        return values
    lowest, highest = values.min(), values.max()
    if lowest == highest:
        return np.zeros(values.shape, np.uint8)
    return np.rint((values - lowest) / (highest - lowest) * 255).astype(np.uint8)


def read_mask(path: Path, shape: tuple[int, int], data: bytes | None = None) -> np.ndarray:
    """A mask as (H, W) uint8 of 0 and 1: set above half of the file's largest value, be that 1 or 255.

    Raises UserError where it is not of `shape` (H, W), and as `read_image` does.
    """
    values = _read_values(path, data)
    if values.shape != tuple(shape):
        found, expected = (f"{width} x {height}" for height, width in (values.shape, shape))
        raise UserError(f"{path} is {found} pixels, its image {expected}: give the mask the image's size")
    return (values > values.max() / 2).astype(np.uint8)


def _read_values(path: Path, data: bytes | None) -> np.ndarray:
    """Grey values (H, W): uint8 where the file has 8 bits or fewer, float64 where it has more."""
    try:
        with Image.open(path if data is None else BytesIO(data)) as image:
            frames = getattr(image, "n_frames", 1)
            image.load()
            image = ImageOps.exif_transpose(image)
    except DAMAGED as error:
        remedy = "replace or remove the file"
        raise UserError(f"{path} cannot be read as an image ({error}), it may be truncated: {remedy}") from error
    if frames > 1:
        raise UserError(f"{path} holds {frames} frames, expected one: save each frame as a file of its own")
    if not image.mode.startswith(("I", "F")):
        return np.asarray(image.convert("L"))
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise UserError(f"{path} holds values that are not finite (NaN or infinity): replace or remove the file")
    return values


def find_sets(root: Path) -> tuple[dict[str, FolderSet], dict[str, str]]:
    """The sets below `root` by name, and those left out with the reason.

    Raises UserError where there is no set, an image of a labelled set lacks its mask, or two share a stem.
    """
    root = Path(root)
    if not root.is_dir():
        found = "is a file, not a folder" if root.exists() else "does not exist"
        raise UserError(f"the data folder {root} {found}: {LAYOUT}")
    sets, left_out = {}, {}
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        images = _by_stem(folder / "images")
        if not images:
            left_out[folder.name] = "no image file in a folder `images`"
        elif (folder / "boxes").is_dir():
            left_out[folder.name] = "a detection set (it has a folder `boxes`), not one of vessel masks"
        else:
            sets[folder.name] = FolderSet(folder.name, tuple(images.values()), _masks(folder, images))
    if not sets:
        reasons = "".join(f"; {name}: {reason}" for name, reason in left_out.items())
        raise UserError(f"no set in the data folder {root}: {LAYOUT}{reasons}")
    return sets, left_out


def _by_stem(folder: Path) -> dict[str, Path]:
    """The image files of a folder, in the order of their stems; none where there is no folder."""
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir() if folder.is_dir() else ()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith(".") or not path.is_file():
            continue
        if path.stem in files:
            both = f"{files[path.stem].name} and {path.name}"
            raise UserError(f"{folder} holds {both}, expected one file per stem: rename or remove one")
        files[path.stem] = path
    return dict(sorted(files.items()))


def _masks(folder: Path, images: dict[str, Path]) -> tuple[Path, ...] | None:
    if not (folder / "masks").is_dir():
        return None
    masks = _by_stem(folder / "masks")
    lacking = [path for stem, path in images.items() if stem not in masks]
    if lacking:
        count = f"{lacking[0]} has no mask ({len(lacking)} of {len(images)} images have none)"
        raise UserError(f"{count}, expected {folder / 'masks' / lacking[0].stem}.*: add the masks or remove `masks`")
    return tuple(masks[stem] for stem in images)


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
    """The set's images as frames for a store, their items `ImageFile`s; split: a name per image, None for "train".

    Making them raises UserError as `read_image` and `read_mask` do.
    """
    splits = ["train"] * len(folder_set.images) if split is None else split
    masks = folder_set.masks or [None] * len(folder_set.images)
    files = zip(folder_set.images, masks, splits, strict=True)
    return Frames([ImageFile(folder_set.name, *file) for file in files], _decoded, _fetched)


def _fetched(file: ImageFile) -> tuple[ImageFile, bytes, bytes | None]:
    """A file and the bytes of its image and mask."""
    try:
        return file, file.path.read_bytes(), file.mask.read_bytes() if file.mask else None
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read ({error}): replace or remove the file") from error


def _decoded(fetched: tuple[ImageFile, bytes, bytes | None]) -> Frame:
    """The frame that the bytes stand for."""
    file, data, mask_data = fetched
    image = read_image(file.path, data)
    mask = read_mask(file.mask, image.shape, mask_data) if file.mask else None
    name, patient = f"{file.source}/{file.path.stem}", patient_of(file.path.stem)
    return Frame(name, file.source, file.split, patient, hashlib.sha256(data).hexdigest(), image, mask)
