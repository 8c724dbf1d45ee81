"""The table of segments by hand: means, classes that no label has, and what both last rows are over."""

import math

import numpy as np
import pandas as pd
import pytest

from vasolib.downstream.segments import CLASSES
from vasolib.v2.segment_table import SEGMENTS, labelled_images, segment_table

ROWS = [
    ("mae", 0, "x", "10", 80.0), ("mae", 0, "y", "10", 40.0), ("mae", 1, "x", "10", 20.0),
    ("mae", 0, "x", "9a", 10.0), ("vit", 0, "y", "10", 30.0), ("vit", 0, "x", "9a", 50.0), ("vit", 0, "x", "16b", 0.0),
]  # fmt: skip


@pytest.fixture
def table() -> pd.DataFrame:
    scores = pd.DataFrame(ROWS, columns=["method", "seed", "image", "segment", "dsc"]).assign(dataset="d")
    labelled = dict.fromkeys(SEGMENTS, 0) | {"10": 2, "9a": 1}
    return segment_table(scores, {"d": labelled}, {"d": {"vit": 5.0, "mae": 7.0}}).set_index("segment")


def test_every_segment_has_a_row_in_the_order_of_numbers(table: pd.DataFrame):
    assert list(table.index) == [*SEGMENTS, "mean of classes", "all pixels, first run"] and len(SEGMENTS) == 25
    assert SEGMENTS[8:12] == ["9", "9a", "10", "10a"] and sorted(SEGMENTS) == sorted(CLASSES[1:])
    assert list(table.columns) == ["dataset", "labelled", "images", "mae", "vit"] and set(table["dataset"]) == {"d"}


def test_means_by_hand(table: pd.DataFrame):
    assert table.loc["10", "mae"] == pytest.approx((60 + 20) / 2)  # images within a run, then runs
    assert (table.loc["10", "labelled"], table.loc["10", "images"]) == (2, 2)
    assert (table.loc["16b", "labelled"], table.loc["16b", "images"]) == (0, 1)  # seen by one where there is none
    assert table.loc["16b", "vit"] == 0 and math.isnan(table.loc["16b", "mae"])
    assert table.loc["1", "images"] == 0 and math.isnan(table.loc["1", "vit"])


def test_the_last_rows_are_over_the_same_for_each_method(table: pd.DataFrame):
    assert table.loc["mean of classes", ["mae", "vit"]].tolist() == [25.0, 40.0]  # without 16b, which no label has
    assert table.loc["all pixels, first run", ["mae", "vit"]].tolist() == [7.0, 5.0]
    assert (table["labelled"].iloc[-2:] == 2).all() and (table["images"].iloc[-2:] == 2).all()


def test_labels_are_counted_by_image():
    labels = np.zeros((3, 4, 4), np.uint8)
    labels[0, 0, :2], labels[1, 1, 1], labels[1, 2, 2] = 1, 1, 9
    counts = labelled_images(labels)
    assert (counts[CLASSES[1]], counts[CLASSES[9]], counts[CLASSES[2]]) == (2, 1, 0) and len(counts) == 25
