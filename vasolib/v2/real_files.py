"""Images of real sets with their labels, from bytes to frames, by the rules of `vasolib.data.reading`.

Maps of numbers must be 8-bit files of the image's size that hold nothing but the numbers; boxes must lie in the image.
"""

__all__ = ["RealFile", "real_frames"]

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from vasolib.data.building import Frames
from vasolib.data.folder import ImageFile, _decoded, _fetched, _lost
from vasolib.data.left_out import BadFile, LeftOut
from vasolib.data.reading import MAX_MARKED, _read_values, read_bytes
from vasolib.data.store import Frame
from vasolib.data.synthetic.tree import SYNTAX
from vasolib.v2.labels import LabelledFrame

JPEG = b"\xff\xd8"  # its first bytes
HIGHEST = {"segments": len(SYNTAX), "stenoses": 255}


@dataclass(frozen=True)
class RealFile(ImageFile):
    """One image on disk; label: its mask or map, None without; boxes: x0, y0, x1, y1 in its pixels;
    cine: the recording that it is a frame of, "" if unknown.

    The base's `mask` is set where `real_frames` is asked for vessels.
    """

    patient: str
    label: Path | None = None
    boxes: tuple[tuple[float, ...], ...] = ()
    cine: str = ""


def real_frames(files: list[RealFile], task: str) -> Frames:
    """Frames to be stored: `Frame`s for vessels and, without labels, for "", `LabelledFrame`s for other tasks.

    Making them gives a `LeftOut` for each image that cannot be used, or whose label cannot.
    """
    if task in ("", "vessels"):
        masked = [replace(file, mask=file.label if task else None) for file in files]
        return Frames(masked, _plain, _fetched)
    return Frames(files, partial(_labelled, task), partial(_fetched_with_label, task))


def _plain(fetched: tuple | LeftOut) -> Frame | LeftOut:
    """The frame that the bytes stand for, of the patient that its set names."""
    frame = _decoded(fetched)
    return frame if isinstance(frame, LeftOut) else replace(frame, patient=fetched[0].patient)


def _fetched_with_label(task: str, file: RealFile) -> tuple | LeftOut:
    """A file and the bytes of its image and label map."""
    fetched = _fetched(file)
    if isinstance(fetched, LeftOut) or task == "boxes":
        return fetched
    try:
        return (*fetched[:2], read_bytes(file.label))
    except BadFile as error:
        return _lost(file, error)


def _labelled(task: str, fetched: tuple | LeftOut) -> LabelledFrame | LeftOut:
    """The frame and label that the bytes stand for."""
    frame = _plain(fetched)
    if isinstance(frame, LeftOut):
        return frame
    file, _, label = fetched
    try:
        if task == "boxes":
            return LabelledFrame(frame, boxes=checked_boxes(file, frame.image.shape))
        return LabelledFrame(frame, read_labels(file.label, frame.image.shape, task, label))
    except BadFile as error:
        return _lost(file, error)


def read_labels(path: Path, shape: tuple[int, int], task: str, data: bytes | None = None) -> np.ndarray:
    """A label map (H, W) uint8 of numbers, 0 where there is nothing.

    Raises:
        BadFile: a JPEG file, not 8 bits, of another size than its image (H, W), a number too high, too much of it
            marked, or segments without a pixel.
    """
    data = read_bytes(path) if data is None else data
    if data.startswith(JPEG):
        raise BadFile(path, "is a JPEG file, which changes numbers, expected a PNG file: export the labels again")
    values = _read_values(path, data)
    if values.shape != tuple(shape):
        found, expected = (f"{width} x {height}" for height, width in (values.shape, shape))
        raise BadFile(path, f"is {found} pixels, its image {expected}: give the label the image's size")
    if values.dtype != np.uint8 or values.max() > HIGHEST[task]:
        expected = f"numbers from 0 to {HIGHEST[task]} in 8 bits"
        raise BadFile(path, f"holds {values.max():g}, expected {expected}: is it a mask or a picture of the labels?")
    if task == "segments" and not values.any():
        raise BadFile(path, "marks no pixel, expected a segment: give its label, or remove both files")
    if (share := np.mean(values > 0)) > MAX_MARKED:
        raise BadFile(path, f"marks {share:.0%} of its pixels, expected at most {MAX_MARKED:.0%}: is it inverted?")
    return values


def checked_boxes(file: RealFile, shape: tuple[int, int]) -> np.ndarray:
    """The boxes (k, 4) of an image (H, W). BadFile for one that is empty or not all inside."""
    boxes = np.array(file.boxes, float).reshape(-1, 4)
    height, width = shape
    inside = (boxes[:, :2] >= 0).all(axis=1) & (boxes[:, 2] <= width) & (boxes[:, 3] <= height)
    sound = inside & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    if not sound.all():
        box = ", ".join(f"{value:g}" for value in boxes[~sound][0])
        raise BadFile(file.path, f"has the box ({box}), expected x0 < x1 and y0 < y1 within {width} x {height} pixels")
    return boxes
