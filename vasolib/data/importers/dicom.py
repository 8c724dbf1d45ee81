"""Any folder of DICOM files: their frames as grey images, for pre-training.

Values go through the modality and VOI tables or window that the file gives (PS3.3 C.11), MONOCHROME1 is inverted so
that vessels filled with contrast agent are dark, colours become luminance. Values of 8 bits stay; deeper ones are
stretched between the cine's own extremes. Each frame of a multi-frame file is an image, and the file is its cine.

Which files are DICOM files their first bytes decide, not their names: those of a scanner are numbers with dots. What is
clearly something else by its name is passed over, and any other file that has no DICOM header is told.

Patient and cine ids are the first digits of hashes of what the header says. That hides names from a glance, no more:
who has a list of patients can hash it too, paths stand in table.csv as they are, and text burnt into pixels stays. Have
data de-identified before.
"""

__all__ = ["frames_of_dicom", "plan_dicom"]

import hashlib
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vasolib.data.importers.looking import files_below, holding, within
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.left_out import BadFile, LeftOut, shown
from vasolib.errors import UserError
from vasolib.progress import reported

if TYPE_CHECKING:
    import pydicom

SET = "dicom"
SUFFIXES = {".dcm", ".dicom", ".ima"}  # which promise a DICOM file
OTHERS = {".7z", ".avi", ".bat", ".bmp", ".cfg", ".css", ".csv", ".db", ".dll", ".doc", ".docx", ".exe", ".gif",
          ".gz", ".htm", ".html", ".ico", ".inf", ".ini", ".jar", ".jpeg", ".jpg", ".js", ".json", ".lnk", ".log",
          ".md", ".mp4", ".npz", ".pdf", ".png", ".py", ".rar", ".rtf", ".sh", ".tif", ".tiff", ".txt", ".xls",
          ".xlsx", ".xml", ".yaml", ".zip"}  # fmt: skip
MAGIC = slice(128, 132)
FIRST = (b"\x02\0", b"\x08\0")  # groups that a file without the 132 bytes in front begins with
MAX_CINE = 2**32  # bytes, decoded
REMEDY = "pip install pylibjpeg pylibjpeg-libjpeg, or save it without compression"
LUMINANCE = (0.299, 0.587, 0.114)
LAYOUT = "file with the letters DICM at byte 128, expected DICOM files at any depth"


def plan_dicom(folder: Path) -> list[Plan]:
    """The set of all frames, read as they are asked for.

    Raises UserError where there is no DICOM file, or pydicom is not installed.
    """
    suffixes = {path.suffix.lower() for path in Path(folder).rglob("*")} - OTHERS
    root = holding(folder, suffixes, LAYOUT)
    paths = files_below(root, suffixes)
    if not any(map(_has_header, paths)):
        raise UserError(f"{root} has no {LAYOUT}: name the folder that has it")
    try:
        import pydicom  # noqa: F401
    except ImportError as error:
        raise UserError("DICOM files need the package pydicom: pip install 'vasolib[dicom]'") from error
    return [Plan(SET, "", _Frames(root, paths), files=frozenset(within(root, path) for path in paths))]


def _has_header(path: Path) -> bool:
    """Whether a file begins as DICOM files do, be it without the 132 bytes in front that some programs leave away."""
    try:
        with open(path, "rb") as file:
            head = file.read(MAGIC.stop)
    except OSError:
        return False
    return head[MAGIC] == b"DICM" or head.startswith(FIRST)


class NoImage(BadFile):
    """A file that was no image in the first place."""


class _Frames:
    """The set's frames, made anew each time they are gone through."""

    def __init__(self, root: Path, paths: list[Path]):
        self.root, self.paths = root, paths

    def __iter__(self) -> Iterator[Item | LeftOut]:
        for path in reported(self.paths, len(self.paths), "files"):
            original = within(self.root, path)
            try:
                patient, cine, frames = frames_of_dicom(path)
            except BadFile as error:
                kind = "ignored" if isinstance(error, NoImage) else "unusable"
                yield LeftOut(kind, SET, original, error.reason)
                continue
            for number, frame in enumerate(frames):
                name = f"{patient}_{cine}_{number:04d}"
                yield Item(name, frame, original, "unlabelled", patient, f"{patient}_{cine}")


