"""Label maps in colour on their images, predictions beside labels, boxes, and what is taken for what."""

__all__ = ["beside_labels", "boxed_sheet", "confusion_picture", "label_sheet", "show_labels"]

from collections.abc import Sequence

import numpy as np
from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.ndimage import distance_transform_edt

from vasolib.generator_plots import OUTLINED, segment_colour
from vasolib.plots import panels, show_image

OPACITY = 0.6
LABELLED, SEEN = "#f0a30a", "#1ba1e2"  # of boxes


def coloured(labels: np.ndarray) -> np.ndarray:
    """A label map (H, W) uint8 as (H, W, 4): each number in the colour of that SYNTAX segment, 0 clear."""
    table = np.array([(0, 0, 0, 0), *(colors.to_rgba(segment_colour(number), OPACITY) for number in range(1, 256))])
    return table[labels]


def show_labels(axes: Axes, image: np.ndarray, labels: np.ndarray, title: str = "", names: Sequence[str] = ()) -> None:
    """One image (H, W) uint8 under its label map (H, W) uint8, without axes.

    Colours recur, so `names`, where given by number, are written at the thickest place of each.
    """
    show_image(axes, image, title=title)
    axes.imshow(coloured(labels))
    for number in np.unique(labels[labels > 0]) if names else ():
        depth = distance_transform_edt(np.pad(labels == number, 1))[1:-1, 1:-1]  # the edge of the image is one too
        y, x = np.unravel_index(np.argmax(depth), depth.shape)
        axes.text(x, y, names[number], fontsize=6, ha="center", va="center", path_effects=OUTLINED, clip_on=True)


def label_sheet(
    images: np.ndarray, labels: np.ndarray, titles: Sequence[str], columns: int, names: Sequence[str] = ()
) -> Figure:
    """Labelled images in rows of `columns`: images, label maps (N, H, W) uint8 and titles; see `show_labels`."""
    figure, grid = panels(-(-len(images) // columns), columns, 1.9, 2.1)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image, label, title in zip(grid.flat, images, labels, titles, strict=False):
        show_labels(axes, image, label, title, names)
    return figure


def beside_labels(
    images: np.ndarray, maps: dict[str, np.ndarray], titles: Sequence[str], names: Sequence[str] = ()
) -> Figure:
    """A row per image: itself, then each of the label maps by what it is, such as label and prediction.

    Args:
        images: (N, H, W) uint8.
        maps: title -> (N, H, W) uint8.
        titles: of the N images.
        names: by number, see `show_labels`.
    """
    figure, grid = panels(len(images), 1 + len(maps), 1.9, 2.1)
    for row, line in enumerate(grid):
        show_image(line[0], images[row], title=titles[row])
        for axes, (title, labels) in zip(line[1:], maps.items(), strict=True):
            show_labels(axes, images[row], labels[row], title if row == 0 else "", names)
    return figure


def confusion_picture(counts: np.ndarray, names: Sequence[str]) -> Figure:
    """Where the pixels of each class of the label (row) went, in per cent of them, by the predicted class (column).

    Classes that are in neither label nor prediction are left out; a row without a labelled pixel is blank.

    Args:
        counts: (K, K) pixels by label (row) and prediction (column), such as of `segments.confusion`.
        names: of the K classes.
    """
    there = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    counts = counts[np.ix_(there, there)]
    sizes = counts.sum(axis=1, keepdims=True)
    share = np.divide(100 * counts, sizes, out=np.full(counts.shape, np.nan), where=sizes > 0)
    side = 1.6 + 0.17 * len(there)
    figure, grid = panels(1, 1, side + 0.8, side)
    axes = grid[0, 0]
    heat = axes.imshow(share, cmap="viridis", vmin=0, vmax=100)
    shown = [names[number] for number in there]
    axes.set_xticks(range(len(there)), shown, rotation=90)
    axes.set_yticks(range(len(there)), shown)
    axes.set(xlabel="predicted", ylabel="label")
    axes.grid(False)
    figure.colorbar(heat, ax=axes, label="pixels of the label's class (%)")
    return figure


def boxed_sheet(
    images: np.ndarray,
    truth: Sequence[np.ndarray],
    found: dict[str, Sequence[tuple[np.ndarray, np.ndarray]]],
    titles: Sequence[str],
) -> Figure:
    """A row per detector, a column per image: the label's boxes solid, those found dashed with their scores.

    Args:
        images: (N, H, W) uint8.
        truth: boxes (k, 4) of each image, x0, y0, x1, y1 in its pixels.
        found: name of a detector -> boxes (k, 4) and scores (k,) of each image.
        titles: of the N images.
    """
    figure, grid = panels(len(found), len(images), 1.9, 2.1)
    for row, (line, (name, seen)) in enumerate(zip(grid, found.items(), strict=True)):
        for axes, image, lesions, (boxes, scores), title in zip(line, images, truth, seen, titles, strict=True):
            show_image(axes, image, title="" if row else title)
            for box in lesions:
                axes.add_patch(rectangle(box, edgecolor=LABELLED))
            for box, score in zip(boxes, scores, strict=True):
                axes.add_patch(rectangle(box, edgecolor=SEEN, linestyle="--"))
                axes.text(box[0], box[1], f"{score:.2f}", fontsize=6, path_effects=OUTLINED, clip_on=True)
        line[0].annotate(name, (0.03, 0.03), xycoords="axes fraction", path_effects=OUTLINED)
    return figure


def rectangle(box: np.ndarray, **style: object) -> Rectangle:
    """A box x0, y0, x1, y1, half-open, in pixels, whose first one's middle is at 0."""
    x0, y0, x1, y1 = box
    return Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, **style)
