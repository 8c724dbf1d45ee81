"""Ablations: order of settings, published values, costs, and what was not run."""

import math

import numpy as np
import pandas as pd
import pytest

from tests.v2.made_up import PUBLISHED, raw_scores
from vasolib.v2.ablations import ablation_table, distinct_table, eta_table, targets_table, with_cost

STANDS_FOR = {"a": "ARCADE-V"}
pytestmark = pytest.mark.filterwarnings("error")


def dsc(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["metric"] == "DSC"].set_index("method")


def test_guidance_and_consistency():
    raw = raw_scores({"baseline": 79.0, "vasomim_v2": 82.0, "guidance": 80.0, "consistency": 81.0, "mae": 1.0})
    table = dsc(ablation_table(raw, PUBLISHED, STANDS_FOR))
    assert list(table.index) == ["baseline", "guidance", "consistency", "vasomim_v2"]
    assert table["published"].to_list() == [79.31, 79.87, 79.85, 80.25]
    assert table["mean"].to_list() == pytest.approx([79, 80, 81, 82])


def test_eta_in_its_order():
    etas = {"vasomim": 1.0, "eta_0": 0.0, "vasomim_v2": 0.5}
    table = dsc(eta_table(raw_scores({"eta_0": 1.0, "vasomim_v2": 3.0, "vasomim": 2.0}), etas, PUBLISHED, STANDS_FOR))
    assert table["eta"].to_list() == [0.0, 0.5, 1.0] and table["mean"].to_list() == pytest.approx([1, 3, 2])
    assert table["published"].isna().to_list() == [True, False, False]


def test_targets_with_their_cost_and_one_that_was_not_run():
    raw = raw_scores({"vasomim_v2": 80.0, "guidance": 79.0})
    plain = targets_table(raw, PUBLISHED, STANDS_FOR, {"distilled": "weights not present"})
    table = dsc(with_cost(plain, {"vasomim_v2": 0.5}))
    assert "seconds_per_step" not in plain
    assert table["target"].to_list() == ["segmentor", "features", "none"]
    assert table.loc["vasomim_v2", "seconds_per_step"] == 0.5 and math.isnan(table.loc["guidance", "seconds_per_step"])
    assert table.loc["distilled", "note"] == "weights not present" and table.loc["distilled", "n"] == 0


def test_distinct_images_against_all():
    raw = raw_scores({"vasomim_v2": 80.0, "distinct": 80.0}, spread=1.0)
    raw.loc[raw["method"] == "distinct", "dsc"] += 2
    table = dsc(distinct_table(raw, {"vasomim_v2": 100, "distinct": 22}, PUBLISHED, STANDS_FOR))
    assert table["images"].to_list() == [100, 22] and np.isnan(table.loc["vasomim_v2", "effect"])
    row = table.loc["distinct"]
    assert row["effect"] == pytest.approx(row["mean"] - table.loc["vasomim_v2", "mean"])
    assert row["low"] < row["effect"] < row["high"]
    assert row["note"] == "one pre-training seed (distinct, vasomim_v2): that spread is not seen"


def test_distinct_without_scores_has_no_effect():
    table = dsc(distinct_table(raw_scores({"vasomim_v2": 80.0}), {"vasomim_v2": 9, "distinct": 2}, PUBLISHED, {}))
    assert table.loc["distinct", "note"] == "not run" and math.isnan(table.loc["distinct", "effect"])
