"""Any folder of DICOM files: their frames as grey images, for pre-training.

Values go through the modality and VOI tables or window that the file gives (PS3.3 C.11), MONOCHROME1 is inverted so
that vessels filled with contrast agent are dark, colours become luminance. Values of 8 bits stay; deeper ones are
stretched between the cine's own extremes. Each frame of a multi-frame file is an image, and the file is its cine.

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
SUFFIXES = {".dcm", ".dicom", ".ima", ""}
MAGIC = slice(128, 132)
MAX_CINE = 2**32  # bytes, decoded
LUMINANCE = (0.299, 0.587, 0.114)
LAYOUT = "file with the letters DICM at byte 128, expected DICOM files at any depth"


def plan_dicom(folder: Path) -> list[Plan]:
    """The set of all frames, read as they are asked for.

    Raises UserError where there is no DICOM file, or pydicom is not installed.
    """
    root = holding(folder, SUFFIXES, LAYOUT)
    if not any(map(_is_dicom, files_below(root, SUFFIXES))):
        raise UserError(f"{root} has no {LAYOUT}: name the folder that has it")
    try:
        import pydicom  # noqa: F401
    except ImportError as error:
        raise UserError("DICOM files need the package pydicom: pip install 'vasolib[dicom]'") from error
    return [Plan(SET, "", _Frames(root))]


def _is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM files do."""
    try:
        with open(path, "rb") as file:
            return file.read(MAGIC.stop)[MAGIC] == b"DICM"
    except OSError:
        return False


class _Frames:
    """The set's frames, made anew each time they are gone through."""

    def __init__(self, root: Path):
        self.root = root

    def __iter__(self) -> Iterator[Item | LeftOut]:
        paths = [path for path in files_below(self.root, SUFFIXES) if _is_dicom(path)]
        for path in reported(paths, len(paths), "DICOM files"):
            original = within(self.root, path)
            try:
                patient, cine, frames = frames_of_dicom(path)
            except BadFile as error:
                yield LeftOut("unusable", SET, original, error.reason)
                continue
            for number, frame in enumerate(frames):
                name = f"{patient}_{cine}_{number:04d}"
                yield Item(name, frame, original, "unlabelled", patient, f"{patient}_{cine}")


def frames_of_dicom(path: Path) -> tuple[str, str, np.ndarray]:
    """Patient, cine and frames (T, H, W) uint8 of one file. BadFile where it is damaged or cannot be decoded."""
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's quote what the header says, names too
            header = pydicom.dcmread(path)
            patient = header.get("PatientID") or header.get("StudyInstanceUID") or path.parent.name
            cine = header.get("SOPInstanceUID") or path.name
            _check_size(path, header)
            frames = _grey(path, header)
    except (BadFile, MemoryError):
        raise
    except Exception as error:  # on damaged or unusual files pydicom raises whatever it stumbles over
        reason = shown(" ".join(str(error).split())) or type(error).__name__
        remedy = "expected a whole DICOM file of images: mend it, or save it without compression"
        raise BadFile(path, f"cannot be decoded ({reason}), {remedy}") from error
    return _short(patient), _short(cine), (frames if frames.ndim == 3 else frames[None]).astype(np.uint8)


def _check_size(path: Path, header: "pydicom.Dataset") -> None:
    """BadFile where the header asks for more pixels than any cine has: they would be given room before one is read."""
    counts = [int(header.get(name) or 1) for name in ("NumberOfFrames", "Rows", "Columns", "SamplesPerPixel")]
    size = math.prod(counts) * int(header.BitsAllocated) // 8
    if size > MAX_CINE:
        raise BadFile(path, f"claims {size} bytes of pixels, expected at most {MAX_CINE}: mend or remove it")


def _grey(path: Path, header: "pydicom.Dataset") -> np.ndarray:
    """Grey values as they are meant to be seen, 0 to 255. BadFile where not all of them are finite."""
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    if header.SamplesPerPixel == 1:
        with np.errstate(all="ignore"):
            seen = apply_voi_lut(apply_modality_lut(header.pixel_array, header), header).astype(np.float64)
    else:
        seen = np.rint(header.pixel_array[..., :3] @ LUMINANCE)
    low, high = float(seen.min()), float(seen.max())
    if not math.isfinite(high - low):
        raise BadFile(path, f"has values from {low} to {high}, expected an image: mend or remove it")
    if header.BitsStored != 8 or low < 0 or high > 255:
        seen = (seen - low) / max(high - low, 1e-9) * 255
    return np.rint(255 - seen if header.PhotometricInterpretation == "MONOCHROME1" else seen)


def _short(text: object) -> str:
    """Ten hexadecimal digits for a text."""
    return hashlib.sha256(str(text).encode()).hexdigest()[:10]
