"""Data sets in one zip or tar file: unpacked whole, or not at all.

Only the bytes of regular files are taken out of an archive, one after another, and written below a folder of its own;
links, devices, rights and owners never reach the disk. An archive is refused as a whole for one member with an absolute
path, `..`, a name that is no plain one, a type other than file or folder, or encryption; for two members whose names
differ at most in case; and where it would unpack to more than `MAX_UNPACKED` bytes, more than `MAX_RATIO` times its own
size (beyond the first `FREE` bytes) or more than `MAX_FILES` files.
"""

__all__ = ["FREE", "MAX_FILES", "MAX_RATIO", "MAX_UNPACKED", "is_archive", "stem_of_archive", "unpacked"]

import gzip
import hashlib
import lzma
import os
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from vasolib.data.left_out import shown
from vasolib.data.listing import name_fault
from vasolib.errors import UserError
from vasolib.files import atomic

MAX_UNPACKED = 2**36  # 64 GiB
MAX_RATIO = 100  # images hardly shrink, masks some thirty times
FREE = 2**26  # small archives may shrink as they like
MAX_FILES = 1_000_000
KINDS = {b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"\x1f\x8b": "gz", b"\xfd7zXZ\x00": "xz"}
TOO_LARGE = f"unpacks to more than {MAX_UNPACKED} bytes, {MAX_RATIO} times its size, or {MAX_FILES} files"
OPENERS = {"gz": gzip.open, "xz": lzma.open, "tar": open}
DAMAGED = (OSError, EOFError, ValueError, NotImplementedError, IndexError, KeyError, struct.error, zlib.error,
           lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """A file or folder in an archive, and what opens it; `fault` if its kind alone forbids to unpack it."""

    name: str
    size: int
    folder: bool
    open: Callable[[], BinaryIO]
    fault: str | None


class Bounded:
    """A stream to read on in, that ends with a UserError behind so many bytes: no header can ask for more either."""

    def __init__(self, stream: BinaryIO, limit: int):
        """Read `stream` up to `limit` bytes."""
        self.stream, self.left = stream, limit

    def read(self, size: int) -> bytes:
        """The next bytes, at most `size`."""
        self.left -= size
        if self.left < 0:
            raise UserError(TOO_LARGE)
        return self.stream.read(size)


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or tar archive by its first bytes, whatever its name."""
    return path.is_file() and _kind(path) is not None


def unpacked(archive: Path, into: Path) -> Path:
    """The folder with the data sets of an archive, unpacked below `into` unless they are there already.

    Its name comes from the archive's; a folder above it from the archive's bytes, so that another archive takes another
    place, and what earlier ones left is removed. A folder that holds all else, and no images, is stepped into.

    Raises:
        UserError: the archive is damaged, or refused by the rules above. Nothing of it is left.
    """
    with open(archive, "rb") as file:
        state = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    target = into / state / stem_of_archive(archive.name)
    if not target.exists():
        shutil.rmtree(into, ignore_errors=True)
        try:
            with atomic(target) as temporary:
                temporary.mkdir(parents=True)
                _unpack(archive, temporary)
        except UserError as error:
            shutil.rmtree(into, ignore_errors=True)
            raise UserError(f"the archive {archive} {error}: unpack it yourself if you trust it") from None
        except DAMAGED as error:
            shutil.rmtree(into, ignore_errors=True)
            if getattr(error, "errno", None):  # the disk's fault and not the archive's
                raise
            reason = str(error) or type(error).__name__
            raise UserError(f"the archive {archive} cannot be unpacked ({reason}): pack or download it again") from None
    return _data_root(target)


def _kind(path: Path) -> str | None:
    """ "zip", "gz", "xz" or "tar"; None for anything else."""
    with open(path, "rb") as file:
        head = file.read(512)
    found = next((kind for magic, kind in KINDS.items() if head.startswith(magic)), None)
    return found or ("tar" if head[257:262] == b"ustar" else None)


def stem_of_archive(name: str) -> str:
    """An archive's name without its suffixes, such as angiograms for angiograms.tar.gz."""
    stem = Path(name.removesuffix(".gz").removesuffix(".xz")).stem
    return stem.lstrip(".") or "archive"


def _unpack(archive: Path, target: Path) -> None:
    """Write every member below `target`; UserError, with what follows the archive's name, at the first bad one."""
    limit = min(MAX_UNPACKED, max(FREE, MAX_RATIO * archive.stat().st_size))
    seen: dict[str, tuple[str, bool]] = {}
    members = _zip_members(archive) if _kind(archive) == "zip" else _tar_members(archive, limit + FREE)
    for count, member in enumerate(members, start=1):
        limit -= member.size
        if limit < 0 or count > MAX_FILES:
            raise UserError(TOO_LARGE)
        path = target.joinpath(*_checked(member, seen).parts)
        if member.folder:
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, open(path, "xb") as file:
            shutil.copyfileobj(source, file)
        if path.stat().st_size != member.size:
            raise EOFError(f"{shown(member.name)} has fewer than its {member.size} bytes")
        os.utime(path, (0, 0))  # of one time, for the folder's name already tells archives apart


def _checked(member: Member, seen: dict[str, tuple[str, bool]]) -> PurePosixPath:
    """A member's place below the target. UserError, with what follows the archive's name, for one that is refused.

    seen: names before it, by what a disk may take for the same; the name as it is, and whether it is a folder.
    """
    path = PurePosixPath(member.name)
    fault = member.fault or name_fault(member.name)
    nothing = not path.parts and not member.folder  # the folder "." is the target itself
    if nothing or path.is_absolute() or ".." in path.parts or ":" in member.name.split("/")[0]:
        fault = "leads out of its folder, expected a relative path without '..'"
    if fault:
        raise UserError(f"holds {shown(member.name)!r}, which {fault}")
    for part in (path, *path.parents[:-1]):
        found = str(part), member.folder or part != path
        before = seen.setdefault(unicodedata.normalize("NFC", found[0]).casefold(), found)
        if before != found or (part == path and before is not found and not member.folder):
            raise UserError(f"holds {before[0]!r} and {found[0]!r}, which are one name on some disks, expected one")
    return path


def _zip_members(archive: Path) -> Iterator[Member]:
    """What a zip archive holds."""
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            yield Member(info.filename, info.file_size, info.is_dir(), partial(opened.open, info), _zip_fault(info))


def _zip_fault(info: zipfile.ZipInfo) -> str | None:
    """Why a member of a zip archive is not to be unpacked; None if it is."""
    if info.flag_bits & 1:
        return "is encrypted, expected a plain file"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device, expected a file"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is compressed in another way than deflate"  # whose reader never holds more than it is asked for
    return None


def _tar_members(archive: Path, limit: int) -> Iterator[Member]:
    """What a tar archive holds, compressed or not; `limit` bytes are read at most."""
    with (
        OPENERS[_kind(archive)](archive, "rb") as stream,
        tarfile.open(fileobj=(bounded := Bounded(stream, limit)), mode="r|") as opened,
    ):
        for info in opened:
            fault = None if info.isreg() or info.isdir() else "is a link or a device, expected a file"
            yield Member(info.name, info.size, info.isdir(), partial(opened.extractfile, info), fault)
        if opened.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise EOFError("its end is missing")  # tarfile takes a damaged header for the end
        while bounded.read(tarfile.RECORDSIZE):  # up to the checksum behind what is compressed
            pass


def _data_root(folder: Path) -> Path:
    """The folder itself, or the one that all its sets are in."""
    inside = [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))]
    wrapped = len(inside) == 1 and inside[0].is_dir() and not (inside[0] / "images").exists()
    return inside[0] if wrapped else folder
