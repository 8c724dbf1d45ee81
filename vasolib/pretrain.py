"""Pre-training arms: what is hidden, by which share of guidance, and which losses are minimised."""

__all__ = ["draw_mask", "masking_rate", "pretraining_loss", "vessel_share"]

import torch
from torch import Tensor, nn

from vasolib.masking import PatchMask, guidance_schedule, guided_masking, patch_weights, random_masking
from vasolib.mim import MaskedAutoencoder, consistency_loss, reconstruct, reconstruction_loss
from vasolib.settings import Arm
from vasolib.training import normalise


def draw_mask(arm: Arm, weights: Tensor, progress: float, *, generator: torch.Generator) -> PatchMask:
    """The patches that an arm hides at `progress` (0 to 1) of training; weights (B, L) from `patch_weights`."""
    if not arm.guidance:
        return random_masking(*weights.shape, arm.mask_ratio, generator=generator)
    beta = guidance_schedule(progress, arm.beta_start, arm.beta_end)
    return guided_masking(weights, arm.mask_ratio, beta, generator=generator)


def vessel_share(weights: Tensor, masked: PatchMask) -> Tensor:
    """Share of vessel-containing patches (at least one vessel pixel) among the masked ones, a scalar (Fig. 3a)."""
    return (weights.gather(1, masked.idx_mask) > 0).float().mean()


def masking_rate(arm: Arm, weights: Tensor, epochs: int, *, generator: torch.Generator) -> Tensor:
    """Share of epochs in which each patch of one fixed, uncropped image is hidden: weights (L,) -> (L,) (Fig. 3b)."""
    drawn = [draw_mask(arm, weights[None], (e + 1) / epochs, generator=generator).mask for e in range(epochs)]
    return torch.cat(drawn).mean(dim=0)


def pretraining_loss(model: MaskedAutoencoder, arm: Arm, segmentor: nn.Module | None, norm_pix_loss: bool):
    """The `loss_fn` that `vasolib.training.fit` wants for pre-training `model` on (image, anatomy) batches.

    Raises:
        ValueError: the arm wants consistency and no segmentor is given.
    """
    if arm.consistency and segmentor is None:
        raise ValueError("the arm has consistency: true, so a trained segmentor must be given")
    device = next(model.parameters()).device

    def loss_fn(batch: tuple[Tensor, Tensor], progress: float, generator: torch.Generator) -> dict[str, Tensor]:
        images = normalise(batch[0], device)
        weights = patch_weights(batch[1][:, 0].to(device), model.patch)
        masked = draw_mask(arm, weights, progress, generator=generator)
        prediction = model(images, masked)
        reconstruction = reconstruction_loss(prediction, images, masked.mask, norm_pix_loss)
        values = {"loss": reconstruction, "reconstruction": reconstruction}
        if arm.consistency:
            values["consistency"] = consistency_loss(segmentor, reconstruct(prediction, images, norm_pix_loss), images)
            values["loss"] = values["loss"] + values["consistency"]
        return {**values, "vessel_share": vessel_share(weights, masked)}

    return loss_fn
