"""Parameter sweeps and the ledger of claims, drawn beside what the papers published.

Published values come from other data and a larger scale: levels differ by tens of points, effects by a few. A sweep
with published values is therefore drawn as the difference to one of its own settings, the published values to the
published value of that same setting. So order and size of the effects can be read on one axis, and the titles say
which levels zero stands for. Error bars of a difference join the standard deviations over seeds of its two sides.
All tables are those of `vasolib.published.beside_published` with the sweep's own columns; DSC is what is drawn.
"""

__all__ = ["effects", "epochs", "gamma", "labels", "pretraining_kinds", "schedules"]

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from vasolib.plots import COLOURS, Picture, panels, use_style

BEST_RATIO = 0.5  # of VasoMIM as published (Fig. 5); the text gives no other value of that figure
OURS = {"color": COLOURS[0], "marker": "o", "markersize": 4}
PUBLISHED = {"color": COLOURS[1], "marker": "o", "markersize": 5, "markerfacecolor": "none"}
BARS = {"capsize": 2, "elinewidth": 1}
ZERO = {"color": "black", "linewidth": 0.8}
VERDICTS = {  # marker and colour: neither alone
    "reproduced": {"marker": "o", "color": COLOURS[0]},
    "not reproduced": {"marker": "v", "color": COLOURS[1]},
    "inconclusive": {"marker": "s", "color": "#777777"},
    "not tested": {"marker": "", "color": "#777777"},
}
CLAIMED = {"marker": "D", "color": "black", "markerfacecolor": "none"}  # an effect as published
SUBROW, TITLE_LINE, FRAME = 0.085, 0.15, 0.62  # inches of a comparison on one data set, of a line of words, of the rest


def gains(table: pd.DataFrame, is_zero: pd.Series, by: Sequence[str] = ("dataset",)) -> pd.DataFrame:
    """DSC rows with their differences to the row of the same `by` where `is_zero` (one truth value a row) holds.

    Adds gain, gain_sd (none for the zero itself), published_gain, mean_zero, published_zero; ValueError for a group
    without a zero.
    """
    rows = table.assign(zero=is_zero.to_numpy()).query("metric == 'DSC'")
    zeros = rows.loc[rows["zero"], [*by, "mean", "sd", "published"]]
    rows = rows.merge(zeros, on=list(by), how="left", suffixes=("", "_zero"), validate="many_to_one")
    if (lost := rows["mean_zero"].isna()).any():
        found = rows.loc[lost, list(by)].iloc[0].to_dict()
        raise ValueError(f"sweep, {found}: no row of the setting that differences are taken to")
    rows["gain"], rows["published_gain"] = rows["mean"] - rows["mean_zero"], rows["published"] - rows["published_zero"]
    return rows.assign(gain_sd=np.hypot(rows["sd"], rows["sd_zero"]).mask(rows["zero"]))


def _zero_levels(rows: pd.DataFrame) -> str:
    """Which levels zero stands for: `synth-a, 0 is 57.65`, and a line for the published set."""
    row = rows.iloc[0]
    theirs = f"\n{row.published_dataset} (published), 0 is {row.published_zero:.2f}"
    return f"{row.dataset}, 0 is {row.mean_zero:.2f}" + ("" if pd.isna(row.published_zero) else theirs)


def _dots(rows: pd.DataFrame, names: dict[str, str], label: str) -> Figure:
    """Gains as dots: a panel per data set, a line per method in the order of `names` (method -> what it is called)."""
    datasets = rows["dataset"].unique()
    figure, grid = panels(1, len(datasets), 2.6, 1.35 + 0.3 * len(names), sharex=True, sharey=True)
    height = np.arange(len(names))
    for axes, dataset in zip(grid.flat, datasets, strict=True):
        part = rows[rows["dataset"] == dataset].set_index("method").reindex(names)
        axes.axvline(0, **ZERO)
        axes.errorbar(part["gain"], height - 0.13, xerr=part["gain_sd"], linestyle="none", **OURS, **BARS)
        axes.plot(part["published_gain"], height + 0.13, linestyle="none", **PUBLISHED)
        axes.set(title=_zero_levels(part.assign(dataset=dataset)), xlabel=label)
    axes.set_yticks(height, names.values())
    axes.set_ylim(len(names) - 0.5, -0.5)
    _legend(figure, {"ours": OURS, "published": PUBLISHED} if rows["published_gain"].notna().any() else {"ours": OURS})
    return figure


