"""Halves by name alone, and real folders brought to one side."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from benchmarks.real_frames import halves, held_out, read_real
from vasolib.errors import UserError


def write(folder, name: str, shape: tuple[int, int] = (40, 40), labelled: bool = True) -> None:
    rng = np.random.default_rng(len(name))
    for kind in ("images", "masks") if labelled else ("images",):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray((rng.random(shape) > 0.5).astype(np.uint8) * 255).save(folder / kind / name)


def test_the_rule_is_the_stated_one():
    stems = ["3", "1", "2", "4", "5"]
    first = sorted(stems, key=lambda stem: hashlib.sha256(f"xcad/{stem}".encode()).hexdigest())[:2]
    assert halves("xcad", stems) == ["tune" if stem in first else "report" for stem in stems]


def test_halves_do_not_depend_on_the_order_but_on_the_set():
    stems = [str(number) for number in range(100)]
    forward = dict(zip(stems, halves("dca1", stems), strict=True))
    assert list(forward.values()).count("tune") == 50
    assert dict(zip(stems[::-1], halves("dca1", stems[::-1]), strict=True)) == forward
    assert halves("xcad", stems) != halves("dca1", stems)


def test_held_out_frames_guided_no_choice():
    stems = [str(number) for number in range(100)]
    parts = list(zip(halves("xcad", stems), held_out("xcad", stems), strict=True))
    assert parts.count(("report", "test")) == 30 and parts.count(("tune", "test")) == 0


def test_sets_are_read_at_one_side(tmp_path):
    for number in range(4):
        write(tmp_path / "one", f"{number}.png")
        write(tmp_path / "two", f"P_{number}.png", (64, 64), labelled=False)
    real = read_real(tmp_path, 32)
    assert real["one"].images.shape == real["one"].masks.shape == (4, 32, 32)
    assert set(np.unique(real["one"].masks)) <= {0, 1} and sorted(real["one"].parts) == ["report"] * 2 + ["tune"] * 2
    assert real["two"].images.shape == (4, 32, 32) and real["two"].masks is None
    assert list(read_real(tmp_path, 32, labelled_only=True)) == ["one"]


def test_masks_stay_with_their_images(tmp_path):
    for number in range(3):
        write(tmp_path / "one", f"{'x' * number}{number}.png")
    mask = np.asarray(Image.open(tmp_path / "one" / "masks" / "x1.png")) > 0
    real = read_real(tmp_path, 40)["one"]
    assert (real.masks[real.stems.index("x1")] == mask).all()


def test_keyframes_limit_a_set(tmp_path):
    for number in range(4):
        write(tmp_path / "cine", f"P_{number}.png", labelled=False)
    (tmp_path / "cine" / "keyframes.txt").write_text("P_1.png\nP_3.png\n", encoding="utf-8")
    assert read_real(tmp_path, 32)["cine"].stems == ["P_1", "P_3"]


def test_what_cannot_be_compared_is_refused(tmp_path):
    write(tmp_path / "wide", "1.png", (20, 40), labelled=False)
    with pytest.raises(UserError, match="40 x 20 pixels"):
        read_real(tmp_path, 32)
    with pytest.raises(UserError, match="no labelled set"):
        read_real(tmp_path, 32, labelled_only=True)


def test_no_listed_keyframe_is_a_wrong_list(tmp_path):
    write(tmp_path / "cine", "P_1.png", labelled=False)
    (tmp_path / "cine" / "keyframes.txt").write_text("P_9.png\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"keyframes\.txt names no image"):
        read_real(tmp_path, 32)
