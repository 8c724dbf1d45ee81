"""Real images become frames with their labels; what cannot be used is left out for a reason."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.v2.miniature import SHAPE, bar, grey, write
from vasolib.data.left_out import BadFile, LeftOut
from vasolib.v2.real_files import RealFile, read_labels, real_frames


def made(tmp_path: Path, task: str, label=None, boxes: tuple = (), image=None) -> object:
    """What an image becomes, with a label of its name where one is given."""
    path, other = tmp_path / "set" / "images" / "a_1.png", tmp_path / "set" / "labels" / "a_1.png"
    write(path, grey("a") if image is None else image)
    if label is not None:
        write(other, label)
    file = RealFile("set", path, None, "test", "ann", None if label is None else other, boxes)
    frames = real_frames([file], task)
    return frames.make(frames.fetch(frames.items[0]))


def test_a_vessel_image_has_its_mask_and_its_sets_patient(tmp_path: Path):
    frame = made(tmp_path, "vessels", bar(255))
    assert (frame.id, frame.split, frame.patient) == ("set/a_1", "test", "ann")
    assert np.array_equal(frame.image, grey("a")) and np.array_equal(frame.mask, bar(1))
    assert made(tmp_path, "", bar(255)).mask is None


@pytest.mark.parametrize("task", ["segments", "stenoses"])
def test_a_map_keeps_its_numbers(tmp_path: Path, task: str):
    one = made(tmp_path, task, bar(25))
    assert np.array_equal(one.labels, bar(25)) and one.frame.mask is None and one.frame.patient == "ann"


def test_boxes_are_in_pixels_and_none_is_an_image_without_a_lesion(tmp_path: Path):
    assert made(tmp_path, "boxes", boxes=((0, 0, 60, 40), (1.5, 2, 3, 4))).boxes.tolist() == [
        [0, 0, 60, 40], [1.5, 2, 3, 4]]  # fmt: skip
    assert made(tmp_path, "boxes").boxes.shape == (0, 4)


def test_no_stenosis_is_a_label_and_no_segment_is_none(tmp_path: Path):
    nothing = np.zeros(SHAPE, np.uint8)
    assert not made(tmp_path, "stenoses", nothing).labels.any()
    assert "marks no pixel" in made(tmp_path, "segments", nothing).reason


@pytest.mark.parametrize(
    ("task", "change", "reason"),
    [
        ("segments", {"label": bar(26)}, "holds 26, expected numbers from 0 to 25"),
        ("segments", {"label": bar(255)}, "is it a mask"),
        ("segments", {"label": bar(1).astype(np.uint16)}, "in 8 bits"),
        ("segments", {"label": bar(1).T.copy()}, "is 40 x 60 pixels, its image 60 x 40"),
        ("stenoses", {"label": np.full(SHAPE, 3, np.uint8)}, "marks 100%"),
        ("stenoses", {"label": bar(1), "image": np.zeros(SHAPE, np.uint8)}, "value 0 everywhere"),
        ("boxes", {"boxes": ((0, 0, 61, 5),)}, r"has the box \(0, 0, 61, 5\).* within 60 x 40"),
        ("boxes", {"boxes": ((0, 0, 5, 5), (4, 4, 4, 8))}, r"has the box \(4, 4, 4, 8\)"),
        ("boxes", {"boxes": ((-1, 0, 5, 5),)}, "has the box"),
    ],
)
def test_what_cannot_be_used_is_left_out(tmp_path: Path, task: str, change: dict, reason: str):
    one = made(tmp_path, task, **change)
    assert isinstance(one, LeftOut) and (one.kind, one.source) == ("unusable", "set")
    assert one.file.startswith("set/") and one.file.endswith("a_1.png")
    with pytest.raises(BadFile, match=reason):
        raise BadFile(Path(one.file), one.reason)


def test_a_compressed_map_and_one_that_is_gone_are_refused(tmp_path: Path):
    buffer = BytesIO()
    Image.fromarray(bar(2)).save(buffer, "JPEG")
    with pytest.raises(BadFile, match="JPEG file, which changes numbers"):
        read_labels(Path("a.png"), SHAPE, "stenoses", buffer.getvalue())
    path = tmp_path / "set" / "images" / "a.png"
    write(path, grey("a"))
    frames = real_frames([RealFile("set", path, None, "train", "a", tmp_path / "none.png")], "segments")
    assert "cannot be read" in frames.make(frames.fetch(frames.items[0])).reason
