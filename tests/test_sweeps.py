import math

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from vasolib import plots, sweeps

NAN = math.nan
STANDS_FOR = {"a": "ARCADE", "b": "CAXF", "c": NAN}


@pytest.fixture(autouse=True)
def style():
    with mpl.rc_context():
        plots.use_style()
        yield


def beside(rows, *extra: str) -> pd.DataFrame:
    """Rows (method, data set, mean, sd, published, *extra) in the form of a table beside published values."""
    table = pd.DataFrame(rows, columns=["method", "dataset", "mean", "sd", "published", *extra])
    table = table.assign(metric="DSC", n=3, published_sd=NAN, published_dataset=table["dataset"].map(STANDS_FOR))
    other = table.assign(metric="clDice", mean=table["mean"] + 50)  # must not be drawn
    return pd.concat([other, table.assign(difference=table["mean"] - table["published"])], ignore_index=True)


def table5() -> pd.DataFrame:
    rows = [
        ("consistency", "a", 50.0, 0.3, 68.45, 0.0, 0.0),
        ("vasomim", "a", 52.0, 0.4, 68.85, 0.0, 0.5),
        ("beta_5_0", "a", 49.0, NAN, 67.81, 0.5, 0.0),
        ("consistency", "c", 60.0, 0.3, NAN, 0.0, 0.0),
        ("vasomim", "c", 61.5, 0.4, NAN, 0.0, 0.5),
    ]
    return beside(rows, "beta_start", "beta_end")


def table6() -> pd.DataFrame:
    levels = {"unet": (60, 38), "vit": (35, NAN), "mae": (40, 56), "vasomim": (45, 57)}
    rows = [(m, "a", ours + r / 10, 0.6, theirs + r / 10, r) for r in (100, 25) for m, (ours, theirs) in levels.items()]
    return beside(rows, "labels")


def fig5() -> pd.DataFrame:
    rows = [("vasomim", "a", 57.0, 0.5, NAN, 0.5), ("gamma_25", "a", 55.0, 0.7, NAN, 0.25)]
    return beside(rows, "mask_ratio")


def fig6() -> pd.DataFrame:
    rows = [(m, "b", x, 0.5, p) for m, x, p in (("spt", 55.0, 83.18), ("vasomim", 57.0, 84.49), ("mae", 45.0, NAN))]
    return beside(rows)


def fig7() -> pd.DataFrame:
    rows = [
        ("mae_100", "b", 40.0, 1.0, NAN, 100, 4.0, "mae"),
        ("mae", "b", 44.0, 1.0, 83.53, 800, 4.0, "mae"),
        ("vasomim_300", "b", 51.0, 1.0, 83.75, 300, 10.0, "vasomim"),
        ("vasomim", "b", 53.0, 1.0, 84.49, 800, 10.0, "vasomim"),
    ]
    return beside(rows, "epochs", "gflops", "family")


def claims() -> pd.DataFrame:
    rows = [
        (1, "one is better", "x − y", "a", "DSC", 0.5, 2.0, 1.0, 3.0, "reproduced"),
        (1, "one is better", "x − y", "b", "DSC", 0.6, -2.0, -3.0, -1.0, "not reproduced"),
        (1, "one is better", "x − z", "a", "DSC", NAN, 0.1, -1.0, 1.2, "inconclusive"),
        (2, "two " * 30, "x − y", NAN, "SS", 4.0, 1.0, 0.5, 1.5, "reproduced"),
        (2, "two " * 30, "x − y", NAN, "share", NAN, 9.0, NAN, NAN, "inconclusive"),
        (3, "nothing is known", "x − w", "a", "DSC", NAN, NAN, NAN, NAN, "not tested"),
        (4, "only published", "x − v", "a", "DSC", 7.0, NAN, NAN, NAN, "not tested"),
    ]
    names = ["claim", "text", "comparison", "dataset", "metric", "published", "effect", "low", "high", "verdict"]
    return pd.DataFrame(rows, columns=names)


