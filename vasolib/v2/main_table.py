"""The main table: every method on every task of segmentation, and its average rank over the table's columns.

The columns are v2's: DSC and clDice on each vessel set, DSC on segments and on stenoses, eight of them for three vessel
sets. v2's ranks are among more than twenty methods, ours among those that were run here and have every column. A
column in which no method works says which of them fails less, which is no rank: it is left out.
"""

__all__ = ["EVERYTHING", "RANK", "WORKS", "average_ranks", "main_table", "working"]

from collections.abc import Mapping, Sequence

import pandas as pd

from vasolib.published import METRICS, summarise
from vasolib.v2.published import placed, with_absent
from vasolib.v2.settings import SEGMENTATION

RANK, EVERYTHING = "average rank", "all columns"
PUBLISHED_COLUMNS = "all segmentation metrics"  # what v2's ranks are said to be over
WORKS = 5.0  # per cent of DSC or mAP: a method whose mean is lower does not work, and is compared with no other such


def column_means(raw: pd.DataFrame) -> pd.DataFrame:
    """Means over runs of a study with all labels, in the table's columns: method, dataset, metric, mean, sd, n."""
    full, parts = raw[raw["labels"] == 100], []
    for task in SEGMENTATION:
        metrics = METRICS if task == "vessels" else {"dsc": METRICS["dsc"]}
        parts.append(summarise(full[full["task"] == task], metrics))
    return pd.concat(parts, ignore_index=True)


def average_ranks(means: pd.DataFrame) -> pd.DataFrame:
    """Rank in each column in which a method works (1 is the highest mean, equal ones share), averaged over these.

    Args:
        means: from `column_means`.

    Returns:
        method, dataset, metric, mean, sd (NaN: of ranks of means), n, note; no mean for a method that lacks a column,
        which the note names, or where no method works in any.
    """
    wide = means.pivot(index="method", columns=["dataset", "metric"], values="mean")
    lacks = {method: [f"{d} {m}" for d, m in wide.columns[row.isna()]] for method, row in wide.iterrows()}
    ranks = wide.dropna().pipe(working).rank(ascending=False).mean(axis=1).reindex(wide.index)
    rows = [(method, EVERYTHING, RANK, rank, float("nan")) for method, rank in ranks.items()]
    table = pd.DataFrame(rows, columns=["method", "dataset", "metric", "mean", "sd"])
    notes = [f"no rank without {', '.join(lacks[m])}" if lacks[m] else "" for m in table["method"]]
    return table.assign(n=table["method"].map(means.groupby("method")["n"].min()), note=notes)


def working(wide: pd.DataFrame) -> pd.DataFrame:
    """The columns, of one per task and metric, in which the mean of at least one row reaches `WORKS`."""
    return wide.loc[:, wide.max() >= WORKS]


def main_table(
    raw: pd.DataFrame,
    methods: Sequence[str],
    values: pd.DataFrame,
    stands_for: Mapping[str, str],
    reasons: Mapping[str, str],
) -> pd.DataFrame:
    """Methods x columns beside published values, and average ranks as rows of the metric `RANK`.

    Args:
        raw: from `vasolib.v2.scores.read_scores`.
        methods: what the table has, in its order. Those without scores have rows that say why: `reasons`.
        values: from `vasolib.v2.published.published_values`.

    Returns:
        The columns of `vasolib.v2.published.beside`.
    """
    means = column_means(raw[raw["method"].isin(methods)])
    ranks = average_ranks(means)
    everything = pd.concat([means, ranks.drop(columns="note")], ignore_index=True)
    table = placed(with_absent(everything, methods, reasons), values, {**stands_for, EVERYTHING: PUBLISHED_COLUMNS})
    lacking = dict(zip(ranks["method"], ranks["note"], strict=True))
    return table.assign(note=[row.note or lacking.get(row.method, "") for row in table.itertuples()])
