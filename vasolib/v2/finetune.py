"""Fine-tuning on every task of segmentation: one network, one loop, whatever the encoder and the labels are."""

__all__ = ["fine_tune", "finetune_extended", "finetuned", "network_of", "open_labelled", "predict", "sets_of"]

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from vasolib.closure import code_of
from vasolib.data.crops import CropLoader
from vasolib.data.store import ImageStore
from vasolib.distributed import is_first
from vasolib.downstream.finetune import jitter, labelled, whole_frames
from vasolib.downstream.unet import UNet, ViTUNet
from vasolib.errors import UserError
from vasolib.files import atomic, write_csv
from vasolib.launch import command
from vasolib.study import ROOT
from vasolib.training import autocast, fit, forget, normalise, place, seeded
from vasolib.v2.encoders import encoder_for, fingerprint
from vasolib.v2.study import Extended
from vasolib.v2.tasks import TASKS, Task

NOTEBOOK = "v2_50_finetune"


def network_of(extended: Extended, arm: str, outputs: int, seeds: tuple[int, int]) -> nn.Module:
    """The network that an arm is fine-tuned with, (B, 3, H, W) -> logits (B, outputs, H, W), as it begins.

    `unet` is the plain U-Net, any other arm an encoder under the U-Net decoder. That is drawn from the fine-tuning
    seed, alike for all encoders of one size; so is an encoder of random weights.
    """
    (pretrain_seed, seed), scale = seeds, extended.scale(arm)
    with seeded(seed, 1):  # other numbers than the decoder's
        encoder = None if arm == "unet" else encoder_for(extended, arm, pretrain_seed)
    with seeded(seed):
        if encoder is None:
            network = UNet(scale.unet_width)
        else:
            network = ViTUNet(encoder, scale.decoder_width, scale.image_skip)
        network.up.head = nn.Conv2d(network.up.head.in_channels, outputs, 1)
    return place(network)


def open_labelled(extended: Extended, task: Task, name: str) -> ImageStore:
    """A set of a task. UserError where it has no labels, or numbers that mean nothing in this task."""
    store = ImageStore.open(extended.require("stores", name, made_by="v2_10_data"))
    highest = -1 if store.masks is None else int(store.masks.max())
    if not 0 <= highest <= task.highest:
        found = "has no label maps" if highest < 0 else f"has labels up to {highest}"
        raise UserError(
            f"{store.folder} {found}, expected {task.name} with numbers from 0 to {task.highest}: name a set of this "
            "kind in params_v2.yaml, or import the set again"
        )
    return store


def fine_tune(
    network: nn.Module, task: Task, store: ImageStore, rows: np.ndarray, extended: Extended,
    *, seed: int, state: Path, name: str,
) -> pd.DataFrame:  # fmt: skip
    """Train on random crops of the given rows of a store by the task's recipe, in place; the log of its epochs.

    A recipe without `samples` passes over the rows once an epoch. `state`, `name`: see `vasolib.training.fit`.
    """
    scale, recipe = extended.study.scale, getattr(extended.more.recipes, task.name)
    device = next(network.parameters()).device

    def loss_fn(batch: tuple[Tensor, Tensor], progress: float, generator: torch.Generator) -> dict[str, Tensor]:
        images, labels = batch
        logits = network(jitter(normalise(images, device), generator=generator))
        return {"loss": task.loss(logits, labels.to(device), extended.more)}

    ids = list(store.table.id[rows])
    crops = task.crops(store.images[rows], store.masks[rows], scale.image.side, recipe.crop, seed, ids=ids)
    loader = CropLoader(crops, recipe.batch_size, recipe.samples or len(rows), scale.workers)
    return fit(network, loss_fn, loader, recipe, seed=seed, state=state, name=name)


