"""Label maps: perfect answers cost nothing and score in full, crops keep labels on their pixels."""

import numpy as np
import pytest
import torch

from vasolib.study import ROOT, Study
from vasolib.v2.held_out import HeldOut
from vasolib.v2.maps import SEGMENTS, STENOSES, VESSELS, Maps
from vasolib.v2.study import Extended

MORE = Extended.beside(Study.load(ROOT)).scale_named("smoke")
each_task = pytest.mark.parametrize("task", [VESSELS, SEGMENTS, STENOSES], ids=lambda task: task.name)


def maps(task: Maps, side: int = 12) -> torch.Tensor:
    """Label maps (2, 1, side, side) with numbers of the task, few of them large."""
    generator = torch.Generator().manual_seed(0)
    top = min(task.highest, 25)
    return torch.randint(0, top + 1, (2, 1, side, side), generator=generator).to(torch.uint8)


def answer(task: Maps, labels: torch.Tensor) -> torch.Tensor:
    """Logits that leave no doubt."""
    if task.outputs == 1:
        return 60.0 * (labels > 0) - 30.0
    return 60.0 * torch.nn.functional.one_hot(labels[:, 0].long(), task.outputs).movedim(3, 1).float()


@each_task
def test_the_right_answer_costs_nothing_and_scores_in_full(task):
    labels = maps(task)
    logits = answer(task, labels)
    assert logits.shape == (2, task.outputs, 12, 12)
    assert task.criterion(logits, labels, MORE) < 1e-3
    assert task.criterion(logits.roll(3, dims=3), labels, MORE) > 1
    seen = task.numbers(logits).numpy().astype(np.uint8)
    assert seen.shape == (2, 12, 12) and seen.max() <= task.highest
    scores = task.score(seen, HeldOut("set", labels, labels[:, 0].numpy(), ["a", "b"]))[task.name]
    assert scores.columns[0] == "image" and set(scores["image"]) == {"a", "b"}
    assert (scores["dsc"] == 100).all()


@each_task
def test_logits_without_a_preference_can_be_improved(task):
    labels = maps(task)
    logits = torch.zeros(2, task.outputs, 12, 12, requires_grad=True)
    task.criterion(logits, labels, MORE).backward()
    assert logits.grad.isfinite().all() and logits.grad.abs().max() > 0


@each_task
def test_crops_keep_labels_on_their_pixels_and_segments_on_their_side(task):
    image = np.tile(np.arange(64, dtype=np.uint8), (1, 64, 1))
    crops = task.crops(image, image // 4, 16, (0.5, 1.0), seed=0)
    images, labels = (part[:, 0].float() for part in crops[[(stream, 0) for stream in range(40)]])
    assert (labels - images / 4).abs().max() < 2
    rising = labels[:, 0, -1] > labels[:, 0, 0]
    assert rising.all() if task.name == "segments" else 5 < rising.sum() < 35


def test_the_scale_says_what_a_lesions_pixel_weighs():
    labels, logits = torch.ones(1, 1, 4, 4, dtype=torch.uint8), torch.zeros(1, 1, 4, 4)
    other = MORE.__class__(**{**vars(MORE), "lesion_weight": MORE.lesion_weight + 1})
    difference = STENOSES.criterion(logits, labels, other) - STENOSES.criterion(logits, labels, MORE)
    assert difference.item() == pytest.approx(np.log(2), rel=1e-4)  # a difference of two large numbers


def test_a_probability_of_one_half_is_a_vessel_as_in_the_first_part():
    logits = torch.tensor([[[[0.0, -1e-3, 5.0]]]])
    assert VESSELS.numbers(logits).tolist() == [[[True, False, True]]]
