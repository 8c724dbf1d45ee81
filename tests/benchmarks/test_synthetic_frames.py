"""Frames style after style and the same whatever draws them; ablations that leave the streams alone."""

import numpy as np
import pytest

from benchmarks.synthetic_frames import ABLATIONS, changed, draw_frames, scratch_store
from vasolib.data.synthetic.frame import make_frame
from vasolib.data.synthetic.styles import STYLES
from vasolib.errors import UserError


@pytest.fixture(scope="module")
def whole() -> list:
    """A frame of each style with all ingredients; two of the first."""
    return list(draw_frames(0, 1 + len(STYLES), tuple(STYLES), 64, jobs=1))


@pytest.mark.parametrize(
    ("count", "styles", "want"),
    [(6, "ac", "aaaccc"), (5, "ca", "cccaa"), (6, "abcd", "aabbcd"), (2, "abc", "ab"), (0, "a", "")],
)
def test_styles_share_the_frames(count: int, styles: str, want: str):
    assert "".join(style for style, *_ in draw_frames(3, count, tuple(styles), 16, jobs=1)) == want


def test_frames_do_not_depend_on_the_number_drawn_or_on_who_draws():
    few = list(draw_frames(3, 4, ("a", "c"), 64, jobs=1))
    many = list(draw_frames(3, 6, ("a", "c"), 64, jobs=2))
    for (_, image, mask), (_, again, same) in zip(few, [many[n] for n in (0, 1, 3, 4)], strict=True):
        assert image.shape == mask.shape == (64, 64) and image.dtype == np.uint8 and set(np.unique(mask)) <= {0, 1}
        assert (image == again).all() and (mask == same).all()
    assert len({image.tobytes() for _, image, _ in many}) == 6


def test_frames_are_those_of_the_generator():
    for index, (name, image, mask) in enumerate(draw_frames(3, 2, ("b",), 64, first=7, jobs=1)):
        frame = make_frame(3, 7 + index, STYLES["b"], 64)
        assert name == "b" and (image == frame.image).all() and (mask == frame.labels.mask).all()


def test_first_shifts_the_series():
    shifted = list(draw_frames(3, 1, ("a",), 64, first=1, jobs=1))
    assert (shifted[0][1] == list(draw_frames(3, 2, ("a",), 64, jobs=1))[1][1]).all()


def test_unknown_names_are_refused():
    with pytest.raises(UserError, match="unknown style 'q'"):
        list(draw_frames(0, 1, ("q",), 64))
    with pytest.raises(UserError, match="'noize' is no ingredient: did you mean 'noise'"):
        list(draw_frames(0, 1, ("a",), 64, without=("noize",)))


@pytest.mark.parametrize("name", ABLATIONS)
def test_each_ablation_changes_frames_but_not_the_random_streams(name: str, whole):
    styles = {number: changed(style, (name,)) for number, style in STYLES.items()}
    assert [style.number for style in styles.values()] == [style.number for style in STYLES.values()]
    assert styles != STYLES
    without = draw_frames(0, len(whole), tuple(STYLES), 64, without=(name,), jobs=1)
    pairs = [(before, after) for before, after in zip(whole, without, strict=True)]
    rare = name in ("disease", "filling", "devices")  # not in every frame
    assert rare or any((a != b).any() for before, after in pairs for a, b in zip(before[1:], after[1:], strict=True))


def test_a_store_is_kept_for_the_same_frames_and_not_for_others(tmp_path):
    store = scratch_store(tmp_path, 0, 3, ("a", "b"), 64)
    assert list(store.table["source"]) == ["synth-a", "synth-a", "synth-b"] and store.masks.any()
    written = (store.folder / "images.npy").stat().st_mtime_ns
    again = scratch_store(tmp_path, 0, 3, ("a", "b"), 64)
    assert again.folder == store.folder and (again.folder / "images.npy").stat().st_mtime_ns == written
    assert scratch_store(tmp_path, 1, 3, ("a", "b"), 64).folder != store.folder
