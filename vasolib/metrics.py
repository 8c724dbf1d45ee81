"""Scores of predicted vessel masks against their labels."""

__all__ = ["Labels", "cldice", "dsc"]

from dataclasses import dataclass

import numpy as np
import pandas as pd

from vasolib.parallel import spread
from vasolib.thinning import skeleton


def dsc(prediction: np.ndarray, label: np.ndarray) -> float:
    """Dice similarity coefficient 2 |P and L| / (|P| + |L|) of two (H, W) masks; 1 when both are empty."""
    size = np.count_nonzero(prediction) + np.count_nonzero(label)
    return 2 * common(prediction, label) / size if size else 1.0


def cldice(prediction: np.ndarray, label: np.ndarray, label_skeleton: np.ndarray | None = None) -> float:
    """Centreline Dice (Shit et al., clDice, CVPR 2021) of two (H, W) masks, on scikit-image's skeletons.

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


@dataclass(frozen=True)
class Labels:
    """Labels (N, H, W) of 0 and 1 with the names and skeletons (N, H, W) of their images, to score predictions against.

    On a cluster, where there is one (`vasolib.parallel`), the images are scored by its workers.
    """

    masks: np.ndarray
    names: list[str]
    skeletons: list[np.ndarray]

    @classmethod
    def of(cls, masks: np.ndarray, names: list[str]) -> "Labels":
        """Labels whose skeletons are made here, once for whatever is scored later."""
        return cls(masks, names, list(spread(skeleton, masks, light=True)))

    def score(self, predictions: np.ndarray) -> pd.DataFrame:
        """One row per image: image, dsc, cldice in per cent; predictions (N, H, W) of 0 and 1.

        Raises:
            ValueError: there are not as many predictions as labels and names.
        """
        triples = zip(predictions, self.masks, self.skeletons, strict=True)
        scores = list(spread(_scores, triples, light=True))
        return pd.DataFrame(
            {"image": name, "dsc": 100 * overlap, "cldice": 100 * centreline}
            for name, (overlap, centreline) in zip(self.names, scores, strict=True)
        )


def _scores(triple: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[float, float]:
    """DSC and clDice of a prediction, by its label and that label's skeleton."""
    return dsc(*triple[:2]), cldice(*triple)
