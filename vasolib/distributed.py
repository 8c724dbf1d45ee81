"""Several processes that train one network, as torchrun starts them; with one process, everything here does nothing.

The rule that makes n processes equal to one: whatever is random is drawn for the whole batch by every process, from
generators of equal seed, and each keeps its own rows. What a loss or a layer takes over the batch is taken over all
processes, and DistributedDataParallel averages the gradients.
"""

__all__ = [
    "batch_rand", "batch_randn", "gather", "is_first", "mean", "own_rows", "process_group", "processes", "rank",
    "synchronised", "total",
]  # fmt: skip

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from vasolib.errors import UserError

TIMEOUT = timedelta(minutes=10)  # to notice a machine that fell silent; longer than the first process works alone


def processes() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def is_first() -> bool:
    """Whether this is the process that prints and writes files."""
    return rank() == 0


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes that torchrun started, for the block: NCCL on CUDA, a device each, or else gloo.

    Where another process is lost, this one ends too, with status 1 and a line that says so. An error that several
    processes find is raised in one of them; the others end silently.

    Raises:
        UserError: fewer CUDA devices than processes on this machine.
    """
    if not distributed.is_torchelastic_launched():
        yield
        return
    cuda, local = torch.cuda.is_available(), int(os.environ["LOCAL_RANK"])
    if cuda:
        if local >= torch.cuda.device_count():
            raise UserError(
                f"process {local} of this machine finds {torch.cuda.device_count()} CUDA devices: start one process a "
                "device (--nproc-per-node)"
            )
        torch.cuda.set_device(local)
    store, number, count = next(distributed.rendezvous("env://", timeout=TIMEOUT))
    backend = "nccl" if cuda else "gloo"
    distributed.init_process_group(backend, store=store, rank=number, world_size=count, timeout=TIMEOUT)
    signal.signal(signal.SIGTERM, _stop)  # torchrun sends it to those that are left
    try:
        yield
    except RuntimeError as error:
        if processes() > 1 and (isinstance(error, distributed.DistError) or "gloo" in str(error)):
            _stop()
        raise
    except (UserError, FloatingPointError):
        if store.add("told", 1) > 1:
            sys.exit(1)
        raise
    finally:
        distributed.destroy_process_group()


def _stop(*_: object) -> None:
    """End at once: what waits for a process that is gone cannot be ended in order."""
    print(
        f"process {rank()} of {processes()} stops, for another one ended or the run was stopped; the same command goes "
        "on after the last saved epoch",
        flush=True,
    )
    os._exit(1)


def own_rows(batch: list) -> list:
    """This process's share of a batch: contiguous, in order.

    Raises:
        UserError: the batch cannot be divided.
    """
    if len(batch) % processes():
        raise UserError(
            f"a batch of {len(batch)} cannot be divided among {processes()} processes: start a number of processes "
            "that divides batch_size of this scale in params.yaml, or change that"
        )
    count = len(batch) // processes()
    return batch[rank() * count : (rank() + 1) * count]


def batch_rand(
    *shape: int,
    generator: torch.Generator,
    dim: int = 0,
    views: int = 1,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Tensor:
    """Uniform numbers of `shape`, this process's rows of what is drawn for the batch of all processes.

    Args:
        generator: in the same state in every process; it moves on by what the whole batch takes.
        dim: the axis of `shape` along which images lie.
        views: so many times over, view after view.
        bounds: least and largest.
    """
    whole = torch.empty(_whole(shape, dim), device=generator.device).uniform_(*bounds, generator=generator)
    return _own(whole, dim, views)


def batch_randn(*shape: int, generator: torch.Generator) -> Tensor:
    """Standard normal numbers of `shape`, images first; otherwise as `batch_rand`."""
    return _own(torch.randn(_whole(shape, 0), generator=generator, device=generator.device), 0, 1)


def _whole(shape: tuple[int, ...], dim: int) -> list[int]:
    """The shape for the images of all processes."""
    return [size * processes() if axis == dim else size for axis, size in enumerate(shape)]


def _own(whole: Tensor, dim: int, views: int) -> Tensor:
    """This process's images of each view."""
    return whole.unflatten(dim, (views, processes(), -1)).select(dim + 1, rank()).flatten(dim, dim + 1)


class _Total(torch.autograd.Function):
    """The sum over processes; so is its gradient, which each of their losses adds to."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        x = x.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(x)
        return x

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return _Total.forward(ctx, gradient)


def total(x: Tensor) -> Tensor:
    """The sum of the processes' tensors of one shape; gradients flow back to all of them."""
    return x if processes() == 1 else _Total.apply(x)


def mean(x: Tensor) -> Tensor:
    """The mean of the processes' tensors of one shape, as `total`."""
    return total(x) / processes()


def gather(x: Tensor) -> Tensor:
    """The tensors of all processes, (processes, *x.shape), as `total`."""
    return total(torch.stack([x if i == rank() else torch.zeros_like(x) for i in range(processes())]))


class _Step(nn.Module):
    """A loss as the forward pass of a module, which is where DistributedDataParallel looks for one."""

    def __init__(self, model: nn.Module, loss_fn: Callable) -> None:
        super().__init__()
        self.model, self.loss_fn = model, loss_fn

    def forward(self, *batch: object) -> dict[str, Tensor]:
        return self.loss_fn(*batch)


def synchronised(model: nn.Module, loss_fn: Callable) -> Callable:
    """`loss_fn` itself, or for several processes one whose backward pass averages the gradients of `model` over them.

    Some methods leave parameters out of a step, so these are looked for. Buffers need no copying: all processes compute
    the same ones.
    """
    if processes() == 1:
        return loss_fn
    return DistributedDataParallel(_Step(model, loss_fn), forward_sync_buffers=False, find_unused_parameters=True)
