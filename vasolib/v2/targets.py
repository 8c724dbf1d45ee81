"""What a consistency loss asks to be the same in the reconstruction as in the original.

The vessels that the frozen segmentor sees (the default, `vasolib.mim.consistency_loss`), or the patch features of a
frozen general encoder such as DINOv2. The extended paper compares the two; which distance it takes between features
is not known, cosine is the field's habit. Without either there is reconstruction only.
"""

__all__ = ["DISTANCES", "Consistency", "feature_target", "patch_features", "vessel_probability", "vessel_target"]

from collections.abc import Callable

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor
from torch.nn import functional as F

DISTANCES = ("cosine", "mse")

Consistency = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""(reconstruction (B, 3, H, W), images (B, 3, H, W), the segmentor's probability of the images (B, 1, H, W) or None)
-> L_cons, a scalar; the gradient reaches the reconstruction through what judges, and neither the judge nor the target.
"""


@torch.no_grad()
def vessel_probability(segmentor: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """M, where a frozen segmentor sees vessels: (B, 3, H, W) -> (B, 1, H, W), without a gradient."""
    return segmentor(images).float().sigmoid()


def vessel_target(segmentor: Callable[[Tensor], Tensor]) -> Consistency:
    """The loss of `vasolib.mim.consistency_loss` for a probability of the originals that is known already."""

    def loss(reconstruction: Tensor, images: Tensor, probability: Tensor | None) -> Tensor:
        if probability is None:
            raise ValueError("consistency of vessels needs the segmentor's probability of the originals")
        return F.binary_cross_entropy_with_logits(segmentor(reconstruction).float(), probability)

    return loss


def patch_features(encoder: VisionTransformer, images: Tensor) -> Tensor:
    """Normalised features of each patch, without class and register tokens: (B, 3, H, W) -> (B, L, D)."""
    return encoder.forward_features(images)[:, encoder.num_prefix_tokens :].float()


def feature_target(encoder: VisionTransformer, distance: str = "cosine") -> Consistency:
    """The distance between patch features of originals and reconstructions in a frozen encoder, mean over patches.

    Args:
        encoder: of the images' size, its parameters without gradients.
        distance: `cosine`, 1 minus the cosine of the angle between two features; `mse`, their mean squared difference.

    Raises:
        ValueError: another distance.
    """
    if distance not in DISTANCES:
        raise ValueError(f"distance is {distance!r}, expected one of {DISTANCES}")

    def loss(reconstruction: Tensor, images: Tensor, probability: Tensor | None) -> Tensor:
        with torch.no_grad():
            target = patch_features(encoder, images)
        found = patch_features(encoder, reconstruction)
        if distance == "mse":
            return F.mse_loss(found, target)
        return 1 - F.cosine_similarity(found, target, dim=-1).mean()

    return loss
