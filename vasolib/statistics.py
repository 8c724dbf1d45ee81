"""Differences between arms with intervals that count images, fine-tuning runs and pre-training seeds, and verdicts."""

__all__ = ["Difference", "bootstrap_interval", "group_difference", "holm", "paired_difference", "verdict"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd
from scipy import stats

from vasolib.errors import UserError

ALPHA = 0.05  # two-sided, as in the papers
POWER = 0.8
DRAWS = 1000  # of the bootstrap


@dataclass(frozen=True)
class Difference:
    """How much higher one arm scores than another, and how sure that is.

    effect and se in the score's unit; df: degrees of freedom of the t distribution behind interval and p. se and df are
    NaN where the design shows no spread over runs. boot_low, boot_high: see `bootstrap_interval`.
    """

    effect: float
    se: float
    df: float
    n_runs: int
    n_images: int
    note: str = ""
    boot_low: float = nan
    boot_high: float = nan

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.effect - float(stats.t.ppf(1 - ALPHA / 2, self.df)) * self.se

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.effect + float(stats.t.ppf(1 - ALPHA / 2, self.df)) * self.se

    @property
    def detectable(self) -> float:
        """The smallest true effect that a single such test finds in four of five repetitions of the study."""
        return float(stats.t.ppf(1 - ALPHA / 2, self.df) + stats.t.ppf(POWER, self.df)) * self.se

    def p_at(self, value: float) -> float:
        """Two-sided p of the hypothesis that the true effect is `value`."""
        return float(2 * stats.t.sf(np.abs(np.divide(self.effect - value, self.se)), self.df))


def paired_difference(
    raw_a: pd.DataFrame, raw_b: pd.DataFrame, *, rng: np.random.Generator, fixed_b: bool = False
) -> Difference:
    """Arm a minus arm b over the runs (same seed) and images that both have, see `crossed_difference`.

    Args:
        raw_a, raw_b: per-image scores of one arm on one data set: method, pretrain_seed (-1: no pre-training), seed,
            image, dsc (%). Each seed is one run.
        rng: for the bootstrap.
        fixed_b: b is a filter: its one run is the outcome for every seed, so all runs of a are compared with it.

    Raises:
        UserError: no seed or no image in common.
        ValueError: several runs of an arm have the same seed.
    """
    a, b = scores_by_run(raw_a), scores_by_run(raw_b)
    if fixed_b:
        b = pd.DataFrame([b.iloc[0]] * len(a), index=a.index)
    seeds = a.index.intersection(b.index)
    differences = (a.loc[seeds] - b.loc[seeds]).dropna(axis=1).to_numpy()
    if not differences.size:
        names = " and ".join(str(raw["method"].iloc[0]) for raw in (raw_a, raw_b))
        raise UserError(f"{names} have no {'image' if len(seeds) else 'seed'} in common: score them alike")
    pretrained = {raw["method"].iloc[0]: pretrain_seeds(raw, seeds) for raw in (raw_a, raw_b)}
    units = pd.factorize(pd.Series(zip(*pretrained.values(), strict=True)))[0]
    boot = bootstrap_interval(differences, units, rng=rng)
    return crossed_difference(differences, units, unseen_spread(pretrained), boot)


def scores_by_run(raw: pd.DataFrame) -> pd.DataFrame:
    """DSC as a table of seeds x images."""
    try:
        return raw.pivot(index="seed", columns="image", values="dsc")
    except ValueError:
        name = raw["method"].iloc[0]
        raise ValueError(f"{name}: several rows with one seed and image; give each run a seed of its own") from None


def pretrain_seeds(raw: pd.DataFrame, seeds: pd.Index) -> list[int]:
    """The pre-training seed behind each run; a filter's, which is not run again, stands for all."""
    known = dict(zip(raw["seed"], raw["pretrain_seed"], strict=True))
    return [int(known.get(seed, raw["pretrain_seed"].iloc[0])) for seed in seeds]


def unseen_spread(pretrained: Mapping[str, Sequence[int]]) -> str:
    """Which arms, given the pre-training seed behind each of their runs, have a single one (-1: none), in words."""
    single = [name for name, of_run in pretrained.items() if set(of_run) == {of_run[0]} != {-1}]
    return f"one pre-training seed ({', '.join(single)}): that spread is not seen" if single else ""


def crossed_difference(
    differences: np.ndarray, units: np.ndarray, note: str = "", boot: tuple[float, float] = (nan, nan)
) -> Difference:
    """The mean of paired differences with a t interval over runs and over images at once.

    All runs are scored on the same images, so the mean can be off for two reasons: other runs, other images. Its
    variance is the sum s_run^2 / U + s_image^2 / n, where s_run is the standard deviation of the U units' means over
    images and s_image that of the n images' means over units (what is peculiar to one run and one image enters twice,
    on the safe side). A unit is a pre-training seed, averaged over its fine-tuning runs, because runs on the same
    encoder are not independent; where there is one pre-training seed only, it is a fine-tuning run. Two seeds can lie
    close by chance, so s_run^2 is at least what the spread of runs within units implies. Degrees of freedom:
    Satterthwaite's, from U - 1 and n - 1; they fall to U - 1 where runs matter most, which makes the interval wide.

    Args:
        differences: (R, n), R runs x n images. units: (R,), which runs share their pre-training.
    """
    effect, n_runs, n_images = float(differences.mean()), *differences.shape
    if n_runs < 2 or n_images < 2:
        return Difference(effect, nan, nan, n_runs, n_images, "one run or image: no interval")
    of_run = np.unique(units, return_inverse=True)[1]
    if of_run.max() == 0:
        of_run = np.arange(n_runs)
    sizes = np.bincount(of_run)
    rows = np.stack([differences[of_run == unit].mean(axis=0) for unit in range(len(sizes))])  # (U, n)
    means = rows.mean(axis=1)
    between = means.var(ddof=1)
    within = ((differences.mean(axis=1) - means[of_run]) ** 2).sum() / max(n_runs - len(sizes), 1)
    run_part = max(between, within * (1 / sizes).mean()) / len(sizes)
    image_part = rows.mean(axis=0).var(ddof=1) / n_images
    variance = run_part + image_part
    df = variance**2 / (run_part**2 / (len(sizes) - 1) + image_part**2 / (n_images - 1))
    return Difference(float(means.mean()), float(variance**0.5), float(df), n_runs, n_images, note, *boot)


def bootstrap_interval(differences: np.ndarray, units: np.ndarray, *, rng: np.random.Generator) -> tuple[float, float]:
    """95 % percentile interval from drawing units, runs within them, and images (the same for all runs) again.

    A check on `crossed_difference` that assumes no distribution; too narrow where there are few units.

    Args:
        differences: (R, n), R runs x n images. units: (R,), which runs share their pre-training.
    """
    names, n_images = np.unique(units), differences.shape[1]
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)  # how often each unit
    run_weights = np.empty((DRAWS, len(units)))
    for times, name in zip(drawn.T, names, strict=True):
        members = np.flatnonzero(units == name)
        again = rng.multinomial(times * len(members), np.full(len(members), 1 / len(members)))
        run_weights[:, members] = again / (len(members) * len(names))
    image_weights = rng.multinomial(n_images, np.full(n_images, 1 / n_images), size=DRAWS) / n_images
    means = (run_weights @ differences * image_weights).sum(axis=1)
    low, high = np.quantile(means, [ALPHA / 2, 1 - ALPHA / 2])
    return float(low), float(high)


