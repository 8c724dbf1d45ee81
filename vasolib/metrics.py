"""Scores of predicted vessel masks against their labels."""

__all__ = ["Labels", "cldice", "dsc"]

from dataclasses import dataclass

import numpy as np
import pandas as pd
from skimage.morphology import skeletonize

from vasolib.parallel import spread


def dsc(prediction: np.ndarray, label: np.ndarray) -> float:
    """Dice similarity coefficient 2 |P and L| / (|P| + |L|) of two (H, W) masks; 1 when both are empty."""
    size = np.count_nonzero(prediction) + np.count_nonzero(label)
    return 2 * common(prediction, label) / size if size else 1.0


def cldice(prediction: np.ndarray, label: np.ndarray, label_skeleton: np.ndarray | None = None) -> float:
    """Centreline Dice (Shit et al., clDice, CVPR 2021) of two (H, W) masks, on scikit-image skeletons.

    Harmonic mean of the share of P's skeleton inside L and of L's skeleton inside P. 1 when both masks are empty,
    0 when only one is.

    Args:
        label_skeleton: `skeleton(label)` where it is known already.
    """
    if not prediction.any() or not label.any():
        return float(prediction.any() == label.any())
    thin, thin_label = skeleton(prediction), skeleton(label) if label_skeleton is None else label_skeleton
    precision = common(thin, label) / np.count_nonzero(thin)
    sensitivity = common(thin_label, prediction) / np.count_nonzero(thin_label)
    total = precision + sensitivity
    return 2 * precision * sensitivity / total if total else 0.0


def common(one: np.ndarray, other: np.ndarray) -> int:
    """Number of pixels that are set in both masks."""
    return np.count_nonzero(one.astype(bool, copy=False) & other.astype(bool, copy=False))


def skeleton(mask: np.ndarray) -> np.ndarray:
    """scikit-image's skeleton (H, W) bool of a mask, sought only in the rectangle that holds the mask."""
    mask = mask.astype(bool, copy=False)
    thin = np.zeros_like(mask)
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if len(rows):
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        thin[box] = skeletonize(mask[box])
    return thin


@dataclass(frozen=True)
class Labels:
    """Labels (N, H, W) of 0 and 1 with the names and skeletons (N, H, W) of their images, to score predictions against.

    `jobs`: threads that work on different images; -1 for all cores, or for all of a cluster (`vasolib.parallel`).
    """

    masks: np.ndarray
    names: list[str]
    skeletons: list[np.ndarray]
    jobs: int = -1

    @classmethod
    def of(cls, masks: np.ndarray, names: list[str], jobs: int = -1) -> "Labels":
        """Labels whose skeletons are made here, once for whatever is scored later."""
        return cls(masks, names, list(spread(skeleton, masks, jobs, threads=True)), jobs)

    def score(self, predictions: np.ndarray) -> pd.DataFrame:
        """One row per image: image, dsc, cldice in per cent; predictions (N, H, W) of 0 and 1.

        Raises:
            ValueError: there are not as many predictions as labels and names.
        """
        pairs = list(zip(self.names, predictions, self.masks, strict=True))
        overlaps = [dsc(prediction, label) for _, prediction, label in pairs]
        triples = zip(predictions, self.masks, self.skeletons, strict=True)
        centrelines = spread(_cldice, triples, self.jobs, threads=True)
        return pd.DataFrame(
            {"image": name, "dsc": 100 * overlap, "cldice": 100 * centreline}
            for name, overlap, centreline in zip(self.names, overlaps, centrelines, strict=True)
        )


def _cldice(triple: tuple[np.ndarray, np.ndarray, np.ndarray]) -> float:
    return cldice(*triple)
