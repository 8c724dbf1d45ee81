"""Segmentation of the numbered coronary segments: loss, per-class scores, their mean, and what is taken for what.

The papers do not say how ARCADE-VS's 25 classes are averaged. Here a class counts in an image where it is in the label
or in the prediction: in neither, it is no success to count; predicted without being there, it is a failure (0). The
value of an image, which tables, ranks and tests use, is the mean over its classes. Beside it stand the mean over
classes of their means over such images (macro), where rare segments weigh as much as frequent ones, and the DSC of the
pixels of all segments and images pooled (micro), where large ones weigh most.
"""

__all__ = ["CLASSES", "UprightCrops", "class_scores", "confusion", "macro_dsc", "micro_dsc", "segments_loss"]

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vasolib.data.crops import CropDataset, crop_box
from vasolib.data.resample import bicubic, nearest
from vasolib.data.synthetic.tree import SYNTAX

CLASSES = ("background", *SYNTAX)  # by their number in a label map


class UprightCrops(CropDataset):
    """Crops of images and label maps of which none is mirrored.

    Mirroring would leave the numbers right, for they say which artery a vessel is and not on which side it lies: there
    is nothing to swap. But that side is much of what tells the right artery from the left one, and would be gone.
    """

    def crop(self, index: int, rng: np.random.Generator, image: np.ndarray, mask: np.ndarray) -> None:
        """Draw a crop of an image and of its label map and write them into `image` and `mask` (side, side)."""
        top, left, height, width = crop_box(self.images.shape[1], self.scale, rng)
        window = np.s_[index, top : top + height, left : left + width]
        image[:], mask[:] = bicubic(self.images[window], self.side), nearest(self.masks[window], self.side)


def segments_loss(logits: Tensor, target: Tensor, smooth: float = 1.0) -> Tensor:
    """Cross-entropy over pixels plus 1 - soft Dice over the segments that are in an image's label.

    The Dice term is averaged over an image's segments, then over images; an image without any has the cross-entropy
    alone. What is predicted of absent segments costs the present ones and the background their probability.

    Args:
        logits: (B, K, H, W), class 0 the background.
        target: (B, 1, H, W), class numbers below K.
    """
    target = target.flatten(1).long()  # (B, N)
    logarithm = logits.float().flatten(2).log_softmax(dim=1)  # (B, K, N)
    own = logarithm.gather(1, target[:, None])[:, 0]  # of the class that a pixel is labelled with
    numbers = torch.arange(1, logits.shape[1], device=target.device)
    member = (target[:, None] == numbers[:, None]).float()  # (B, K - 1, N)
    overlap = (member * own.exp()[:, None]).sum(dim=2)  # in a fixed order, unlike scatter_add on CUDA
    size = member.sum(dim=2)
    missed = 1 - (2 * overlap + smooth) / (logarithm.exp().sum(dim=2)[:, 1:] + size + smooth)
    present = size > 0
    dice = (missed * present).sum(dim=1) / present.sum(dim=1).clamp(min=1)
    return dice.mean() - own.mean()


def class_scores(predictions: np.ndarray, labels: np.ndarray, names: list[str]) -> pd.DataFrame:
    """A row per image and segment that is in its label or its prediction: image, segment (its name), dsc in per cent.

    predictions and labels (N, H, W) are class numbers, names those of the N images.
    """
    rows = []
    for name, prediction, label in zip(names, predictions, labels, strict=True):
        counts = confusion(prediction, label)
        sizes = counts.sum(axis=0) + counts.sum(axis=1)
        for number in np.flatnonzero(sizes[1:]) + 1:
            score = 100 * 2 * counts[number, number] / sizes[number]
            rows.append((name, CLASSES[number], score))
    return pd.DataFrame(rows, columns=["image", "segment", "dsc"])


def macro_dsc(scores: pd.DataFrame) -> float:
    """Mean over segments of their means over images, of rows such as `class_scores` gives for one run; in per cent."""
    return float(scores.groupby("segment", sort=False)["dsc"].mean().mean())


def micro_dsc(counts: np.ndarray) -> float:
    """DSC in per cent of all segments' pixels pooled, by the counts of `confusion`; NaN if there is no such pixel."""
    right = np.trace(counts[1:, 1:])
    size = counts[1:].sum() + counts[:, 1:].sum()
    return 100 * 2 * right / size if size else float("nan")


def confusion(predictions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Numbers of pixels by their class in the label (row) and in the prediction (column): (26, 26), of equal shapes."""
    size = len(CLASSES)
    pairs = size * labels.astype(np.int64).ravel() + predictions.astype(np.int64).ravel()
    return np.bincount(pairs, minlength=size**2).reshape(size, size)
