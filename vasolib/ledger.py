"""The ledger: every claim of `vasolib.claims` beside what this study found, with a verdict."""

__all__ = ["ledger", "power_note", "verdicts"]

from itertools import product
from math import nan

import numpy as np
import pandas as pd

from vasolib.claims import CLAIMS, DSC, FEW, SHARES, SS, Claim
from vasolib.errors import UserError
from vasolib.published import SILHOUETTE, published_values
from vasolib.statistics import POWER, Difference, group_difference, holm, paired_difference, verdict

FILTERS = {"frangi"}  # one run that no seed changes
SAME = {"vit": "unet"}  # the paper has one network from scratch, and does not say which
PUBLISHED_METRICS = {DSC[0]: "DSC", FEW[0]: "DSC", SS[1]: SILHOUETTE}
NUMBERS = ["effect", "low", "high", "detectable", "boot_low", "boot_high", "n_runs", "n_images", "note"]
JUDGED = ["n_runs", "effect", "floor", "p_holm", "relevant", "p_relevant_holm"]


def by_arm(raw: pd.DataFrame, separation: pd.DataFrame, shares: pd.DataFrame) -> dict[tuple[str, str], dict]:
    """(metric, data set or '') -> arm -> its per-image scores, or (seeds,) numbers where a pre-training gives one."""
    found = {}
    for (arm, dataset, labels), scores in raw.groupby(["method", "dataset", "labels"]):
        found.setdefault(("DSC" if labels == 100 else f"DSC, {labels} % of labels", dataset), {})[arm] = scores
    keys = ["metric", "arm", "pretrain_seed"]
    silhouettes = separation.assign(metric="SS (" + separation["space"] + ")", value=separation["SS"])
    log = shares.assign(metric=SHARES[0], value=100 * shares["vessel_share"])
    last = log[log["epoch"] == log.groupby(keys)["epoch"].transform("max")].assign(metric=SHARES[1])
    means = pd.concat([silhouettes, log, last]).groupby(keys)["value"].mean()  # over UMAP seeds, over epochs
    for (metric, arm), values in means.groupby(keys[:2]):
        found.setdefault((metric, ""), {})[arm] = values.to_numpy()
    return found


def difference(scores: dict, pair: tuple[str, str], metric: str, rng: np.random.Generator) -> Difference:
    """First arm minus second, given the scores by arm; no numbers, but the reason, if that cannot be had."""
    try:
        if absent := [arm for arm in pair if arm not in scores]:
            raise UserError(f"no {metric} of {', '.join(absent)}")
        if metric.startswith("DSC"):
            return paired_difference(scores[pair[0]], scores[pair[1]], rng=rng, fixed_b=pair[1] in FILTERS)
        return group_difference(scores, *pair)
    except UserError as error:
        return Difference(nan, nan, nan, 0, 0, str(error))


def published_effect(values: dict, claim: Claim, pair: tuple[str, str], dataset: str, metric: str) -> float:
    """The first arm's published value minus the second's; NaN if either is none."""
    a, b = (values.get((claim.source, SAME.get(arm, arm), dataset, PUBLISHED_METRICS.get(metric)), nan) for arm in pair)
    return a - b


def published_by_arm(published: pd.DataFrame) -> dict[tuple[str, str, str, str], float]:
    """(source, arm, published data set, metric) -> its value, of all sources of claims."""
    sources = dict.fromkeys(claim.source for claim in CLAIMS if claim.source)
    tables = {source: published_values(published, source) for source in sources}
    return {
        (source, row.method, row.published_dataset, row.metric): row.published
        for source, table in tables.items()
        for row in table.itertuples()
    }


