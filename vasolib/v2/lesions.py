"""How many lesions were found, by boxes and by segmentation."""

__all__ = ["lesions_found"]

import pandas as pd

from vasolib.published import summarise

FOUND, FALSE = "lesions found (%)", "false lesions per image"
COLUMNS = ["task", "method", "dataset", "metric", "mean", "sd", "n"]


def lesions_found(images: pd.DataFrame) -> pd.DataFrame:
    """Share of lesions found, and false ones an image, of each run over all its images; mean ± sd over runs.

    Args:
        images: a row per run and image: task, method, dataset, seed, lesions, found, false (numbers of lesions).

    Returns:
        task, method, dataset, metric, mean, sd, n. No share where no image has a lesion.
    """
    tasks = images.groupby("task", sort=False)
    return pd.concat([found_in(part).assign(task=task) for task, part in tasks], ignore_index=True)[COLUMNS]


def found_in(images: pd.DataFrame) -> pd.DataFrame:
    """`lesions_found` of one task."""
    runs = images.groupby(["method", "dataset", "seed"], sort=False)
    sums = runs[["lesions", "found", "false"]].sum()
    lesions = sums["lesions"].where(sums["lesions"] > 0)
    table = pd.DataFrame({FOUND: 100 * sums["found"] / lesions, FALSE: sums["false"] / runs.size()}).reset_index()
    return summarise(table, {FOUND: FOUND, FALSE: FALSE})
