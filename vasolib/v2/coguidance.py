"""Co-guidance: masks that follow the filter and the segmentor together (VasoMIM extended, arXiv 2602.11536).

G = eta B + (1 - eta) M, with B the filter's vessel mask and M the frozen segmentor's vessel probability of the original
image; patches are then drawn by their share of G as in the first paper. As a probability is never quite zero, every
patch has some weight: neither the cap at the number of vessel patches nor the random mask of an image without
vessels ever comes into play while eta is below 1, as in the released code.

Cost: the consistency loss compares with the same M, so where it is on, guidance takes no pass of the segmentor of its
own. Where it is off, guidance adds one pass of the original images, without a gradient.
"""

__all__ = ["CoGuidedMIM", "co_guidance"]

from collections.abc import Callable

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from vasolib.masking import patch_weights
from vasolib.mim import reconstruct, reconstruction_loss
from vasolib.ssl.vasomim import Betas, VasoMIM, draw_mask, vessel_share
from vasolib.v2.targets import Consistency, vessel_probability


def co_guidance(anatomy: Tensor, probability: Tensor, eta: float) -> Tensor:
    """G = eta B + (1 - eta) M: anatomy B of 0 and 1 and probability M of 0 to 1, (B, H, W) each -> (B, H, W) float."""
    return eta * anatomy + (1 - eta) * probability


class CoGuidedMIM(VasoMIM):
    """VasoMIM with co-guided masks, and with a choice of what consistency compares."""

    PIXELS = True  # is handed vessel maps, since patch weights cannot be mixed before they are scaled

    def __init__(
        self,
        encoder: VisionTransformer,
        embed_dim: int,
        depth: int,
        num_heads: int,
        mask_ratio: float,
        norm_pix_loss: bool,
        betas: Betas = None,
        eta: float = 0.5,
        segmentor: Callable[[Tensor], Tensor] | None = None,
        consistency: Consistency | None = None,
    ) -> None:
        """`embed_dim`, `depth`, `num_heads`: the decoder's.

        Args:
            eta: weight of the filter's mask in the guidance.
            segmentor: vessel logits of images by a frozen network's `forward`; asked about them once a step if given.
            consistency: adds L_cons, see `vasolib.v2.targets`.

        Raises:
            ValueError: eta below 1 guides and no segmentor is given.
        """
        super().__init__(encoder, embed_dim, depth, num_heads, mask_ratio, norm_pix_loss, betas)
        if betas is not None and eta < 1 and segmentor is None:
            raise ValueError(f"eta is {eta}, so a trained segmentor must be given: it guides too")
        self.eta, self.segmentor, self.consistency = eta, segmentor, consistency

    def loss(self, views: Tensor, vessels: Tensor, progress: float, *, generator: torch.Generator) -> dict[str, Tensor]:
        """L_rec, plus L_cons where there is one: views (1, B, 3, H, W), vessels (B, 1, H, W) of 0 and 1.

        vessel_share counts patches with vessel by the filter's mask, whatever guides.
        """
        images, anatomy = views[0], vessels[:, 0]
        probability = None if self.segmentor is None else vessel_probability(self.segmentor, images)
        guide = anatomy if probability is None else co_guidance(anatomy, probability[:, 0], self.eta)
        weights = patch_weights(guide, self.patch)
        masked = draw_mask(weights, self.mask_ratio, self.betas, progress, generator=generator)
        prediction = self(images, masked)
        rec = reconstruction_loss(prediction, images, masked.mask, self.norm_pix_loss)
        values = {"loss": rec, "reconstruction": rec}
        if self.consistency is not None:
            again = reconstruct(prediction, images, self.norm_pix_loss)
            cons = self.consistency(again, images, probability)
            values |= {"loss": rec + cons, "consistency": cons}
        return {**values, "vessel_share": vessel_share(patch_weights(anatomy, self.patch), masked)}
