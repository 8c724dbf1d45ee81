"""Files with the same bytes, of which one is enough, and a test image's copy must not be trained on."""

__all__ = ["copies"]

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from vasolib.data.folder import ImageFile


def copies(files: Sequence[ImageFile]) -> dict[Path, Path]:
    """The images that are copies, byte by byte, of another one, which is kept.

    Kept is a test image before one for training, one with a mask before one without, then the first. Only files of
    equal length are read. One that cannot be read is a copy of none.
    """
    ranked = sorted(files, key=lambda file: (file.split != "test", file.mask is None))
    kept: dict[str, Path] = {}
    found: dict[Path, Path] = {}
    for paths in _of_one_length([file.path for file in ranked]):
        for path in paths:
            first = kept.setdefault(_sha256(path), path)
            if first != path:
                found[path] = first
    return found


def _of_one_length(paths: list[Path]) -> list[list[Path]]:
    """The paths in groups of two or more that have as many bytes, each in the order given."""
    groups: dict[int, list[Path]] = defaultdict(list)
    for path in dict.fromkeys(paths):
        groups[_length(path)].append(path)
    return [group for length, group in groups.items() if length > 0 and len(group) > 1]


def _length(path: Path) -> int:
    """Bytes of a file, 0 where it is gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _sha256(path: Path) -> str:
    """Checksum of a file; where it cannot be read, its name, which is no other's."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return str(path)
