"""VasoMIM (Huang et al., Vascular anatomy-aware masked image modelling, AAAI 2026), and MAE within it.

Without guidance and consistency this is MAE (He et al., CVPR 2022). Guidance draws a share of the hidden patches by the
vessels they hold; consistency asks a frozen segmentor to see the same vessels in the reconstruction as in the original.
Kept as published: mask ratio, the linear schedule of the guided share, losses weighted 1 : 1, full reconstruction for
the segmentor, soft targets. See `vasolib.mim` and `vasolib.masking` for what the sources leave open.
"""

__all__ = ["Betas", "VasoMIM", "draw_mask", "masking_rate", "vessel_share"]

from collections.abc import Callable

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from vasolib.masking import PatchMask, guidance_schedule, guided_masking, random_masking
from vasolib.mim import MaskedAutoencoder, consistency_loss, reconstruct, reconstruction_loss

Betas = tuple[float, float] | None  # share of guided patches at the start and at the end; None: no guidance


def draw_mask(
    weights: Tensor, mask_ratio: float, betas: Betas, progress: float, *, generator: torch.Generator
) -> PatchMask:
    """The patches to hide at `progress` (0 to 1) of training; weights (B, L) from `vasolib.masking.patch_weights`."""
    if betas is None:
        return random_masking(*weights.shape, mask_ratio, generator=generator)
    return guided_masking(weights, mask_ratio, guidance_schedule(progress, *betas), generator=generator)


def vessel_share(weights: Tensor, masked: PatchMask) -> Tensor:
    """Share of vessel-containing patches (at least one vessel pixel) among the masked ones, a scalar (Fig. 3a)."""
    return (weights.gather(1, masked.idx_mask) > 0).float().mean()


def masking_rate(
    weights: Tensor, mask_ratio: float, betas: Betas, epochs: int, *, generator: torch.Generator
) -> Tensor:
    """Share of epochs in which each patch of one fixed, uncropped image is hidden: weights (L,) -> (L,) (Fig. 3b)."""
    drawn = [
        draw_mask(weights[None], mask_ratio, betas, (e + 1) / epochs, generator=generator).mask for e in range(epochs)
    ]
    return torch.cat(drawn).mean(dim=0)


class VasoMIM(MaskedAutoencoder):
    """A masked autoencoder whose masks may follow the anatomy and whose reconstructions may be judged."""

    VIEWS = 1

    def __init__(
        self,
        encoder: VisionTransformer,
        embed_dim: int,
        depth: int,
        num_heads: int,
        mask_ratio: float,
        norm_pix_loss: bool,
        betas: Betas = None,
        judge: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """`embed_dim`, `depth`, `num_heads`: the decoder's; `judge`: vessel logits of images, adds L_cons if given."""
        super().__init__(encoder, embed_dim, depth, num_heads)
        self.mask_ratio, self.norm_pix_loss, self.betas, self.judge = mask_ratio, norm_pix_loss, betas, judge

    def loss(self, views: Tensor, weights: Tensor, progress: float, *, generator: torch.Generator) -> dict[str, Tensor]:
        """L_rec, plus L_cons under a judge: views (1, B, 3, H, W), weights (B, L)."""
        images = views[0]
        masked = draw_mask(weights, self.mask_ratio, self.betas, progress, generator=generator)
        prediction = self(images, masked)
        rec = reconstruction_loss(prediction, images, masked.mask, self.norm_pix_loss)
        values = {"loss": rec, "reconstruction": rec}
        if self.judge is not None:
            cons = consistency_loss(self.judge, reconstruct(prediction, images, self.norm_pix_loss), images)
            values |= {"loss": rec + cons, "consistency": cons}
        return {**values, "vessel_share": vessel_share(weights, masked)}
