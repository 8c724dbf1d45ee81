"""From an arm of the study to a trained network: which method, of which size, on which batches."""

__all__ = ["build_method", "load_judge", "pretrain", "pretraining_loss"]

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from vasolib.data.crops import CropDataset, CropLoader
from vasolib.masking import patch_weights
from vasolib.networks import encoder, load_weights
from vasolib.segmentor import UNeXt, freeze
from vasolib.settings import Arm, Recipe, Scale
from vasolib.ssl.amt import AMT
from vasolib.ssl.chexworld import CheXWorld
from vasolib.ssl.crossmae import CrossMAE
from vasolib.ssl.deblurring import DeblurringMIM
from vasolib.ssl.dino import DINO
from vasolib.ssl.hpm import HPM
from vasolib.ssl.moco import MoCo
from vasolib.ssl.simmim import SimMIM
from vasolib.ssl.spt import SPT
from vasolib.ssl.vasomim import VasoMIM
from vasolib.training import fit, normalise, place, seeded


def load_judge(path: Path) -> Callable[[Tensor], Tensor]:
    """Vessel logits of images by the trained segmentor of a file, frozen and on its device."""
    return place(freeze(load_weights(path, UNeXt()))).forward


def build_method(
    arm: Arm, scale: Scale, norm_pix_loss: bool, seed: int, judge: Callable[[Tensor], Tensor] | None = None
) -> nn.Module:
    """An arm's network on its device, weights drawn from the seed.

    Args:
        judge: vessel logits of images from the frozen segmentor; needed where the arm has consistency.

    Raises:
        ValueError: the arm has consistency and no judge is given.
    """
    if arm.consistency and judge is None:
        raise ValueError("the arm has consistency: true, so a trained segmentor must be given")
    with seeded(seed):
        return place(_construct(arm, scale, norm_pix_loss, judge if arm.consistency else None))


def _construct(arm: Arm, scale: Scale, norm_pix_loss: bool, judge) -> nn.Module:
    """The network of an arm's method."""
    vit, rivals = encoder(scale), scale.rivals
    decoder = scale.decoder.embed_dim, scale.decoder.depth, scale.decoder.num_heads
    dino = rivals.dino_hidden, rivals.dino_bottleneck, rivals.dino_out, rivals.dino_crops
    build = {
        "vasomim": lambda: VasoMIM(vit, *decoder, arm.mask_ratio, norm_pix_loss, arm.betas, judge),
        "moco": lambda: MoCo(vit, rivals.moco_hidden, rivals.moco_out),
        "dino": lambda: DINO(vit, *dino, 1 / scale.pretrain.epochs),
        "simmim": lambda: SimMIM(vit, arm.mask_ratio),
        "amt": lambda: AMT(vit, *decoder, arm.mask_ratio, norm_pix_loss),
        "deblurring": lambda: DeblurringMIM(vit, *decoder, arm.mask_ratio),
        "crossmae": lambda: CrossMAE(vit, *decoder, arm.mask_ratio, norm_pix_loss),
        "hpm": lambda: HPM(vit, *decoder, arm.mask_ratio, norm_pix_loss, rivals.hpm_momentum),
        "chexworld": lambda: CheXWorld(vit, *decoder),
        "spt": lambda: SPT(vit, scale.decoder_width, scale.image_skip),
    }
    return build[arm.method]()


def pretraining_loss(model: nn.Module):
    """The `loss_fn` that `vasolib.training.fit` wants for pre-training `model` on (image, anatomy) batches."""
    device = next(model.parameters()).device
    patch = model.encoder.patch_embed.patch_size[0]
    pixels = getattr(model, "PIXELS", False)

    def loss_fn(batch: tuple[Tensor, Tensor], progress: float, generator: torch.Generator) -> dict[str, Tensor]:
        images, anatomy = batch  # (B, V, H, W) each
        views = torch.stack([normalise(view[:, None], device) for view in images.unbind(1)])
        vessels = anatomy[:, :1].to(device)
        guide = vessels if pixels else patch_weights(vessels[:, 0], patch)
        return model.loss(views, guide, progress, generator=generator)

    return loss_fn


def pretrain(
    model: nn.Module,
    images: np.ndarray,
    anatomy: np.ndarray,
    scale: Scale,
    recipe: Recipe,
    *,
    seed: int,
    state: Path,
    name: str,
) -> pd.DataFrame:
    """Train a network from `build_method` in place on random crops of a corpus; the log of its epochs.

    Args:
        images: (N, S, S) uint8; anatomy: (N, S, S) of 0 and 1, the vessels extracted from them.
        recipe: one without `samples` passes over the corpus once an epoch.
        seed, state, name: see `vasolib.training.fit`.
    """
    crops = CropDataset(images, anatomy, scale.image.side, recipe.crop, seed, model.VIEWS)
    loader = CropLoader(crops, recipe.batch_size, recipe.samples or len(images), scale.workers)
    return fit(model, pretraining_loss(model), loader, recipe, seed=seed, state=state, name=name)
