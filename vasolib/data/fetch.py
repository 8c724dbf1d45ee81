"""Downloads of public data sets: only when asked for, going on where they broke off, checked before they are used.

A file has its name once it is whole, is an archive by its first bytes (and not the web page that a site gives instead)
and has the checksum that is known of it. Its sha256 is recorded beside it, and what is there later must still have it.
"""

__all__ = ["RECORD", "UNPACKED", "by_hand", "fetch", "fetched", "recorded"]

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from vasolib.data.archives import is_archive, unpacked
from vasolib.data.catalogue import Download, Entry
from vasolib.data.importers.looking import PACKED, files_below
from vasolib.data.transfer import from_hub, from_url
from vasolib.errors import UserError
from vasolib.files import put, remove, write_text

UNPACKED = "unpacked"  # the folder in a set's own that has what was in its only file
PLACE = "folder.txt"  # in there, with the place of the folder to import: it is further down than importers look
RECORD = ".sha256"  # suffix of the file beside a download with its checksum, in the form of the program sha256sum
MAGIC = (b"PK\x03\x04", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"Rar!\x1a\x07")  # zip, 7z, gz, rar


def fetch(entry: Entry, to: Path, agreed: Callable[[list[Download]], bool]) -> Path:
    """Download a data set, as far as it is not there, and unpack what is a zip or tar file.

    Args:
        entry: of the catalogue.
        to: the folder to have a folder of the set's name.
        agreed: is asked with the files still to come, if any; nothing is downloaded unless it says so.

    Returns:
        The folder to import.

    Raises:
        UserError: nothing can be downloaded, it was not agreed to, there is too little room, a download broke off, or
            a file is not what it should be.
    """
    if not entry.downloads:
        raise UserError(f"{entry.name} has no file that a program can download: {by_hand(entry)}")
    folder = Path(to) / entry.name
    missing = [one for one in entry.downloads if not _is_there(entry, one, folder / one.file)]
    if missing:
        _check_room(Path(to), missing)
        if not agreed(missing):
            raise UserError(f"{entry.name} was not downloaded: agree to it (y, or the option --yes)")
    for one in missing:
        _download(entry, one, folder / one.file)
    if len(entry.downloads) > 1:  # whose importer reads them packed
        return folder
    first = folder / entry.downloads[0].file
    found = _opened(first, folder / UNPACKED) if is_archive(first) else folder
    packed = files_below(found, PACKED)
    if packed and not files_below(found):
        print(f"{packed[0]} stays packed, only zip and tar files are unpacked here: unpack it before importing")
    return found


def fetched(entry: Entry, to: Path) -> Path:
    """The folder to import of a set that was fetched to the folder `to`, or was put there by hand."""
    folder = Path(to) / entry.name
    place = folder / UNPACKED / PLACE
    found = place.parent / place.read_text(encoding="utf-8").strip() if place.is_file() else folder
    return found if found.is_dir() else folder


def by_hand(entry: Entry) -> str:
    """How to get a set without a program, as the end of a message."""
    return f"by hand{f' from {entry.home}' if entry.home else ''}, steps: python -m vasolib.data show {entry.name}"


def recorded(path: Path) -> str:
    """The checksum in the record beside a file, "" without one."""
    record = path.with_name(path.name + RECORD)
    words = record.read_text(encoding="utf-8").split() if record.is_file() else []
    return f"sha256:{words[0]}" if words else ""


def _is_there(entry: Entry, wanted: Download, path: Path) -> bool:
    """Whether a file was downloaded before, or put there by hand. UserError if it is another one than it should be."""
    if not path.exists():
        return False
    known = wanted if wanted.checksum else replace(wanted, checksum=recorded(path))
    _check(entry, known, path, of=str(path))
    if not recorded(path):
        _record(path, known)
    return True


def _check_room(to: Path, wanted: list[Download]) -> None:
    """UserError if the disk has not the room for files, as far as their sizes are known."""
    needed = sum(one.megabytes for one in wanted) * 10**6
    there = next(folder for folder in (to.absolute(), *to.absolute().parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise UserError(
            f"the disk of {to} has {free / 1e9:.1f} GB free, expected at least {needed / 1e9:.1f} GB for "
            f"{', '.join(one.file for one in wanted)}: make room, or name another folder with --to"
        )


def _download(entry: Entry, wanted: Download, path: Path) -> None:
    """Download one file to `path`, checked and recorded. UserError if it breaks off or is not what it should be."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    part = unfinished / path.name
    unfinished.mkdir(parents=True, exist_ok=True)
    print(f"{path.name} from {wanted.source}", flush=True)
    try:
        if wanted.repo:
            wanted = from_hub(wanted, unfinished)
        else:
            from_url(wanted.url, part)
    except OSError as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{wanted.source} broke off or was refused ({reason}): the same command goes on where it stopped, or get "
            f"it {by_hand(entry)}"
        ) from error
    try:
        _check(entry, wanted, part, of=wanted.source)
    except UserError:
        remove(unfinished)  # going on with it would not mend it
        raise
    put(part, path)
    remove(unfinished)
    _record(path, wanted)


def _record(path: Path, wanted: Download) -> None:
    """Write a file's sha256 beside it, and say it."""
    sha256 = _digits(path, "sha256")
    write_text(path.with_name(path.name + RECORD), f"{sha256}  {path.name}\n")
    compared = f"as expected ({wanted.checksum})" if wanted.checksum else "which nothing is known to compare with"
    print(f"{path.name} has sha256:{sha256}, {compared}; recorded in {path.name}{RECORD}")


def _check(entry: Entry, wanted: Download, path: Path, of: str) -> None:
    """UserError if a file is no archive or has another checksum than the known one; `of` names it in the message."""
    with open(path, "rb") as file:
        head = file.read(512)
    if not head.startswith(MAGIC):
        found = "a web page" if head.lstrip().startswith(b"<") else f"a file that begins with {head[:8]!r}"
        raise UserError(
            f"{of} is {found}, expected an archive (zip, 7z, gz or rar): get {wanted.file} {by_hand(entry)}"
        )
    if wanted.checksum:
        algorithm, _, expected = wanted.checksum.partition(":")
        found = _digits(path, algorithm)
        if found != expected:
            raise UserError(
                f"{of} has the checksum {algorithm}:{found}, expected {algorithm}:{expected}: it is damaged or another "
                f"version; remove it if it is there, and fetch it again or get it {by_hand(entry)}"
            )


def _digits(path: Path, algorithm: str) -> str:
    """A file's checksum in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _opened(archive: Path, into: Path) -> Path:
    """The folder with what is in an archive; if all images are in one more archive, what is in that. UserError if bad.

    Its place is written down for `fetched`.
    """
    found = unpacked(archive, into / "outer")
    inner = [path for path in files_below(found, PACKED) if is_archive(path)]
    if len(inner) == 1 and not files_below(found):
        found = unpacked(inner[0], into / "inner")
    write_text(into / PLACE, found.relative_to(into).as_posix() + "\n")
    return found