FIGURES = {
    "schedules": lambda: sweeps.schedules(table5()),
    "labels": lambda: sweeps.labels(table6()),
    "gamma": lambda: sweeps.gamma(fig5()),
    "pretraining_kinds": lambda: sweeps.pretraining_kinds(fig6()),
    "epochs": lambda: sweeps.epochs(fig7()),
    "effects": lambda: sweeps.effects(claims()),
}
# without anything published, as on a reader's own data
UNPUBLISHED = {
    "schedules": lambda: sweeps.schedules(table5().assign(published=NAN, published_dataset=NAN)),
    "labels": lambda: sweeps.labels(table6().assign(published=NAN, published_dataset=NAN)),
    "pretraining_kinds": lambda: sweeps.pretraining_kinds(fig6().assign(published=NAN, published_dataset=NAN)),
    "epochs": lambda: sweeps.epochs(fig7().assign(published=NAN, published_dataset=NAN)),
    "effects": lambda: sweeps.effects(claims().assign(published=NAN)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_rerun_gives_the_same_bytes(tmp_path, name):
    for run in "ab":
        plots.save(FIGURES[name](), tmp_path / f"{run}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("name", UNPUBLISHED)
def test_nothing_published_is_not_in_the_legend(tmp_path, name):
    figure = UNPUBLISHED[name]()
    plots.save(figure, tmp_path / "a.png")
    assert name == "effects" or not any("published" in text for text in legend(figure))
    assert not any("published" in axes.get_title() for axes in figure.axes)


def test_gains_are_to_the_same_data_set_and_join_both_spreads():
    table = table5()
    rows = sweeps.gains(table, table["method"] == "consistency").set_index(["dataset", "method"])
    assert rows["gain"].to_dict() == pytest.approx(
        {
            ("a", "consistency"): 0,
            ("a", "vasomim"): 2,
            ("a", "beta_5_0"): -1,
            ("c", "consistency"): 0,
            ("c", "vasomim"): 1.5,
        }
    )
    assert rows.loc[("a", "vasomim"), "gain_sd"] == pytest.approx(0.5)  # 3, 4, 5
    assert np.isnan(rows.loc[("a", "consistency"), "gain_sd"]) and np.isnan(rows.loc[("a", "beta_5_0"), "gain_sd"])
    assert rows.loc[("a", "vasomim"), "published_gain"] == pytest.approx(0.4)
    assert rows.loc["c", "published_gain"].isna().all()


def test_rows_may_share_an_index_as_after_a_concatenation():
    table = pd.concat([part for _, part in fig7().groupby("family")])
    table.index = [0] * len(table)
    assert sweeps.gains(table, table["method"] == "mae")["gain"].tolist() == [-4, 0, 7, 9]
    for name, table in (("labels", table6()), ("schedules", table5()), ("epochs", fig7()), ("gamma", fig5())):
        table.index = [0] * len(table)
        getattr(sweeps, name)(table)


def test_a_sweep_without_its_zero_is_refused():
    table = table5()
    with pytest.raises(ValueError, match="'c'"):
        sweeps.gains(table, (table["method"] == "consistency") & (table["dataset"] == "a"))


def test_schedules_are_named_by_their_betas_and_say_what_zero_is():
    a, c = FIGURES["schedules"]().axes
    assert [label.get_text() for label in a.get_yticklabels()] == ["β 0 → 0", "β 0 → 0.5", "β 0.5 → 0"]
    assert (a.get_title(), c.get_title()) == ("a, 0 is 50.00\nARCADE (published), 0 is 68.45", "c, 0 is 60.00")
    assert a.containers[0].lines[0].get_xdata().tolist() == [0, 2, -1]
    assert a.lines[-1].get_xdata() == pytest.approx([0, 0.4, -0.64]) and a.lines[-1].get_markerfacecolor() == "none"
    assert c.containers[0].lines[0].get_xdata() == pytest.approx([0, 1.5, NAN], nan_ok=True)


def test_pretraining_kinds_are_compared_with_segmentation():
    (axes,) = FIGURES["pretraining_kinds"]().axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["spt", "vasomim", "mae"]
    assert axes.containers[0].lines[0].get_xdata().tolist() == [0, 2, -10]
    assert axes.lines[-1].get_xdata() == pytest.approx([0, 1.31, NAN], nan_ok=True)


def test_gamma_is_in_order_and_marks_the_published_best():
    (axes,) = FIGURES["gamma"]().axes
    assert axes.containers[0].lines[0].get_xydata().tolist() == [[0.25, 55], [0.5, 57]]
    assert axes.lines[-1].get_xdata() == [0.5, 0.5] and axes.lines[-1].get_label() == "best as published"


def test_labels_show_ours_the_published_and_the_lead_over_mae():
    ours, published, lead = FIGURES["labels"]().axes
    lines = {container.get_label(): container.lines[0] for container in ours.containers}
    assert lines["vasomim"].get_xydata().tolist() == [[25, 47.5], [100, 55]]
    assert len(published.containers) == 4 and len(published.containers[1].lines[0].get_xdata()) == 0  # none for vit
    assert ours.get_ylim() == published.get_ylim()
    assert published.containers[0].lines[0].get_color() == lines["unet"].get_color()
    assert lead.containers[0].lines[0].get_ydata() == pytest.approx([5, 5])
    assert lead.lines[-1].get_ydata() == pytest.approx([1, 1])


def test_epochs_are_shown_against_their_number_and_their_cost():
    epochs, cost = FIGURES["epochs"]().axes
    mae, vasomim, published_mae, published_vasomim = (container.lines[0] for container in epochs.containers)
    assert mae.get_xydata().tolist() == [[100, -4], [800, 0]] and vasomim.get_ydata().tolist() == [7, 9]
    assert published_mae.get_xydata() == pytest.approx(np.array([[800, 0]]))
    assert published_vasomim.get_ydata() == pytest.approx([0.22, 0.96])
    assert cost.containers[1].lines[0].get_xdata() == pytest.approx([3, 8])  # TFLOPs
    assert legend(FIGURES["epochs"]()) == ["mae", "vasomim", "mae, published", "vasomim, published"]


def panels_of(figure) -> dict[str, mpl.axes.Axes]:
    """The ledger's panels by the first word of their claims."""
    return {axes.texts[0].get_text().split()[1]: axes for axes in figure.axes}


def test_effects_have_a_panel_per_claim_that_anything_is_known_of():
    figure = FIGURES["effects"]()
    panels = panels_of(figure)
    assert list(panels) == ["one", "two", "only"]
    assert panels["two"].texts[0].get_text().count("\n") >= 1
    assert legend(figure) == ["reproduced", "not reproduced", "inconclusive", "published"]


def test_a_comparison_is_a_line_with_its_data_sets_below_each_other():
    one, two, only = panels_of(FIGURES["effects"]()).values()
    assert [label.get_text() for label in one.get_yticklabels()] == ["x − y", "x − z"]
    assert one.get_yticks().tolist() == [0.5, 3.5] and one.get_xlabel() == "DSC · points · from the top: a, b"
    assert [label.get_text() for label in two.get_yticklabels()] == ["x − y · SS", "x − y · share"]
    assert two.get_xlabel() == "points"
    assert only.get_xlabel() == "DSC · points · a"


def test_effects_differ_by_verdict_in_marker_and_colour():
    one = panels_of(FIGURES["effects"]())["one"]
    drawn = {line.get_marker(): line for line in one.lines if line.get_linestyle() == "None"}
    assert set(drawn) == {"o", "v", "s", "D"} and len({line.get_color() for line in drawn.values()}) == 4
    assert drawn["o"].get_xydata().tolist() == [[2, 0]] and drawn["v"].get_xydata().tolist() == [[-2, 1]]
    assert drawn["s"].get_xydata() == pytest.approx(np.array([[0.1, 3]]))
    assert drawn["D"].get_xydata()[:2].tolist() == [[0.5, 0], [0.6, 1]] and drawn["D"].get_markerfacecolor() == "none"
    intervals = {to_rgba(c.get_colors()[0]): c.get_segments()[0][:, 0].tolist() for c in one.collections[:3]}
    assert intervals[to_rgba(drawn["v"].get_color())] == [-3, -1]
    assert one.get_ylim() == (4, -1)
