"""Intervals and verdicts: closed forms, and how often they are right on simulated studies with a known effect."""

from math import inf, nan

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from vasolib.errors import UserError
from vasolib.statistics import (
    Difference,
    bootstrap_interval,
    crossed_difference,
    group_difference,
    holm,
    paired_difference,
    verdict,
)

IMAGES, STUDIES = 40, 600
TWO_OF_TWO = np.array([0, 1, 0, 1])  # four runs on two pre-training seeds
# Standard deviations, in points of DSC, over images, pre-training seeds, fine-tuning runs, and what is left.
SPREADS = {
    "images": (8.0, 0.5, 0.5, 5.0),
    "runs": (1.0, 0.3, 1.0, 4.0),
    "images and seeds": (3.0, 0.7, 0.7, 4.0),
    "seeds": (1.0, 2.0, 0.5, 2.0),
}


def studies(spread: tuple[float, ...], units: np.ndarray = TWO_OF_TWO, effect: float = 0.0) -> np.ndarray:
    """(STUDIES, R, n) differences between two arms, the true one being `effect`."""
    rng = np.random.default_rng(0)
    shapes = (1, IMAGES), (units.max() + 1, 1), (len(units), 1), (len(units), IMAGES)
    image, seed, run, rest = (sd * rng.standard_normal((STUDIES, *s)) for sd, s in zip(spread, shapes, strict=True))
    return effect + image + seed[:, units] + run + rest


def fitted(differences: np.ndarray, units: np.ndarray = TWO_OF_TWO) -> tuple[np.ndarray, ...]:
    """effect, se and df of each study."""
    found = [crossed_difference(study, units) for study in differences]
    return tuple(np.array([getattr(d, name) for d in found]) for name in ("effect", "se", "df"))


def p_values(effect: np.ndarray, se: np.ndarray, df: np.ndarray, value: float) -> np.ndarray:
    return 2 * stats.t.sf(np.abs(effect - value) / se, df)


