"""CrossMAE: a masked autoencoder whose decoder only looks from hidden patches to visible ones.

Fu, Lian et al., "Rethinking patch dependence for masked autoencoders", TMLR 2025. Hidden patches are queries (mask
token plus position) that attend to the visible tokens and never to each other, so that a part of them can be
predicted alone. Each block of the decoder reads its own learned sum of all encoder blocks' outputs and of their input
(inter-block attention), behind its own layer norm; the encoder's last norm is therefore not trained. Kept as
published: mask ratio 0.75, a quarter of all patches predicted, mean squared error of normalised patches. Scaled:
the decoder (512 wide, 12 blocks, 16 heads for ViT-B). Simplified: the published learning rate shrinks with the share
of hidden patches that is predicted; here all methods share one. The sums' weights start from a normal distribution of
variance 1 / K for K maps, which the released code states and then draws again, uniformly, with all its linear layers.
"""

__all__ = ["CrossBlock", "CrossMAE"]

import torch
from timm.layers import Mlp
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from vasolib.masking import random_masking
from vasolib.mim import NORM, patch_statistics, patchify, sincos_positions

PREDICTED = 0.25  # share of all patches that is predicted


class CrossBlock(nn.Module):
    """Attention from queries to visible tokens, then an MLP: (B, Q, E), (B, N, D) -> (B, Q, E)."""

    def __init__(self, embed_dim: int, num_heads: int, encoder_dim: int) -> None:
        """`embed_dim`: E, the queries' width; `encoder_dim`: D, the visible tokens'."""
        super().__init__()
        self.norm_visible = NORM(encoder_dim)
        self.norm1 = NORM(embed_dim)
        self.attn = nn.MultiheadAttention(embed_dim, num_heads, kdim=encoder_dim, vdim=encoder_dim, batch_first=True)
        self.norm2 = NORM(embed_dim)
        self.mlp = Mlp(embed_dim, 4 * embed_dim)

    def forward(self, queries: Tensor, visible: Tensor) -> Tensor:
        visible = self.norm_visible(visible)
        queries = queries + self.attn(self.norm1(queries), visible, visible, need_weights=False)[0]
        return queries + self.mlp(self.norm2(queries))


class CrossMAE(nn.Module):
    """Encoder of the visible patches, cross-attention decoder of some hidden ones."""

    VIEWS = 1

    def __init__(
        self, encoder: VisionTransformer, embed_dim: int, depth: int, num_heads: int,
        mask_ratio: float = 0.75, norm_pix_loss: bool = True,
    ) -> None:  # fmt: skip
        """`encoder`: see `vasolib.mim.build_encoder`; `embed_dim`, `depth`, `num_heads`: the decoder's.

        Raises:
            ValueError: fewer patches are hidden than a quarter of all, which are to be predicted.
        """
        super().__init__()
        if mask_ratio < PREDICTED:
            raise ValueError(f"mask_ratio {mask_ratio} hides too few: {PREDICTED} of all patches are predicted")
        self.encoder = encoder
        self.mask_ratio, self.norm_pix_loss = mask_ratio, norm_pix_loss
        self.patch = encoder.patch_embed.patch_size[0]
        maps = len(encoder.blocks) + 1
        self.map_weights = nn.Parameter(torch.empty(depth, maps))
        self.mask_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        positions = sincos_positions(encoder.patch_embed.grid_size[0], embed_dim)[:, 1:]
        self.decoder_pos_embed = nn.Parameter(positions, requires_grad=False)
        self.decoder_blocks = nn.ModuleList(CrossBlock(embed_dim, num_heads, encoder.embed_dim) for _ in range(depth))
        self.decoder_norm = NORM(embed_dim)
        self.decoder_pred = nn.Linear(embed_dim, 3 * self.patch**2)
        nn.init.normal_(self.map_weights, std=maps**-0.5)
        nn.init.normal_(self.mask_token, std=0.02)

    def encode(self, images: Tensor, idx_keep: Tensor) -> Tensor:
        """What enters and leaves each of K - 1 encoder blocks: (B, 3, H, W), (B, L_keep) -> (K, B, 1 + L_keep, D)."""
        vit = self.encoder
        x = (vit.patch_embed(images) + vit.pos_embed[:, 1:]).take_along_dim(idx_keep[:, :, None], dim=1)
        maps = [torch.cat([(vit.cls_token + vit.pos_embed[:, :1]).expand(len(x), -1, -1), x], dim=1)]
        for block in vit.blocks:
            maps.append(block(maps[-1]))
        return torch.stack(maps)

    def decode(self, maps: Tensor, idx: Tensor) -> Tensor:
        """Pixels of the hidden patches `idx` from the encoder's maps: (K, B, N, D), (B, Q) -> (B, Q, P * P * 3)."""
        x = self.mask_token + self.decoder_pos_embed.take_along_dim(idx[:, :, None], dim=1)
        visible = torch.tensordot(self.map_weights, maps, dims=1)  # (depth, B, N, D)
        for block, tokens in zip(self.decoder_blocks, visible, strict=True):
            x = block(x, tokens)
        return self.decoder_pred(self.decoder_norm(x))

    def draw(self, batch: int, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Which patches are visible and which of the hidden ones are predicted: (B, L_keep), (B, Q)."""
        patches = self.encoder.patch_embed.num_patches
        masked = random_masking(batch, patches, self.mask_ratio, generator=generator)
        ignored = int(patches * (self.mask_ratio - PREDICTED))  # hidden patches come in random order
        return masked.idx_keep, masked.idx_mask[:, ignored:]

    def loss(self, views: Tensor, weights: Tensor, progress: float, *, generator: torch.Generator) -> dict[str, Tensor]:
        """Mean squared error over the predicted patches of views[0]: (1, B, 3, H, W) -> {"loss": scalar}.

        `weights` and `progress` play no part.
        """
        images = views[0]
        idx_keep, idx = self.draw(len(images), generator=generator)
        target = patchify(images, self.patch).take_along_dim(idx[:, :, None], dim=1)
        if self.norm_pix_loss:
            mean, std = patch_statistics(target)
            target = (target - mean) / std
        prediction = self.decode(self.encode(images, idx_keep), idx)
        return {"loss": F.mse_loss(prediction.float(), target)}
