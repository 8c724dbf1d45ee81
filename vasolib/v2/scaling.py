"""More labels, more images, larger encoders: scores against size, and what a doubling is worth.

The slope is the least-squares line of DSC on log2 of the size, drawn for each run and test image by itself: all sizes
are scored on the same images and fine-tuned from the same seeds. Its interval is that of
`vasolib.statistics.crossed_difference`, over runs and images; sizes that were pre-trained once are named beside it.
"""

__all__ = ["data_table", "labels_table", "model_table", "parameters", "slopes"]

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from vasolib.networks import encoder
from vasolib.settings import Scale
from vasolib.statistics import Difference, crossed_difference, pretrain_seeds, scores_by_run, unseen_spread
from vasolib.v2.ablations import sweep, vessels
from vasolib.v2.published import LABELS, MAIN, SCALING, beside, published_values
from vasolib.v2.significance import by_arm, spread_out


def labels_table(
    raw: pd.DataFrame,
    arms: Sequence[str],
    percents: Sequence[int],
    published: pd.DataFrame,
    stands_for: Mapping[str, str],
) -> pd.DataFrame:
    """The first vessel set with shares of its labels, and with all: `beside` with a column `labels` (per cent)."""
    chosen = raw[(raw["task"] == "vessels") & raw["method"].isin(arms)]
    first, parts = chosen["dataset"].iloc[0], []
    for percent in (*percents, 100):
        values = published_values(published, MAIN if percent == 100 else LABELS)
        if percent not in (10, 100):
            values = values.iloc[:0]  # v2's only known value of a share is of a tenth
        here = chosen[(chosen["labels"] == percent) & (chosen["dataset"] == first)]
        parts.append(beside(here, arms, values, stands_for).assign(labels=percent))
    return pd.concat(parts, ignore_index=True)


def data_table(
    raw: pd.DataFrame, images: Mapping[str, int], published: pd.DataFrame, stands_for: Mapping[str, str]
) -> pd.DataFrame:
    """Pre-training on shares of the corpus: `vasolib.v2.ablations.sweep` with a column `images`, fewest first."""
    values = pd.concat([published_values(published, MAIN), published_values(published, SCALING)])
    return sweep(raw, "images", ascending(images), values, stands_for)


def model_table(
    raw: pd.DataFrame, sizes: Mapping[str, int], published: pd.DataFrame, stands_for: Mapping[str, str]
) -> pd.DataFrame:
    """Encoders of other widths: `vasolib.v2.ablations.sweep` with a column `parameters`, the smallest first."""
    return sweep(raw, "parameters", ascending(sizes), published_values(published, MAIN), stands_for)


def ascending(sizes: Mapping[str, int]) -> dict[str, int]:
    """Arms in the order of their sizes."""
    return dict(sorted(sizes.items(), key=lambda item: item[1]))


def parameters(scale: Scale) -> int:
    """How many weights the scale's encoder has, its fixed position table among them."""
    with torch.device("meta"):  # counted, not held: the largest has gigabytes
        return sum(weight.numel() for weight in encoder(scale).parameters())


def slopes(raw: pd.DataFrame, sizes: Mapping[str, int]) -> pd.DataFrame:
    """Points of DSC per doubling of the size on each vessel set, see above.

    Args:
        raw: from `vasolib.v2.scores.read_scores`.
        sizes: arm -> images it was pre-trained on, or weights of its encoder.

    Returns:
        dataset, slope, low, high (95 %), p, n_runs, n_images, note; no numbers, but the reason, where fewer than two
        sizes have scores.
    """
    rows, full = [], vessels(raw)
    for dataset in full["dataset"].unique():
        d = slope(by_arm(full[full["dataset"] == dataset]), sizes)
        rows.append((dataset, d.effect, d.low, d.high, d.p_at(0.0), d.n_runs, d.n_images, d.note))
    return pd.DataFrame(rows, columns=["dataset", "slope", "low", "high", "p", "n_runs", "n_images", "note"])


def slope(scores: Mapping[str, pd.DataFrame], sizes: Mapping[str, int]) -> Difference:
    """The slope over runs and images that all arms have, as the effect of a `Difference`."""
    found = [arm for arm in sizes if arm in scores]
    x = np.log2([sizes[arm] for arm in found])
    if len(np.unique(x)) < 2:
        return Difference(np.nan, np.nan, np.nan, 0, 0, "fewer than two sizes: no slope")
    tables = [scores_by_run(scores[arm]) for arm in found]
    seeds = tables[0].index[[all(seed in table.index for table in tables) for seed in tables[0].index]]
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    of_run = sum(weight * table.loc[seeds] for weight, table in zip(weights, tables, strict=True)).dropna(axis=1)
    if of_run.empty:
        return Difference(np.nan, np.nan, np.nan, 0, 0, "no run or image in common: no slope")
    behind = {arm: pretrain_seeds(scores[arm], seeds) for arm in found}
    units = pd.factorize(pd.Series(list(zip(*behind.values(), strict=True))))[0]
    with np.errstate(invalid="ignore"):  # scores that do not vary at all
        return spread_out(crossed_difference(of_run.to_numpy(), units, unseen_spread(behind)))