def ledger(
    raw: pd.DataFrame,
    separation: pd.DataFrame,
    shares: pd.DataFrame,
    published: pd.DataFrame,
    stands_for: dict[str, str],
    datasets: list[str],
) -> pd.DataFrame:
    """Every comparison of every claim, one a row, in the order of CLAIMS; what was not run is listed with the reason.

    Args:
        raw: one row per method x dataset x labels (%) x pretrain_seed x seed x image, with dsc (%).
        separation: arm, pretrain_seed, space ('features', 'UMAP'), SS (%). May be empty, as may `shares`.
        shares: arm, pretrain_seed, epoch, vessel_share (0 to 1).
        published: paper/published.csv. stands_for: our data set -> the published one. datasets: in domain first.

    Returns:
        claim (its number), text, comparison, dataset, metric, published, floor and relevant (see
        `vasolib.statistics.verdict`), p (of effect = floor), p_relevant (of effect = relevant), what NUMBERS lists,
        p_holm, p_relevant_holm, verdict.
    """
    found, values, rows = by_arm(raw, separation, shares), published_by_arm(published), []
    names = {"": "XCAD", **stands_for}  # whence the published cluster scores
    rng = np.random.default_rng(0)  # the same ledger each time
    for number, claim in enumerate(CLAIMS, 1):
        for dataset, metric, (a, b) in product(claim.where(datasets), claim.metrics, claim.pairs()):
            theirs = published_effect(values, claim, (a, b), names.get(dataset, ""), metric)
            floor, relevant = claim.bounds(theirs)
            d = difference(found.get((metric, dataset), {}), (a, b), metric, rng)
            row = {"claim": number, "text": claim.text, "comparison": f"{a} - {b}", "dataset": dataset}
            row |= {"metric": metric, "published": theirs, "floor": floor, "relevant": relevant}
            row |= {"p": d.p_at(floor), "p_relevant": d.p_at(relevant)} | {name: getattr(d, name) for name in NUMBERS}
            rows.append(row)
    table = pd.DataFrame(rows)
    table = table.assign(p_holm=adjusted(table, "p"), p_relevant_holm=adjusted(table, "p_relevant"))
    return table.assign(verdict=[verdict(*v) for v in table[JUDGED].itertuples(index=False)])


def adjusted(table: pd.DataFrame, column: str) -> pd.Series:
    """Holm-adjusted p within each family; a comparison that several claims share counts once."""
    same = table.groupby(["comparison", "dataset", "metric", column], dropna=False).ngroup()
    first = table[~same.duplicated()]
    p = first.groupby(first["metric"].str.startswith("DSC"))[column].transform(holm)
    return same.map(dict(zip(same[first.index], p, strict=True)))


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """One row per claim of a ledger: claim, text, held ('7 of 9'), other counts, range of effects, verdict."""
    claims = table.groupby("claim", sort=False)
    counts = pd.get_dummies(table["verdict"]).groupby(table["claim"], sort=False).sum()
    counts = counts.reindex(columns=["reproduced", "not reproduced", "inconclusive", "not tested"], fill_value=0)
    of = claims.size()
    rules = [counts["not tested"] == of, counts["not reproduced"] > 0, counts["reproduced"] == of]
    overall = np.select(rules, ["not tested", "not reproduced", "reproduced"], "inconclusive")
    held = [f"{n} of {all_}" for n, all_ in zip(counts.pop("reproduced"), of, strict=True)]
    effects = claims["effect"].agg(["min", "median", "max"]).add_prefix("effect_")
    table = pd.concat([claims["text"].first(), counts, effects], axis=1)
    return table.assign(verdict=overall, held=held).reset_index()


def power_note(table: pd.DataFrame) -> str:
    """How many of a ledger's published effects a study of this size is likely to find, as a sentence."""
    known = table[(table["published"] > 0) & table["detectable"].notna()]
    known = known.drop_duplicates(["comparison", "dataset", "metric"])
    found, power = (known["published"] >= known["detectable"]).sum(), f"{100 * POWER:.0f} % power"
    scale = f"what this scale could detect ({power}, before adjusting for the number of comparisons)"
    return f"Of {len(known)} published effects, {found} are at least as large as {scale}."
