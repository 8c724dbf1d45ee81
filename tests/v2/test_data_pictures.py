"""What is shown of a set: images with labels first, and boxes as outlines."""

from pathlib import Path

import numpy as np

from vasolib.data.building import Frames
from vasolib.data.store import Frame, ImageStore
from vasolib.data.synthetic.labels import boxes_of as smallest_boxes
from vasolib.v2.data_pictures import examples, label_maps, outlines
from vasolib.v2.labels import LabelledFrame, build_labelled


def stored(folder: Path, boxed: bool) -> ImageStore:
    """Five images of which the second and the last have a label."""

    def made(item: int) -> LabelledFrame:
        frame = Frame(f"s/{item}", "s", "train", "", "", np.full((8, 8), item, np.uint8), None)
        ill = item in (1, 4)
        label = np.full((8, 8), item if ill else 0, np.uint8)
        boxes = np.full((int(ill), 4), [1.0, 2, 6, 8])
        return LabelledFrame(frame, boxes=boxes) if boxed else LabelledFrame(frame, label)

    return build_labelled(folder, Frames(range(5), made), 8, jobs=1)


def test_labelled_images_are_shown_first(tmp_path: Path):
    for boxed in (True, False):
        store = stored(tmp_path / str(boxed), boxed)
        assert examples(store, 3).tolist() == [1, 4, 0] and len(examples(store, 9)) == 5
        maps = label_maps(store, np.array([1, 0]))
        assert maps.shape == (2, 8, 8) and maps[0].max() == 1 and not maps[1].any()


def test_the_outline_of_a_box_is_as_large_as_the_box():
    boxes = np.array([[1.0, 2, 6, 8], [10.2, 0, 16, 3.5]])
    drawn = outlines(boxes, 16)
    assert smallest_boxes(drawn).tolist() == [[1, 2, 6, 8], [10, 0, 16, 4]]
    assert np.count_nonzero(drawn == 1) == 2 * (5 + 6) - 4 and drawn[4, 3] == 0
