"""Vessel segmentation from few labels: loss, augmentation, training, prediction."""

__all__ = ["dice_bce", "fine_tune", "jitter", "predict", "segmentation_loss", "whole_frames"]

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vasolib.data.crops import CropDataset, CropLoader, resize_image, resize_mask
from vasolib.data.store import ImageStore
from vasolib.settings import Scale
from vasolib.training import autocast, fit, normalise

JITTER = 0.2  # largest relative change of brightness and contrast


def dice_bce(logits: Tensor, target: Tensor, smooth: float = 1.0) -> Tensor:
    """1 - Dice, averaged over images, plus binary cross-entropy; logits and target (B, 1, H, W).

    The papers name no loss; this is CheXWorld's, which they say they follow.
    """
    logits, target = logits.float(), target.float()
    probability = logits.sigmoid()
    overlap = (probability * target).sum(dim=(1, 2, 3))
    sizes = (probability + target).sum(dim=(1, 2, 3))
    dice = (2 * overlap + smooth) / (sizes + smooth)
    return (1 - dice).mean() + F.binary_cross_entropy_with_logits(logits, target)


def jitter(images: Tensor, *, generator: torch.Generator) -> Tensor:
    """Random brightness and contrast per image of normalised (B, 3, H, W)."""
    draw = torch.rand(2, len(images), 1, 1, 1, generator=generator, device=images.device) * 2 - 1
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return (images - mean) * (1 + JITTER * draw[0]) + mean + JITTER * draw[1]


def segmentation_loss(model: nn.Module):
    """The `loss_fn` that `vasolib.training.fit` wants for fine-tuning `model`."""
    device = next(model.parameters()).device

    def loss_fn(batch: tuple[Tensor, Tensor], progress: float, generator: torch.Generator) -> dict[str, Tensor]:
        images, masks = batch
        logits = model(jitter(normalise(images, device), generator=generator))
        return {"loss": dice_bce(logits, masks.to(device))}

    return loss_fn


def fine_tune(
    network: nn.Module, store: ImageStore, rows: np.ndarray, scale: Scale, *, seed: int, state: Path, name: str
) -> pd.DataFrame:
    """Train on random crops of the given rows of a store by the scale's recipe, in place; the log of its epochs.

    A recipe without `samples` passes over the rows once an epoch. `state`, `name`: see `vasolib.training.fit`.
    """
    recipe = scale.finetune
    crops = CropDataset(store.images[rows], store.masks[rows], scale.image.side, recipe.crop, seed)
    loader = CropLoader(crops, recipe.batch_size, recipe.samples or len(rows), scale.workers)
    return fit(network, segmentation_loss(network), loader, recipe, seed=seed, state=state, name=name)


def whole_frames(images: np.ndarray, masks: np.ndarray, side: int) -> tuple[Tensor, np.ndarray]:
    """Uncropped frames for testing: (N, S, S) each -> images (N, 1, side, side) and labels (N, side, side) uint8."""
    resized = torch.stack([resize_image(image, side) for image in images])[:, None]
    return resized, np.stack([resize_mask(mask, side).numpy() for mask in masks])


@torch.no_grad()
def predict(model: nn.Module, images: Tensor, batch_size: int = 16) -> np.ndarray:
    """Vessel probability of (N, 1, H, W) uint8 frames: (N, H, W) float32."""
    device = next(model.parameters()).device
    model.eval()
    with autocast(device):
        maps = [model(normalise(batch, device)).float().sigmoid().cpu() for batch in images.split(batch_size)]
    return torch.cat(maps)[:, 0].numpy()
