"""The simple feature pyramid of ViTDet: the one map of a plain ViT turned into maps of several strides.

Li et al., Exploring Plain Vision Transformer Backbones for Object Detection (ECCV 2022), section 3: every level is made
from the last block's map alone, finer ones by transposed convolutions, coarser ones by max pooling, each then brought
to one width by a 1 x 1 and a 3 x 3 convolution with layer normalisation.
"""

__all__ = ["STRIDES", "SimplePyramid"]

from timm.layers import LayerNorm2d
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

STRIDES = (4, 8, 16, 32)


class SimplePyramid(nn.Module):
    """Maps of a ViT at some strides: (B, 3, S, S) -> {"0": (B, width, S / stride, S / stride), "1": ...}.

    In the order of `strides`; a patch may be finer or coarser than any of them.
    """

    def __init__(self, encoder: VisionTransformer, width: int, strides: tuple[int, ...] = STRIDES) -> None:
        """`encoder`: of patch size 2^k; `width`: channels of all maps; `strides`: powers of two."""
        super().__init__()
        self.encoder = encoder
        self.out_channels = width  # torchvision's name
        patch = encoder.patch_embed.patch_size[0]
        self.levels = nn.ModuleList(level(encoder.embed_dim, width, patch, stride) for stride in strides)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        tokens = self.encoder.forward_features(images)[:, self.encoder.num_prefix_tokens :]
        grid = tokens.transpose(1, 2).unflatten(2, self.encoder.patch_embed.grid_size)  # (B, D, h, w)
        return {str(number): made(grid) for number, made in enumerate(self.levels)}


def level(embed_dim: int, width: int, patch: int, stride: int) -> nn.Sequential:
    """The token map (B, D, h, w) of stride `patch` brought to another stride, in `width` channels."""
    stages, chans = resampled(embed_dim, patch, stride)
    stages += [nn.Conv2d(chans, width, 1, bias=False), LayerNorm2d(width)]
    stages += [nn.Conv2d(width, width, 3, padding=1, bias=False), LayerNorm2d(width)]
    return nn.Sequential(*stages)


def resampled(chans: int, patch: int, stride: int) -> tuple[list[nn.Module], int]:
    """Layers from stride `patch` to `stride`, and their channels: halved by each doubling of the resolution."""
    if stride >= patch:
        return ([nn.MaxPool2d(stride // patch)] if stride > patch else []), chans
    stages: list[nn.Module] = []
    while patch > stride:
        if stages:
            stages += [LayerNorm2d(chans), nn.GELU()]
        stages.append(nn.ConvTranspose2d(chans, chans // 2, 2, stride=2))
        patch, chans = patch // 2, chans // 2
    return stages, chans
