"""UNeXt-S, the small segmentor that judges whether a reconstruction shows the same vessels.

Architecture: Valanarasu & Patel, UNeXt, MICCAI 2022, in the size that the VasoMIM authors ship (253,561 parameters).
"""

__all__ = ["UNeXt", "check_sighted", "freeze", "segmentor_loss"]

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vasolib.batchnorm import BatchNorm2d
from vasolib.distributed import total
from vasolib.errors import UserError
from vasolib.files import write_csv

SHIFTS = (-2, -1, 0, 1, 2)
SIGHTED = (0.001, 0.5)  # least and largest share of pixels that are vessel: they are some hundredths of an angiogram


def shift_channels(x: Tensor, dim: int) -> Tensor:
    """Move five groups of the channels of (B, C, H, W) by -2 to 2 pixels along height (2) or width (3), zeros in.

    Each channel is convolved with a kernel that is 1 at one place, which keeps the memory layout, unlike slices.
    """
    reach, groups = max(SHIFTS), torch.arange(x.shape[1], device=x.device).chunk(len(SHIFTS))
    kernel = x.new_zeros(x.shape[1], 2 * reach + 1)
    for group, shift in zip(groups, SHIFTS, strict=True):
        kernel[group, reach - shift] = 1
    if dim == 2:
        return F.conv2d(x, kernel[:, None, :, None], padding=(reach, 0), groups=len(kernel))
    return F.conv2d(x, kernel[:, None, None, :], padding=(0, reach), groups=len(kernel))


class ShiftedMLP(nn.Module):
    """Residual MLP over channels that sees neighbours by shifting channel groups; (B, C, H, W) -> the same."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, dim)
        self.depthwise = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)
        self.fc2 = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        out = shift_channels(over_channels(self.norm, x), dim=2)
        out = F.gelu(self.depthwise(over_channels(self.fc1, out)))
        return x + over_channels(self.fc2, shift_channels(out, dim=3))


def over_channels(module: nn.Module, x: Tensor) -> Tensor:
    """Apply a module that works on the last dimension to the channels of (B, C, H, W)."""
    return module(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class UNeXt(nn.Module):
    """Vessel logits of normalised images: (B, 3, H, W) -> (B, 1, H, W); H and W multiples of 32."""

    def __init__(self, widths: tuple[int, ...] = (8, 16, 32, 64, 128)) -> None:
        super().__init__()
        c1, c2, c3, c4, c5 = widths
        self.down = nn.ModuleList(ConvNorm(*io) for io in ((3, c1), (c1, c2), (c2, c3)))
        self.embed = nn.ModuleList(nn.Conv2d(*io, 3, stride=2, padding=1) for io in ((c3, c4), (c4, c5)))
        self.embed_norm = nn.ModuleList(nn.LayerNorm(c) for c in (c4, c5))
        self.mix = nn.ModuleList(ShiftedMLP(c) for c in (c4, c5))
        self.mix_norm = nn.ModuleList(nn.LayerNorm(c) for c in (c4, c5))
        self.up = nn.ModuleList(ConvNorm(*io) for io in ((c5, c4), (c4, c3), (c3, c2), (c2, c1)))
        self.up_mix = nn.ModuleList(ShiftedMLP(c) for c in (c4, c3))
        self.up_mix_norm = nn.ModuleList(nn.LayerNorm(c) for c in (c4, c3))
        self.last = nn.Conv2d(c1, c1, 3, padding=1)
        self.head = nn.Conv2d(c1, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        x, skips = images, []
        for stage in self.down:
            x = F.relu(F.max_pool2d(stage(x), 2))
            skips.append(x)
        for embed, embed_norm, mix, norm in zip(self.embed, self.embed_norm, self.mix, self.mix_norm, strict=True):
            x = over_channels(norm, mix(over_channels(embed_norm, embed(x))))
            skips.append(x)
        skips.pop()  # the deepest map is not its own skip
        for i, stage in enumerate(self.up):
            x = F.relu(double(stage(x))) + skips.pop()
            if i < len(self.up_mix):
                x = over_channels(self.up_mix_norm[i], self.up_mix[i](x))
        return self.head(F.relu(double(self.last(x))))


class ConvNorm(nn.Sequential):
    """3 x 3 convolution and batch normalisation."""

    def __init__(self, in_chans: int, out_chans: int) -> None:
        super().__init__(nn.Conv2d(in_chans, out_chans, 3, padding=1), BatchNorm2d(out_chans))


def double(x: Tensor) -> Tensor:
    """Bilinear upsampling by two."""
    return F.interpolate(x, scale_factor=2, mode="bilinear")


def segmentor_loss(logits: Tensor, target: Tensor, smooth: float = 1e-5) -> Tensor:
    """Half cross-entropy, half 1 - Dice over the whole batch, as the released training script weighs them.

    Args:
        logits: (B, 1, H, W).
        target: (B, 1, H, W) of 0 and 1, the pseudo-labels.
    """
    probability, target = logits.float().sigmoid(), target.float()
    overlap, sizes = total((probability * target).sum()), total(probability.sum() + target.sum())
    dice = (2 * overlap + smooth) / (sizes + smooth)
    return 0.5 * F.binary_cross_entropy_with_logits(logits.float(), target) + 0.5 * (1 - dice)


def check_sighted(probability: np.ndarray, ids: Sequence[str], suspects: Path, threshold: float = 0.5) -> None:
    """Refuse a segmentor whose maps (N, H, W) of images with vessels are nearly all background, or vessel.

    Its consistency loss would be as content with an empty reconstruction as with a right one.

    Args:
        ids: of the N images.
        suspects: file that then lists them: image, marked (per cent of its pixels).

    Raises:
        UserError: it marks less or more of all pixels than `SIGHTED`.
    """
    marked = (probability >= threshold).mean(axis=(1, 2))
    share, (least, largest) = marked.mean(), SIGHTED
    if not least <= share <= largest:
        write_csv(suspects, pd.DataFrame({"image": list(ids), "marked": 100 * marked}))
        raise UserError(
            f"the trained segmentor marks {100 * share:.3g} % of the pixels of {len(probability)} images as vessel, "
            f"expected {100 * least:g} to {100 * largest:g} %, so it cannot judge reconstructions: give it more epochs "
            "(segmentor of this scale in params.yaml), or look at the anatomy that it learned from; the images are "
            f"listed in {suspects}"
        )


def freeze(model: nn.Module) -> nn.Module:
    """The model in evaluation mode, its parameters without gradients; gradients still flow through to its input.

    Each batch normalisation, fixed from now on, becomes part of the convolution before it.
    """
    model.eval().requires_grad_(False)
    for block in [module for module in model.modules() if isinstance(module, ConvNorm)]:
        block[0], block[1] = fuse_conv_bn_eval(block[0], block[1]), nn.Identity()
    return model.requires_grad_(False)
