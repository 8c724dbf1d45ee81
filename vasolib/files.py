"""Files that are either whole or absent, and fingerprints of what they hold."""

__all__ = ["atomic", "digest", "put", "remove", "write_csv", "write_json", "write_text"]

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def atomic(path: Path, keep: bool = False) -> Iterator[Path]:
    """A temporary sibling of `path` (file or folder) that takes its name once the block has succeeded.

    The temporary name is fixed, so what a killed process left behind is overwritten by the next one; or, with `keep`,
    is there for it to go on with. Without `keep`, a block that fails leaves nothing: the disk may be full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    if not keep:
        remove(temporary)
    try:
        yield temporary
        put(temporary, path)
    except BaseException:
        if not keep:
            remove(temporary)
        raise


def remove(path: Path) -> None:
    """Delete a file, or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def put(source: Path, path: Path) -> None:
    """Give the file or folder `source`, on the same disk, the name `path`; an older one is replaced.

    Its bytes are on the disk before the name is: after a power cut there is the older one, the new one, or none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for written in (source, *source.rglob("*")):
        sync(written)
    if path.is_dir():
        shutil.rmtree(path)
    os.replace(source, path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk."""
    if os.name == "posix":  # elsewhere a folder cannot be opened
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends on every platform, so that hashes agree."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: object) -> None:
    """Write JSON with sorted keys."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table without its index, floats to eight significant digits."""
    write_text(path, table.to_csv(index=False, float_format="%.8g", lineterminator="\n"))


def digest(*parts: object) -> str:
    """sha256 (hex) over files' bytes (for `Path`s) and the representation of anything else."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part.read_bytes() if isinstance(part, Path) else repr(part).encode())
        sha.update(b"\0")
    return sha.hexdigest()
