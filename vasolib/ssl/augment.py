"""Photometric augmentation and local crops for methods that compare views of an image, batched on tensors.

The recipe is BYOL's (Grill et al., NeurIPS 2020), which MoCo v3 and DINO publish for their two global views, and DINO's
for its local crops: brightness and contrast, Gaussian blur, solarisation. Angiograms are grey, so saturation, hue and
conversion to grey, which would change nothing, are left out, and the work is done on the one channel that there is.
Departures: brightness comes before contrast (published: random order) and values are cut to [0, 1] once, after both;
the blur's width grows with the side of the view, so that it hides the same share of it as at the published 224 pixels.
Solarisation of bright backgrounds is kept although no X-ray looks like that: a comparison gets its published recipe.
"""

__all__ = ["Photometric", "global_views", "local_crops", "local_views", "photometric", "to_grey"]

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from vasolib.data.crops import RATIO
from vasolib.distributed import batch_rand
from vasolib.training import IMAGENET_MEAN, IMAGENET_STD

JITTER = 0.4  # largest relative change of brightness and of contrast
JITTER_SHARE = 0.8  # of the images
SIGMA = (0.1, 2.0)  # of the blur, in pixels of a view of PUBLISHED_SIDE
PUBLISHED_SIDE = 224
SOLARISE_ABOVE = 0.5
LOCAL_AREA = (0.08, 0.67)  # of a view: DINO's 0.05-0.4 of the image over 0.6, the mean share that a view covers


class Photometric(NamedTuple):
    """Shares of images that are blurred and solarised."""

    blur: float
    solarise: float


FIRST, SECOND, LOCAL = Photometric(1.0, 0.0), Photometric(0.1, 0.2), Photometric(0.5, 0.0)  # as published


def global_views(views: Tensor, *, generator: torch.Generator) -> Tensor:
    """Both views of each image, each by its recipe: (2, B, 3, H, W) normalised -> (2 B, 3, H, W), view 0 first."""
    grey = to_grey(views)
    scale = grey.shape[-1] / PUBLISHED_SIDE
    changed = [photometric(g, r, scale, generator=generator) for g, r in zip(grey, (FIRST, SECOND), strict=True)]
    return _to_rgb(torch.cat(changed))


def local_views(views: Tensor, count: int, side: int, *, generator: torch.Generator) -> Tensor:
    """`count` augmented local crops of each image: (V, B, 3, H, W) normalised -> (count B, 3, side, side)."""
    crops = local_crops(to_grey(views), count, side, generator=generator)
    return _to_rgb(photometric(crops, LOCAL, views.shape[-1] / PUBLISHED_SIDE, count, generator=generator))


def to_grey(images: Tensor) -> Tensor:
    """Normalised images of three equal channels back to grey in [0, 1]: (..., 3, H, W) -> (..., 1, H, W)."""
    return images[..., :1, :, :] * IMAGENET_STD[0] + IMAGENET_MEAN[0]


def photometric(
    grey: Tensor, recipe: Photometric, blur_scale: float, views: int = 1, *, generator: torch.Generator
) -> Tensor:
    """Random brightness, contrast, blur and solarisation of each image of (B, 1, H, W) in [0, 1], in that order.

    Args:
        recipe: shares of images that are blurred and solarised.
        blur_scale: factor on the blur's standard deviation, which is uniform in 0.1 to 2 pixels before.
        views: of each image, view after view.
    """
    draw = batch_rand(6, len(grey), 1, 1, 1, dim=1, views=views, generator=generator)
    factors = torch.where(draw[:1] < JITTER_SHARE, 1 + JITTER * (2 * draw[1:3] - 1), 1.0)
    bright = grey * factors[0]
    mean = bright.mean(dim=(1, 2, 3), keepdim=True)
    grey = torch.lerp(mean, bright, factors[1]).clamp_(0, 1)
    sigma = blur_scale * (SIGMA[0] + (SIGMA[1] - SIGMA[0]) * draw[4])
    grey = _blur(grey, torch.where(draw[3] < recipe.blur, sigma, 0.0))
    threshold = torch.where(draw[5] < recipe.solarise, SOLARISE_ABOVE, math.inf)
    return torch.where(grey < threshold, grey, 1 - grey)


def local_crops(images: Tensor, count: int, side: int, *, generator: torch.Generator) -> Tensor:
    """Random crops of 8-67 % of a view's area, half of them mirrored: (V, B, C, H, W) -> (count B, C, side, side).

    Crop i of every image is cut from view i modulo V; aspect log-uniform in 3/4 to 4/3. Resampling is bilinear without
    antialiasing: for `side` = H / 2 samples are less than two pixels apart, so no pixel inside a crop is passed over.
    """
    source = images[torch.arange(count) % len(images)].flatten(0, 1)
    draw = batch_rand(5, len(source), dim=1, views=count, generator=generator)
    area = LOCAL_AREA[0] + (LOCAL_AREA[1] - LOCAL_AREA[0]) * draw[0]
    log_ratio = math.log(RATIO[0]) + math.log(RATIO[1] / RATIO[0]) * draw[1]
    width, height = (area * log_ratio.exp()).sqrt(), (area * (-log_ratio).exp()).sqrt()
    x, y = (1 - width) * (2 * draw[2] - 1), (1 - height) * (2 * draw[3] - 1)  # centres, the view being [-1, 1] wide
    mirrored = torch.where(draw[4] < 0.5, -width, width)
    none = torch.zeros_like(width)
    theta = torch.stack([mirrored, none, x, none, height, y], dim=1).view(-1, 2, 3)
    with torch.autocast(images.device.type, enabled=False):  # positions in bfloat16 would be off by pixels
        grid = F.affine_grid(theta, [len(source), source.shape[1], side, side], align_corners=False)
        return F.grid_sample(source, grid, padding_mode="border", align_corners=False)


def _blur(grey: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur of (B, 1, H, W), H = W, by `sigma` (B, 1, 1, 1) pixels; 0 changes nothing.

    A blur along one axis is a matrix, whose rows sum to one at the borders too.
    """
    place = torch.arange(grey.shape[-1], device=grey.device, dtype=grey.dtype)
    distance = (place[:, None] - place).square()
    weights = (-distance / (2 * sigma.square()).clamp_min(1e-4)).softmax(dim=-1)
    with torch.autocast(grey.device.type, enabled=False):
        return weights @ grey @ weights.mT


def _to_rgb(grey: Tensor) -> Tensor:
    """(B, 1, H, W) in [0, 1] -> (B, 3, H, W), as `vasolib.training.normalise` leaves images."""
    mean, std = (torch.tensor(v, device=grey.device) for v in (IMAGENET_MEAN, IMAGENET_STD))
    return torch.addcmul(-mean / std, grey.permute(0, 2, 3, 1), 1 / std).permute(0, 3, 1, 2)  # channels last
