"""How a synthetic angiogram comes about, drawn step by step: the tree in space, the beam, the picture, the label."""

__all__ = [
    "absorption_maps",
    "beat_strip",
    "beam_profile",
    "grey_maps",
    "label_panels",
    "segment_colour",
    "tree_in_space",
    "view_name",
]

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib import colors, patheffects
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MultipleLocator

from vasolib.data.synthetic.labels import Labels
from vasolib.data.synthetic.projection import UNITS, View, project
from vasolib.data.synthetic.tree import CODES, SYNTAX, Tree
from vasolib.plots import COLOURS, panels, show_image

NAMED = COLOURS[:6]  # of the SYNTAX segments in turn: neighbours differ, and names are written beside
UNNAMED = "#888888"  # branches that SYNTAX does not number
OUTLINED = [patheffects.withStroke(linewidth=2, foreground="white")]
PANEL = 3.2  # inches


def segment_colour(code: int) -> str:
    """The colour of a SYNTAX code, 1 to 26, the same in every picture."""
    return NAMED[code % len(NAMED)] if code <= len(SYNTAX) else UNNAMED


def view_name(view: View) -> str:
    """A view as clinics write it: LAO 40°, cranial 25°."""
    sideways = "LAO" if view.lao >= 0 else "RAO"
    upwards = "cranial" if view.cranial >= 0 else "caudal"
    return f"{sideways} {abs(view.lao):.0f}°, {upwards} {abs(view.cranial):.0f}°"


def tree_in_space(tree: Tree, views: Sequence[View]) -> Figure:
    """A tree in three dimensions (mm), then as each view projects it, its SYNTAX segments in colour and by name."""
    figure, grid = panels(1, 1 + len(views), PANEL, PANEL + 0.3)
    place = grid[0, 0].get_subplotspec()
    grid[0, 0].remove()
    space = figure.add_subplot(place, projection="3d")
    _draw_space(space, tree)
    for axes, view in zip(grid[0, 1:], views, strict=True):
        _draw_projected(axes, tree, view)
    return figure


def _draw_space(axes: Axes, tree: Tree) -> None:
    """The vessels as lines about as wide as they are, seen from the front, a little from the left and from above."""
    for stretch in sorted(tree.stretches, key=lambda s: -CODES[s.segment]):
        width = 1.5 * stretch.radii.mean()
        axes.plot(*stretch.points.T, color=segment_colour(CODES[stretch.segment]), lw=width, ls="-")
    axes.set(xlabel="left (mm)", ylabel="back (mm)", zlabel="head (mm)", title="in space, from the front")
    axes.set_aspect("equal")
    axes.set_box_aspect(None, zoom=0.85)
    axes.view_init(elev=15, azim=-60)
    axes.tick_params(labelsize=6, pad=-2)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.labelpad = -6
        axis.set_major_locator(MultipleLocator(40))


def _draw_projected(axes: Axes, tree: Tree, view: View) -> None:
    """The tree on the detector, on white."""
    points_per_unit = 72 * PANEL / UNITS
    for stretch in sorted(tree.stretches, key=lambda s: -CODES[s.segment]):
        xy, scale = project(stretch.points, view)
        widths = 2 * stretch.radii * scale * points_per_unit
        lines = LineCollection(list(pairwise(xy)), linewidths=widths[1:], capstyle="round")
        lines.set_color(segment_colour(CODES[stretch.segment]))
        axes.add_collection(lines)
    for name, place in _middles(tree).items():
        x, y = project(place[None], view)[0][0]
        axes.text(x, y, name, fontsize=8, weight="bold", path_effects=OUTLINED, clip_on=True)
    axes.set(xlim=(0, UNITS), ylim=(UNITS, 0), aspect="equal")
    _frame(axes, view_name(view))