def frames_of_dicom(path: Path) -> tuple[str, str, np.ndarray]:
    """Patient, cine and frames (T, H, W) uint8 of one file. BadFile where it is damaged or cannot be decoded."""
    if not _has_header(path):
        raise _without_header(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's quote what the header says, names too
            header = _header(path)
            patient = header.get("PatientID") or header.get("StudyInstanceUID") or path.parent.name
            cine = header.get("SOPInstanceUID") or path.name
            _check_kind(path, header)
            _check_size(path, header)
            frames = _grey(path, header)
    except (BadFile, MemoryError):
        raise
    except Exception as error:  # on damaged or unusual files pydicom raises whatever it stumbles over
        reason = shown(" ".join(str(error).split())) or type(error).__name__
        remedy = "expected a whole DICOM file of images: mend it, or save it without compression"
        raise BadFile(path, f"cannot be decoded ({reason}), {remedy}") from error
    return _short(patient), _short(cine), frames


def _without_header(path: Path) -> BadFile:
    """The fault of a file that is no DICOM file; the loss of an image only where its name promises one."""
    fault = BadFile if path.suffix.lower() in SUFFIXES else NoImage
    return fault(path, "has no DICOM header or is not open to this user, expected one: copy it again, or remove it")


def _header(path: Path) -> "pydicom.Dataset":
    """What a file says, with how its pixels are stored, which one without the part in front does not say."""
    import pydicom

    header = pydicom.dcmread(path, force=True)  # force: without the letters DICM too
    if header.preamble is None and not header.get("SOPClassUID"):
        raise _without_header(path)
    if "TransferSyntaxUID" not in header.file_meta:
        implicit = header.original_encoding[0]
        header.file_meta.TransferSyntaxUID = (
            pydicom.uid.ImplicitVRLittleEndian if implicit else pydicom.uid.ExplicitVRLittleEndian
        )
    return header


def _check_kind(path: Path, header: "pydicom.Dataset") -> None:
    """NoImage for the directory of a disc, a report, a waveform and the like; BadFile where no decoder is installed."""
    import pydicom

    kind = header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID") or ""
    if "Rows" not in header and "PixelData" not in header and "Image" not in pydicom.uid.UID(str(kind)).name:
        raise NoImage(path, "holds no image, expected one, so it is not read: a disc's directory and reports hold none")
    syntax = header.file_meta.TransferSyntaxUID
    if "PixelData" in header and syntax.is_encapsulated and not pydicom.pixels.get_decoder(syntax).is_available:
        raise BadFile(path, f"is compressed by {syntax.name}, expected what the installed packages decode: {REMEDY}")


def _check_size(path: Path, header: "pydicom.Dataset") -> None:
    """BadFile where the header asks for more pixels than any cine has: they would be given room before one is read."""
    counts = [int(header.get(name) or 1) for name in ("NumberOfFrames", "Rows", "Columns", "SamplesPerPixel")]
    size = math.prod(counts) * int(header.BitsAllocated) // 8
    if size > MAX_CINE:
        raise BadFile(path, f"claims {size} bytes of pixels, expected at most {MAX_CINE}: mend or remove it")


def _grey(path: Path, header: "pydicom.Dataset") -> np.ndarray:
    """Grey values (T, H, W) uint8 as they are meant to be seen. BadFile where not all of them are finite.

    Frame by frame, because the numbers with decimals in between need many times the room of what comes in and out.
    """
    values = header.pixel_array
    cine = values if values.ndim == 3 + (header.SamplesPerPixel != 1) else values[None]
    ends = np.array([[seen.min(), seen.max()] for seen in (_seen(header, frame) for frame in cine)])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    if not math.isfinite(high - low):
        raise BadFile(path, f"has values from {low} to {high}, expected an image: mend or remove it")
    grey = np.empty(cine.shape[:3], np.uint8)
    for number, frame in enumerate(cine):
        seen = _seen(header, frame)
        if header.BitsStored != 8 or low < 0 or high > 255:
            seen = (seen - low) / max(high - low, 1e-9) * 255
        grey[number] = np.rint(255 - seen if header.PhotometricInterpretation == "MONOCHROME1" else seen)
    return grey


def _seen(header: "pydicom.Dataset", frame: np.ndarray) -> np.ndarray:
    """One frame's values (H, W) float64 by the tables or the window that the file gives; luminance for colours."""
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    if header.SamplesPerPixel != 1:
        return np.rint(frame[..., :3] @ LUMINANCE)
    with np.errstate(all="ignore"):
        return apply_voi_lut(apply_modality_lut(frame, header), header).astype(np.float64)


def _short(text: object) -> str:
    """Ten hexadecimal digits for a text."""
    return hashlib.sha256(str(text).encode()).hexdigest()[:10]
