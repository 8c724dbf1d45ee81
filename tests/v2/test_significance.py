"""Paired tests: p-values known by hand, both units of pairing, scores that do not differ at all."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.v2.made_up import PUBLISHED, raw_scores, vessel_scores
from vasolib.statistics import paired_difference
from vasolib.v2.significance import BY_COLUMN, BY_IMAGE, OURS, by_arm, compared, paired_t_test, significance

pytestmark = pytest.mark.filterwarnings("error")


def test_the_t_test_by_hand():
    d = paired_t_test(np.array([1.0, 2.0, 3.0]))  # mean 2, standard deviation 1
    t = 2 / (1 / math.sqrt(3))
    assert (d.effect, d.df, d.n_images) == (2.0, 2, 3)
    # t distribution with two degrees of freedom: P(|T| > t) = 1 - t / sqrt(t^2 + 2)
    assert d.p_at(0.0) == pytest.approx(1 - t / math.sqrt(t**2 + 2))
    assert (d.low + d.high) / 2 == pytest.approx(2.0)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0, 2.0]])
def test_no_interval_without_spread(values: list[float]):
    d = paired_t_test(np.array(values))
    assert math.isnan(d.p_at(0.0)) and math.isnan(d.low) and d.note


def two_arms(a: np.ndarray, b: np.ndarray) -> pd.DataFrame:
    raw = pd.concat([vessel_scores("vasomim_v2", "x", a), vessel_scores("vasomim", "x", b)], ignore_index=True)
    return raw.assign(task="vessels")


def test_images_are_the_unit_after_averaging_runs():
    rng = np.random.default_rng(1)
    a, b = rng.normal(60, 2, (3, 8)), rng.normal(59, 2, (3, 8))
    table = significance(two_arms(a, b), "vasomim_v2", ["vasomim"], PUBLISHED).set_index("unit")
    expected = stats.ttest_rel(a.mean(axis=0), b.mean(axis=0))
    assert table.loc[BY_IMAGE, "p"] == pytest.approx(expected.pvalue)
    assert table.loc[BY_IMAGE, "n"] == 8 and table.loc[BY_COLUMN, "n"] == 2  # DSC and clDice
    assert table.loc[BY_IMAGE, "published_p"] == pytest.approx(1.18e-4)
    ours = table[table["test"] == OURS].iloc[0]
    raw = by_arm(two_arms(a, b))
    d = paired_difference(raw["vasomim_v2"], raw["vasomim"], rng=np.random.default_rng(0))
    assert ours["p"] == pytest.approx(d.p_at(0.0)) and ours["p"] > table.loc[BY_IMAGE, "p"]


def test_holm_counts_the_comparisons_of_one_test():
    raw = raw_scores({"vasomim_v2": 61.0, "vasomim": 60.5, "mae": 50.0}, spread=1.0)
    table = significance(raw, "vasomim_v2", ["vasomim", "mae"], PUBLISHED)
    by_image = table[table["unit"] == BY_IMAGE]
    assert by_image["p_holm"].min() == pytest.approx(2 * by_image["p"].min())
    assert table.groupby("unit").size().to_dict() == dict.fromkeys(table["unit"].unique(), 2)
    assert table.loc[table["comparison"].str.endswith("mae"), "published_p"].isna().all()


def test_scores_that_are_all_alike_and_arms_that_are_missing():
    raw = raw_scores({"vasomim_v2": 0.0, "vasomim": 0.0})
    table = significance(raw, "vasomim_v2", ["vasomim", "dino"], PUBLISHED)
    assert table["p"].isna().all() and (table["note"] != "").all()
    missing = table[(table["test"] == OURS) & table["comparison"].str.endswith("dino")]
    assert missing["note"].item() == "no scores of dino" and missing["n_runs"].item() == 0


def test_numbers_of_runs_are_compared_as_groups():
    rng = np.random.default_rng(0)
    values = {
        "a": pd.Series([3.0, 5.0], [0, 1]),
        "b": pd.Series([1.0, 3.0], [0, 0]),
        "c": pd.Series([1.0, 3.0], [-1, -1]),
    }
    d = compared(values, ("a", "b"), "mAP", rng)
    assert (d.effect, d.df) == (2.0, 3) and d.se == pytest.approx(math.sqrt(2))
    assert d.note == "one pre-training seed (b): that spread is not seen"
    assert not compared(values, ("a", "c"), "mAP", rng).note
    nothing = pd.Series(0.0, [0, 1])
    alike = compared({"a": nothing, "b": nothing}, ("a", "b"), "mAP", rng)
    assert alike.effect == 0 and math.isnan(alike.p_at(0.0))


def test_a_filter_is_run_once_and_stands_for_every_run():
    rng = np.random.default_rng(0)
    arms = by_arm(
        pd.concat([raw_scores({"mae": 60.0}, spread=1.0), vessel_scores("frangi", "a", np.full((1, 5), 50.0))])
    )
    d = compared(arms, ("mae", "frangi"), "DSC", rng)
    assert d.n_runs == 3 and d.effect == pytest.approx(arms["mae"]["dsc"].mean() - 50)
