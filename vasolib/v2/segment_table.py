"""Every vessel segment's DSC, and their mean in two more ways than the main table's."""

__all__ = ["labelled_images", "segment_table"]

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from vasolib.downstream.segments import CLASSES

MEAN_OF_CLASSES, ALL_PIXELS = "mean of classes", "all pixels, first run"
SEGMENTS = sorted(CLASSES[1:], key=lambda name: (int(re.match(r"\d+", name).group()), name))  # such as 9, 9a, 10


def labelled_images(labels: np.ndarray) -> dict[str, int]:
    """Segment -> in how many of the label maps (N, H, W) of class numbers it is."""
    return {name: int((labels == number).any(axis=(1, 2)).sum()) for number, name in enumerate(CLASSES) if number}


def segment_table(
    scores: pd.DataFrame, labelled: Mapping[str, Mapping[str, int]], pooled: Mapping[str, Mapping[str, float]]
) -> pd.DataFrame:
    """Mean DSC (%) of each segment, a column per method: over images within a run, then over runs.

    An image counts for a segment that is in its label or in the prediction, so one seen where there is none costs a
    zero. The last but one row is the mean of those that any label has (macro over classes), the same ones for each
    method, which weighs rare segments like common ones; the last one pools all segments' pixels of all images (micro),
    which weighs large ones most.

    Args:
        scores: from `vasolib.v2.scores.read_segments`.
        labelled: data set -> `labelled_images` of its test part.
        pooled: data set -> method -> `vasolib.downstream.segments.micro_dsc` of its first run.

    Returns:
        dataset, segment, labelled (images whose label has it), images (of which any run of any method has it in label
        or prediction), and methods.
    """
    methods = list(dict.fromkeys(scores["method"]))
    return pd.concat([_of_set(rows, methods, labelled[name], pooled[name]).assign(dataset=name)
                      for name, rows in scores.groupby("dataset", sort=False)],
                     ignore_index=True)[["dataset", "segment", "labelled", "images", *methods]]  # fmt: skip


def _of_set(scores: pd.DataFrame, methods: list[str], labelled: Mapping[str, int], pooled: Mapping[str, float]):
    """The rows of one set."""
    runs = scores.groupby(["segment", "method", "seed"])["dsc"].mean()
    table = runs.groupby(["segment", "method"]).mean().unstack("method").reindex(index=SEGMENTS, columns=methods)
    images = scores.groupby("segment")["image"].nunique().reindex(SEGMENTS, fill_value=0)
    table = table.assign(labelled=pd.Series(labelled), images=images)
    several = {"labelled": table["labelled"].gt(0).sum(), "images": scores["image"].nunique()}
    table.loc[MEAN_OF_CLASSES] = table.loc[table["labelled"] > 0, methods].mean().to_dict() | several
    table.loc[ALL_PIXELS] = {**pooled, **several}
    return table.astype({"labelled": int, "images": int}).rename_axis("segment").reset_index()
