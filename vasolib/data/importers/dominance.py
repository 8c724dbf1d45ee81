"""CoronaryDominance (Kruzhilov et al. 2025): videos as npz arrays, in 7z archives.

Certain (the set's page): main_normal.7z, main_others.7z, real_distribution.7z and domain_shift_dataset.7z, frames of
512 x 512. From programs that read a sister set of the same authors: .../Left_Dominance/<study>/LCA/<video>.npz, also
Right_Dominance and RCA, the frames under the key `pixel_array`, (T, H, W) or (H, W). Where that key is not there, the
file's only array of that form is taken. All frames are imported; which 160,320 the extended paper took is not known.

Archives are unpacked one at a time into a temporary folder beside them, which goes when its videos are read, or with
the next import where one is killed. An archive whose videos all lie unpacked beside it, told by name and size, is not
read again; where some of them do, nothing is imported. Values of more than 8 bits are stretched between the video's own
extremes.
"""

__all__ = ["frames_of_npz", "plan_dominance"]

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from vasolib.data.archives import FREE, MAX_RATIO, Member, _checked
from vasolib.data.importers.looking import files_below, holding, lost, plain, within
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.left_out import BadFile, LeftOut, shown
from vasolib.errors import UserError
from vasolib.files import digest
from vasolib.progress import reported

try:
    import fcntl
except ImportError:  # Windows, where what a killed import left stays
    fcntl = None

SET = "coronary_dominance"
KEY = "pixel_array"
ARTERIES = ("LCA", "RCA")
MAX_VIDEO = 2**32  # bytes, unpacked
LAYOUT = ("file .7z or .npz, expected CoronaryDominance as published: main_normal.7z and others, or what they "
          "unpack to, <label>/<study>/{LCA,RCA}/<video>.npz")  # fmt: skip


def plan_dominance(folder: Path) -> list[Plan]:
    """The set of all frames, read as they are asked for. UserError where there is neither archive nor video."""
    return [Plan(SET, "", _Frames(holding(folder, {".7z", ".npz"}, LAYOUT)))]


class _Frames:
    """The set's frames, made anew each time they are gone through, because all of them fit into no memory."""

    def __init__(self, root: Path):
        self.root = root

    def __iter__(self) -> Iterator[Item | LeftOut]:
        archives, videos = files_below(self.root, {".7z"}), files_below(self.root, {".npz"})
        known = {archive for archive in archives if videos and _is_there(archive, videos)}
        yield from _videos(self.root, "")
        for archive in archives:
            if archive in known:
                reason = "is not read, as all of its videos are unpacked beside it: remove one or the other"
                yield lost(SET, self.root, archive, reason, "copy")
                continue
            with _unpacked(archive) as folder:
                yield from _videos(folder, archive.stem)


def _is_there(archive: Path, videos: list[Path]) -> bool:
    """Whether an archive's videos are among the unpacked ones. UserError where some are and others are not.

    They are told by size and by study, artery and name: folders around these are called otherwise by some programs.
    """
    with _opened(archive) as opened:
        members = [one for one in opened.list() if one.is_file and one.filename.lower().endswith(".npz")]
    named = [(PurePosixPath(one.filename).parts, one.uncompressed) for one in members]
    packed = [(parts[-3:], size) for parts, size in named if not any(one.startswith((".", "__")) for one in parts)]
    whole = [path for path in videos if path.is_file()]
    unpacked = {(path.parts[-depth:], path.stat().st_size) for path in whole for depth in (1, 2, 3)}
    found = sum(one in unpacked for one in packed)
    begun = found or any(archive.with_suffix("") in path.parents for path in videos)
    if begun and found < len(packed):
        claim = f"{archive} has {len(packed)} videos and {found} of them are unpacked beside it, expected all or none"
        raise UserError(f"{claim}: keep either the archives or what they unpack to")
    return bool(found)


def _videos(folder: Path, archive: str) -> Iterator[Item | LeftOut]:
    """The frames of all videos below a folder; `archive`: the name of the one they are from."""
    paths = files_below(folder, {".npz"})
    for path in reported(paths, len(paths), f"videos of {archive or folder.name}"):
        original = f"{archive}/{within(folder, path)}" if archive else within(folder, path)
        try:
            frames = frames_of_npz(path)
        except BadFile as error:
            yield LeftOut("unusable", SET, original, error.reason)
            continue
        patient, video = _names(Path(original))
        for number, frame in enumerate(frames):
            name = f"{patient}_{video}_{number:04d}"
            yield Item(name, frame, original, "unlabelled", patient, f"{patient}_{video}", part="train")


def _names(original: Path) -> tuple[str, str]:
    """Patient and video of an npz. A study's number alone may be another's in another archive, so all is in it."""
    folders = list(original.parts[:-1])
    artery = folders.pop() if folders and folders[-1] in ARTERIES else ""
    patient = "-".join(plain(name) for name in folders) or plain(original.stem)
    return patient, "-".join(plain(name) for name in (artery, original.stem) if name)


