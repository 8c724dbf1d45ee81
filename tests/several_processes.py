"""Functions run by several processes that form a group, as torchrun would start them, for tests.

They know nothing of what a test has patched: autograd refuses to run in forks of a process in which it has threads.
"""

import multiprocessing
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import distributed

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["pytest", "vasolib.v2.finetune", "vasolib.v2.pretrain"])  # once for all groups


def member(function: Callable, arguments: tuple, rank: int, count: int, folder: str) -> None:
    """One process of the group: what the function returns, written to a file."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=count)
    try:
        torch.save(function(*arguments), f"{folder}/{rank}.pt")
    finally:
        distributed.destroy_process_group()


def together(count: int, function: Callable, *arguments: object) -> list:
    """What each of `count` processes returns for function(*arguments), by its rank."""
    with tempfile.TemporaryDirectory() as folder:
        tasks = [
            CONTEXT.Process(target=member, args=(function, arguments, rank, count, folder)) for rank in range(count)
        ]
        for task in tasks:
            task.start()
        for task in tasks:
            task.join(120)
        assert [task.exitcode for task in tasks] == [0] * count
        return [torch.load(Path(folder, f"{rank}.pt"), weights_only=False) for rank in range(count)]
