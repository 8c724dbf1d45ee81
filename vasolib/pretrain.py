"""From an arm of the study to a trained network: which method, of which size, on which batches."""

__all__ = ["build_method", "load_judge", "pretrain", "pretrain_arm", "pretraining_loss"]

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from vasolib.closure import code_of
from vasolib.data.crops import CropDataset, CropLoader
from vasolib.data.store import ImageStore
from vasolib.distributed import is_first
from vasolib.files import atomic, write_csv
from vasolib.launch import command
from vasolib.masking import patch_weights
from vasolib.networks import encoder, load_weights, save_weights
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
from vasolib.study import ROOT, Study
from vasolib.training import fit, forget, normalise, place, seeded


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
        images, anatomy = (part.to(device, non_blocking=True) for part in batch)  # (B, V, H, W) each
        views = torch.stack([normalise(view[:, None], device) for view in images.unbind(1)])
        vessels = anatomy[:, :1]
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
    ids: Sequence[str] = (),
) -> pd.DataFrame:
    """Train a network from `build_method` in place on random crops of a corpus; the log of its epochs.

    Args:
        images: (N, S, S) uint8; anatomy: (N, S, S) of 0 and 1, the vessels extracted from them.
        recipe: one without `samples` passes over the corpus once an epoch.
        seed, state, name: see `vasolib.training.fit`.
        ids: what the images are called.
    """
    crops = CropDataset(images, anatomy, scale.image.side, recipe.crop, seed, model.VIEWS, ids)
    loader = CropLoader(crops, recipe.batch_size, recipe.samples or len(images), scale.workers)
    return fit(model, pretraining_loss(model), loader, recipe, seed=seed, state=state, name=name)


def pretrain_arm(run: str, arm: str) -> None:
    """Pre-train an arm of a run from each of its seeds, alone or as one of several processes.

    Writes work/<run>/pretrain/<arm>: seed<n>/model.safetensors, and log.csv, the logs of all seeds below one another.

    Raises:
        UserError: no such run or arm, or a file of an earlier notebook is missing.
    """
    study = Study.open(run)
    chosen, recipe, scale, norm = study.arm(arm), study.pretraining(arm), study.scale, study.params.norm_pix_loss
    corpus = ImageStore.open(study.require("stores", "corpus", made_by="10_data"))
    found = study.require("anatomy", chosen.anatomy, "corpus.npy", made_by="20_anatomy")
    judge, judged_by = None, ""
    if chosen.consistency:
        judged_by = study.require("segmentor", chosen.anatomy, "segmentor.safetensors", made_by="30_segmentor")
        judge = load_judge(judged_by)
    choices = code_of("40_pretrain", ROOT), norm, scale, recipe, chosen, corpus.folder / "table.csv", found, judged_by
    anatomy, models, logs, states = np.load(found, mmap_mode="r"), {}, [], []
    ids = list(corpus.table.id)
    for seed in sorted({seed for seed, _ in study.runs(arm)}):
        models[seed] = build_method(chosen, scale, norm, seed, judge)
        state, name = study.state(f"{arm}-{seed}", *choices, seed), f"{arm} seed {seed}"
        log = pretrain(models[seed], corpus.images, anatomy, scale, recipe, seed=seed, state=state, name=name, ids=ids)
        logs.append(log.assign(pretrain_seed=seed))
        states.append(state)
    if is_first():
        with atomic(study.work("pretrain", arm)) as folder:
            for seed, model in models.items():
                save_weights(folder / f"seed{seed}" / "model.safetensors", model)
            write_csv(folder / "log.csv", pd.concat(logs))
        forget(*states)


if __name__ == "__main__":
    sys.exit(command(pretrain_arm, sys.argv[1:]))
