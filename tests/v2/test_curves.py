"""Curves: a line for arms of one setting each, a line per arm for several, published values hollow, nothing to draw."""

import pandas as pd
import pytest

from tests.v2.made_up import PUBLISHED, raw_scores
from vasolib.plots import save
from vasolib.v2.ablations import eta_table
from vasolib.v2.curves import curves, sweep_curve
from vasolib.v2.scaling import data_table, labels_table

pytestmark = pytest.mark.filterwarnings("error")
STANDS_FOR = {"a": "ARCADE-V"}


def test_a_sweep_is_one_line_of_differences_with_the_published_ones(tmp_path):
    raw = raw_scores({"eta_0": 58.0, "vasomim_v2": 60.0, "vasomim": 59.0})
    table = eta_table(raw, {"eta_0": 0.0, "vasomim_v2": 0.5, "vasomim": 1.0}, PUBLISHED, STANDS_FOR)
    figure = sweep_curve(table, "eta", "eta", "vasomim_v2")
    (axes,) = figure.axes
    by_label = {line.get_label(): line for line in axes.lines}
    assert list(by_label["published"].get_ydata()) == pytest.approx([0.0, 79.90 - 80.25])
    (ours,) = axes.containers
    assert list(ours.lines[0].get_xdata()) == [0.0, 0.5, 1.0]
    assert list(ours.lines[0].get_ydata()) == pytest.approx([-2.0, 0.0, -1.0])
    assert axes.get_title() == "a, 0 is 60.00\nARCADE-V (published), 0 is 80.25"
    save(figure, tmp_path / "eta.svg")


def test_sizes_are_on_an_axis_of_doublings_and_arms_that_were_not_run_are_left_out(tmp_path):
    raw = raw_scores({"data_25": 78.0, "vasomim_v2": 80.0}, spread=1.0)
    sizes = {"data_25": 250, "data_50": 500, "vasomim_v2": 1000}
    figure = sweep_curve(data_table(raw, sizes, PUBLISHED, {}), "images", "images", "vasomim_v2", doubling=True)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log" and [t.get_text() for t in axes.get_xticklabels()] == ["250", "1,000"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ours"]
    save(figure, tmp_path / "data.svg")


def test_large_sizes_are_told_in_thousands_and_millions():
    raw, sizes = raw_scores({"data_25": 78.0, "vasomim_v2": 80.0}), {"data_25": 253_504, "vasomim_v2": 3_373_312}
    (axes,) = sweep_curve(data_table(raw, sizes, PUBLISHED, {}), "images", "x", "vasomim_v2", doubling=True).axes
    assert [t.get_text() for t in axes.get_xticklabels()] == ["253.50 k", "3.37 M"]


def test_differences_need_the_arm_that_they_are_to():
    table = eta_table(raw_scores({"eta_0": 78.0}), {"eta_0": 0.0, "vasomim_v2": 0.5}, PUBLISHED, STANDS_FOR)
    with pytest.raises(ValueError, match="no row of the setting"):
        sweep_curve(table, "eta", "eta", "vasomim_v2")


def test_each_arm_is_a_line_over_shares_of_the_labels(tmp_path):
    full = raw_scores({"vit": 60.0, "mae": 70.0}, spread=1.0)
    raw = pd.concat([full, full.assign(labels=10), full.assign(labels=50)], ignore_index=True)
    figure = curves(labels_table(raw, ["vit", "mae"], (10, 50), PUBLISHED, {}), "labels", "labels used (%)")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["vit", "mae"]
    assert [len(container.lines[0].get_xdata()) for container in figure.axes[0].containers] == [3, 3]
    save(figure, tmp_path / "labels.svg")
