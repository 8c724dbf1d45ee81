"""Block masks on the patch grid: four target blocks and the context that is left of a large block, as I-JEPA hides.

Assran et al., "Self-supervised learning from images with a joint-embedding predictive architecture", CVPR 2023, as
CheXWorld's released code varies it: area and aspect ratio are drawn independently, the ratio on a logarithmic scale, a
block may fill the grid, the context block may shrink to 0.75 (I-JEPA: 0.85), and the union of the targets is predicted
at once. Kept: one size per batch, positions per image, all images cut to as many patches as the poorest has, which
keeps the first in raster order. Changed: where a layout leaves too small a context, another whole layout is taken from
a few drawn beforehand; I-JEPA moves the context block and, at last, lets it overlap a target.
"""

__all__ = ["Blocks", "block_size", "draw_blocks"]

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vasolib.distributed import batch_rand, gather

TARGETS = 4  # blocks an image
TARGET_SCALE = (0.15, 0.2)  # share of the grid's area
TARGET_ASPECT = (0.75, 1.5)  # height over width
CONTEXT_SCALE = (0.75, 1.0)
CONTEXT_ASPECT = (1.0, 1.0)
MIN_KEEP = 10  # a context has more patches than this, where one of the layouts allows it
LAYOUTS = 8  # drawn for each image
MIN_GRID = 4  # on a smaller one, the targets may well cover everything


class Blocks(NamedTuple):
    """Patches seen and patches to predict, int64, each row ascending and without overlap between the two.

    idx_context: (B, L_context); idx_target: (B, L_target).
    """

    idx_context: Tensor
    idx_target: Tensor


def block_size(
    grid: int, scale: tuple[float, float], aspect: tuple[float, float], *, generator: torch.Generator
) -> tuple[int, int]:
    """Height and width, in patches, of a block on a grid x grid image.

    Args:
        scale: range of its share of the area, uniform.
        aspect: range of height over width, log-uniform.
    """
    area, ratio = torch.rand(2, generator=generator, device=generator.device).tolist()
    area = int(grid**2 * (scale[0] + area * (scale[1] - scale[0])))
    ratio = aspect[0] * (aspect[1] / aspect[0]) ** ratio
    height, width = (min(grid, max(1, round(math.sqrt(side)))) for side in (area * ratio, area / ratio))
    return height, width


def draw_blocks(batch: int, grid: int, views: int = 1, *, generator: torch.Generator) -> Blocks:
    """Target blocks and contexts for a batch of images of grid x grid patches, some `views` of each, view after view.

    Raises:
        ValueError: the grid is too small to hold both.
    """
    if grid < MIN_GRID:
        raise ValueError(
            f"block masks need at least {MIN_GRID} x {MIN_GRID} patches, found {grid}: use smaller patches"
        )
    target = block_size(grid, TARGET_SCALE, TARGET_ASPECT, generator=generator)
    context = block_size(grid, CONTEXT_SCALE, CONTEXT_ASPECT, generator=generator)
    sizes = torch.tensor([target] * TARGETS + [context], device=generator.device)
    draw = batch_rand(batch, LAYOUTS, TARGETS + 1, 2, views=views, generator=generator)
    blocks = fill(grid, (draw * (grid + 1 - sizes)).floor(), sizes)  # (B, LAYOUTS, TARGETS + 1, L)
    targets = blocks[:, :, :TARGETS].any(dim=2)
    contexts = blocks[:, :, TARGETS] & ~targets
    # argmax takes the first of equals: the first layout that is rich enough, or else the richest
    chosen = contexts.sum(dim=2).clamp(max=MIN_KEEP + 1).argmax(dim=1)
    images = torch.arange(batch, device=generator.device)
    return Blocks(common_patches(contexts[images, chosen]), common_patches(targets[images, chosen]))


def fill(grid: int, corners: Tensor, sizes: Tensor) -> Tensor:
    """Which patches lie in blocks given by top-left corners and sizes, two of (..., 2): (..., L) bool."""
    line = torch.arange(grid, device=corners.device)
    inside = (line >= corners[..., None]) & (line < (corners + sizes)[..., None])  # (..., 2, grid)
    return (inside[..., 0, :, None] & inside[..., 1, None, :]).flatten(-2)


def common_patches(member: Tensor) -> Tensor:
    """The first patches of each row's set, as many as the smallest set has: (B, L) bool -> (B, L_common) indices."""
    count = int(gather(member.sum(dim=1).min()).min())  # of the whole batch, so that each image weighs the same
    return (~member).to(torch.uint8).argsort(dim=1, stable=True)[:, :count]
