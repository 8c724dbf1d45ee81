"""Fine-tuning on every task: one loop, whatever the encoder, the labels and the head are."""

__all__ = ["detect_extended", "fine_tune", "finetune_extended", "network_of", "sets_of"]

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
from vasolib.downstream.finetune import jitter, labelled
from vasolib.errors import UserError
from vasolib.files import atomic, write_csv
from vasolib.launch import command
from vasolib.study import ROOT
from vasolib.training import fit, forget, normalise, place, seeded
from vasolib.v2.answers import finetuned, held_out, open_labelled
from vasolib.v2.encoders import encoder_for, fingerprint
from vasolib.v2.study import Extended
from vasolib.v2.tasks import TASKS, Task


def network_of(extended: Extended, arm: str, task: Task, seeds: tuple[int, int]) -> nn.Module:
    """The network that an arm is fine-tuned with, as it begins: the task's head on the arm's encoder.

    The head is drawn from the fine-tuning seed, alike for all encoders of one size; so is an encoder of random weights.
    """
    (pretrain_seed, seed), scale = seeds, extended.scale(arm)
    with seeded(seed, 1):  # other numbers than the head's
        encoder = None if arm == task.plain else encoder_for(extended, arm, pretrain_seed, task.side(extended))
    with seeded(seed):
        return place(task.network(encoder, scale, extended.more))


def fine_tune(
    network: nn.Module, task: Task, store: ImageStore, rows: np.ndarray, extended: Extended,
    *, seed: int, state: Path, name: str,
) -> pd.DataFrame:  # fmt: skip
    """Train on random crops of the given rows of a store by the task's recipe, in place; the log of its epochs.

    A recipe without `samples` passes over the rows once an epoch. `state`, `name`: see `vasolib.training.fit`.
    """
    recipe, side = getattr(extended.more.recipes, task.name), task.side(extended)
    device = next(network.parameters()).device

    def loss_fn(batch: tuple, progress: float, generator: torch.Generator) -> dict[str, Tensor]:
        images, labels = batch
        images = jitter(normalise(images, device), generator=generator)
        return task.losses(network, images, labels, extended.more)

    ids = list(store.table.id[rows])
    crops = task.crops(store.images[rows], task.labels(store, rows), side, recipe.crop, seed, ids=ids)
    loader = CropLoader(crops, recipe.batch_size, recipe.samples or len(rows), extended.study.scale.workers)
    return fit(network, loss_fn, loader, recipe, seed=seed, state=state, name=name)


def sets_of(extended: Extended, arm: str, percent: int) -> list[tuple[Task, str]]:
    """The tasks and sets that an arm is fine-tuned on; with fewer labels, the first set of vessels only."""
    if percent < 100:
        return [(TASKS["vessels"], extended.params.sets["vessels"][0])]
    return [(TASKS[task], name) for task in extended.tasks_of(arm) for name in extended.params.sets[task]]


def train_once(
    extended: Extended, arm: str, task: Task, store: ImageStore, percent: int, seeds: tuple[int, int]
) -> tuple[nn.Module, pd.DataFrame, Path]:
    """A network of an arm trained on one set from a pre-training and a fine-tuning seed, its log, its state."""
    network, name, seed = network_of(extended, arm, task, seeds), store.folder.name, seeds[1]
    data = store.folder / "table.csv", store.folder / task.file
    choices = code_of(task.notebook, ROOT), extended.scale(arm), extended.more, task.name, *data, fingerprint(network)
    state = extended.study.state(f"v2-{arm}-{name}-{percent}-{seed}", *choices, seed, percent)
    rows = labelled(store, percent, seed)
    log = fine_tune(network, task, store, rows, extended, seed=seed, state=state, name=f"{name} seed {seed}")
    return network, log, state


def train_and_test(extended: Extended, arm: str, sets: list[tuple[Task, str]], percent: int = 100) -> None:
    """Fine-tune and test an arm on sets of tasks whose results lie in one folder, `finetuned`, and write that.

    Alone or as one of several processes. The folder has the tables of each task's scores, of all runs; log.csv, the
    logs of all runs below one another; and the first run's answers to each set's test images.
    """
    logs, tables, answers, states = [], defaultdict(list), [], []
    for task, name in sets:
        store = open_labelled(extended, task, name)
        test = held_out(extended, task, store)
        for seeds in extended.runs(arm):
            about = {"dataset": name, "pretrain_seed": seeds[0], "seed": seeds[1], "method": arm, "labels": percent}
            network, log, state = train_once(extended, arm, task, store, percent, seeds)
            logs.append(log.assign(task=task.name, **about))
            states.append(state)
            if is_first():
                seen = task.answer(network, test.frames)
                for table, rows in task.score(seen, test).items():
                    tables[table].append(rows.assign(**about))
                if seeds == extended.runs(arm)[0]:
                    answers.append((task, seen, test))
    if is_first():
        with atomic(finetuned(extended, arm, sets[0][0], percent)) as folder:
            folder.mkdir(parents=True)
            for table, parts in {"log": logs, **tables}.items():
                write_csv(folder / f"{table}.csv", pd.concat(parts))
            for task, seen, test in answers:
                task.keep(folder, seen, test)
        forget(*states)


def finetune_extended(run: str, arm: str, labels: str = "100") -> None:
    """Fine-tune and test an arm of a run on its sets of label maps, see `train_and_test`.

    Args:
        labels: so many per cent of the training images have one; below 100, on the first set of vessels only.

    Raises:
        UserError: no such run or arm, labels no percentage, or a file of an earlier notebook is missing or unfit.
    """
    if not str(labels).isdigit() or not 0 < int(labels) <= 100:
        raise UserError(f"labels is {labels!r}: give the labelled share as whole per cent, 1 to 100")
    extended, percent = Extended.open(run), int(labels)
    train_and_test(extended, arm, sets_of(extended, arm, percent), percent)


def detect_extended(run: str, arm: str) -> None:
    """The same on the sets of boxes. UserError as there."""
    extended = Extended.open(run)
    sets = [(TASKS["boxes"], name) for name in extended.params.sets["boxes"]]
    train_and_test(extended, arm, sets)


if __name__ == "__main__":
    sys.exit(command(finetune_extended, sys.argv[1:]))
