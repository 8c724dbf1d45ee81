"""Maps of numbers stay maps of those numbers, and boxes stay around what they were drawn around."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from vasolib.data.building import Frames, _fit_mask, left_out_of
from vasolib.data.left_out import LeftOut
from vasolib.data.store import Frame
from vasolib.data.synthetic.labels import boxes_of as smallest_boxes
from vasolib.errors import UserError
from vasolib.v2.box_table import boxes_of
from vasolib.v2.labels import LabelledFrame, build_labelled, fit_boxes, fit_labels

build = partial(build_labelled, jobs=1)


def blocks(height: int, width: int, numbers: int = 25) -> np.ndarray:
    """A map of numbers in blocks of 4 x 4 pixels."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, numbers + 1, (height // 4, width // 4), dtype=np.uint8)
    return small.repeat(4, axis=0).repeat(4, axis=1)


@pytest.mark.parametrize("side", [10, 16, 32, 48, 80])
def test_a_map_keeps_its_numbers_and_marks_what_a_mask_would(side: int):
    labels = blocks(24, 48)
    fitted = fit_labels(labels, side)
    assert fitted.shape == (side, side) and fitted.dtype == np.uint8
    assert set(np.unique(fitted)) <= set(np.unique(labels)) | {0}
    assert np.array_equal(fitted > 0, _fit_mask(labels, side) > 0)


def test_each_new_pixel_has_the_number_that_covers_most_of_it():
    labels = np.zeros((8, 8), np.uint8)
    labels[:4, :3], labels[:4, 3] = 25, 1  # three quarters and one: their average would be 19
    labels[4:, 4:7], labels[4:, 7] = 3, 7
    assert fit_labels(labels, 2).tolist() == [[25, 0], [0, 3]]
    assert fit_labels(labels, 8).tolist() == labels.tolist()


def test_a_map_of_nothing_stays_one():
    assert not fit_labels(np.zeros((5, 9), np.uint8), 4).any()


def test_boxes_go_where_the_map_of_their_lesions_goes():
    labels = np.zeros((40, 80), np.uint8)
    labels[4:12, 8:24], labels[20:40, 60:80] = 1, 2
    for side in (40, 80, 160):
        fitted = fit_boxes(smallest_boxes(labels), labels.shape, side)
        assert np.array_equal(fitted, smallest_boxes(fit_labels(labels, side)))


def test_boxes_of_a_tall_image_are_moved_to_the_right():
    assert fit_boxes(np.array([[0.0, 0, 10, 40]]), (40, 10), 20).tolist() == [[7.5, 0, 12.5, 20]]
    assert fit_boxes(np.empty((0, 4)), (40, 10), 20).shape == (0, 4)


def made(item: int, boxed: bool) -> LabelledFrame | LeftOut:
    if item == 1:
        return LeftOut("unusable", "s", "s/images/1.png", "is bad")
    image = np.full((8, 16), item, np.uint8)
    frame = Frame(f"s/{item}", "s", "train", str(item), "", image, None)
    label = np.zeros((8, 16), np.uint8)
    label[:, 8:] = item
    return LabelledFrame(frame, boxes=np.full((item, 4), [8.0, 0, 16, 8])) if boxed else LabelledFrame(frame, label)


@pytest.mark.parametrize("boxed", [False, True])
def test_a_store_has_images_labels_and_what_was_left_out(tmp_path: Path, boxed: bool):
    store = build(tmp_path / "s", Frames(range(4), partial(made, boxed=boxed)), 8)
    assert list(store.table["id"]) == ["s/0", "s/2", "s/3"] and store.images[:, 4, 4].tolist() == [0, 2, 3]
    assert [one.file for one in left_out_of(store.folder)] == ["s/images/1.png"]
    if boxed:
        assert store.masks is None
        assert [boxes.tolist() for boxes in boxes_of(store)] == [[[4, 2, 8, 6]] * count for count in (0, 2, 3)]
    else:
        assert store.masks[:, 4, 6].tolist() == [0, 2, 3] and not store.masks[:, :, :4].any()
        assert not (store.folder / "boxes.csv").exists()


def test_a_store_does_not_depend_on_the_number_of_processes_and_a_finished_one_is_kept(tmp_path: Path):
    frames = Frames(range(9), partial(made, boxed=False))
    first = build_labelled(tmp_path / "one", frames, 8, jobs=1).folder
    other = build_labelled(tmp_path / "two", frames, 8, jobs=2).folder
    assert all(path.read_bytes() == (other / path.name).read_bytes() for path in first.iterdir())
    assert build(tmp_path / "one", Frames([]), 8).folder == first


def test_a_killed_call_leaves_no_store(tmp_path: Path):
    def stop(item: int) -> LabelledFrame:
        if item == 2:
            raise KeyboardInterrupt
        return made(0, False)

    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "s", Frames([0, 2], stop), 8)
    assert list(tmp_path.iterdir()) == []


def test_no_frame_and_two_of_one_name_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"s/images/1.png is bad"):
        build(tmp_path / "s", Frames([1], partial(made, boxed=False)), 8)
    with pytest.raises(UserError, match="there is none"):
        build(tmp_path / "s", Frames([]), 8)
    twin = made(2, False)
    with pytest.raises(UserError, match="two frames are called 's/2'"):
        build(tmp_path / "s", Frames([twin, replace(twin)]), 8)
