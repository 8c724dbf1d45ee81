"""One style for every figure, saving that gives the same bytes each time, and the notebooks' own pictures.

Figures are made from arrays and tables and returned; nothing here or in `vasolib.figures` reads a file.
"""

__all__ = [
    "COLOURS",
    "STYLE",
    "contact_sheet",
    "panels",
    "save",
    "show_image",
    "training_curves",
    "use_style",
]

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vasolib.files import atomic

# Okabe and Ito's colours, told apart with any colour vision; the pale yellow last
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#F0E442")
VESSEL = "#E69F00"  # of a translucent overlay
STYLE = {
    "axes.grid": True,
    "axes.labelsize": 9,
    # two lines that coincide stay visible as alternating dashes
    "axes.prop_cycle": mpl.cycler(color=COLOURS[:7]) + mpl.cycler(linestyle=["-", "--", "-.", ":"] * 2)[:7],
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 9,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "savefig.bbox": None,
    "savefig.dpi": 120,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "vasolib",  # without it, element names in an SVG are random
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}
UNDATED = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}


def use_style() -> None:
    """Set the style of all figures made from now on."""
    mpl.rcParams.update(STYLE)


class Picture(Figure):
    """A figure that a notebook shows where it is the last expression of a cell; pyplot is not needed."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        with mpl.rc_context(STYLE):
            self.savefig(buffer, format="png", dpi="figure", metadata=UNDATED["png"])
        return buffer.getvalue()


def save(figure: Figure, path: Path) -> None:
    """Write a figure whole or not at all, as .svg or .png by the path's suffix; folders are made.

    The file holds no date and no version. The figure is none of pyplot's, so nothing needs to be closed.

    Raises:
        ValueError: the suffix is neither .svg nor .png.
    """
    kind = Path(path).suffix.removeprefix(".")
    if kind not in UNDATED:
        raise ValueError(f"figure file {Path(path).name}: the suffix must be one of {', '.join(sorted(UNDATED))}")
    with mpl.rc_context(STYLE), atomic(path) as temporary:
        figure.savefig(temporary, format=kind, metadata=UNDATED[kind])


def panels(rows: int, columns: int, width: float, height: float, **options) -> tuple[Figure, np.ndarray]:
    """A figure of rows x columns axes, each `width` by `height` inches, titles and labels included."""
    use_style()
    figure = Picture(figsize=(columns * width, rows * height))
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def show_image(axes: Axes, image: np.ndarray, overlay: np.ndarray | None = None, title: str = "") -> None:
    """One grey (H, W) uint8 image without axes; `overlay` (H, W), non-zero where it is tinted."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    if overlay is not None:
        tint = np.zeros((*overlay.shape, 4))
        tint[overlay > 0] = colors.to_rgba(VESSEL, 0.6)
        axes.imshow(tint)
    axes.set_title(title)
    axes.set_axis_off()


def contact_sheet(images: np.ndarray, overlays: np.ndarray | None, titles: Sequence[str], columns: int) -> Figure:
    """Images in rows of `columns`, vessels tinted: images and overlays (N, H, W), one title each."""
    rows = -(-len(images) // columns)
    figure, grid = panels(rows, columns, 1.7, 1.95)
    for i, axes in enumerate(grid.flat):
        if i < len(images):
            show_image(axes, images[i], None if overlays is None else overlays[i], titles[i])
        else:
            axes.set_axis_off()
    return figure


def training_curves(logs: dict[str, pd.DataFrame], columns: Sequence[str]) -> Figure:
    """One panel per column of the training logs, a line per arm that has it, against `epoch`."""
    figure, grid = panels(1, len(columns), 3.0, 2.8)
    cycle = mpl.rcParams["axes.prop_cycle"]()
    styles = {arm: next(cycle) for arm in logs}  # an arm looks the same in every panel
    for axes, column in zip(grid.flat, columns, strict=True):
        for arm, log in logs.items():
            if column in log:
                axes.plot(log["epoch"], log[column], label=arm, **styles[arm])
        axes.set(title=column.replace("_", " "), xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    named = {line.get_label(): line for axes in grid.flat for line in axes.lines}
    rows = -(-len(named) // 5)
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=-(-len(named) // rows))
    return figure