def _middles(tree: Tree) -> dict[str, np.ndarray]:
    """The middle (3,) in mm of each named segment's longest stretch."""
    ordered = sorted(tree.stretches, key=lambda stretch: len(stretch.points))
    return {stretch.segment: stretch.points[len(stretch.points) // 2] for stretch in ordered if stretch.segment}


def absorption_maps(maps: Mapping[str, np.ndarray]) -> Figure:
    """Absorptions (S, S) by title on one scale, dark where much is absorbed, as in the picture."""
    figure, grid = panels(1, len(maps), 2.9, 2.9)
    peak = max(float(np.quantile(array, 0.998)) for array in maps.values())
    for axes, (title, array) in zip(grid.flat, maps.items(), strict=True):
        shown = axes.imshow(array, cmap="gray_r", vmin=0, vmax=peak)
        _frame(axes, title)
    figure.colorbar(shown, ax=grid, label="absorption", shrink=0.8, extend="max")
    return figure


def _frame(axes: Axes, title: str) -> None:
    """No ticks and no grid, but a line around: part of what is shown is white."""
    axes.set(title=title, xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(True)


def grey_maps(maps: Mapping[str, np.ndarray]) -> Figure:
    """Pictures side by side by title, each square: uint8 as it is, shares from 0 (black) to 1 (white)."""
    figure, grid = panels(1, len(maps), 2.3, 2.5)
    for axes, (title, array) in zip(grid.flat, maps.items(), strict=True):
        show_image(axes, array if array.dtype == np.uint8 else 255 * array)
        axes.set_axis_on()
        _frame(axes, title)
    return figure


def beam_profile(maps: Mapping[str, np.ndarray], images: Mapping[str, np.ndarray], row: int) -> Figure:
    """What the rays of one row of pixels meet, stacked by what absorbs, and the grey levels that come of it.

    Args:
        maps: name -> absorption (S, S), the lowest first.
        images: name -> (S, S) uint8.
        row: the row of pixels.
    """
    figure, grid = panels(1, 2, 4.4, 2.6)
    cut = {name: array[row] for name, array in maps.items()}
    grid[0, 0].stackplot(range(len(next(iter(cut.values())))), cut.values(), labels=list(cut), colors=COLOURS)
    grid[0, 0].set(title=f"absorption along row {row}", xlabel="column (pixels)", ylabel="absorption, added up")
    for (name, image), colour in zip(images.items(), ("#999999", COLOURS[0]), strict=True):
        grid[0, 1].plot(image[row], label=name, color=colour, linestyle="-", linewidth=1.0)
    grid[0, 1].set(title=f"grey levels along row {row}", xlabel="column (pixels)", ylabel="grey level (0 to 255)")
    for axes in grid.flat:
        axes.legend()
    return figure


def label_panels(image: np.ndarray, labels: Labels) -> Figure:
    """An image (S, S) uint8, its segments in colour and by name, and its stenoses in boxes with the centrelines."""
    figure, grid = panels(1, 3, 2.9, 3.1)
    titles = ("image", "segments", "centrelines and stenoses")
    for axes, title in zip(grid.flat, titles, strict=True):
        show_image(axes, image, title=title)
    grid[0, 1].imshow(_coloured(labels.segments))
    for code in np.unique(labels.centreline[:, 3]).astype(int):
        _name_segment(grid[0, 1], labels.centreline, code)
    _draw_centreline(grid[0, 2], labels.centreline, COLOURS[4])
    for x0, y0, x1, y1 in labels.boxes:
        grid[0, 2].add_patch(Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, edgecolor=COLOURS[7]))
    return figure


def _coloured(segments: np.ndarray) -> np.ndarray:
    """SYNTAX codes (S, S) as colours (S, S, 4), clear where there is no vessel."""
    table = np.array([(0, 0, 0, 0), *(colors.to_rgba(segment_colour(code), 0.6) for code in range(1, 27))])
    return table[segments]


def _name_segment(axes: Axes, centreline: np.ndarray, code: int) -> None:
    """The name of a segment at the middle of its centreline; branches without a number stay without a name."""
    if code <= len(SYNTAX):
        points = centreline[centreline[:, 3] == code]
        x, y = points[len(points) // 2, :2]
        axes.text(x, y, SYNTAX[code - 1], fontsize=8, weight="bold", path_effects=OUTLINED, clip_on=True)


def _draw_centreline(axes: Axes, centreline: np.ndarray, colour: str) -> None:
    """Points of a centreline (m, 5), whose first columns are x and y in pixels."""
    axes.plot(*(centreline[:, :2].T - 0.5), ".", color=colour, markersize=1.2)


def beat_strip(frames: Sequence[np.ndarray], titles: Sequence[str]) -> Figure:
    """Frames (S, S) uint8 of a recording, each over the first: red is dark now only, cyan then only."""
    figure, grid = panels(1, len(frames), 1.7, 1.95)
    for axes, frame, title in zip(grid.flat, frames, titles, strict=True):
        axes.imshow(np.stack([frames[0], frame, frame], axis=2))
        axes.set_title(title)
        axes.set_axis_off()
    return figure
