"""Finding things in a published folder: the folder itself, images by name, pairs of image and mask."""

__all__ = ["PACKED", "files_below", "holding", "id_of", "listed", "locate", "lost", "mask_of", "pairs", "plain",
           "stated", "within"]  # fmt: skip

import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from vasolib.data.left_out import LeftOut, shown
from vasolib.data.listing import SUFFIXES, list_images, stem_of
from vasolib.data.reading import read_mask
from vasolib.errors import UserError

PACKED = {".zip", ".7z", ".rar", ".tar", ".tgz", ".gz", ".xz"}  # suffixes of archives


def locate(folder: Path, fits: Callable[[Path], object], missing: str) -> Path:
    """The folder that `fits`: the one given, else the only one up to two levels below it, else the one above it.

    Args:
        missing: what no folder has, and what the published layout looks like; for the message.

    Raises:
        UserError: no folder fits, or several do.
    """
    folder = _existing(folder)
    below = folders_in(folder)
    levels = ([folder], below, [inner for outer in below for inner in folders_in(outer)])
    for level in (*levels, [folder.parent]):
        found = [one for one in level if fits(one)]
        if len(found) > 1:
            names = " and ".join(shown(one.name) for one in found[:3])
            raise UserError(f"{folder} holds several folders of this set ({names}), expected one: name the one meant")
        if found:
            return found[0]
    raise _absent(folder, missing, files_below(folder, PACKED, len(levels)))


def holding(folder: Path, suffixes: set[str], missing: str) -> Path:
    """The folder given, if it has a file with such a suffix at any depth. UserError otherwise, see `locate`."""
    folder = _existing(folder)
    if not files_below(folder, suffixes):
        raise _absent(folder, missing, files_below(folder, PACKED))
    return folder


def _absent(folder: Path, missing: str, packed: list[Path]) -> UserError:
    """What to say where a folder lacks what is looked for; `packed`: archives in it, which may well have it."""
    if not packed:
        return UserError(f"{folder} has no {missing}: name the folder that has it")
    names = " and ".join(within(folder, path) for path in packed[:3])
    remedy = "which is not unpacked: unpack it first" if len(packed) == 1 else "not unpacked: unpack what has the set"
    return UserError(f"{folder} has no {missing}; it has {names}, {remedy}")


def _existing(folder: Path) -> Path:
    """The folder, without links on its way. UserError where there is none."""
    folder = Path(folder).resolve()
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise UserError(f"{folder} {found}, expected the folder of the unpacked set: name it, or unpack the file first")
    return folder


def folders_in(folder: Path) -> list[Path]:
    """Its sub-folders in order, without hidden ones and what macOS puts into archives."""
    try:
        inside = sorted(folder.iterdir())
        return [one for one in inside if not one.name.startswith((".", "__MACOSX")) and one.is_dir()]
    except OSError:
        return []  # a folder that is not open to the user holds nothing for them


def files_below(folder: Path, suffixes: set[str] = frozenset(SUFFIXES), levels: int | None = None) -> list[Path]:
    """The files with such suffixes in the order of their paths, without hidden ones.

    They are looked for at any depth, or in so many `levels`, the folder's own the first. Links to folders are not
    followed.
    """
    found = []
    for root, folders, files in os.walk(folder):
        deepest = levels and len(Path(root).relative_to(folder).parts) + 1 >= levels
        folders[:] = [name for name in folders if not deepest and not name.startswith((".", "__MACOSX"))]
        named = (name for name in files if not name.startswith(".") and Path(name).suffix.lower() in suffixes)
        found += [Path(root, name) for name in named]
    return sorted(found)


def plain(text: str) -> str:
    """A text as a part of an id: letters, digits, '-' and '.', all else becomes '-'; "x" if nothing is left."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9.]+", "-", ascii_only).strip("-.") or "x"


def id_of(stem: str) -> str:
    """A file name's stem as an id: its parts between underscores, each made plain."""
    return "_".join(plain(part) for part in stem.split("_"))


def within(root: Path, path: Path) -> str:
    """A path inside the published folder, with slashes, safe to print."""
    return shown(Path(path).relative_to(root).as_posix())


def lost(set_name: str, root: Path, path: Path, reason: str, kind: str = "unusable") -> LeftOut:
    """A file that is left out, see `LeftOut`."""
    return LeftOut(kind, set_name, within(root, path), reason)


def listed(set_name: str, root: Path, folder: Path) -> tuple[dict[str, Path], list[LeftOut]]:
    """The images of one folder by stem, and those whose names forbid to use them."""
    found = list_images(folder)
    return found.files, [lost(set_name, root, path, reason) for path, reason in found.bad.items()]


def stated(width: object, height: object) -> tuple[float, float] | None:
    """An image's (H, W) by the words of an annotation; None where it does not say it, or says 0 as some programs do.

    Raises ValueError or TypeError for what is no number.
    """
    size = float(height or 0), float(width or 0)
    return size if all(size) else None


def mask_of(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """A vessel mask (H, W) of 0 and 255 from its file, see `read_mask`."""
    return read_mask(path, shape) * np.uint8(255)


def pairs(set_name: str, root: Path, images: Path, masks: Path) -> Iterator[tuple[str, Path, partial] | LeftOut]:
    """Stem, image and what makes its mask, for each image of one folder whose mask in another has the same stem."""
    files, bad = listed(set_name, root, images)
    found, faulty = listed(set_name, root, masks)
    at_fault = {stem_of(Path(one.file)): f"its mask {one}" for one in faulty}
    yield from bad
    yield from (one for one in faulty if stem_of(Path(one.file)) not in files)
    for stem, path in files.items():
        if stem in found:
            yield stem, path, partial(mask_of, found[stem])
        else:
            reason = f"has no mask, expected {within(root, masks)}/{stem}.*: add it, or remove the image"
            yield lost(set_name, root, path, at_fault.get(stem, reason))
    for stem in sorted(found.keys() - files.keys()):
        yield lost(set_name, root, found[stem], "has no image of its name: give both one name", "ignored")
