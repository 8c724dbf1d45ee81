"""What each method makes of a noisy frame, and what it gets wrong."""

__all__ = ["denoised"]

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from skimage.metrics import peak_signal_noise_ratio

from vasolib.plots import COLOURS, panels, show_image

BOX = COLOURS[1]


def denoised(clean: np.ndarray, estimates: dict[str, np.ndarray], box: tuple[int, int, int]) -> Figure:
    """One frame as each method gives it back: whole, a detail, and its error on one scale for all.

    Args:
        clean: (S, S) uint8.
        estimates: method -> (S, S) grey levels, shown clipped to 0..255; the noisy frame itself may be among them.
        box: top, left, size of the detail in pixels.
    """
    figure, grid = panels(3, 1 + len(estimates), 1.45, 1.6)
    clipped = {method: np.clip(estimate, 0.0, 255.0) for method, estimate in estimates.items()}
    errors = {method: estimate - clean for method, estimate in clipped.items()}
    limit = 4 * min(float(np.sqrt(np.square(error).mean())) for error in errors.values())  # of the best one
    _column(grid[:, 0], clean, box, "clean")
    grid[2, 0].set_axis_off()
    for column, (method, estimate) in zip(grid[:, 1:].T, clipped.items(), strict=True):
        psnr = peak_signal_noise_ratio(clean.astype(float), estimate, data_range=255)
        _column(column, estimate, box, f"{method}\n{psnr:.1f} dB")
        heat = column[2].imshow(errors[method], cmap="RdBu_r", vmin=-limit, vmax=limit)
        column[2].set_axis_off()
    figure.colorbar(heat, ax=grid[2, 1:], label="error (grey levels)", shrink=0.9)
    return figure


def _column(column: np.ndarray, image: np.ndarray, box: tuple[int, int, int], title: str) -> None:
    """The whole image with its box, and the detail below it: the first two axes of a column."""
    top, left, size = box
    whole, detail = column[:2]
    show_image(whole, image, title=title)
    whole.add_patch(Rectangle((left - 0.5, top - 0.5), size, size, fill=False, edgecolor=BOX, linewidth=0.9))
    show_image(detail, image[top : top + size, left : left + size])
