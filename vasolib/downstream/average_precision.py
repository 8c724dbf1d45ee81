"""How well boxes were found: COCO's mean average precision, and lesions found and missed in each image."""

__all__ = ["average_precision", "count_lesions", "overlaps"]

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torchmetrics.detection import MeanAveragePrecision
from torchvision.ops import box_iou

from vasolib.errors import UserError

Found = tuple[np.ndarray, np.ndarray]  # boxes (k, 4) and scores (k,)


def average_precision(found: Sequence[Found], truth: Sequence[np.ndarray]) -> dict[str, float]:
    """mAP (mean over IoU 0.50, 0.55, ... 0.95), mAP50 and mAP75 in per cent of one class, as COCO defines them.

    Args:
        found: boxes and scores of each image.
        truth: its lesions (m, 4). Both x0, y0, x1, y1, half-open.

    Raises:
        UserError: no image has a lesion, so that there is nothing to find.
    """
    if not any(map(len, truth)):
        raise UserError(f"none of {len(truth)} images has a lesion, expected at least one: choose other test images")
    metric = MeanAveragePrecision(backend="faster_coco_eval")  # at its own thresholds: others make it -1
    metric.update([detected(*each) for each in found], [labelled(boxes) for boxes in truth])
    values = metric.compute()
    names = {"mAP": "map", "mAP50": "map_50", "mAP75": "map_75"}
    return {name: 100 * float(values[key]) for name, key in names.items()}


def labelled(boxes: np.ndarray) -> dict[str, torch.Tensor]:
    """Boxes of the only class, as torchmetrics wants them."""
    return {"boxes": as_tensor(boxes), "labels": torch.zeros(len(boxes), dtype=torch.long)}


def detected(boxes: np.ndarray, scores: np.ndarray) -> dict[str, torch.Tensor]:
    """The same with scores."""
    return labelled(boxes) | {"scores": torch.as_tensor(np.asarray(scores, np.float32))}


def as_tensor(boxes: np.ndarray) -> torch.Tensor:
    """Boxes (k, 4), be there none, as floats."""
    return torch.as_tensor(np.asarray(boxes, np.float32).reshape(-1, 4))


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of each of boxes (k, 4) with each of others (m, 4): (k, m)."""
    return box_iou(as_tensor(boxes), as_tensor(others)).numpy()


def count_lesions(
    ids: Sequence[str], found: Sequence[Found], truth: Sequence[np.ndarray], score: float = 0.5, iou: float = 0.5
) -> pd.DataFrame:
    """A row per image: image, lesions, found, missed, false (numbers of boxes).

    In the order of their scores, boxes of at least `score` take the free lesion that they overlap most, by at least
    `iou`; one that finds none is false.
    """
    rows = []
    for image, (boxes, scores), lesions in zip(ids, found, truth, strict=True):
        sure = np.argsort(-scores, kind="stable")[: int((scores >= score).sum())]
        hits = matches(overlaps(boxes[sure], lesions), iou)
        rows.append((image, len(lesions), hits, len(lesions) - hits, len(sure) - hits))
    return pd.DataFrame(rows, columns=["image", "lesions", "found", "missed", "false"])


def matches(table: np.ndarray, iou: float) -> int:
    """How many rows of overlaps (k, m) find a column of their own, each the best of those that are left."""
    free = table.copy()
    hits = 0
    for row in free:
        if row.size and row.max() >= iou:
            free[:, row.argmax()] = -1
            hits += 1
    return hits