def scores(method: str, runs: dict[int, list[float]], pretrain: dict[int, int] | int = -1) -> pd.DataFrame:
    """Per-image scores of an arm: seed -> DSC of images i0, i1, …"""
    rows = [
        {"method": method, "pretrain_seed": pretrain if isinstance(pretrain, int) else pretrain[seed]}
        | {"seed": seed, "image": f"i{k}", "dsc": value}
        for seed, values in runs.items()
        for k, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("spread", SPREADS.values(), ids=SPREADS)
@pytest.mark.parametrize("units", [TWO_OF_TWO, np.arange(4)], ids=["2 seeds x 2 runs", "4 seeds"])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(spread: tuple[float, ...], units: np.ndarray):
    covered = p_values(*fitted(studies(spread, units, effect=2.0), units), value=2.0) > 0.05
    assert 0.90 <= covered.mean() <= 0.995


def test_runs_on_one_encoder_are_not_counted_as_independent():
    spread = SPREADS["seeds"]
    naive = fitted(studies(spread), np.arange(4))  # as if each run had been pre-trained anew
    assert (p_values(*naive, 0.0) < 0.05).mean() > 0.15


@pytest.mark.parametrize("spread", SPREADS.values(), ids=SPREADS)
@pytest.mark.parametrize(("truth", "wrong"), [(0.0, "reproduced"), (1.0, "not reproduced")])
def test_wrong_verdicts_are_rare(spread: tuple[float, ...], truth: float, wrong: str):
    effect, se, df = fitted(studies(spread, effect=truth))
    at_floor, at_relevant = p_values(effect, se, df, 0.0), p_values(effect, se, df, 1.0)
    given = [verdict(4, e, 0.0, p, 1.0, q) for e, p, q in zip(effect, at_floor, at_relevant, strict=True)]
    assert given.count(wrong) / STUDIES < 0.07


def test_the_detectable_effect_is_found_four_times_in_five():
    spread, units = (3.0, 0.5, 0.5, 3.0), np.arange(6)
    null = studies(spread, units)
    detectable = np.mean([crossed_difference(study, units).detectable for study in null])
    found = p_values(*fitted(null + detectable, units), 0.0) < 0.05
    assert 0.7 < found.mean() < 0.9


def test_variance_is_that_of_run_means_plus_that_of_image_means():
    differences = np.array([[1.0, 2.0, 6.0], [3.0, 6.0, 6.0]])  # run means 3, 5; image means 2, 4, 6
    found = crossed_difference(differences, np.array([0, 1]))
    by_run, by_image = 2 / 2, 4 / 3
    assert found.effect == 4 and found.se == pytest.approx((by_run + by_image) ** 0.5)
    assert found.df == pytest.approx((by_run + by_image) ** 2 / (by_run**2 / 1 + by_image**2 / 2))
    assert (found.n_runs, found.n_images) == (2, 3)


def test_where_images_do_not_matter_it_is_the_t_test_over_pretraining_seeds():
    means = np.array([1.0, 2.0, 4.0])
    differences = np.repeat(means, 2)[:, None] + np.zeros(IMAGES)
    found = crossed_difference(differences, np.repeat(np.arange(3), 2))
    want = stats.ttest_1samp(means, 0.0)
    interval = want.confidence_interval()
    assert found.p_at(0) == pytest.approx(want.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_seeds_that_agree_by_chance_do_not_hide_the_spread_of_their_runs():
    differences = np.array([1.0, 1.0, 5.0, 5.0])[:, None] + np.zeros(IMAGES)  # both seeds average 3
    found = crossed_difference(differences, TWO_OF_TWO)
    assert found.se == pytest.approx((8 / 2 / 2) ** 0.5)  # run variance 8, two runs a seed, two seeds


def test_with_one_pretraining_seed_the_runs_are_the_units():
    differences = studies((3.0, 0.0, 1.0, 1.0))[0]
    assert crossed_difference(differences, np.zeros(4)) == crossed_difference(differences, np.arange(4))


def test_p_is_five_per_cent_at_the_ends_of_the_interval():
    found = Difference(1.5, 0.7, 4.2, 4, 40)
    assert found.p_at(found.low) == pytest.approx(0.05) and found.p_at(found.high) == pytest.approx(0.05)
    assert found.p_at(1.5) == 1


def test_one_run_gives_no_interval():
    found = crossed_difference(np.array([[1.0, 3.0]]), np.array([0]))
    assert found.effect == 2 and np.isnan([found.low, found.p_at(0), found.detectable]).all()
    assert "no interval" in found.note


def test_runs_are_paired_by_seed_and_images_by_name():
    rng = np.random.default_rng(0)
    a = scores("a", {3: [9.0, 5.0], 1: [2.0, 7.0], 8: [50.0, 50.0]}, {3: 1, 1: 0, 8: 0}).sample(frac=1, random_state=0)
    b = scores("b", {1: [1.0, 1.0, 80.0], 3: [1.0, 2.0, 80.0]}, {1: 0, 3: 1})
    found = paired_difference(a, b, rng=rng)
    assert found.effect == pytest.approx((8 + 3 + 1 + 6) / 4)
    assert (found.n_runs, found.n_images, found.note) == (2, 2, "")
    assert found.boot_low <= found.effect <= found.boot_high


def test_pretraining_seeds_are_the_units_where_an_arm_has_them():
    runs = {seed: [float(seed % 2), 1.0 + seed % 2, 3.0] for seed in range(4)}
    many, scratch = scores("many", runs, {s: s % 2 for s in runs}), scores("vit", {s: [0.0] * 3 for s in runs})
    found = paired_difference(many, scratch, rng=np.random.default_rng(0))
    want = crossed_difference(many.pivot(index="seed", columns="image", values="dsc").to_numpy(), TWO_OF_TWO)
    assert (found.effect, found.se, found.df, found.note) == (want.effect, want.se, want.df, "")


def test_an_arm_with_one_pretraining_seed_is_noted():
    runs = {seed: [1.0, 2.0 + seed] for seed in range(4)}
    one = scores("one", runs, 0)
    two = scores("two", {s: [5.0, 9.0 * s] for s in runs}, {s: s % 2 for s in runs})
    assert "(one)" in paired_difference(two, one, rng=np.random.default_rng(0)).note
    assert (
        "(one, also)"
        in paired_difference(one, two.assign(method="also", pretrain_seed=7), rng=np.random.default_rng(0)).note
    )


def test_a_filter_is_compared_with_every_run():
    arm = scores("arm", {4: [5.0, 7.0], 9: [7.0, 9.0]})
    found = paired_difference(arm, scores("frangi", {0: [1.0, 2.0]}), rng=np.random.default_rng(0), fixed_b=True)
    assert found.effect == 5.5 and found.n_runs == 2 and found.se > 0


def test_what_cannot_be_paired_is_refused():
    rng, a = np.random.default_rng(0), scores("a", {0: [1.0]})
    with pytest.raises(UserError, match="a and b have no seed in common"):
        paired_difference(a, scores("b", {1: [1.0]}), rng=rng)
    with pytest.raises(UserError, match="no image in common"):
        paired_difference(a, scores("b", {0: [1.0]}).assign(image="other"), rng=rng)
    with pytest.raises(ValueError, match="a: several rows with one seed"):
        paired_difference(pd.concat([a, a]), a, rng=rng)


def test_bootstrap_agrees_with_the_t_interval_where_there_are_many_units():
    units = np.arange(30)
    differences = studies((4.0, 1.0, 0.0, 2.0), units)[0]
    found = crossed_difference(differences, units)
    low, high = bootstrap_interval(differences, units, rng=np.random.default_rng(0))
    assert (high - low) == pytest.approx(found.high - found.low, rel=0.15)
    assert (low + high) / 2 == pytest.approx(found.effect, abs=0.2)


def test_bootstrap_draws_seeds_then_runs_then_images():
    # One seed's runs give 0 and 2, the other's 10 and 12: means of two drawn seeds, of two drawn runs each.
    differences = np.array([0.0, 10.0, 2.0, 12.0])[:, None] + np.zeros(3)
    low, high = bootstrap_interval(differences, TWO_OF_TWO, rng=np.random.default_rng(0))
    assert (low, high) == (0.5, 11.5)  # a draw of zeros only has a chance of 1/4 x 1/16
    images = np.arange(IMAGES) + np.zeros((4, 1))
    low, high = bootstrap_interval(images, TWO_OF_TWO, rng=np.random.default_rng(0))
    assert (high - low) / 4 == pytest.approx(images[0].std() / IMAGES**0.5, rel=0.1)


def test_numbers_per_pretraining_are_compared_by_the_t_test():
    values = {"a": np.array([3.0, 5.0, 4.0]), "b": np.array([1.0, 2.0])}
    found, want = group_difference(values, "a", "b"), stats.ttest_ind(values["a"], values["b"])
    assert found.p_at(0) == pytest.approx(want.pvalue) and found.df == want.df
    more = group_difference(values | {"c": np.array([7.0, 7.5, 7.2])}, "a", "b")
    assert more.effect == found.effect and more.df == 5 and more.se < found.se


def test_one_number_an_arm_gives_no_interval():
    found = group_difference({"a": np.array([3.0]), "b": np.array([1.0])}, "a", "b")
    assert found.effect == 2 and np.isnan(found.low) and "no interval" in found.note


def test_holm_is_the_largest_scaled_p_so_far():
    p = np.array([0.04, 0.001, nan, 0.03, 0.5])
    want = []
    for value in p:
        smaller = sorted(q for q in p if q <= value)
        want.append(min(1, max((4 - k) * q for k, q in enumerate(smaller))) if smaller else nan)
    assert holm(p) == pytest.approx(want, nan_ok=True)
    assert holm(np.array([0.01, 0.02, 0.9])) == pytest.approx([0.03, 0.04, 0.9])
    assert np.isnan(holm(np.array([nan, nan]))).all()


@pytest.mark.parametrize(
    ("effect", "p_floor", "p_relevant", "want"),
    [
        (2.0, 0.01, 0.2, "reproduced"),
        (0.5, 0.01, 0.01, "reproduced"),  # small, but surely above zero
        (2.0, 0.06, 0.2, "inconclusive"),
        (3.0, 0.06, 0.01, "inconclusive"),
        (0.2, 0.5, 0.01, "not reproduced"),  # surely less than what would bear the claim out
        (-2.0, 0.01, 0.001, "not reproduced"),
        (-2.0, 0.5, 0.2, "inconclusive"),
        (nan, nan, nan, "inconclusive"),
    ],
)
def test_verdicts(effect: float, p_floor: float, p_relevant: float, want: str):
    assert verdict(4, effect, 0.0, p_floor, 1.0, p_relevant) == want
    assert verdict(0, effect, 0.0, p_floor, 1.0, p_relevant) == "not tested"


def test_no_worse_than_a_margin_is_a_lower_floor():
    assert verdict(4, -0.2, -1.0, 0.01, 0.0, 0.4) == "reproduced"
    assert verdict(4, -3.0, -1.0, 0.01, 0.0, 0.01) == "not reproduced"
    assert verdict(4, inf, -1.0, 1.0, 0.0, 1.0) == "inconclusive"
