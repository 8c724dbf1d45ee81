"""Scores against values worked out by hand on drawn masks."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from vasolib.metrics import Labels, cldice, dsc


def drawing(text: str) -> np.ndarray:
    """A mask from rows of `#` and `.`."""
    return np.array([[char == "#" for char in row] for row in text.split()], np.uint8)


LINE = drawing("............. ............. .###########. ............. .............")
BROKEN = drawing("............. ............. .####...####. ............. .............")
BAR = drawing("............. .###########. .###########. .###########. .............")


def random_mask(seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random((24, 31)) < 0.3).astype(np.uint8)


def test_dsc_by_hand():
    assert dsc(LINE, LINE) == 1
    assert dsc(BROKEN, LINE) == pytest.approx(2 * 8 / (8 + 11))
    assert dsc(BAR, LINE) == pytest.approx(2 * 11 / (33 + 11))
    assert dsc(np.roll(LINE, 1, axis=0), LINE) == 0


def test_a_gap_in_a_line_costs_sensitivity_only():
    # of P's skeleton, 8 of 8 pixels in L; of L's, 8 of 11 in P
    assert cldice(BROKEN, LINE) == pytest.approx(2 * 1 * (8 / 11) / (1 + 8 / 11))
    assert cldice(LINE, BROKEN) == pytest.approx(cldice(BROKEN, LINE))


def test_a_false_branch_costs_precision_only():
    branch = LINE.copy()
    branch[0, 2:7] = 1
    # of P's skeleton, 11 of 11 + 5 pixels in L; of L's, all in P
    assert cldice(branch, LINE) == pytest.approx(2 * (11 / 16) / (11 / 16 + 1))


def test_a_gap_and_a_false_branch_are_not_mixed_up():
    prediction = BROKEN.copy()
    prediction[0, 2:7] = 1
    precision, sensitivity = 8 / 13, 8 / 11
    assert cldice(prediction, LINE) == pytest.approx(2 * precision * sensitivity / (precision + sensitivity))


def test_thickness_costs_dsc_but_not_cldice():
    centre = BAR.copy()
    centre[[1, 3]] = 0
    centre[2, [1, 2, 10, 11]] = 0  # thinning may bend or shorten the ends
    thick = np.zeros((9, 13), np.uint8)
    thick[2:7, 1:12] = 1
    thin = np.pad(BAR, ((2, 2), (0, 0)))
    assert dsc(thin, thick) == pytest.approx(2 * 33 / (33 + 55))
    assert cldice(thin, thick) == 1
    assert dsc(centre, BAR) < 0.4
    assert cldice(centre, BAR) > 0.8


def test_a_lost_thin_vessel_costs_more_cldice_than_dsc():
    label = np.zeros((30, 40), np.uint8)
    label[3:14, 2:38] = 1
    label[22, 2:38] = 1
    prediction = label.copy()
    prediction[22] = 0
    assert dsc(prediction, label) > 0.95
    assert cldice(prediction, label) < 0.8


@pytest.mark.parametrize("score", [dsc, cldice])
def test_empty_masks(score):
    empty = np.zeros_like(LINE)
    assert score(empty, empty) == 1
    assert score(LINE, empty) == 0
    assert score(empty, LINE) == 0
    assert score(BROKEN, np.roll(BROKEN, 2, axis=0)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_dsc_is_the_f1_score_and_symmetric(seed):
    first, second = random_mask(seed), random_mask(seed + 100)
    assert dsc(first, second) == pytest.approx(f1_score(second.ravel(), first.ravel()))
    assert dsc(first, second) == dsc(second, first)
    assert cldice(first, second) == pytest.approx(cldice(second, first))


def test_types_of_the_masks_do_not_matter():
    for convert in (bool, np.uint8, np.int64, np.float32):
        assert dsc(BROKEN.astype(convert), LINE) == dsc(BROKEN, LINE)
        assert cldice(BROKEN, LINE.astype(convert)) == cldice(BROKEN, LINE)


def test_no_mask_has_an_empty_skeleton():
    for bits in range(1, 2**9):
        mask = np.pad(np.array([bits >> i & 1 for i in range(9)], np.uint8).reshape(3, 3), 1)
        assert cldice(mask, mask) == 1


def test_one_row_per_image_in_order_and_in_per_cent():
    empty = np.zeros_like(LINE)
    table = Labels.of(np.stack([LINE, LINE, LINE]), ["b", "a", "c"]).score(np.stack([BROKEN, LINE, empty]))
    assert list(table.columns) == ["image", "dsc", "cldice"]
    assert table["image"].tolist() == ["b", "a", "c"]
    assert table["dsc"].tolist() == pytest.approx([1600 / 19, 100, 0])
    assert table["cldice"].tolist() == pytest.approx([1600 / 19, 100, 0])


def test_scores_do_not_depend_on_what_was_scored_before():
    masks = np.stack([random_mask(seed) for seed in range(20)])
    predictions, labels = masks[::-1], Labels.of(masks, [str(i) for i in range(20)])
    labels.score(masks)
    plain = [100 * cldice(p, t) for p, t in zip(predictions, masks, strict=True)]
    assert labels.score(predictions)["cldice"].tolist() == plain


@pytest.mark.parametrize("count", [1, 3])
def test_a_wrong_number_of_predictions_is_refused(count):
    with pytest.raises(ValueError, match="argument"):
        Labels.of(np.stack([LINE, LINE]), ["a", "b"]).score(np.stack([LINE] * count))


def test_a_missing_name_is_refused():
    with pytest.raises(ValueError, match="longer"):
        Labels.of(np.stack([LINE, LINE]), ["a"]).score(np.stack([LINE, LINE]))
