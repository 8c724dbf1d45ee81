"""The sets of a task, and what trained networks answered to their test images."""

__all__ = ["answers_of", "finetuned", "held_out", "open_labelled"]

from collections.abc import Sequence
from pathlib import Path

from vasolib.data.store import ImageStore
from vasolib.errors import UserError
from vasolib.v2.held_out import HeldOut
from vasolib.v2.study import NAME, Extended
from vasolib.v2.tasks import Task


def open_labelled(extended: Extended, task: Task, name: str) -> ImageStore:
    """A set of a task. UserError where it has no labels, or such as mean nothing in this task."""
    store = ImageStore.open(extended.require("stores", name, made_by="v2_10_data"))
    if fault := task.fault(store):
        raise UserError(f"{store.folder} {fault}: name a set of this kind in {NAME}, or import the set again")
    return store


def held_out(extended: Extended, task: Task, store: ImageStore) -> HeldOut:
    """The test part of a set."""
    rows = store.select("test")
    frames, truth = task.whole(store.images[rows], task.labels(store, rows), task.side(extended))
    return HeldOut(store.folder.name, frames, truth, list(store.table.id[rows]))


def finetuned(extended: Extended, arm: str, task: Task, percent: int = 100) -> Path:
    """The folder of an arm's results on tasks such as this one, with so many per cent of the labels."""
    return extended.work(task.folder, arm) if percent == 100 else extended.work("labels", str(percent), arm)


def answers_of(extended: Extended, arm: str, task: Task, test: HeldOut, percent: int = 100) -> Sequence:
    """What the first run of an arm answered to the first images of a set's test part. UserError if it has not run."""
    folder = finetuned(extended, arm, task, percent).relative_to(extended.work())
    return task.kept(extended.require(*folder.parts, made_by=task.notebook), test)
