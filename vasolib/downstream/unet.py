"""U-Nets: a decoder on a plain ViT, and the plain convolutional network that is trained from scratch.

The decoder follows CheXWorld's adapter, which the VasoMIM authors say they built on: every level is fed from the
last block, brought to its stride by nearest-neighbour doubling and convolution; the image itself is the
full-resolution skip. Channels scale with `width` (64 in CheXWorld).

That skip is a small convolutional network of its own, which can find vessels without the encoder. Where encoders are
compared after a short training, it may be left out, so that all that is known comes through them (`image_skip`); the
finest map is then that of stride 2, and its logits are interpolated.
"""

__all__ = ["UNet", "ViTUNet"]

from itertools import pairwise

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from vasolib.batchnorm import BatchNorm2d


class ConvBlock(nn.Sequential):
    """3 x 3 convolution, batch normalisation, GELU."""

    def __init__(self, in_chans: int, out_chans: int) -> None:
        super().__init__(nn.Conv2d(in_chans, out_chans, 3, padding=1, bias=False), BatchNorm2d(out_chans), nn.GELU())


class ResidualBlock(nn.Module):
    """Two convolutions around a 1 x 1 shortcut."""

    def __init__(self, in_chans: int, out_chans: int) -> None:
        super().__init__()
        self.body = nn.Sequential(ConvBlock(in_chans, out_chans), ConvBlock(out_chans, out_chans))
        self.shortcut = nn.Conv2d(in_chans, out_chans, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.shortcut(x)


class DenseGradient(torch.autograd.Function):
    """The identity on (B, C, H, W) with a gradient laid out as densely as the tensor.

    Behind a concatenation the gradient is a slice of channels, for which the CPU's GELU takes ten times as long.
    """

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        nhwc = x.is_contiguous(memory_format=torch.channels_last)
        ctx.layout = torch.channels_last if nhwc else torch.contiguous_format
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient.contiguous(memory_format=ctx.layout)


class UpPath(nn.Module):
    """From the deepest map to logits: double, concatenate the skip, convolve; channels from fine to coarse."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        steps = pairwise(channels)
        self.blocks = nn.ModuleList(ResidualBlock(fine + coarse, fine) for fine, coarse in steps)
        self.head = nn.Conv2d(channels[0], 1, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """maps from fine (B, C0, H, W) to coarse -> logits (B, 1, H, W)."""
        x = maps[-1]
        for skip, block in zip(reversed(maps[:-1]), reversed(self.blocks), strict=True):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = block(torch.cat([x, DenseGradient.apply(skip)], dim=1))
        return self.head(x)


class ViTUNet(nn.Module):
    """Vessel logits from a ViT under a U-Net decoder: (B, 3, H, W) -> (B, 1, H, W)."""

    def __init__(self, encoder: VisionTransformer, width: int, image_skip: bool) -> None:
        """`encoder`: of patch size 2^k; `width`: channels at stride 2, doubled at each coarser one; `image_skip`:
        whether there is a full-resolution map, made from the image with half of `width` channels."""
        super().__init__()
        self.encoder = encoder
        levels = encoder.patch_embed.patch_size[0].bit_length() - 1
        channels = [width * 2**level for level in range(levels)]  # strides 2 to the patch size
        self.adapters = nn.ModuleList(
            adapter(encoder.embed_dim, chans, doublings=levels - 1 - level) for level, chans in enumerate(channels)
        )
        self.finest = ResidualBlock(3, width // 2) if image_skip else None
        self.up = UpPath([width // 2, *channels] if image_skip else channels)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.encoder.forward_features(images)[:, self.encoder.num_prefix_tokens :]
        grid = tokens.transpose(1, 2).unflatten(2, self.encoder.patch_embed.grid_size)  # (B, D, h, w)
        maps = [adapt(grid) for adapt in self.adapters]
        if self.finest is not None:
            return self.up([self.finest(images), *maps])
        return F.interpolate(self.up(maps), scale_factor=2, mode="bilinear")


def adapter(embed_dim: int, out_chans: int, doublings: int) -> nn.Sequential:
    """The token map (B, D, h, w) at 2^doublings times its resolution, in `out_chans` channels."""
    stages: list[nn.Module] = [ConvBlock(embed_dim, out_chans)]
    for _ in range(doublings):
        stages += [nn.Upsample(scale_factor=2, mode="nearest"), ConvBlock(out_chans, out_chans)]
    return nn.Sequential(*stages)


class UNet(nn.Module):
    """The plain convolutional U-Net (Ronneberger et al., 2015): (B, 3, H, W) -> logits (B, 1, H, W)."""

    def __init__(self, width: int, depth: int = 4) -> None:
        """`width`: channels at full resolution, doubled at each of `depth` halvings."""
        super().__init__()
        channels = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(ResidualBlock(i, o) for i, o in zip([3, *channels[:-1]], channels, strict=True))
        self.up = UpPath(channels)

    def forward(self, images: Tensor) -> Tensor:
        maps = [self.down[0](images)]
        for block in self.down[1:]:
            maps.append(block(F.max_pool2d(maps[-1], 2)))
        return self.up(maps)
