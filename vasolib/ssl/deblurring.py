"""Deblurring masked autoencoder: the encoder sees patches of a blurred image, the decoder restores the sharp one.

Kang et al., "Deblurring masked autoencoder is better recipe for ultrasound image recognition", MICCAI 2023, and
"Deblurring masked image modeling for ultrasound image analysis", Medical Image Analysis 2024; of the two encoders
there, this is the plain ViT. Kept as published: Gaussian blur of one fixed width, mask ratio 0.75, mean squared error
of raw pixels over all patches, so that visible ones are deblurred and hidden ones reconstructed. Scaled: the width is
1.1 pixels where the encoder's image has side 224 and grows with that side (0.63 at 128), so that it takes the same
detail from the anatomy. Simplified: the authors blur the stored image before it is cropped, here the crop is blurred;
and they also blur what they fine-tune on, while here all methods are fine-tuned on the same sharp images.
"""

__all__ = ["DeblurringMIM", "blur"]

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from vasolib.masking import random_masking
from vasolib.mim import MaskedAutoencoder, patchify

SIGMA, SIDE = 1.1, 224  # standard deviation of the blur in pixels, and the side of the image that it belongs to


def blur(images: Tensor) -> Tensor:
    """Gaussian blur in proportion to the side of square images, mirrored at the border: (B, C, H, H) -> the same."""
    sigma = SIGMA * images.shape[3] / SIDE
    kernel = round(6 * sigma + 1) | 1  # three deviations either way and an odd number, as OpenCV chooses
    return gaussian_blur(images, [kernel, kernel], [sigma, sigma])


class DeblurringMIM(MaskedAutoencoder):
    """Encoder of blurred visible patches, decoder of all patches as they are in the sharp image."""

    VIEWS = 1

    def __init__(
        self, encoder: VisionTransformer, embed_dim: int, depth: int, num_heads: int, mask_ratio: float = 0.75
    ) -> None:
        """`encoder`: see `vasolib.mim.build_encoder`; `embed_dim`, `depth`, `num_heads`: the decoder's."""
        super().__init__(encoder, embed_dim, depth, num_heads)
        self.mask_ratio = mask_ratio

    def loss(self, views: Tensor, weights: Tensor, progress: float, *, generator: torch.Generator) -> dict[str, Tensor]:
        """Mean squared error over all patches of views[0], and its parts: (1, B, 3, H, W) -> three scalars.

        `masked` and `visible` are the means over hidden and over shown patches; `weights` and `progress` play no part.
        """
        images = views[0]
        masked = random_masking(len(images), self.patches, self.mask_ratio, generator=generator)
        prediction = self(blur(images), masked)
        error = (prediction.float() - patchify(images, self.patch)).square().mean(dim=-1)  # (B, L)
        parts = {"masked": error.gather(1, masked.idx_mask), "visible": error.gather(1, masked.idx_keep)}
        return {"loss": error.mean()} | {name: part.detach().mean() for name, part in parts.items()}
