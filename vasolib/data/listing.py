"""The image files of a folder: which names can be read, and which are left out before any file is opened."""

__all__ = ["SUFFIXES", "Listing", "list_images", "name_fault", "stem_of", "unread_labels"]

import os
import stat
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vasolib.data.left_out import shown

LABELS = ("masks", "segments", "stenoses", "boxes.csv")  # beside a set's images
SUFFIXES = {".png", ".jpg", ".jpeg", ".pgm", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True)
class Listing:
    """The image files of a folder by stem; the ones that cannot be used with the reason; the ones called otherwise."""

    files: dict[str, Path]
    bad: dict[Path, str]
    other: list[Path]

    @property
    def stems(self) -> list[str]:
        """Every stem that is there, usable or not, in order."""
        return sorted({*self.files, *map(stem_of, self.bad)})


def stem_of(path: Path) -> str:
    """A file's name without suffix; accents as one character each, whichever way the file system has them."""
    return unicodedata.normalize("NFC", path.stem)


def name_fault(name: str) -> str | None:
    """What is wrong with a name: what cannot stand in a table or is a separator somewhere. None if nothing is."""
    if shown(name) != name or "\\" in name:
        return "has a control character, a backslash or broken UTF-8 in its name, expected none of them: rename it"
    return None


def list_images(folder: Path) -> Listing:
    """The image files of a folder, in the order of their stems; nothing where there is no folder.

    Hidden files are passed over. Of several files with one stem none is usable: which one is meant cannot be known.
    Raises OSError where the folder cannot be listed.
    """
    named: dict[str, list[Path]] = {}
    bad: dict[Path, str] = {}
    other = []
    for path in sorted(folder.iterdir() if folder.is_dir() else ()):
        if path.name.startswith("."):
            continue
        if path.suffix.lower() not in SUFFIXES:
            other.append(path)
        elif fault := name_fault(path.name) or _kind_fault(path):
            bad[path] = fault
        else:
            named.setdefault(stem_of(path), []).append(path)
    for twins in named.values():
        if len(twins) > 1:
            names = " and ".join(path.name for path in twins)
            bad |= dict.fromkeys(twins, f"is one of {names}, expected one file per stem: rename or remove the others")
    files = {stem: paths[0] for stem, paths in sorted(named.items()) if len(paths) == 1}
    return Listing(files, bad, other)


def unread_labels(folder: Path, stems: Iterable[str]) -> str:
    """In a set without any of `LABELS`, the name of a folder that has files called as these images are; else "".

    Raises OSError where a folder cannot be listed.
    """
    if any((folder / name).exists() for name in LABELS):
        return ""
    others = [path for path in sorted(folder.iterdir()) if path.name != "images" and not path.name.startswith(".")]
    return next((path.name for path in others if not set(list_images(path).stems).isdisjoint(stems)), "")


def _kind_fault(path: Path) -> str | None:
    """What is there instead of a file; None if it is one, by itself or behind a link."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if os.path.islink(path):  # whereas Path.is_symlink may raise what stat raised
            return "is a link that leads to no file, expected one that does: mend or remove it"
        return f"cannot be looked at ({error.strerror}), expected a file open to this user: change its rights"
    if stat.S_ISDIR(mode):
        return "is a folder, expected a file: move its images up, or rename it"
    return None if stat.S_ISREG(mode) else "is a pipe, socket or device, expected a file: remove it"