def _legend(figure: Figure, styles: dict[str, dict]) -> None:
    """Markers and what they mean, below all panels."""
    handles = [Line2D([], [], linestyle="none", **{"markersize": 5} | style) for style in styles.values()]
    figure.legend(handles, styles, loc="outside lower center", ncols=len(handles))


def schedules(table5: pd.DataFrame) -> Figure:
    """Masking schedules (Table 5), from `beta_start` to `beta_end`, as differences to random masking (0 to 0)."""
    rows = gains(table5, (table5["beta_start"] == 0) & (table5["beta_end"] == 0))
    each = rows.drop_duplicates("method").itertuples()
    names = {row.method: f"β {row.beta_start:g} → {row.beta_end:g}" for row in each}
    return _dots(rows, names, "DSC, difference to\nrandom masking (β 0 → 0)")


def pretraining_kinds(fig6: pd.DataFrame) -> Figure:
    """Masked against segmentation pre-training (Fig. 6) as differences to the latter, method `spt`."""
    rows = gains(fig6, fig6["method"] == "spt")
    return _dots(
        rows, {name: name for name in rows["method"]}, "DSC, difference to\npre-training by segmentation (spt)"
    )


def gamma(fig5: pd.DataFrame) -> Figure:
    """DSC against `mask_ratio` (Fig. 5), with the ratio that the paper found best; its DSCs are in no text."""
    rows = fig5[fig5["metric"] == "DSC"].sort_values("mask_ratio")
    figure, grid = panels(1, 1, 4.0, 2.9)
    axes = grid[0, 0]
    axes.errorbar(rows["mask_ratio"], rows["mean"], yerr=rows["sd"], label="ours", linestyle="-", **OURS, **BARS)
    axes.axvline(BEST_RATIO, color=COLOURS[1], linestyle="--", label="best as published")
    axes.set(title=rows["dataset"].iloc[0], xlabel="masking ratio γ", ylabel="DSC (%)", xticks=rows["mask_ratio"])
    axes.legend()
    return figure


def _curves(axes: Axes, rows: pd.DataFrame, value: str, spread: str, group: str, x: str) -> None:
    """A line per `group`, with its own colour and dashes; published values, those without a spread, are hollow."""
    for number, (name, part) in enumerate(rows.groupby(group, sort=False)):
        part = part.dropna(subset=[value]).sort_values(x)
        style = {"color": COLOURS[number], "marker": "o", "linestyle": ("-", "--", "-.", ":")[number % 4]}
        style |= {"yerr": part[spread], "markersize": 4} if spread else {"markerfacecolor": "none"}
        axes.errorbar(part[x], part[value], label=name if spread else f"{name}, published", **style, **BARS)