def frames_of_npz(path: Path) -> np.ndarray:
    """The frames (T, H, W) uint8 of one video. BadFile where the file is damaged or holds something else."""
    try:
        with zipfile.ZipFile(path) as opened:
            size = sum(info.file_size for info in opened.infolist())
        if size > MAX_VIDEO:
            raise BadFile(path, f"unpacks to {size} bytes, expected at most {MAX_VIDEO}: remove it")
        with np.load(path, allow_pickle=False) as arrays:
            found = [arrays[name] for name in ([KEY] if KEY in arrays else arrays.files)]
    except BadFile:
        raise
    except Exception as error:  # on damaged files NumPy raises whatever it stumbles over
        reason = f"cannot be read ({_named(error)}), expected a whole npz file: download it again"
        raise BadFile(path, reason) from error
    arrays = [one for one in found if isinstance(one, np.ndarray)]  # what is no array comes as bytes
    videos = [one for one in arrays if one.ndim in (2, 3) and one.size and one.dtype.kind in "uif"]
    if len(videos) != 1:
        raise BadFile(path, f"holds {len(videos)} arrays of frames, expected one called {KEY}: remove it")
    values = videos[0] if videos[0].ndim == 3 else videos[0][None]
    if values.dtype == np.uint8:
        return values
    low, high = float(values.min()), float(values.max())
    with np.errstate(all="ignore"):
        spread = np.float32(high) - np.float32(low)
    if not np.isfinite(spread) or spread <= 0:
        raise BadFile(path, f"has values from {low} to {high}, expected an image: remove it")
    return np.rint((values.astype(np.float32) - low) / spread * 255).astype(np.uint8)


def _named(error: Exception) -> str:
    """What an exception says, safe to print."""
    return shown(" ".join(str(error).split())) or type(error).__name__


@contextmanager
def _unpacked(archive: Path) -> Iterator[Path]:
    """A temporary folder beside an archive, with what it holds. UserError as by `_opened` and `_check_members`."""
    with _place(archive) as temporary:
        with _opened(archive) as opened:
            _check_members(opened.list(), archive)
            opened.extractall(temporary)
        yield temporary


@contextmanager
def _opened(archive: Path) -> Iterator:
    """An archive opened by py7zr. UserError where that is not installed, or the archive is damaged or encrypted."""
    try:
        import py7zr
    except ImportError as error:
        remedy = "pip install 'vasolib[archives]', or unpack and remove it"
        raise UserError(f"{archive} needs the package py7zr: {remedy}") from error
    try:
        with py7zr.SevenZipFile(archive) as opened:
            yield opened
    except UserError:
        raise
    except py7zr.exceptions.PasswordRequired:
        raise UserError(f"the archive {archive} is encrypted, expected one without password: unpack it") from None
    except Exception as error:  # on damaged archives py7zr raises whatever it stumbles over
        if getattr(error, "errno", None):  # the disk's fault and not the archive's
            raise
        raise UserError(f"the archive {archive} cannot be unpacked ({_named(error)}): download it again") from error


@contextmanager
def _place(archive: Path) -> Iterator[Path]:
    """A temporary folder beside an archive. What killed processes left of the same archive goes before."""
    prefix = f".unpacked-{digest(archive.name)[:10]}-"
    with open(archive, "rb") as file:
        if fcntl and _locked(file, fcntl.LOCK_EX | fcntl.LOCK_NB):  # so no other process has it unpacked now
            for left in archive.parent.glob(f"{prefix}*"):
                shutil.rmtree(left, ignore_errors=True)
        if fcntl:
            _locked(file, fcntl.LOCK_SH)
        with tempfile.TemporaryDirectory(prefix=prefix, dir=archive.parent) as temporary:
            yield Path(temporary)


def _locked(file: BinaryIO, how: int) -> bool:
    """Lock a file until it is closed, or its process ends in whatever way. False where that cannot be had."""
    try:
        fcntl.flock(file, how)
    except OSError:  # another process has it, or its disk knows no locks
        return False
    return True


def _check_members(members: list, archive: Path) -> None:
    """UserError for a name that leads elsewhere, a link, or more bytes than an archive like it or the disk can hold."""
    seen: dict[str, tuple[str, bool]] = {}
    for one in members:
        fault = None if one.is_file or one.is_directory else "is a link or a device, expected a file"
        try:
            _checked(Member(one.filename, one.uncompressed, one.is_directory, open, fault), seen)
        except UserError as error:
            raise UserError(f"the archive {archive} {error}: download it again") from None
    needed, free = sum(one.uncompressed for one in members), shutil.disk_usage(archive.parent).free
    limit = max(FREE, MAX_RATIO * archive.stat().st_size)
    if needed <= min(free, limit):
        return
    largest = max(members, key=lambda one: one.uncompressed)
    claim = f"{needed} bytes, {largest.uncompressed} of them {shown(largest.filename)!r}"
    if needed > limit:
        raise UserError(f"the archive {archive} unpacks to {claim}, expected at most {limit}: download it again")
    raise UserError(f"the archive {archive} unpacks to {claim}, {archive.parent} has {free} free: make room")
