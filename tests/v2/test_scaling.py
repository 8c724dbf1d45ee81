"""Slopes known by hand, shares of the labels, sizes in their order."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.v2.made_up import PUBLISHED, raw_scores, vessel_scores
from vasolib.settings import Scale
from vasolib.study import ROOT, Study
from vasolib.v2.scaling import data_table, labels_table, model_table, parameters, slopes

SIZES = {"data_25": 250, "data_50": 500, "vasomim_v2": 1000}
pytestmark = pytest.mark.filterwarnings("error")


def with_slope(of_run_and_image: np.ndarray) -> pd.DataFrame:
    """Scores on a line of log2 of the size, one line for each run and image."""
    start = np.linspace(40, 60, of_run_and_image.size).reshape(of_run_and_image.shape)
    parts = [vessel_scores(arm, "a", start + k * of_run_and_image) for k, arm in enumerate(SIZES)]
    return pd.concat(parts, ignore_index=True).assign(task="vessels")


def test_a_slope_by_hand():
    each = np.array([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]])  # runs x images: 2 and 3; 1.5, 2.5, 3.5
    row = slopes(with_slope(each), SIZES).iloc[0]
    assert row["slope"] == pytest.approx(2.5) and (row["n_runs"], row["n_images"]) == (2, 3)
    # variance: runs 0.5 / 2, images 1 / 3; degrees of freedom by Satterthwaite from 1 and 2
    variance = 0.25 + 1 / 3
    df = variance**2 / (0.25**2 / 1 + (1 / 3) ** 2 / 2)
    half = 2.5 - row["low"]
    assert half == pytest.approx(stats.t.ppf(0.975, df) * math.sqrt(variance))
    assert row["note"] == "one pre-training seed (data_25, data_50, vasomim_v2): that spread is not seen"


def test_a_slope_whose_largest_size_alone_has_two_pre_trainings():
    each = np.array([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0], [1.0, 3.0, 5.0]])
    raw = with_slope(each)
    raw.loc[(raw["method"] == "vasomim_v2") & (raw["seed"] == raw["seed"].unique()[1]), "pretrain_seed"] = 1
    row = slopes(raw, SIZES).iloc[0]
    # units: runs 0 and 2 (of one pre-training), whose mean is 2.5, and run 1 with 3, which count alike
    assert row["n_runs"] == 3 and row["slope"] == pytest.approx(2.75)
    assert row["note"] == "one pre-training seed (data_25, data_50): that spread is not seen"


def test_the_slope_is_least_squares_where_points_are_off_the_line():
    levels = {"data_25": 50.0, "data_50": 50.0, "vasomim_v2": 53.0}
    raw = raw_scores(levels, spread=0.0)
    row = slopes(raw, SIZES).iloc[0]
    assert row["slope"] == pytest.approx(np.polyfit([0, 1, 2], list(levels.values()), 1)[0])
    assert math.isnan(row["low"]) and row["note"]  # nothing varies


def test_no_slope_from_one_size():
    row = slopes(raw_scores({"vasomim_v2": 50.0}), SIZES).iloc[0]
    assert math.isnan(row["slope"]) and row["note"] == "fewer than two sizes: no slope"


def test_shares_of_the_labels_with_the_two_known_published_values():
    full = raw_scores({"vit": 60.0, "vasomim_v2": 70.0})
    few = [full.assign(labels=p, dsc=full["dsc"] - 100 / p) for p in (10, 25, 50)]
    other = full.assign(dataset="b")
    raw = pd.concat([full, *few, other], ignore_index=True)
    table = labels_table(raw, ["vit", "vasomim_v2"], (10, 25, 50), PUBLISHED, {"a": "ARCADE-V"})
    of = table[(table["metric"] == "DSC") & (table["method"] == "vasomim_v2")].set_index("labels")
    assert of["mean"].to_list() == pytest.approx([60, 66, 68, 70]) and set(table["dataset"]) == {"a"}
    assert of["published"].dropna().to_dict() == {10: 76.01, 100: 80.25}


def test_sizes_are_in_their_order_beside_published_values():
    raw = raw_scores({"vasomim_v2": 80.0, "data_50": 79.0, "data_25": 78.0})
    sizes = {"vasomim_v2": 1000, "data_25": 250, "data_50": 500}
    table = data_table(raw, sizes, PUBLISHED, {"a": "ARCADE-V"}).query("metric == 'DSC'")
    assert table["images"].to_list() == [250, 500, 1000]
    assert table["published"].fillna(0).to_list() == [79.11, 0, 80.25]
    table = model_table(raw, sizes, PUBLISHED, {"a": "ARCADE-V"}).query("metric == 'DSC'")
    assert table["parameters"].to_list() == [250, 500, 1000]


def test_wider_encoders_have_more_weights():
    scale: Scale = Study.load(ROOT).scale_named("smoke")
    wider = scale.__class__(**{**vars(scale), "encoder": scale.encoder.__class__(64, 2, 4)})
    assert parameters(wider) > 2 * parameters(scale)


def test_the_papers_encoder_has_the_papers_size():
    row = PUBLISHED[(PUBLISHED["method"] == "ViT-B") & (PUBLISHED["metric"] == "params (M)")]
    assert round(parameters(Study.load(ROOT).scale_named("paper")) / 1e6) == int(row["value"].iloc[0])