def labels(table6: pd.DataFrame) -> Figure:
    """DSC of one data set against the per cent of `labels` used (Table 6), and VasoMIM minus MAE."""
    rows = gains(table6, table6["method"] == "mae", by=("dataset", "labels"))
    published = rows["published"].notna().any()
    figure, grid = panels(1, 2 + published, 2.7, 3.1, sharex=True)
    first, last, ahead = grid[0, 0], grid[0, -1], rows[rows["method"] == "vasomim"].sort_values("labels")
    _curves(first, rows, "mean", "sd", "method", "labels")
    first.set(title=f"ours: {rows['dataset'].iloc[0]}", ylabel="DSC (%)")
    last.axhline(0, **ZERO)
    last.errorbar(ahead["labels"], ahead["gain"], yerr=ahead["gain_sd"], linestyle="-", label="ours", **OURS, **BARS)
    last.set(title="vasomim minus mae", ylabel="DSC, difference")
    if published:
        _curves(grid[0, 1], rows, "published", "", "method", "labels")
        grid[0, 1].sharey(first)
        grid[0, 1].set_title(f"published: {rows['published_dataset'].iloc[0]}")
        last.plot(ahead["labels"], ahead["published_gain"], linestyle="--", label="published", **PUBLISHED)
        last.legend(reverse=True)
    for axes in grid.flat:
        axes.set(xlabel="labels used (%)", xticks=sorted(rows["labels"].unique()))
    figure.legend(*first.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def epochs(fig7: pd.DataFrame) -> Figure:
    """DSC of one data set as differences to MAE's 800 epochs (Fig. 7), against epochs and against computation.

    Of fig7: `epochs` on the papers' scale, `gflops` of one masked image, which an epoch sees once, `family` mae or
    vasomim.
    """
    rows = gains(fig7, (fig7["family"] == "mae") & (fig7["epochs"] == 800))
    rows["cost"] = rows["gflops"] * rows["epochs"] / 1000
    figure, grid = panels(1, 2, 3.6, 3.3, sharey=True)
    for axes, x in zip(grid.flat, ("epochs", "cost"), strict=True):
        axes.axhline(0, **ZERO)
        _curves(axes, rows, "gain", "gain_sd", "family", x)
        if rows["published_gain"].notna().any():
            _curves(axes, rows, "published_gain", "", "family", x)
    grid[0, 0].set(xlabel="pre-training epochs", ylabel="DSC, difference to\nMAE at 800 epochs")
    grid[0, 1].set_xlabel("pre-training cost (TFLOPs per image)")
    figure.suptitle(_zero_levels(rows), fontsize=9)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def effects(claims: pd.DataFrame) -> Figure:
    """Ledger of claims: effects with their 95 % intervals and, hollow, the published effects; a panel per claim.

    A comparison has a line, its data sets stand below each other there. Each panel has a scale of its own, as some
    claims are about tenths of a point and others about tens, and shows zero.
    """
    rows = claims[claims[["effect", "published"]].notna().any(axis=1)].fillna({"dataset": ""})
    parts = [_placed(part) for _, part in rows.groupby("claim", sort=False)]
    titles = [textwrap.fill(f"{part['claim'].iloc[0]}  {part['text'].iloc[0]}", 68) for part in parts]
    ratios = [part["height"].max() + 2 for part in parts]
    heights = [SUBROW * r + TITLE_LINE * t.count("\n") + FRAME for r, t in zip(ratios, titles, strict=True)]
    taller, left = min((max(sum(heights[:n]), sum(heights[n:])), n) for n in range(1, len(parts) + 1))
    use_style()
    figure = Picture(figsize=(10.0, taller + 0.3))
    for column, chosen in zip(figure.subfigures(1, 2), (slice(left), slice(left, None)), strict=True):
        if shown := parts[chosen]:
            grid = column.subplots(len(shown), 1, squeeze=False, height_ratios=ratios[chosen])
            for axes, part, title in zip(grid.flat, shown, titles[chosen], strict=True):
                _forest(axes, part, title)
    _legend(figure, {k: v for k, v in VERDICTS.items() if v["marker"]} | {"published": CLAIMED})
    return figure


def _placed(rows: pd.DataFrame) -> pd.DataFrame:
    """One claim's comparisons with their `height` and the height of their line's name, in data sets from the top."""
    order = {dataset: place for place, dataset in enumerate(rows["dataset"].unique())}
    first = rows.groupby(["comparison", "metric"], sort=False).ngroup() * (len(order) + 1)
    return rows.assign(height=first + rows["dataset"].map(order), line=first + (len(order) - 1) / 2)


def _forest(axes: Axes, rows: pd.DataFrame, title: str) -> None:
    """One claim's comparisons: each line's name beside it, what all share below."""
    axes.axvline(0, **ZERO)
    for verdict, part in rows.groupby("verdict", sort=False):
        axes.hlines(part["height"], part["low"], part["high"], color=VERDICTS[verdict]["color"], linewidth=1)
        axes.plot(part["effect"], part["height"], markersize=4, linestyle="none", **VERDICTS[verdict])
    axes.plot(rows["published"], rows["height"], markersize=4, linestyle="none", **CLAIMED)
    datasets, metrics = rows["dataset"].unique(), rows["metric"].unique()
    lines = rows.drop_duplicates("line")
    axes.set_yticks(lines["line"], lines["comparison"] + (" · " + lines["metric"] if len(metrics) > 1 else ""))
    axes.hlines(lines["line"] - len(datasets) / 2 - 0.5, *axes.get_xlim(), color="#DDDDDD", linewidth=0.6, zorder=0)
    axes.set(ylim=(rows["height"].max() + 1, -1), xmargin=0)
    where = ("from the top: " if len(datasets) > 1 else "") + ", ".join(datasets)
    shared = [*metrics[: len(metrics) == 1], "points", *[where] * bool(where)]
    axes.set_xlabel(" · ".join(shared), fontsize=8, loc="right")
    axes.locator_params(axis="x", nbins=6)
    axes.grid(False, axis="y")
    # the words begin at the column's edge, left of the axes; blank lines of a title keep their place free
    axes.set_title(" \n" * title.count("\n") + " ", fontsize=8)
    place = {"xycoords": blended_transform_factory(axes.figure.transSubfigure, axes.transAxes)}
    words = axes.annotate(title, (0.02, 1), (0, 3), textcoords="offset points", fontsize=8, weight="bold", **place)
    words.set_in_layout(False)
