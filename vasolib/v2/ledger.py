"""The ledger of the extended paper: every claim of `vasolib.v2.claims` beside what this study found."""

__all__ = ["ledger", "ranks_by_run"]

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import isfinite, nan

import numpy as np
import pandas as pd

from vasolib.ledger import JUDGED, NUMBERS, adjusted
from vasolib.published import METRICS
from vasolib.statistics import Difference, verdict
from vasolib.v2.claims import CLAIMS, ExtendedClaim
from vasolib.v2.main_table import PUBLISHED_COLUMNS, RANK, WORKS, working
from vasolib.v2.published import BOXES, MAIN, SCALING, published_values
from vasolib.v2.settings import SEGMENTATION
from vasolib.v2.significance import by_arm, compared

ROUNDING = 1 / 6  # variance of a difference of two rounded numbers
ALSO_IN = {SCALING: MAIN}  # a figure's last point is the main table's row


def ranks_by_run(raw: pd.DataFrame) -> pd.DataFrame:
    """Each run's rank among the methods in each column of the main table (1 is the highest mean over images).

    Args:
        raw: scores of the table's methods. Those without a column are left out, and columns in which none works; runs
            are compared by their seed.

    Returns:
        method, pretrain_seed, seed, image (the column's name) and dsc (its rank): what `paired_difference` takes, so
        that an average rank has an interval over runs and columns.
    """
    full = raw[(raw["labels"] == 100) & raw["task"].isin(SEGMENTATION)]
    runs = ["method", "pretrain_seed", "seed"]
    long = full.melt([*runs, "task", "dataset"], list(METRICS), "metric")
    long = long[(long["task"] == "vessels") | (long["metric"] == "dsc")]
    wide = long.groupby([*runs, "dataset", "metric"])["value"].mean().unstack(["dataset", "metric"]).dropna()
    wide.columns = [f"{dataset} {METRICS[metric]}" for dataset, metric in wide.columns]
    means = wide.groupby("method").mean()
    ranks = wide[working(means).columns].groupby("seed").rank(ascending=False)
    return ranks.reset_index().melt(runs, var_name="image", value_name="dsc")


def found_by_arm(raw: pd.DataFrame, detection: pd.DataFrame, methods: Sequence[str]) -> dict[tuple[str, str], dict]:
    """(metric, data set or '') -> arm -> its scores: per image, per column (ranks) or a run (mAP)."""
    found = {}
    for (dataset, labels), scores in raw.groupby(["dataset", "labels"], sort=False):
        found["DSC" if labels == 100 else f"DSC, {labels} % of labels", dataset] = by_arm(scores)
    found[RANK, ""] = by_arm(ranks_by_run(raw[raw["method"].isin(methods)]))
    for (column, name), (dataset, scores) in product(BOXES.items(), detection.groupby("dataset", sort=False)):
        found[name, dataset] = {arm: rows.set_index("pretrain_seed")[column] for arm, rows in by_arm(scores).items()}
    return found


def difference(scores: Mapping, pair: tuple[str, str], metric: str, rng: np.random.Generator) -> Difference:
    """First arm of a pair minus the second; no numbers, but the reason, also where neither of them works."""
    found = compared(scores, pair, metric, rng)
    if metric == RANK:
        return rank_difference(found)
    if found.n_runs and max(map(level, (scores[arm] for arm in pair))) < WORKS:
        return Difference(nan, nan, nan, 0, 0, f"neither works: both below {WORKS:g} % {metric}")
    return found


def level(scores: pd.DataFrame | pd.Series) -> float:
    """The mean of an arm's scores: per image, or a number a run."""
    return float((scores["dsc"] if isinstance(scores, pd.DataFrame) else scores).mean())


def rank_difference(difference: Difference) -> Difference:
    """A difference of average ranks with the spread of rounding added.

    Ranks are whole numbers, so those of a clear case are the same in every run and column, as if nothing could be off.
    What is rounded to whole numbers is off by 1/12 in variance, the difference of two by 1/6, in each column.
    Two that share every rank say nothing.
    """
    known = isfinite(difference.se)
    if difference.n_runs < 2 or difference.n_images < 2 or (difference.effect == 0 and not known):
        return difference
    se = ((difference.se**2 if known else 0) + ROUNDING / difference.n_images) ** 0.5
    df, note = (difference.df, difference.note) if known else (difference.n_images - 1, "the same in every run")
    return replace(difference, se=se, df=df, note=note)


def published_by_arm(published: pd.DataFrame) -> dict[tuple[str, str, str, str], float]:
    """(source, arm, published data set, metric) -> its value, of all sources of claims."""
    values = {}
    for source in dict.fromkeys(claim.source for claim in CLAIMS if claim.source):
        tables = (source, ALSO_IN[source]) if source in ALSO_IN else (source,)
        for row in published_values(published, *tables).itertuples():
            values[source, row.method, row.published_dataset, row.metric] = row.published
    return values


def published_effect(values: Mapping, claim: ExtendedClaim, pair: tuple[str, str], dataset: str, metric: str) -> float:
    """The first arm's published value minus the second's; NaN if either is none."""
    keys = [(claim.source, arm, dataset, metric.split(",")[0]) for arm in pair]
    return values.get(keys[0], nan) - values.get(keys[1], nan)


def ledger(
    raw: pd.DataFrame,
    detection: pd.DataFrame,
    published: pd.DataFrame,
    stands_for: Mapping[str, str],
    sets: Mapping[str, list[str]],
    methods: Sequence[str],
) -> pd.DataFrame:
    """Every comparison of every claim, one a row; what was not run is listed with the reason.

    Args:
        raw: from `vasolib.v2.scores.read_scores`.
        detection: a row per run: method, dataset, seed, mAP, mAP50, mAP75.
        published: paper/published.csv. stands_for: our data set -> the published one. sets: task -> our data sets.
        methods: those of the main table, among which ranks are.

    Returns:
        The columns of `vasolib.ledger.ledger`.
    """
    found, values = found_by_arm(raw, detection, methods), published_by_arm(published)
    names, rng, rows = {"": PUBLISHED_COLUMNS, **stands_for}, np.random.default_rng(0), []
    for number, claim in enumerate(CLAIMS, 1):
        datasets = claim.where([dataset for task in claim.tasks for dataset in sets[task]])
        for dataset, metric, pair in product(datasets, claim.metrics, claim.pairs()):
            theirs = published_effect(values, claim, pair, names.get(dataset, ""), metric)
            floor, relevant = claim.bounds(theirs)
            d = difference(found.get((metric, dataset), {}), pair, metric, rng)
            row = {"claim": number, "text": claim.text, "comparison": " - ".join(pair), "dataset": dataset}
            row |= {"metric": metric, "published": theirs, "floor": floor, "relevant": relevant}
            rows.append(
                row | {"p": d.p_at(floor), "p_relevant": d.p_at(relevant)} | {n: getattr(d, n) for n in NUMBERS}
            )
    table = pd.DataFrame(rows)
    table = table.assign(p_holm=adjusted(table, "p"), p_relevant_holm=adjusted(table, "p_relevant"))
    return table.assign(verdict=[verdict(*v) for v in table[JUDGED].itertuples(index=False)])
