"""SimMIM: the encoder sees mask tokens in place of hidden patches, and one linear layer predicts their pixels.

Xie et al., "SimMIM: a simple framework for masked image modeling", CVPR 2022. Kept as published for a ViT of patch
16: units of 2 x 2 patches (32 pixels) are hidden together, 60 % of them, and the loss is the mean absolute error of
the normalised pixels that are hidden. Nothing is scaled: depth and width are the encoder's, and where a grid has an
odd side its units are single patches. Simplified: the paper's own ViT learns a relative position bias and has layer
scale and drop path; here all methods share one encoder, with fixed positions and a class token. Crops are those of
the shared loop too, 20 to 100 % of the area where SimMIM takes 67 to 100 %.
"""

__all__ = ["SimMIM", "unit_masking"]

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from vasolib.masking import PatchMask, random_masking
from vasolib.mim import patchify

UNIT = 2  # patches along the side of what is hidden together: the published 32 pixels over patches of 16


def unit_masking(batch: int, grid: int, mask_ratio: float, *, generator: torch.Generator) -> PatchMask:
    """Hide a uniformly drawn share of the 2 x 2 squares that tile a grid of L = grid^2 patches.

    Of G squares int(G (1 - mask_ratio)) stay visible. A grid of odd side is cut into single patches instead.

    Raises:
        ValueError: no square would be hidden, or none kept.
    """
    unit = 1 if grid % UNIT else UNIT
    side = grid // unit
    within = torch.arange(unit, device=generator.device)
    within = (within[:, None] * grid + within).flatten()  # patches of the first unit

    def patches(units: Tensor) -> Tensor:
        first = (units // side * grid + units % side) * unit
        return (first[:, :, None] + within).flatten(1)

    units = random_masking(batch, side**2, mask_ratio, generator=generator)
    return PatchMask(patches(units.idx_keep), patches(units.idx_mask))


class SimMIM(nn.Module):
    """Encoder of all patches, the hidden ones replaced by a learned token, under a linear head."""

    VIEWS = 1

    def __init__(self, encoder: VisionTransformer, mask_ratio: float = 0.6) -> None:
        """`encoder`: see `vasolib.mim.build_encoder`; `mask_ratio`: share of the 2 x 2 units that is hidden."""
        super().__init__()
        self.encoder = encoder
        self.mask_ratio = mask_ratio
        self.patch = encoder.patch_embed.patch_size[0]
        self.mask_token = nn.Parameter(torch.zeros(1, 1, encoder.embed_dim))
        self.head = nn.Linear(encoder.embed_dim, 3 * self.patch**2)
        nn.init.trunc_normal_(self.mask_token, std=0.02, a=-0.02, b=0.02)

    def encode(self, images: Tensor, hidden: Tensor) -> Tensor:
        """Tokens of an image whose patches are hidden where `hidden` (B, L) is true: (B, 3, H, W) -> (B, 1 + L, D)."""
        vit = self.encoder
        x = vit.patch_embed(images)
        x = torch.where(hidden[:, :, None], self.mask_token.to(x.dtype), x) + vit.pos_embed[:, 1:]
        cls = (vit.cls_token + vit.pos_embed[:, :1]).expand(len(x), -1, -1)
        return vit.norm(vit.blocks(torch.cat([cls, x], dim=1)))

    def forward(self, images: Tensor, masked: PatchMask) -> Tensor:
        """Predicted pixels of the hidden patches, in the order of `masked.idx_mask`: (B, L_mask, P * P * 3)."""
        patches = self.encode(images, masked.mask.bool())[:, 1:]
        return self.head(patches.take_along_dim(masked.idx_mask[:, :, None], dim=1))

    def loss(self, views: Tensor, weights: Tensor, progress: float, *, generator: torch.Generator) -> dict[str, Tensor]:
        """Mean absolute error over the hidden pixels of views[0]: (1, B, 3, H, W) -> {"loss": scalar}.

        `weights` and `progress` play no part.
        """
        images = views[0]
        grid = self.encoder.patch_embed.grid_size[0]
        masked = unit_masking(len(images), grid, self.mask_ratio, generator=generator)
        target = patchify(images, self.patch).take_along_dim(masked.idx_mask[:, :, None], dim=1)
        return {"loss": F.l1_loss(self(images, masked).float(), target)}
