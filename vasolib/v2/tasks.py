"""The tasks of segmentation: what tells them apart while encoder, decoder, crops and training loop are the same."""

__all__ = ["TASKS", "Task"]

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import Tensor

from vasolib.data.crops import CropDataset
from vasolib.downstream.finetune import dice_bce
from vasolib.downstream.segments import CLASSES, UprightCrops, class_scores, segments_loss
from vasolib.downstream.stenoses import lesion_scores, stenoses_loss
from vasolib.metrics import Labels
from vasolib.v2.settings import ExtendedScale


@dataclass(frozen=True)
class Task:
    """One kind of label map: a head, a loss, a prediction and a score.

    outputs: channels of the logits. highest: number that a label map may hold. crops: how training crops are made.
    loss: scalar from logits (B, outputs, H, W), label maps (B, 1, H, W) uint8 and the scale's settings. predict:
    numbers (B, H, W) from logits. score: a table of rows per image, first column `image`, from predictions and labels
    (N, H, W) and images' names.
    """

    name: str
    outputs: int
    highest: int
    crops: type[CropDataset]
    loss: Callable[[Tensor, Tensor, ExtendedScale], Tensor]
    predict: Callable[[Tensor], Tensor]
    score: Callable[[np.ndarray, np.ndarray, list[str]], pd.DataFrame]


def likely(logits: Tensor) -> Tensor:
    """Where the probability of (B, 1, H, W) logits is at least one half: (B, H, W) bool."""
    return logits[:, 0] >= 0


def likeliest(logits: Tensor) -> Tensor:
    """The class of largest probability: (B, K, H, W) logits -> (B, H, W)."""
    return logits.argmax(dim=1)


def vessel_loss(logits: Tensor, labels: Tensor, more: ExtendedScale) -> Tensor:
    """As in the first part."""
    return dice_bce(logits, labels)


def segment_loss(logits: Tensor, labels: Tensor, more: ExtendedScale) -> Tensor:
    """See `segments_loss`."""
    return segments_loss(logits, labels)


def stenosis_loss(logits: Tensor, labels: Tensor, more: ExtendedScale) -> Tensor:
    """See `stenoses_loss`."""
    return stenoses_loss(logits, labels, more.lesion_weight)


def vessel_scores(predictions: np.ndarray, labels: np.ndarray, names: list[str]) -> pd.DataFrame:
    """DSC and clDice of each image, see `Labels`."""
    return Labels.of(labels, names).score(predictions)


TASKS = {
    task.name: task
    for task in (
        Task("vessels", 1, 1, CropDataset, vessel_loss, likely, vessel_scores),
        Task("segments", len(CLASSES), len(CLASSES) - 1, UprightCrops, segment_loss, likeliest, class_scores),
        Task("stenoses", 1, 255, CropDataset, stenosis_loss, likely, lesion_scores),
    )
}
