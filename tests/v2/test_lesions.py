"""Shares of lesions found, and detection beside published values, by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from tests.v2.made_up import PUBLISHED, boxes
from vasolib.v2.lesions import FALSE, FOUND, lesions_found
from vasolib.v2.published import BOXES, DETECTION, beside, published_values

VALUES = published_values(PUBLISHED, DETECTION)


def test_runs_are_averaged_and_stand_beside_the_published_values():
    scores = pd.concat([boxes("resnet", np.array([30.0, 40.0])), boxes("vasomim_v2", np.array([41.0, 41.0]))])
    methods = ["resnet", "dinov3", "vasomim_v2"]
    table = beside(scores, methods, VALUES, {"danilov": "Stenosis"}, BOXES, {"dinov3": "no weights"})
    of = table.set_index(["method", "metric"])
    assert of.loc[("resnet", "mAP"), "mean"] == 35 and of.loc[("resnet", "mAP"), "sd"] == pytest.approx(50**0.5)
    assert of.loc[("resnet", "mAP50"), "difference"] == pytest.approx(65 - 88.37)
    assert of.loc[("dinov3", "mAP"), "note"] == "no weights" and of.loc[("dinov3", "mAP"), "published"] == 40.90


def images(lesions: list[int], found: list[int], false: list[int], seed: int = 0) -> pd.DataFrame:
    table = pd.DataFrame({"lesions": lesions, "found": found, "false": false})
    return table.assign(task="boxes", method="vit", dataset="s", seed=seed)


def test_lesions_are_pooled_over_the_images_of_a_run():
    raw = pd.concat([images([1, 3], [1, 1], [0, 1]), images([1, 3], [0, 4 - 1], [2, 2], seed=1)])
    table = lesions_found(raw).set_index("metric")
    assert table.loc[FOUND, "mean"] == pytest.approx((50 + 75) / 2)  # 2 of 4, 3 of 4
    assert table.loc[FALSE, "mean"] == pytest.approx((0.5 + 2) / 2) and table.loc[FALSE, "n"] == 2


def test_no_share_where_there_is_no_lesion():
    table = lesions_found(images([0, 0], [0, 0], [1, 0])).set_index("metric")
    assert math.isnan(table.loc[FOUND, "mean"]) and table.loc[FALSE, "mean"] == 0.5
