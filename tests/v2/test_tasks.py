"""The tasks: one for every kind of label, all with one interface."""

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch

from vasolib.v2.held_out import HeldOut
from vasolib.v2.settings import TASKS as NAMES
from vasolib.v2.tasks import TASKS, Task

each_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())
MEMBERS = [name for name in (*Task.__annotations__, *vars(Task)) if not name.startswith("_")]


def test_there_is_one_for_every_kind_of_label():
    assert tuple(TASKS) == NAMES and all(task.name == name for name, task in TASKS.items())


@each_task
@pytest.mark.parametrize("name", MEMBERS)
def test_each_has_all_that_the_interface_names(task: Task, name: str):
    theirs, ours = getattr(Task, name, None), getattr(task, name)
    if inspect.isfunction(theirs):
        wanted = list(inspect.signature(theirs).parameters)[1:]
        assert list(inspect.signature(ours).parameters)[: len(wanted)] == wanted


def answers_to(task: Task, count: int) -> object:
    """Answers of a task's kind to so many images."""
    rng = np.random.default_rng(0)
    if task.file == "masks.npy":
        return rng.integers(0, 2, (count, 16, 16)).astype(np.uint8)
    return [(np.array([[1.0, 2, 9, 8], [0, 0, 4, 4]]), np.array([0.5, 0.25]))] * (count - 1) + [
        (np.empty((0, 4)), np.empty(0))
    ]


@each_task
def test_answers_that_were_kept_are_read_again(task: Task, tmp_path: Path):
    answers = answers_to(task, 3)
    test = HeldOut("a set", torch.zeros(3, 1, 16, 16, dtype=torch.uint8), [None] * 3, ["01", "02", "03"])
    task.keep(tmp_path, answers, test)
    for shown in (test, test.first(2)):
        again = task.kept(tmp_path, shown)
        assert len(again) == len(shown.ids)
        for one, other in zip(again, answers, strict=False):
            assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@each_task
def test_what_a_store_lacks_is_said_with_what_was_expected(task: Task, tmp_path: Path):
    store = type("Store", (), {"masks": None, "folder": tmp_path})
    assert task.fault(store).startswith("has no ") and "expected" in task.fault(store)
