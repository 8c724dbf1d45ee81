"""Is one arm really better? v2's paired t-test beside ours, which counts runs as well as images.

v2 gives one p for its arm against v1's and does not say what was paired. Two readings are tested here: images of all
vessel sets, each the mean over runs; and columns of the main table. Neither sees that another training would give
other scores; `vasolib.statistics.paired_difference` does.
"""

__all__ = ["by_arm", "compared", "paired_t_test", "significance"]

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import nan

import numpy as np
import pandas as pd
from scipy import stats

from vasolib.errors import UserError
from vasolib.statistics import Difference, group_difference, holm, paired_difference, unseen_spread
from vasolib.v2.main_table import column_means
from vasolib.v2.scores import GUIDES

BY_IMAGE, BY_COLUMN, BY_RUN = "images, means over runs", "columns of the main table", "runs and images"
T_TEST, OURS = "paired t-test, as v2", "ours"
ALIKE = "the same in every run and image: no interval"


def compared(scores: Mapping[str, object], pair: tuple[str, str], what: str, rng: np.random.Generator) -> Difference:
    """First arm of a pair minus the second; no numbers, but the reason, where that cannot be had.

    Args:
        scores: arm -> per-image scores as of `vasolib.statistics.paired_difference`, or a number a run by the
            pre-training seed behind it (-1: none).
        what: the scores' name, for the reason.
    """
    if absent := [arm for arm in pair if arm not in scores]:
        return Difference(nan, nan, nan, 0, 0, f"no {what} of {', '.join(absent)}")
    a, b = (scores[arm] for arm in pair)
    try:
        with np.errstate(invalid="ignore"):  # nothing differs at all: 0 / 0 degrees of freedom
            if isinstance(a, pd.Series):
                return spread_out(of_numbers(scores, pair))
            return spread_out(paired_difference(a, b, rng=rng, fixed_b=pair[1] in GUIDES))
    except UserError as error:
        return Difference(nan, nan, nan, 0, 0, str(error))


def of_numbers(scores: Mapping[str, pd.Series], pair: tuple[str, str]) -> Difference:
    """The difference of two arms that have a number a run, as `compared` takes them."""
    found = group_difference({arm: numbers.to_numpy(float) for arm, numbers in scores.items()}, *pair)
    return replace(found, note=found.note or unseen_spread({arm: list(scores[arm].index) for arm in pair}))


def spread_out(difference: Difference) -> Difference:
    """A difference whose spread is zero has no interval: nothing says how far it would be off."""
    return replace(difference, se=nan, df=nan, note=ALIKE) if difference.se == 0 else difference


def paired_t_test(differences: np.ndarray) -> Difference:
    """The t interval of the mean of paired differences (n,); none where there are fewer than two or all are alike."""
    differences = np.asarray(differences, dtype=float)
    n = len(differences)
    effect = float(differences.mean()) if n else nan
    if n < 2:
        return Difference(effect, nan, nan, 1, n, "fewer than two pairs: no interval")
    if np.ptp(differences) == 0:
        return Difference(effect, nan, nan, 1, n, ALIKE)
    return Difference(effect, float(stats.sem(differences)), n - 1, 1, n)


def by_arm(raw: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The scores of each arm."""
    return {str(arm): scores for arm, scores in raw.groupby("method", sort=False)}


def image_differences(raw: pd.DataFrame, a: str, b: str) -> np.ndarray:
    """DSC of a minus b, one number per image of all vessel sets, each arm's the mean over its runs."""
    vessels = raw[(raw["task"] == "vessels") & (raw["labels"] == 100) & raw["method"].isin([a, b])]
    means = vessels.groupby(["dataset", "image", "method"])["dsc"].mean().unstack()
    return means.reindex(columns=[a, b]).dropna().pipe(lambda m: m[a] - m[b]).to_numpy()


def column_differences(raw: pd.DataFrame, a: str, b: str) -> np.ndarray:
    """a minus b, one number per column of the main table."""
    wide = column_means(raw).pivot(index=["dataset", "metric"], columns="method", values="mean")
    return wide.reindex(columns=[a, b]).dropna().pipe(lambda m: m[a] - m[b]).to_numpy()


def significance(raw: pd.DataFrame, arm: str, others: Sequence[str], published: pd.DataFrame) -> pd.DataFrame:
    """One arm against others: v2's test with either unit, and ours on each set; p adjusted by Holm within each test.

    Args:
        raw: from `vasolib.v2.scores.read_scores`.
        published: paper/published.csv, whose one p of v2 stands beside both readings of its test.

    Returns:
        comparison, test, unit, dataset, n (pairs), n_runs, effect (points), low, high (95 %), p, p_holm, published_p,
        note.
    """
    rng, rows, full = np.random.default_rng(0), [], raw[raw["labels"] == 100]
    sets = list(full["dataset"].unique())
    theirs = published[(published["paper"] == "v2") & (published["metric"] == "p-value")]
    published_p = {"vasomim": float(theirs["value"].iloc[0])} if arm == "vasomim_v2" and len(theirs) else {}
    for other in others:
        p = published_p.get(other, nan)
        by_image = paired_t_test(image_differences(raw, arm, other))
        rows.append((f"{arm} - {other}", T_TEST, BY_IMAGE, "all vessel sets", by_image, p))
        by_column = paired_t_test(column_differences(raw, arm, other))
        rows.append((f"{arm} - {other}", T_TEST, BY_COLUMN, "all columns", by_column, p))
        for dataset in sets:
            ours = compared(by_arm(full[full["dataset"] == dataset]), (arm, other), "scores", rng)
            rows.append((f"{arm} - {other}", OURS, BY_RUN, dataset, ours, nan))
    return _table(rows)


def _table(rows: list[tuple]) -> pd.DataFrame:
    """The rows with the numbers of their differences and p adjusted within each test and unit."""
    columns = ["comparison", "test", "unit", "dataset", "difference", "published_p"]
    table = pd.DataFrame(rows, columns=columns)
    differences = table.pop("difference")
    for name, attribute in {"n": "n_images", "n_runs": "n_runs", "effect": "effect"}.items():
        table[name] = [getattr(d, attribute) for d in differences]
    table["low"], table["high"] = [d.low for d in differences], [d.high for d in differences]
    table["p"] = [d.p_at(0.0) for d in differences]
    table["p_holm"] = table.groupby(["test", "unit"])["p"].transform(lambda p: holm(p.to_numpy()))
    table["note"] = [d.note for d in differences]
    ordered = table.sort_values(["test", "unit"], key=lambda c: c.map(order), kind="stable", ignore_index=True)
    last = ordered.pop("published_p")
    ordered.insert(ordered.columns.get_loc("note"), "published_p", last)
    return ordered


def order(name: str) -> int:
    """v2's test first, images before columns."""
    return [T_TEST, OURS, BY_IMAGE, BY_COLUMN, BY_RUN].index(name)
