"""Segments: the loss by hand and its bounds, scores of hand-drawn maps, means that count rare classes, confusion."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from vasolib.downstream.segments import CLASSES, class_scores, confusion, macro_dsc, micro_dsc, segments_loss


def sure(target: torch.Tensor, classes: int) -> torch.Tensor:
    """Logits (B, K, H, W) that leave no doubt about a map (B, 1, H, W)."""
    return 60.0 * torch.nn.functional.one_hot(target[:, 0].long(), classes).movedim(3, 1).float()


def random_maps(count: int, side: int, classes: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, classes, (count, side, side), dtype=np.uint8)


def test_loss_by_hand():
    # two pixels, background and two segments: p = (1/2, 1/4, 1/4) and (1/4, 1/2, 1/4); the label is 1, 0
    logits = torch.tensor([[0.5, 0.25], [0.25, 0.5], [0.25, 0.25]]).log()[None, :, None]
    target = torch.tensor([[[[1, 0]]]]).byte()
    dice = (2 * 0.25 + 1) / (0.75 + 1 + 1)
    assert segments_loss(logits, target).item() == pytest.approx(1 - dice + math.log(4))
    assert segments_loss(logits, target, smooth=0).item() == pytest.approx(1 - 0.5 / 1.75 + math.log(4))


def test_loss_is_near_zero_when_right_and_large_when_wrong():
    target = torch.from_numpy(random_maps(2, 8, 5))[:, None]
    logits = sure(target, 5)
    assert segments_loss(logits, target) < 1e-4
    assert segments_loss(logits.roll(1, dims=1), target) > 50
    nothing = torch.zeros_like(target)
    assert segments_loss(sure(nothing, 5), nothing) < 1e-4


def test_each_present_segment_weighs_the_same_in_the_dice_term_and_absent_ones_nothing():
    target = torch.zeros(1, 1, 16, 16, dtype=torch.uint8)
    target[..., 0, 0], target[..., 4:, :] = 1, 2  # one pixel and most of the picture; the third class is absent
    for missed in (1, 2):
        answer = torch.where(target == missed, 0, target)
        entropy = torch.nn.functional.cross_entropy(sure(answer, 4), target[:, 0].long())
        dice = segments_loss(sure(answer, 4), target, smooth=0) - entropy
        assert dice.item() == pytest.approx(0.5, abs=1e-3)


def test_the_loss_of_a_batch_is_the_mean_of_its_images():
    logits = torch.randn(4, 6, 8, 8, generator=torch.Generator().manual_seed(0))
    target = torch.from_numpy(random_maps(4, 8, 6))[:, None]
    target[1] = 0
    each = [segments_loss(logits[i : i + 1], target[i : i + 1]).item() for i in range(4)]
    assert segments_loss(logits, target).item() == pytest.approx(np.mean(each), rel=1e-5)


def test_the_loss_falls_along_its_gradient():
    logits = torch.zeros(1, 4, 8, 8, requires_grad=True)
    target = torch.from_numpy(random_maps(1, 8, 4))[:, None]
    for _ in range(200):
        (gradient,) = torch.autograd.grad(segments_loss(logits, target), logits)
        logits = (logits - 50 * gradient).detach().requires_grad_()
    assert torch.equal(logits.argmax(dim=1, keepdim=True), target.long())


def test_scores_of_a_hand_drawn_pair():
    label, seen = np.zeros((2, 1, 8), np.uint8), np.zeros((2, 1, 8), np.uint8)
    label[0, 0, :4], seen[0, 0, 2:6] = 1, 1  # half of class 1
    label[0, 0, 7], seen[1, 0, 0] = 10, 25  # one that is missed, one that is not there
    got = class_scores(seen, label, ["a", "007"])
    want = [("a", "1", 50.0), ("a", "9a", 0.0), ("007", "14b", 0.0)]
    assert list(got.itertuples(index=False, name=None)) == want
    assert class_scores(label * 0, label * 0, ["a", "b"]).empty
    perfect = class_scores(label, label, ["a", "b"])
    assert perfect["dsc"].tolist() == [100.0, 100.0]


def test_classes_are_numbered_as_in_arcade():
    assert len(CLASSES) == 26
    assert [CLASSES[number] for number in (1, 9, 10, 25)] == ["1", "9", "9a", "14b"]


def test_macro_weighs_classes_alike_however_often_they_are_there():
    scores = pd.DataFrame({"segment": ["1"] * 9 + ["9a"], "dsc": [90.0] * 8 + [0.0] + [10.0], "image": "x"})
    assert macro_dsc(scores) == pytest.approx((80 + 10) / 2)
    assert math.isnan(macro_dsc(scores[:0]))


def test_micro_is_the_dsc_of_all_segments_pixels():
    label, seen = random_maps(3, 16, 4), random_maps(6, 16, 4)[3:]
    right = np.count_nonzero((label == seen) & (label > 0))
    want = 200 * right / (np.count_nonzero(label) + np.count_nonzero(seen))
    assert micro_dsc(confusion(seen, label)) == pytest.approx(want)
    assert micro_dsc(confusion(label, label)) == 100
    assert math.isnan(micro_dsc(confusion(label * 0, label * 0)))


def test_confusion_counts_every_pixel_once_by_label_and_prediction():
    label, seen = random_maps(2, 16, 26), random_maps(4, 16, 26)[2:]
    counts = confusion(seen, label)
    assert counts.shape == (26, 26) and counts.sum() == label.size
    for one, other in ((0, 0), (3, 5), (25, 1)):
        assert counts[one, other] == np.count_nonzero((label == one) & (seen == other))


def test_a_prediction_that_is_missing_is_an_error():
    with pytest.raises(ValueError, match="shorter"):
        class_scores(random_maps(1, 4, 3), random_maps(2, 4, 3), ["a", "b"])
