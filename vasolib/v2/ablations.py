"""What each part of the method is worth: guidance and consistency, eta, the consistency's target, near-duplicates.

All on the vessel sets with all labels, beside what v2 published where that is known.
"""

__all__ = ["TARGETS", "ablation_table", "distinct_table", "eta_table", "sweep", "targets_table", "with_cost"]

from collections.abc import Mapping

import numpy as np
import pandas as pd

from vasolib.v2.published import ABLATION, MAIN, ROWS, beside, published_values
from vasolib.v2.significance import by_arm, compared

TARGETS = {"vasomim_v2": "segmentor", "distilled": "features", "guidance": "none"}  # arm -> what consistency compares


def vessels(raw: pd.DataFrame) -> pd.DataFrame:
    """Scores of the vessel sets with all labels."""
    return raw[(raw["task"] == "vessels") & (raw["labels"] == 100)]


def sweep(
    raw: pd.DataFrame,
    name: str,
    settings: Mapping[str, object],
    values: pd.DataFrame,
    stands_for: Mapping[str, str],
    reasons: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Arms that differ in one setting, in its order: `vasolib.v2.published.beside` with a column `name`.

    Args:
        settings: arm -> its setting. values, reasons: see there.
    """
    table = beside(vessels(raw), list(settings), values, stands_for, reasons=reasons)
    table.insert(1, name, table["method"].map(settings))
    return table


def ablation_table(raw: pd.DataFrame, published: pd.DataFrame, stands_for: Mapping[str, str]) -> pd.DataFrame:
    """Guidance x consistency: neither, either and both, in the columns of `vasolib.v2.published.beside`."""
    return beside(vessels(raw), list(ROWS[ABLATION]), published_values(published, ABLATION), stands_for)


def eta_table(
    raw: pd.DataFrame, etas: Mapping[str, float], published: pd.DataFrame, stands_for: Mapping[str, str]
) -> pd.DataFrame:
    """Co-guidance's mixture from the segmentor alone (eta 0) to the filter alone (eta 1, v1), in the order of eta."""
    ordered = dict(sorted(etas.items(), key=lambda item: item[1]))
    return sweep(raw, "eta", ordered, published_values(published, MAIN), stands_for)


def targets_table(
    raw: pd.DataFrame, published: pd.DataFrame, stands_for: Mapping[str, str], reasons: Mapping[str, str]
) -> pd.DataFrame:
    """What the consistency loss compares: `sweep` with a column target."""
    return sweep(raw, "target", TARGETS, published_values(published, ABLATION), stands_for, reasons)


def with_cost(table: pd.DataFrame, seconds: Mapping[str, float]) -> pd.DataFrame:
    """A table of arms with what a step of each took (arm -> s) beside what it brought: a column seconds_per_step."""
    table = table.copy()
    table.insert(2, "seconds_per_step", table["method"].map(seconds).astype(float))
    return table


def distinct_table(
    raw: pd.DataFrame, images: Mapping[str, int], published: pd.DataFrame, stands_for: Mapping[str, str]
) -> pd.DataFrame:
    """Pre-training on all images against the distinct ones: `sweep` with columns images, effect, low and high.

    Args:
        images: arm -> how many images it learned from, first the arm of all. effect: DSC of another arm minus that
            one's, with its 95 % interval, and in the note what that does not see.
    """
    table = sweep(raw, "images", images, published_values(published, MAIN), stands_for)
    all_of_them, rng, effects = next(iter(images)), np.random.default_rng(0), []
    for row in table.itertuples():
        here = vessels(raw)
        scores = by_arm(here[here["dataset"] == row.dataset])
        shown = row.metric == "DSC" and row.method != all_of_them
        found = compared(scores, (row.method, all_of_them), "DSC", rng) if shown else None
        effects.append(
            (found.effect, found.low, found.high, row.note or found.note) if found else (*(np.nan,) * 3, row.note)
        )
    return table.assign(**dict(zip(("effect", "low", "high", "note"), zip(*effects, strict=True), strict=True)))
