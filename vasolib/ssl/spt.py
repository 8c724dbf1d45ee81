"""SPT, supervised pre-training: segment what the vesselness filter found, then keep the encoder (VasoMIM, Fig. 6).

The paper compares VasoMIM with "U-Net" trained on the filter's pseudo-labels over the pre-training images and then
fine-tuned (66.74 / 83.18 DSC against 68.85 / 84.49). It says neither which U-Net (plain, or a ViT under the decoder),
nor the loss, nor the epochs. Here it is the very network of fine-tuning, a ViT under the U-Net decoder: then every
method hands over the same encoder, and a difference is one of pre-training, not of architecture. The decoder is drawn
anew for fine-tuning, as for every other method; keeping it would be a stronger SPT than the comparison is about. The
loss is that of the released script for the segmentor, the only published training on these masks; epochs and
optimiser are those of all methods. With `image_skip`, part of the labels can be met past the encoder.
"""

__all__ = ["SPT"]

import torch
from torch import Tensor

from vasolib.downstream.unet import ViTUNet
from vasolib.segmentor import segmentor_loss


class SPT(ViTUNet):
    """The fine-tuning network, trained on pseudo-labels; constructor and forward pass are `ViTUNet`'s."""

    VIEWS = 1
    PIXELS = True  # `loss` wants the vessel mask itself, not the patches' shares in it

    def loss(self, views: Tensor, masks: Tensor, progress: float, *, generator: torch.Generator) -> dict[str, Tensor]:
        """Half cross-entropy, half 1 - Dice: views (1, B, 3, H, W), masks (B, 1, H, W) of 0 and 1."""
        return {"loss": segmentor_loss(self(views[0]), masks)}
