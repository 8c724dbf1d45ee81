"""The masked autoencoder on timm's parts, and the two losses of VasoMIM.

Departures from the released code: none in what is computed. Patches follow MAE's layout (row, column, channel last).
"""

__all__ = [
    "MaskedAutoencoder", "build_encoder", "consistency_loss", "decoder_tokens", "masked_errors", "patchify",
    "reconstruction_loss", "unpatchify",
]  # fmt: skip

from collections.abc import Callable
from functools import partial

import torch
from timm.layers.pos_embed_sincos import build_sincos2d_pos_embed
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from vasolib.masking import PatchMask

NORM = partial(nn.LayerNorm, eps=1e-6)


def patchify(images: Tensor, patch: int) -> Tensor:
    """Cut (B, C, H, W) into patches of side P = `patch`: (B, L, P * P * C), L = H W / P^2 in raster order."""
    b, c, h, w = images.shape
    grid = images.reshape(b, c, h // patch, patch, w // patch, patch)
    return grid.permute(0, 2, 4, 3, 5, 1).reshape(b, -1, patch * patch * c)


def unpatchify(patches: Tensor, patch: int) -> Tensor:
    """The inverse of `patchify` for square images of three channels: (B, L, P * P * 3) -> (B, 3, H, W)."""
    b, n, _ = patches.shape
    side = int(n**0.5)
    grid = patches.reshape(b, side, side, patch, patch, 3)
    return grid.permute(0, 5, 1, 3, 2, 4).reshape(b, 3, side * patch, side * patch)


def sincos_positions(grid: int, dim: int) -> Tensor:
    """Fixed 2-D sine-cosine positions behind a zero for the class token: (1, 1 + grid^2, dim).

    timm orders a position as (sine, cosine) x (row, column), MAE as (column, row) x (sine, cosine).
    """
    positions = build_sincos2d_pos_embed([grid, grid], dim=dim, interleave_sin_cos=False)
    positions = positions.reshape(grid, grid, 2, 2, -1).permute(1, 0, 3, 2, 4).reshape(grid * grid, dim)
    return torch.cat([torch.zeros(1, dim), positions])[None]


def build_encoder(img_size: int, patch: int, embed_dim: int, depth: int, num_heads: int) -> VisionTransformer:
    """timm's ViT as MAE uses it: class token, fixed sine-cosine positions, no head."""
    encoder = VisionTransformer(
        img_size=img_size, patch_size=patch, embed_dim=embed_dim, depth=depth, num_heads=num_heads,
        num_classes=0, global_pool="", norm_layer=NORM,
    )  # fmt: skip
    encoder.pos_embed = nn.Parameter(sincos_positions(img_size // patch, embed_dim), requires_grad=False)
    return encoder


class MaskedAutoencoder(nn.Module):
    """Encoder of the visible patches, decoder of all patches (He et al., MAE, CVPR 2022)."""

    def __init__(self, encoder: VisionTransformer, embed_dim: int, depth: int, num_heads: int) -> None:
        """`encoder`: see `build_encoder`; `embed_dim`, `depth`, `num_heads`: the decoder's."""
        super().__init__()
        self.encoder = encoder
        self.patch = encoder.patch_embed.patch_size[0]
        grid = encoder.patch_embed.grid_size[0]
        self.decoder_embed = nn.Linear(encoder.embed_dim, embed_dim)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        self.decoder_pos_embed = nn.Parameter(sincos_positions(grid, embed_dim), requires_grad=False)
        self.decoder_blocks = nn.Sequential(
            *(Block(embed_dim, num_heads, qkv_bias=True, norm_layer=NORM) for _ in range(depth))
        )
        self.decoder_norm = NORM(embed_dim)
        self.decoder_pred = nn.Linear(embed_dim, 3 * self.patch**2)
        nn.init.normal_(self.mask_token, std=0.02)

    @property
    def patches(self) -> int:
        """L, the number of patches of an image."""
        return self.encoder.patch_embed.num_patches

    def encode(self, images: Tensor, idx_keep: Tensor) -> Tensor:
        """Class token and visible patches through the encoder: (B, 3, H, W), (B, L_keep) -> (B, 1 + L_keep, D)."""
        vit = self.encoder
        x = vit.patch_embed(images) + vit.pos_embed[:, 1:]
        x = x.gather(1, idx_keep[:, :, None].expand(-1, -1, x.shape[2]))
        cls = (vit.cls_token + vit.pos_embed[:, :1]).expand(len(x), -1, -1)
        return vit.norm(vit.blocks(torch.cat([cls, x], dim=1)))

    def decode(self, tokens: Tensor, ids_restore: Tensor) -> Tensor:
        """Pixels of all patches from the visible ones: (B, 1 + L_keep, D), (B, L) -> (B, L, P * P * 3)."""
        x = self.decoder_embed(tokens)
        hidden = self.mask_token.to(x.dtype).expand(len(x), ids_restore.shape[1] + 1 - x.shape[1], -1)
        patches = torch.cat([x[:, 1:], hidden], dim=1)
        patches = patches.gather(1, ids_restore[:, :, None].expand(-1, -1, x.shape[2]))
        x = torch.cat([x[:, :1], patches], dim=1) + self.decoder_pos_embed
        return self.decoder_pred(self.decoder_norm(self.decoder_blocks(x)))[:, 1:]

    def forward(self, images: Tensor, masked: PatchMask) -> Tensor:
        """(B, 3, H, W) -> predicted patches (B, L, P * P * 3)."""
        return self.decode(self.encode(images, masked.idx_keep), masked.ids_restore)


def patch_statistics(patches: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (unbiased, 1e-6 added to the variance) of each patch: two of (B, L, 1)."""
    mean = patches.mean(dim=-1, keepdim=True)
    variance = (patches - mean).square().sum(dim=-1, keepdim=True) / (patches.shape[-1] - 1)  # faster than var_mean
    return mean, (variance + 1e-6).sqrt()


def reconstruction_loss(prediction: Tensor, images: Tensor, mask: Tensor, norm_pix_loss: bool) -> Tensor:
    """L_rec: mean squared error over the masked patches of the batch.

    Args:
        prediction: (B, L, P * P * 3).
        images: (B, 3, H, W).
        mask: (B, L), 1 where hidden.
        norm_pix_loss: compare with each patch normalised to mean 0 and variance 1.
    """
    target = patchify(images, int((prediction.shape[2] // 3) ** 0.5))
    if norm_pix_loss:
        mean, std = patch_statistics(target)
        target = (target - mean) / std
    error = (prediction.float() - target).square().mean(dim=-1)
    return (error * mask).sum() / mask.sum()


def decoder_tokens(model: MaskedAutoencoder, tokens: Tensor, idx_keep: Tensor, idx_mask: Tensor) -> Tensor:
    """Input of the decoder's blocks without the patches in neither index.

    Args:
        tokens: (B, 1 + L_keep, D), the encoder's.
        idx_keep: (B, L_keep).
        idx_mask: (B, L_mask).

    Returns:
        (B, 1 + L_keep + L_mask, decoder's D): class token, kept, masked. Their order does not matter to the blocks,
        since each token carries its position.
    """
    x = model.decoder_embed(tokens)
    hidden = model.mask_token.to(x.dtype).expand(len(x), idx_mask.shape[1], -1)
    order = torch.cat([idx_keep, idx_mask], dim=1) + 1  # behind the class token
    positions = model.decoder_pos_embed[0, F.pad(order, (1, 0))]
    return torch.cat([x, hidden], dim=1) + positions


def masked_errors(prediction: Tensor, images: Tensor, idx_mask: Tensor, norm_pix_loss: bool) -> Tensor:
    """Mean squared error of each masked patch: (B, L_mask).

    Args:
        prediction: (B, L_mask, P * P * 3), of the patches `idx_mask` in this order.
        images: (B, 3, H, W).
        idx_mask: (B, L_mask).
        norm_pix_loss: compare with each patch normalised to mean 0 and variance 1.
    """
    target = patchify(images, int((prediction.shape[2] // 3) ** 0.5)).take_along_dim(idx_mask[:, :, None], dim=1)
    if norm_pix_loss:
        mean, std = patch_statistics(target)
        target = (target - mean) / std
    return (prediction.float() - target).square().mean(dim=-1)


def reconstruct(prediction: Tensor, images: Tensor, norm_pix_loss: bool) -> Tensor:
    """The image that a prediction stands for, (B, 3, H, W): all patches as predicted, none pasted from the input.

    With `norm_pix_loss`, each patch gets the true patch's mean and contrast back, as in the released code; so these
    leak into what the segmentor sees.
    """
    patch = int((prediction.shape[2] // 3) ** 0.5)
    if norm_pix_loss:
        mean, std = patch_statistics(patchify(images, patch))
        prediction = prediction.float() * std + mean
    return unpatchify(prediction.float(), patch)


def consistency_loss(segmentor: Callable[[Tensor], Tensor], reconstruction: Tensor, images: Tensor) -> Tensor:
    """L_cons: cross-entropy between the vessels that a frozen segmentor sees in the original and in the reconstruction.

    Soft targets, mean over pixels; the gradient reaches the reconstruction through the segmentor, not the target.
    """
    with torch.no_grad():
        target = segmentor(images).float().sigmoid()
    return F.binary_cross_entropy_with_logits(segmentor(reconstruction).float(), target)
