"""Average precision and counts of lesions on cases that can be worked out by hand."""

import numpy as np
import pytest

from vasolib.downstream.average_precision import average_precision, count_lesions, overlaps
from vasolib.errors import UserError

BOX = np.array([[10.0, 10.0, 20.0, 30.0]])
FAR = np.array([[50.0, 50.0, 60.0, 60.0]])
NONE = np.empty((0, 4))


def found(*boxes_and_scores) -> tuple[np.ndarray, np.ndarray]:
    boxes = [box for box, _ in boxes_and_scores]
    return np.concatenate([NONE, *boxes]), np.array([score for _, score in boxes_and_scores])


def shifted(share: float) -> np.ndarray:
    """The box moved down by a share of its height: IoU (1 - share) / (1 + share)."""
    return BOX + np.array([0, 20 * share, 0, 20 * share])


def test_overlap_by_hand():
    assert overlaps(np.concatenate([BOX, FAR]), BOX) == pytest.approx(np.array([[1.0], [0.0]]))
    assert overlaps(shifted(0.25), BOX) == pytest.approx(np.array([[0.6]]))
    assert overlaps(NONE, BOX).shape == (0, 1) and overlaps(BOX, NONE).shape == (1, 0)


@pytest.mark.parametrize(
    ("case", "want"),
    [
        ([(BOX, 0.9)], (100, 100, 100)),
        ([], (0, 0, 0)),
        ([(FAR, 0.9)], (0, 0, 0)),
        ([(FAR, 0.9), (BOX, 0.8)], (50, 50, 50)),  # a false box is surer: precision 1/2 at every recall
        ([(BOX, 0.9), (FAR, 0.8)], (100, 100, 100)),  # a false box after all lesions are found costs nothing
        ([(BOX, 0.9), (BOX, 0.8)], (100, 100, 100)),
        ([(shifted(0.24), 0.9)], (30, 100, 0)),  # IoU 0.613: right at 0.50, 0.55 and 0.60 of ten thresholds
    ],
)
def test_one_lesion_in_one_image(case, want):
    scores = average_precision([found(*case)], [BOX])
    assert tuple(scores.values()) == pytest.approx(want)
    assert list(scores) == ["mAP", "mAP50", "mAP75"]


def test_half_of_the_lesions_found_is_half_of_the_recalls_that_precision_is_averaged_over():
    scores = average_precision([found((BOX, 0.9)), found()], [BOX, BOX])
    assert scores["mAP50"] == pytest.approx(100 * 51 / 101)  # recalls 0, 0.01 to 0.5 of 101


def test_images_without_a_lesion_count_by_what_is_wrongly_found_there():
    assert average_precision([found((BOX, 0.5)), found((FAR, 0.9))], [BOX, NONE])["mAP50"] == pytest.approx(50)


def test_without_any_lesion_there_is_no_score():
    with pytest.raises(UserError, match="none of 2 images has a lesion"):
        average_precision([found(), found((BOX, 0.9))], [NONE, NONE])


def test_lesions_are_counted_by_hand():
    frames = [
        found((BOX, 0.9), (shifted(0.1), 0.8), (FAR, 0.4)),  # the second finds none of its own, the third is unsure
        found((FAR, 0.5)),
        found(),
        found(),
    ]
    table = count_lesions(["a", "b", "c", "d"], frames, [BOX, np.concatenate([BOX, FAR]), BOX, NONE])
    assert list(table.columns) == ["image", "lesions", "found", "missed", "false"]
    assert table.to_numpy().tolist() == [["a", 1, 1, 0, 1], ["b", 2, 1, 1, 0], ["c", 1, 0, 1, 0], ["d", 0, 0, 0, 0]]


def test_the_surer_box_chooses_first_and_a_lesion_is_found_once():
    lesions = np.concatenate([BOX, shifted(0.3)])
    both = found((shifted(0.14), 0.6), (shifted(0.3), 0.9), (BOX, 0.7))
    row = count_lesions(["a"], [both], [lesions]).iloc[0]
    assert (row.found, row.missed, row.false) == (2, 0, 1)
