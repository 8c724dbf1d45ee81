"""The papers' figures, drawn from what the study measured."""

__all__ = ["busiest_box", "bars", "embedding", "masking_rate", "qualitative", "reconstructions", "vessel_share"]

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from vasolib.plots import COLOURS, panels, show_image

HITS = {"true positive": "#56B4E9", "false positive": "#D55E00", "false negative": "#F0E442"}
BOX = "#FFFFFF"
HIDDEN = "#8FA3B8"  # of a masked patch: blueish, so that it is no grey level of the image


def vessel_share(logs: dict[str, pd.DataFrame]) -> Figure:
    """Share of vessel-containing patches among the masked against epoch (Fig. 3a), one line per arm.

    Args:
        logs: arm -> columns epoch and vessel_share (0 to 1).
    """
    figure, grid = panels(1, 1, 4.8, 3.2)
    axes = grid[0, 0]
    for arm, log in logs.items():
        axes.plot(log["epoch"], 100 * log["vessel_share"], label=arm)
    axes.set_xlabel("epoch")
    axes.set_ylabel("masked patches that contain vessel (%)\n(a patch with at least one vessel pixel)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    return figure


def masking_rate(image: np.ndarray, anatomy: np.ndarray, rates: dict[str, np.ndarray]) -> Figure:
    """How often each patch of one image was masked over training (Fig. 3b).

    Args:
        image: (S, S) uint8.
        anatomy: (S, S), non-zero on vessels.
        rates: arm -> (grid, grid), share of epochs in which the patch was masked; one colour scale for all.
    """
    figure, grid = panels(1, 1 + len(rates), 2.3, 2.4)
    show_image(grid[0, 0], image, anatomy, "image and anatomy")
    peak = max(float(np.max(rate)) for rate in rates.values())
    for axes, (arm, rate) in zip(grid[0, 1:], rates.items(), strict=True):
        heat = axes.imshow(100 * rate, cmap="viridis", vmin=0, vmax=100 * peak)
        axes.set_title(arm)
        axes.set_axis_off()
    figure.colorbar(heat, ax=grid[0, 1:], label="masked in % of epochs", shrink=0.85)
    return figure


def _zoomed(axes: Axes, box: tuple[int, int, int], side: int) -> Axes:
    """Draw a box (top, left, size) and return the axes of its enlargement, in the corner farthest from it."""
    top, left, size = box
    axes.add_patch(Rectangle((left - 0.5, top - 0.5), size, size, fill=False, edgecolor=BOX, linewidth=0.9))
    right = left + size / 2 < side / 2
    below = top + size / 2 < side / 2
    inset = axes.inset_axes([0.58 if right else 0, 0 if below else 0.58, 0.42, 0.42])
    inset.grid(False)
    inset.set(xticks=[], yticks=[])
    inset.spines[:].set(visible=True, color=BOX, linewidth=0.9)
    return inset


def _panel(axes: Axes, image: np.ndarray, box: tuple[int, int, int], title: str) -> None:
    """One image, grey (S, S) or coloured (S, S, 3), with its zoom."""
    top, left, size = box
    inset = _zoomed(axes, box, image.shape[0])
    for target, shown in ((axes, image), (inset, image[top : top + size, left : left + size])):
        target.imshow(shown, cmap="gray", vmin=0, vmax=255 if image.dtype == np.uint8 else 1)
    axes.set_title(title)
    axes.set_axis_off()


def compare(image: np.ndarray, label: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """The dimmed image with hits and errors in the colours of `HITS`: (S, S) each -> (S, S, 3) of 0..1."""
    label, prediction = label > 0, prediction > 0
    picture = np.repeat(0.6 * image[:, :, None] / 255.0, 3, axis=2)
    kinds = (label & prediction, ~label & prediction, label & ~prediction)
    for where, colour in zip(kinds, HITS.values(), strict=True):
        picture[where] = colors.to_rgb(colour)
    return picture


def qualitative(
    images: np.ndarray,
    labels: np.ndarray,
    predictions: dict[str, np.ndarray],
    boxes: Sequence[tuple[int, int, int]],
) -> Figure:
    """Segmentations beside the label with an enlarged detail (Fig. 4): one row per image.

    Args:
        images: (N, S, S) uint8.
        labels: (N, S, S), non-zero on vessels.
        predictions: method -> (N, S, S) of 0 and 1.
        boxes: per image (top, left, size) of the detail in pixels.
    """
    figure, grid = panels(len(images), 2 + len(predictions), 1.9, 1.95)
    for row, (image, label, box) in enumerate(zip(images, labels, boxes, strict=True)):
        shown = {"image": image, "label": 255 * (label > 0).astype(np.uint8)}
        shown |= {method: compare(image, label, maps[row]) for method, maps in predictions.items()}
        for axes, (title, picture) in zip(grid[row], shown.items(), strict=True):
            _panel(axes, picture, box, title if row == 0 else "")
    handles = [Patch(facecolor=colour, edgecolor="black", linewidth=0.4) for colour in HITS.values()]
    figure.legend(handles, HITS.keys(), loc="outside lower center", ncols=len(HITS))
    return figure


def busiest_box(label: np.ndarray, size: int) -> tuple[int, int, int]:
    """Top, left, size of the square in (S, S) that holds most of a label, the first of equals."""
    inside = np.pad(label.astype(int), ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    held = inside[size:, size:] - inside[:-size, size:] - inside[size:, :-size] + inside[:-size, :-size]
    top, left = np.unravel_index(np.argmax(held), held.shape)
    return int(top), int(left), size


def reconstructions(rows: Sequence[dict]) -> Figure:
    """Originals, what the encoder saw, and each arm's reconstruction.

    Args:
        rows: per image `image` (S, S), `masked` (S, S) with NaN on hidden pixels, `arms`: name -> (S, S), all
            on the image's grey scale.
    """
    grey = mpl.colormaps["gray"].with_extremes(bad=HIDDEN)
    figure, grid = panels(len(rows), 2 + len(rows[0]["arms"]), 1.7, 1.8)
    for number, (line, row) in enumerate(zip(grid, rows, strict=True)):
        image = row["image"]
        low, high = (0, 255) if image.dtype == np.uint8 else (image.min(), image.max())
        shown = {"original": image, "masked input": row["masked"], **row["arms"]}
        for axes, (title, picture) in zip(line, shown.items(), strict=True):
            axes.imshow(np.ma.masked_invalid(picture), cmap=grey, vmin=low, vmax=high)
            axes.set_title(title if number == 0 else "")
            axes.set_axis_off()
    return figure


def embedding(points: dict[str, np.ndarray], vessel: dict[str, np.ndarray]) -> Figure:
    """Patch features in two dimensions (Table 4), one panel per arm: points (M, 2), vessel (M,) bool."""
    figure, grid = panels(1, len(points), 2.8, 3.0)
    for axes, (arm, xy) in zip(grid.flat, points.items(), strict=True):
        marked = np.asarray(vessel[arm], bool)
        for where, colour, name in ((~marked, "#999999", "background"), (marked, COLOURS[1], "vessel")):
            axes.scatter(*xy[where].T, s=5, color=colour, alpha=0.7, linewidths=0, label=name, rasterized=True)
        axes.set(title=arm, xticks=[], yticks=[], xlabel="dimension 1", ylabel="dimension 2")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, markerscale=2)
    return figure


def bars(table: pd.DataFrame, metric: str) -> Figure:
    """Ours with standard deviations (filled) above the published values (hollow), one panel per data set.

    Args:
        table: from `vasolib.published.beside_published`.
        metric: which of its metrics, `DSC` or `clDice`.
    """
    table = table[table["metric"] == metric]
    methods = list(table["method"].unique())
    datasets = list(table["dataset"].unique())
    figure, grid = panels(1, len(datasets), 2.7, 1.1 + 0.27 * len(methods), sharey=True)
    for axes, dataset in zip(grid.flat, datasets, strict=True):
        part = table[table["dataset"] == dataset].set_index("method").reindex(methods)
        stood_for = "".join(f" (published: {name})" for name in part["published_dataset"].dropna().unique())
        height = np.arange(len(methods))
        style = {"fmt": "o", "markersize": 4, "capsize": 2, "elinewidth": 1}
        axes.errorbar(part["mean"], height - 0.13, xerr=part["sd"], color=COLOURS[0], **style)
        hollow = {"color": COLOURS[1], "markerfacecolor": "white"}
        axes.errorbar(part["published"], height + 0.13, xerr=part["published_sd"], **hollow, **style)
        axes.set(title=dataset + stood_for, xlabel=f"{metric} (%)")
        axes.set_yticks(height, methods)
    axes.set_ylim(len(methods) - 0.5, -0.5)
    marker = {"marker": "o", "linestyle": "none"}
    ours = Line2D([], [], color=COLOURS[0], **marker)
    theirs = Line2D([], [], color=COLOURS[1], markerfacecolor="white", **marker)
    figure.legend([ours, theirs], ["ours", "published"], loc="outside lower center", ncols=2)
    return figure
