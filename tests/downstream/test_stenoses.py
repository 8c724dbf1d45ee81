"""Stenoses: the weight of a lesion's pixels, scores of hand-drawn lesions, the empty cases."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from vasolib.downstream.finetune import dice_bce
from vasolib.downstream.stenoses import FOUND, lesion_scores, stenoses_loss


def random_pair() -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and numbered lesions (2, 1, 8, 8)."""
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(0, 4, (2, 1, 8, 8), generator=generator, dtype=torch.uint8)
    return torch.randn(2, 1, 8, 8, generator=generator), target


def drawn(*rows: str) -> np.ndarray:
    """A map (1, H, W) of digits."""
    return np.array([[list(map(int, row)) for row in rows]], np.uint8)


@pytest.mark.parametrize("weight", [1.0, 20.0])
def test_the_loss_is_dice_and_weighted_cross_entropy_whatever_a_lesions_number(weight):
    logits, target = random_pair()
    lesion = (target > 0).float()
    dice = dice_bce(logits, lesion) - F.binary_cross_entropy_with_logits(logits, lesion)
    entropy = F.binary_cross_entropy_with_logits(logits, lesion, pos_weight=torch.tensor(weight))
    assert torch.isclose(stenoses_loss(logits, target, weight), dice + entropy)
    assert torch.equal(stenoses_loss(logits, 3 * lesion, weight), stenoses_loss(logits, lesion, weight))


def test_the_weight_asks_for_more_where_lesions_are_and_nothing_where_none_is():
    logits, target = random_pair()
    nothing = torch.zeros_like(target)
    assert stenoses_loss(logits, target, 20.0) > stenoses_loss(logits, target, 2.0) + 1
    assert stenoses_loss(logits, nothing, 20.0) == stenoses_loss(logits, nothing, 1.0)


@pytest.mark.parametrize(
    ("prediction", "label", "want"),
    [
        (["0000"], ["0000"], (100.0, 0, 0, 0)),
        (["0110"], ["0000"], (0.0, 0, 0, 1)),
        (["0000"], ["0110"], (0.0, 1, 0, 0)),
        (["0110"], ["0330"], (100.0, 1, 1, 0)),
        (["100000"], ["111100"], (40.0, 1, 1, 0)),  # a quarter is enough
        (["1000000"], ["1111100"], (100 / 3, 1, 0, 0)),  # a fifth is not, but touches
        (["11110"], ["11022"], (100 * 2 * 3 / 8, 2, 2, 0)),  # one spot over two lesions
        (["0001", "1000"], ["0000", "0111"], (0.0, 1, 0, 2)),
        (["1000", "0100"], ["0000", "0111"], (40.0, 1, 1, 0)),  # corners hold a spot together
        (["10001"], ["10000"], (200 / 3, 1, 1, 1)),
    ],
)
def test_scores_of_hand_drawn_lesions(prediction, label, want):
    got = lesion_scores(drawn(*prediction), drawn(*label), ["007"])
    assert list(got.columns) == ["image", "dsc", "lesions", "found", "false"]
    assert got.loc[0, "image"] == "007"
    assert tuple(got.loc[0, ["dsc", "lesions", "found", "false"]]) == pytest.approx(want)


def test_images_are_scored_one_by_one_and_predictions_are_yes_or_no():
    labels = np.random.default_rng(0).integers(0, 3, (5, 12, 12), dtype=np.uint8)
    predictions = np.random.default_rng(1).integers(0, 2, (5, 12, 12), dtype=np.uint8)
    names = list("abcde")
    whole = lesion_scores(predictions, labels, names)
    assert whole["image"].tolist() == names
    assert whole.equals(lesion_scores(200 * predictions, labels, names))
    for i in range(5):
        alone = lesion_scores(predictions[i : i + 1], labels[i : i + 1], names[i : i + 1])
        assert alone.loc[0].tolist() == whole.loc[i].tolist()


def test_recall_never_falls_as_more_is_marked():
    label = drawn("1111022220", "0000000000", "3333000000")
    order = np.random.default_rng(0).permutation(label.size)
    seen, last = np.zeros(label.size, np.uint8), 0
    for pixel in order:
        seen[pixel] = 1
        row = lesion_scores(seen.reshape(label.shape), label, ["a"]).loc[0]
        assert row["found"] >= last
        last = row["found"]
    assert last == 3 and 0 < FOUND < 0.5
