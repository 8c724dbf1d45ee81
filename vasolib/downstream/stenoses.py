"""Segmentation of stenoses: loss, DSC of an image, and how many of its lesions were found.

A stenosis is some tens of pixels in an image of many thousands: unweighted, they are too few for the cross-entropy to
ask for any. The recall of lesions says what the DSC of so small an area cannot: whether a reader is led to them.
"""

__all__ = ["FOUND", "lesion_scores", "stenoses_loss"]

import numpy as np
import pandas as pd
from scipy.ndimage import label as components
from torch import Tensor
from torch.nn import functional as F

from vasolib.downstream.finetune import dice_bce
from vasolib.metrics import dsc

# Share of a lesion's pixels that must be marked for it to be found. Where a narrowing begins and ends is a matter of
# judgement, so half would be strict; a single stray pixel, enough where any overlap counts, points nobody to it.
FOUND = 0.25


def stenoses_loss(logits: Tensor, target: Tensor, lesion_weight: float) -> Tensor:
    """1 - Dice plus binary cross-entropy in which a lesion's pixel counts `lesion_weight` times.

    logits (B, 1, H, W); target (B, 1, H, W), non-zero on lesions. The papers name no loss.
    """
    lesion = (target > 0).float()
    missed = (lesion * F.softplus(-logits.float())).mean()
    return dice_bce(logits, lesion) + (lesion_weight - 1) * missed


def lesion_scores(predictions: np.ndarray, labels: np.ndarray, names: list[str]) -> pd.DataFrame:
    """One row per image: image, dsc in per cent, lesions, found, false.

    DSC of all lesions of an image together: 100 where label and prediction are empty, 0 where only one is. A lesion of
    the label is found if at least `FOUND` of it is predicted; a predicted spot (8-connected) that touches no lesion is
    false. One spot over several lesions finds them all; what it marks beyond them, the DSC counts.

    Args:
        predictions: (N, H, W), non-zero where a lesion is predicted.
        labels: (N, H, W), 0 or the number of a lesion.
        names: of the N images.
    """
    rows = []
    for name, prediction, label in zip(names, predictions, labels, strict=True):
        overlap = 100 * dsc(prediction > 0, label > 0)
        rows.append((name, overlap, *found_lesions(prediction > 0, label)))
    return pd.DataFrame(rows, columns=["image", "dsc", "lesions", "found", "false"])


def found_lesions(prediction: np.ndarray, label: np.ndarray) -> tuple[int, int, int]:
    """Lesions of a label (H, W), found ones among them, and false spots of a prediction (H, W) of booleans."""
    sizes = np.bincount(label.ravel())
    marked = np.bincount(label[prediction], minlength=len(sizes))
    lesions = sizes[1:] > 0
    found = lesions & (marked[1:] >= FOUND * sizes[1:])
    spots, count = components(prediction, np.ones((3, 3)))
    false = count - np.count_nonzero(np.unique(spots[label > 0]))
    return int(lesions.sum()), int(found.sum()), int(false)
