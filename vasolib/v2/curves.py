"""Scores against a setting or a size: differences to one arm beside published ones, or one line per arm.

Published levels are tens of points off ours, effects a few: see `vasolib.sweeps`, whose differences these are.
"""

__all__ = ["curves", "sweep_curve"]

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from vasolib.plots import COLOURS, panels
from vasolib.sweeps import BARS, OURS, PUBLISHED, ZERO, gains
from vasolib.sweeps import _zero_levels as zero_levels

LARGE = 10_000  # from here on, ticks are told in thousands or millions
MARKERS, DASHES = ("o", "s", "^", "D", "v", "P"), ("-", "--", "-.", ":")


def sweep_curve(table: pd.DataFrame, x: str, label: str, base: str, doubling: bool = False) -> Figure:
    """DSC of arms that have one value of a setting each, as differences to the arm `base`: a panel per data set.

    Args:
        table: from `vasolib.v2.ablations.sweep`, with the column `x`. Arms without scores are left out.
        label: of the horizontal axis, with its unit.
        doubling: whether that axis is logarithmic.

    Raises:
        ValueError: there are scores, but none of `base`.
    """
    rows = table[(table["metric"] == "DSC") & (table["n"] > 0)]
    rows = gains(rows, rows["method"] == base)
    datasets = list(rows["dataset"].unique())
    figure, grid = panels(1, len(datasets), 3.0, 3.1)
    for axes, dataset in zip(grid.flat, datasets, strict=True):
        here = rows[rows["dataset"] == dataset].sort_values(x, kind="stable")
        axes.axhline(0, **ZERO)
        axes.errorbar(here[x], here["gain"], yerr=here["gain_sd"], linestyle="-", label="ours", **OURS, **BARS)
        theirs = here.dropna(subset=["published_gain"])
        if len(theirs):
            axes.plot(theirs[x], theirs["published_gain"], linestyle="none", label="published", **PUBLISHED)
        _ticks(axes, here[x], label, doubling)
        axes.set_title(zero_levels(here))
    grid[0, 0].set_ylabel(f"DSC, difference to\n{base}")
    _legend(figure, grid)
    return figure


def curves(table: pd.DataFrame, x: str, label: str) -> Figure:
    """DSC of arms that have several values of a setting each, ours only: a panel per data set, a line per arm."""
    rows = table[(table["metric"] == "DSC") & (table["n"] > 0)]
    datasets = list(rows["dataset"].unique())
    figure, grid = panels(1, len(datasets), 4.4, 3.2)
    for axes, dataset in zip(grid.flat, datasets, strict=True):
        here = rows[rows["dataset"] == dataset].sort_values(x, kind="stable")
        for number, (name, part) in enumerate(here.groupby("method", sort=False)):
            style = {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number % len(DASHES)]}
            style |= {"marker": MARKERS[number % len(MARKERS)], "markersize": 4}
            axes.errorbar(part[x], part["mean"], yerr=part["sd"], label=name, **style, **BARS)
        _ticks(axes, here[x], label, doubling=False)
        axes.set_title(dataset)
    grid[0, 0].set_ylabel("DSC (%)")
    _legend(figure, grid)
    return figure


def _ticks(axes: Axes, values: pd.Series, label: str, doubling: bool) -> None:
    """A tick at each value that was run."""
    if doubling:
        axes.set_xscale("log", base=2)
    ticks = sorted(values.unique())
    axes.set_xticks(ticks, [f"{tick:,.6g}" if tick < LARGE else EngFormatter(places=2)(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(label)


def _legend(figure: Figure, grid: np.ndarray) -> None:
    """What the marks of all panels mean, ours first."""
    named = {}
    for axes in grid.flat:
        named |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    named = dict(sorted(named.items(), key=lambda item: item[0] == "published"))
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=min(4, len(named)))
