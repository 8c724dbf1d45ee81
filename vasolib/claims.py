"""The claims of the first paper as data, and the ledger: each beside what this study found, with a verdict.

The rules are fixed here, before the runs that they judge. A claim is a list of comparisons 'arm - arm', first the arm
that is said to do better, each made on every data set that the claim is about. A comparison is *reproduced* if its
effect surely lies above zero, *not reproduced* if it surely lies below the smallest effect that would bear the claim
out (a wrong sign is the clearest case), else *inconclusive*; 'surely' is a Holm-adjusted p < 0.05, all comparisons of
segmentations being one family, those of features and masks another. A claim is reproduced if all its comparisons are,
not reproduced if any is not, and inconclusive also where a part could not be tested.
"""

__all__ = ["CLAIMS", "Claim", "ledger", "power_note", "verdicts"]

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import nan

import numpy as np
import pandas as pd

from vasolib.errors import UserError
from vasolib.statistics import POWER, Difference, group_difference, holm, paired_difference, verdict

# In points of a per-cent scale (DSC, silhouette, share of patches): about one standard deviation of a fine-tuning run
# at laptop scale, so less is lost in a single training. Where a paper published less, that counts instead.
SMALLEST = 1.0
FILTERS = {"frangi"}  # one run that no seed changes
DSC, FEW = ("DSC",), ("DSC, 25 % of labels",)
SS = ("SS (features)", "SS (UMAP)")  # silhouette of vessel against background patches
PUBLISHED_METRICS = {DSC[0]: "DSC", FEW[0]: "DSC", SS[1]: "Silhouette score x1e-2"}
SHARES = ("vessel share, mean", "vessel share, last epoch")  # vessel patches among the masked ones
NUMBERS = ["effect", "low", "high", "detectable", "boot_low", "boot_high", "n_runs", "n_images", "note"]
JUDGED = ["n_runs", "effect", "floor", "p_holm", "relevant", "p_relevant_holm"]
# How published rows call our arms: by `method`, or in some sources by the beginning of `setting`.
RIVALS = {"moco": "MoCo v3", "dino": "DINO", "mae": "MAE", "simmim": "SimMIM", "amt": "AMT", "hpm": "HPM"}
RIVALS |= {"deblurring": "DeblurringMIM", "crossmae": "CrossMAE", "chexworld": "CheXWorld"}
METHODS = RIVALS | {"vasomim": "VasoMIM", "vasomim_300": "VasoMIM", "frangi": "Frangi filter"}
METHODS |= {"unet": "U-Net", "vit": "U-Net"}  # the paper does not say which
METHODS |= {"spt": "SPT (U-Net, Frangi pseudo-label supervised pre-training)"}
QUARTER = "label ratio=25% of ARCADE train (200 images)"
PARTS = {"mae_50": (0, 0), "consistency": (0, 1), "guidance": (1, 0), "vasomim": (1, 1)}
BETAS = {"consistency": (0, 0), "vasomim": (0, 0.5), "beta_0_1": (0, 1), "beta_1_1": (1, 1), "beta_5_0": (0.5, 0)}
SETTINGS = {
    "Table 3": {arm: f"guidance={guided};L_cons={consistent}" for arm, (guided, consistent) in PARTS.items()},
    "Table 4": {"guidance": "w/o L_cons", "vasomim": "w/ L_cons"},
    "Table 5": {arm: f"beta0={start:g},betaE={end:g}" for arm, (start, end) in BETAS.items()},
    "Table 6": {"unet": f"Scratch;{QUARTER}", "mae": f"MAE;{QUARTER}", "vasomim": f"VasoMIM;{QUARTER}"},
}