def group_difference(values: dict[str, np.ndarray], a: str, b: str) -> Difference:
    """Arm a minus arm b where each pre-training gives one number: the contrast of a one-way analysis of variance.

    Args:
        values: arm -> (seeds,) numbers. Their spread within arms is taken as common to all arms, which is what makes
            two seeds per arm enough.
    """
    residuals = np.concatenate([v - v.mean() for v in values.values()])
    df, sizes = len(residuals) - len(values), (len(values[a]), len(values[b]))
    effect = float(values[a].mean() - values[b].mean())
    if df == 0:
        return Difference(effect, nan, nan, min(sizes), 0, "one pre-training seed each: no interval")
    se = ((residuals**2).sum() / df * sum(1 / size for size in sizes)) ** 0.5
    return Difference(effect, float(se), df, min(sizes), 0)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted p, valid whatever the dependence: (m,) -> (m,). NaN stays and does not count."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p)[: np.isfinite(p).sum()]  # NaN sorts last
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted = np.full(p.shape, nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def verdict(n_runs: int, effect: float, floor: float, p_floor: float, relevant: float, p_relevant: float) -> str:
    """What one comparison says of a claim: reproduced, not reproduced, inconclusive or, without runs, not tested.

    Args:
        floor: the claim is that the effect lies above it. p_floor: adjusted p of effect = floor.
        relevant: the smallest effect that bears the claim out, above `floor`. p_relevant: adjusted p of
            effect = relevant. An effect surely below it, so all the more one of the wrong sign, refutes the claim.
    """
    if not n_runs:
        return "not tested"
    if effect > floor and p_floor < ALPHA:
        return "reproduced"
    return "not reproduced" if effect < relevant and p_relevant < ALPHA else "inconclusive"
