"""Scores of a predicted vessel mask against its label."""

__all__ = ["cldice", "dsc", "score_images"]

import numpy as np
import pandas as pd
from skimage.morphology import skeletonize


def dsc(prediction: np.ndarray, label: np.ndarray) -> float:
    """Dice similarity coefficient 2 |P and L| / (|P| + |L|) of two (H, W) masks; 1 when both are empty."""
    prediction, label = prediction.astype(bool), label.astype(bool)
    size = prediction.sum() + label.sum()
    return float(2 * (prediction & label).sum() / size) if size else 1.0


def cldice(prediction: np.ndarray, label: np.ndarray) -> float:
    """Centreline Dice (Shit et al., clDice, CVPR 2021) of two (H, W) masks, on scikit-image skeletons.

    Harmonic mean of the share of P's skeleton inside L and of L's skeleton inside P. 1 when both masks are empty,
    0 when only one is.
    """
    prediction, label = prediction.astype(bool), label.astype(bool)
    if not prediction.any() or not label.any():
        return float(prediction.any() == label.any())
    precision = label[skeletonize(prediction)].mean()
    sensitivity = prediction[skeletonize(label)].mean()
    total = precision + sensitivity
    return float(2 * precision * sensitivity / total) if total else 0.0


def score_images(predictions: np.ndarray, labels: np.ndarray, ids: list[str]) -> pd.DataFrame:
    """One row per image: image, dsc, cldice in per cent; predictions and labels (N, H, W) of 0 and 1."""
    rows = [
        {"image": image, "dsc": 100 * dsc(p, t), "cldice": 100 * cldice(p, t)}
        for image, p, t in zip(ids, predictions, labels, strict=True)
    ]
    return pd.DataFrame(rows)