@dataclass(frozen=True)
class Claim:
    """A statement that can turn out wrong: each arm of `better` scores higher than each of `worse`.

    better, worse: names of arms, between spaces. source: table or figure of the published values, '' if there are none.
    datasets: which of the study's, by position: first (in domain), second, two (the first two, as in Table 5), others
    (all but the first), all; none where images play no part. margin: by how much `better` may fall short.
    """

    id: str
    text: str
    better: str
    worse: str
    source: str = ""
    datasets: str = "all"
    metrics: tuple[str, ...] = DSC
    margin: float = 0.0

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Each arm of `better` with each of `worse`."""
        return product(self.better.split(), self.worse.split())

    def where(self, names: list[str]) -> list[str]:
        """Those of the study's data sets that it is about; one entry that says so, if the study has none such."""
        parts = {"first": names[:1], "second": names[1:2], "two": names[:2], "others": names[1:], "all": names}
        return list([""] if self.datasets == "none" else parts[self.datasets]) or [f"no {self.datasets} data set"]

    def bounds(self, published: float) -> tuple[float, float]:
        """What the effect must lie above, and the least effect that bears the claim out (published: NaN if none)."""
        if self.margin:
            return -self.margin, 0.0
        return 0.0, min(SMALLEST, published) if published > 0 else SMALLEST


OTHERS, SSL = " ".join(RIVALS), " ".join((*RIVALS, "vasomim"))
CLAIMS = (
    Claim("ssl_vit", "Each pre-training beats the same network without any", SSL, "vit", "Table 2"),
    Claim("ssl_unet", "Each pre-training beats a plain U-Net from scratch", SSL, "unet", "Table 2"),
    Claim("filter", "VasoMIM beats the vessel filter that guides it", "vasomim", "frangi", "Table 2"),
    Claim("in_domain", "VasoMIM beats each rival in domain", "vasomim", OTHERS, "Table 2", "first"),
    Claim("out_of_domain", "VasoMIM beats each rival out of domain", "vasomim", OTHERS, "Table 2", "others"),
    Claim("guidance", "Masking guided by anatomy helps", "guidance", "mae_50", "Table 3"),
    Claim("consistency", "The consistency loss helps", "consistency", "mae_50", "Table 3"),
    Claim("both", "Both parts together beat either alone", "vasomim", "guidance consistency", "Table 3"),
    Claim("rise", "Guidance rising to a half is best", "vasomim", "consistency beta_0_1 beta_5_0", "Table 5", "two"),
    Claim("all_guided", "Guiding every masked patch hurts", "consistency", "beta_1_1", "Table 5", "two"),
    Claim("ratio", "Hiding half of the patches is best", "vasomim", "gamma_25 gamma_75 gamma_90", "", "first"),
    Claim("spt", "VasoMIM beats supervised pre-training on pseudo-labels", "vasomim", "spt", "Fig. 6 (text)"),
    Claim(
        "epochs", "VasoMIM's 300 epochs match MAE's 800", "vasomim_300", "mae", "Fig. 7 (text)", "second", DSC, SMALLEST
    ),
    Claim("labels", "VasoMIM leads with a quarter of the labels", "vasomim", "mae unet", "Table 6", "first", FEW),
    Claim("separation", "The consistency loss sets vessel patches apart", "vasomim", "guidance", "Table 4", "none", SS),
    Claim("masking", "Guidance hides more patches with vessels", "guidance vasomim", "mae_50", "", "none", SHARES),
    Claim("anatomy", "Better anatomy makes better pre-training (ours)", "vasomim_robust", "vasomim"),
)


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


def published_values(published: pd.DataFrame) -> dict[tuple, dict[str, float]]:
    """(source, data set, metric) -> what names a row -> its value."""
    rows = published[(published["paper"] == "v1") & published["metric"].isin(PUBLISHED_METRICS.values())]
    found = {}
    for row in rows.itertuples():
        key = row.table_or_figure, row.dataset, row.metric
        found.setdefault(key, {})[f";{row.method};{row.setting};"] = float(row.value)
    return found


def published_effect(values: dict, claim: Claim, pair: tuple[str, str], dataset: str, metric: str) -> float:
    """The first arm's published value minus the second's; NaN if either is none."""
    rows = values.get((claim.source, dataset, PUBLISHED_METRICS.get(metric)), {})
    names = (f";{SETTINGS.get(claim.source, METHODS).get(arm)};" for arm in pair)
    a, b = (next((value for words, value in rows.items() if name in words), nan) for name in names)
    return a - b


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
    found, values, rows = by_arm(raw, separation, shares), published_values(published), []
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
