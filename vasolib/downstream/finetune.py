"""Vessel segmentation from few labels: loss, augmentation, training, prediction."""

__all__ = [
    "dice_bce", "fine_tune", "finetune_arm", "finetuned", "jitter", "predict", "segmentation_loss", "whole_frames",
]  # fmt: skip

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vasolib.closure import code_of
from vasolib.data.crops import CropDataset, CropLoader, resize_image, resize_mask
from vasolib.data.store import ImageStore
from vasolib.distributed import batch_rand, is_first
from vasolib.errors import UserError
from vasolib.files import atomic, write_csv
from vasolib.launch import command
from vasolib.metrics import Labels
from vasolib.networks import load_weights, segmentation_network
from vasolib.settings import Scale
from vasolib.study import ROOT, Study
from vasolib.training import autocast, fit, forget, normalise

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
    draw = batch_rand(2, len(images), 1, 1, 1, dim=1, generator=generator) * 2 - 1
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return (images - mean) * (1 + JITTER * draw[0]) + mean + JITTER * draw[1]


def segmentation_loss(model: nn.Module):
    """The `loss_fn` that `vasolib.training.fit` wants for fine-tuning `model`."""
    device = next(model.parameters()).device

    def loss_fn(batch: tuple[Tensor, Tensor], progress: float, generator: torch.Generator) -> dict[str, Tensor]:
        images, masks = batch
        logits = model(jitter(normalise(images, device), generator=generator))
        return {"loss": dice_bce(logits, masks.to(device, non_blocking=True))}

    return loss_fn


def fine_tune(
    network: nn.Module, store: ImageStore, rows: np.ndarray, scale: Scale, *, seed: int, state: Path, name: str
) -> pd.DataFrame:
    """Train on random crops of the given rows of a store by the scale's recipe, in place; the log of its epochs.

    A recipe without `samples` passes over the rows once an epoch. `state`, `name`: see `vasolib.training.fit`.
    """
    recipe = scale.finetune
    ids = list(store.table.id[rows])
    crops = CropDataset(store.images[rows], store.masks[rows], scale.image.side, recipe.crop, seed, ids=ids)
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


def finetuned(study: Study, arm: str, percent: int) -> Path:
    """The folder of an arm's results with so many per cent of the labels."""
    return study.work("finetune", arm) if percent == 100 else study.work("labels", str(percent), arm)


def labelled(store: ImageStore, percent: int, seed: int) -> np.ndarray:
    """Rows of the training images whose labels are used: with fewer of them, a part of those of more."""
    train = store.select("train")
    return np.random.default_rng(seed).permutation(train)[: max(1, round(len(train) * percent / 100))]


def train_once(
    study: Study, arm: str, store: ImageStore, percent: int, seeds: tuple[int, int]
) -> tuple[nn.Module, pd.DataFrame, Path]:
    """A network of an arm trained on one benchmark from a pre-training and a fine-tuning seed, its log, its state."""
    pretrain_seed, seed = seeds
    network, weights, name = segmentation_network(arm, study.scale, seed), "", store.folder.name
    if arm not in study.params.scratch_arms:
        weights = study.encoder_of(arm, pretrain_seed)
        load_weights(weights, network.encoder, prefix="encoder.")
    data = store.folder / "table.csv", store.folder / "masks.npy"
    choices = code_of("50_finetune", ROOT), study.scale, *data, weights, seed, percent
    state = study.state(f"{arm}-{name}-{percent}-{seed}", *choices)
    rows = labelled(store, percent, seed)
    log = fine_tune(network, store, rows, study.scale, seed=seed, state=state, name=f"{name} seed {seed}")
    return network, log, state


def finetune_arm(run: str, arm: str, labels: str = "100") -> None:
    """Fine-tune and test an arm of a run on its benchmarks, alone or as one of several processes.

    Writes the folder `finetuned`: scores.csv, a row per run and test image; log.csv, the logs of all runs below one
    another; and <benchmark>.npy, the first run's vessel masks of the test images, eight pixels a byte.

    Args:
        labels: so many per cent of the training images have one; below 100, on the first benchmark only.

    Raises:
        UserError: no such run or arm, labels no percentage, or a file of an earlier notebook is missing.
    """
    if not str(labels).isdigit() or not 0 < int(labels) <= 100:
        raise UserError(f"labels is {labels!r}: give the labelled share as whole per cent, 1 to 100")
    study, percent = Study.open(run), int(labels)
    logs, scores, masks, states = [], [], {}, []
    for name in study.benchmarks_of(arm) if percent == 100 else study.params.benchmarks[:1]:
        store = ImageStore.open(study.require("stores", name, made_by="10_data"))
        test = store.select("test")
        frames, truth = whole_frames(store.images[test], store.masks[test], study.scale.image.side)
        answers = Labels.of(truth, list(store.table.id[test]))
        for seeds in study.runs(arm):
            about = {"dataset": name, "pretrain_seed": seeds[0], "seed": seeds[1]}
            network, log, state = train_once(study, arm, store, percent, seeds)
            logs.append(log.assign(**about))
            states.append(state)
            if is_first():
                seen = predict(network, frames) >= 0.5
                masks.setdefault(name, seen)
                scores.append(answers.score(seen).assign(**about))
    if is_first():
        with atomic(finetuned(study, arm, percent)) as folder:
            folder.mkdir(parents=True)
            write_csv(folder / "scores.csv", pd.concat(scores).assign(method=arm, labels=percent))
            write_csv(folder / "log.csv", pd.concat(logs))
            for name, seen in masks.items():
                np.save(folder / f"{name}.npy", np.packbits(seen, axis=-1))
        forget(*states)


if __name__ == "__main__":
    sys.exit(command(finetune_arm, sys.argv[1:]))
