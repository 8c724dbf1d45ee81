"""AMT: a masked autoencoder that hides what its own class token attends to, and throws part of the image away.

Liu, Gui and Luo, "Good helper is around you: Attention-driven masked image modeling", AAAI 2023. Patches are drawn
without replacement by the attention of the last block's class token: the first 45 % drawn are masked, the next 40 %
thrown (neither encoded nor reconstructed, and absent from the decoder), so that the encoder sees what is attended to
least. The first tenth of training masks 75 % at random. Kept as released: the ratios, the tenth (41 of 400 epochs),
and weights that are the mean over heads of attention stretched to [0, 1] in each head.
Simplified: the released code takes the attention of every uncropped image once in 40 epochs and cuts the stored map
like the image; here it is the current crop's under the current weights, never stale, for one forward pass over all
patches without gradients per step. (That cut also rounds its bounds so that only the two or three cells in the map's
top left corner remain, whatever the crop, which cannot be meant.)
"""

__all__ = ["AMT", "ThrowingMask", "attention_masking", "class_attention"]

from typing import NamedTuple

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from vasolib.distributed import batch_rand
from vasolib.masking import PatchMask, random_masking
from vasolib.mim import MaskedAutoencoder, decoder_tokens, masked_errors
from vasolib.ssl.vasomim import vessel_share

THROW_RATIO = 0.4  # published together with mask_ratio 0.45
RANDOM_SHARE = 0.1  # of training, before the attention is worth following
RANDOM_MASK_RATIO = 0.75  # MAE's, during that share


class ThrowingMask(NamedTuple):
    """Which of L patches each of B images shows, has to reconstruct, and lacks altogether.

    idx_keep: (B, L_keep), idx_mask: (B, L_mask) and idx_throw: (B, L_throw), int64, partition the patches.
    """

    idx_keep: Tensor
    idx_mask: Tensor
    idx_throw: Tensor


@torch.no_grad()
def class_attention(encoder: VisionTransformer, images: Tensor) -> Tensor:
    """How much the last block's class token attends to each patch: (B, 3, H, W) -> (B, L) in [0, 1].

    Softmax over the patches, each head stretched to [0, 1], mean over heads. Stretched, a head's weights no longer
    depend on how much of its attention goes to the class token itself.
    """
    cls = encoder.cls_token.expand(len(images), -1, -1)
    x = torch.cat([cls, encoder.patch_embed(images)], dim=1) + encoder.pos_embed
    x = encoder.blocks[:-1](x)
    block, attn = encoder.blocks[-1], encoder.blocks[-1].attn
    qkv = attn.qkv(block.norm1(x)).unflatten(2, (3, attn.num_heads, attn.head_dim))
    q, k, _ = qkv.permute(2, 0, 3, 1, 4)  # (B, heads, 1 + L, head_dim)
    scores = attn.q_norm(q[:, :, 0])[:, :, None] @ attn.k_norm(k[:, :, 1:]).mT
    heads = (scores[:, :, 0].float() * attn.scale).softmax(dim=-1)  # (B, heads, L)
    low, high = heads.aminmax(dim=-1, keepdim=True)
    return ((heads - low) / (high - low).clamp_min(torch.finfo(heads.dtype).tiny)).mean(dim=1)


def attention_masking(
    attention: Tensor, mask_ratio: float, throw_ratio: float, *, generator: torch.Generator
) -> ThrowingMask:
    """Mask the patches drawn first by attention, throw those drawn next, keep the rest.

    int(L mask_ratio) are masked and int(L (mask_ratio + throw_ratio)) masked or thrown. Drawing without replacement
    by weight is one sort: log-weight plus Gumbel noise, largest first; patches without attention come last.

    Args:
        attention: (B, L) non-negative, on the generator's device.
    """
    n_mask, n_hidden = _counts(attention.shape[1], mask_ratio, throw_ratio)
    uniform = batch_rand(*attention.shape, generator=generator)
    gumbel = -torch.log(-torch.log(uniform.clamp(1e-12, 1 - 1e-7)))
    weights = attention.clamp_min(torch.finfo(attention.dtype).tiny)  # not 0: chance orders those without attention
    order = (weights.log() + gumbel).argsort(dim=1, descending=True)
    return ThrowingMask(order[:, n_hidden:], order[:, :n_mask], order[:, n_mask:n_hidden])


class AMT(MaskedAutoencoder):
    """A masked autoencoder that masks and throws by its own attention."""

    VIEWS = 1

    def __init__(
        self, encoder: VisionTransformer, embed_dim: int, depth: int, num_heads: int, mask_ratio: float,
        norm_pix_loss: bool,
    ) -> None:  # fmt: skip
        """`embed_dim`, `depth`, `num_heads`: the decoder's; `mask_ratio`: beside what is thrown, published 0.45.

        Raises:
            ValueError: `mask_ratio` and the 40 % thrown leave no patch visible or none masked.
        """
        super().__init__(encoder, embed_dim, depth, num_heads)
        _counts(self.patches, mask_ratio, THROW_RATIO)  # refuse now, not after the first tenth of training
        self.mask_ratio, self.norm_pix_loss = mask_ratio, norm_pix_loss

    def draw_mask(self, images: Tensor, progress: float, *, generator: torch.Generator) -> PatchMask | ThrowingMask:
        """Random in the first tenth of training, then by the attention that (B, 3, H, W) draw."""
        if progress <= RANDOM_SHARE:
            return random_masking(len(images), self.patches, RANDOM_MASK_RATIO, generator=generator)
        return attention_masking(
            class_attention(self.encoder, images), self.mask_ratio, THROW_RATIO, generator=generator
        )

    def loss(self, views: Tensor, weights: Tensor, progress: float, *, generator: torch.Generator) -> dict[str, Tensor]:
        """Reconstruction error of the masked patches, and the share of them that contain vessel.

        Args:
            views: (1, B, 3, H, W).
            weights: (B, L), see `vasolib.masking.patch_weights`; logged only.
            progress: (epoch + 1) / epochs.
        """
        masked = self.draw_mask(views[0], progress, generator=generator)
        tokens = self.encode(views[0], masked.idx_keep)
        tokens = self.decoder_blocks(decoder_tokens(self, tokens, masked.idx_keep, masked.idx_mask))
        prediction = self.decoder_pred(self.decoder_norm(tokens[:, -masked.idx_mask.shape[1] :]))
        reconstruction = masked_errors(prediction, views[0], masked.idx_mask, self.norm_pix_loss).mean()
        share = vessel_share(weights, masked)
        return {"loss": reconstruction, "reconstruction": reconstruction, "vessel_share": share}


def _counts(patches: int, mask_ratio: float, throw_ratio: float) -> tuple[int, int]:
    """Numbers of patches masked, and masked or thrown."""
    n_mask, n_hidden = int(patches * mask_ratio), int(patches * (mask_ratio + throw_ratio))
    if not 0 < n_mask <= n_hidden < patches:
        raise ValueError(
            f"mask_ratio {mask_ratio} and throw_ratio {throw_ratio} mask {n_mask} and keep {patches - n_hidden} of "
            f"{patches} patches: at least 1 must be masked and 1 kept; the published ratios are 0.45 and 0.4"
        )
    return n_mask, n_hidden