@torch.no_grad()
def predict(network: nn.Module, task: Task, frames: Tensor, batch_size: int = 16) -> np.ndarray:
    """Label maps of (N, 1, H, W) uint8 frames: (N, H, W) uint8."""
    device = next(network.parameters()).device
    network.eval()
    with autocast(device):
        maps = [task.predict(network(normalise(batch, device)).float()).cpu() for batch in frames.split(batch_size)]
    return torch.cat(maps).numpy().astype(np.uint8)


def finetuned(extended: Extended, arm: str, percent: int) -> Path:
    """The folder of an arm's results with so many per cent of the labels."""
    return extended.work("finetune", arm) if percent == 100 else extended.work("labels", str(percent), arm)


def sets_of(extended: Extended, arm: str, percent: int) -> list[tuple[Task, str]]:
    """The tasks and sets that an arm is fine-tuned on; with fewer labels, the first set of vessels only."""
    if percent < 100:
        return [(TASKS["vessels"], extended.params.sets["vessels"][0])]
    return [(TASKS[task], name) for task in extended.tasks_of(arm) for name in extended.params.sets[task]]


def train_once(
    extended: Extended, arm: str, task: Task, store: ImageStore, percent: int, seeds: tuple[int, int]
) -> tuple[nn.Module, pd.DataFrame, Path]:
    """A network of an arm trained on one set from a pre-training and a fine-tuning seed, its log, its state."""
    network, name, seed = network_of(extended, arm, task.outputs, seeds), store.folder.name, seeds[1]
    data = store.folder / "table.csv", store.folder / "masks.npy"
    choices = code_of(NOTEBOOK, ROOT), extended.scale(arm), extended.more, task.name, *data, fingerprint(network)
    state = extended.study.state(f"v2-{arm}-{name}-{percent}-{seed}", *choices, seed, percent)
    rows = labelled(store, percent, seed)
    log = fine_tune(network, task, store, rows, extended, seed=seed, state=state, name=f"{name} seed {seed}")
    return network, log, state


def finetune_extended(run: str, arm: str, labels: str = "100") -> None:
    """Fine-tune and test an arm of a run on the sets of its tasks, alone or as one of several processes.

    Writes the folder `finetuned`: <task>.csv, the task's scores of each run and test image; log.csv, the logs of all
    runs below one another; and <set>.npy, the first run's label maps of the test images, (N, H, W) uint8.

    Args:
        labels: so many per cent of the training images have one; below 100, on the first set of vessels only.

    Raises:
        UserError: no such run or arm, labels no percentage, or a file of an earlier notebook is missing or unfit.
    """
    if not str(labels).isdigit() or not 0 < int(labels) <= 100:
        raise UserError(f"labels is {labels!r}: give the labelled share as whole per cent, 1 to 100")
    extended, percent = Extended.open(run), int(labels)
    logs, scores, maps, states = [], defaultdict(list), {}, []
    for task, name in sets_of(extended, arm, percent):
        store = open_labelled(extended, task, name)
        test = store.select("test")
        frames, truth = whole_frames(store.images[test], store.masks[test], extended.study.scale.image.side)
        for seeds in extended.runs(arm):
            about = {"dataset": name, "pretrain_seed": seeds[0], "seed": seeds[1]}
            network, log, state = train_once(extended, arm, task, store, percent, seeds)
            logs.append(log.assign(task=task.name, **about))
            states.append(state)
            if is_first():
                seen = predict(network, task, frames)
                maps.setdefault(name, seen)
                rows = task.score(seen, truth, list(store.table.id[test])).assign(**about, method=arm)
                scores[task.name].append(rows.assign(labels=percent) if task.name == "vessels" else rows)
    if is_first():
        with atomic(finetuned(extended, arm, percent)) as folder:
            folder.mkdir(parents=True)
            write_csv(folder / "log.csv", pd.concat(logs))
            for task, parts in scores.items():
                write_csv(folder / f"{task}.csv", pd.concat(parts))
            for name, seen in maps.items():
                np.save(folder / f"{name}.npy", seen)
        forget(*states)


if __name__ == "__main__":
    sys.exit(command(finetune_extended, sys.argv[1:]))
