"""`python -m benchmarks.processes`: pre-training at laptop scale, two processes of one thread each beside one.

Weak: each process takes the batch of the scale, while the one takes two of them in turn; strong: each takes half a
batch, the one a whole. So the ratio is that of images a second, and half of it is the efficiency. Reading images is
left out. Before anything is timed, the losses of two processes' first steps, and what these made of the weights, are
compared with those of one, and the weights of the two with each other, which must be equal. Beside it stands what the
machine allows: the same ratio of two trainings with as many images each, which have nothing in common.
"""

__all__ = ["Group", "main", "row"]

import argparse
import multiprocessing
import os
import tempfile
from functools import partial
from multiprocessing.connection import Connection

import numpy as np
import torch
from torch import Tensor, distributed

from benchmarks.side_by_side import Row, compare, step_parser, told_rows
from vasolib.distributed import mean, own_rows, synchronised
from vasolib.pretrain import build_method, pretraining_loss
from vasolib.segmentor import UNeXt, freeze
from vasolib.settings import Arm, Scale
from vasolib.study import ROOT, Study
from vasolib.training import autocast, decay_groups, place, precision, seeded

ARMS = ("mae", "vasomim")
AIM = 2 * 0.85  # an efficiency of 0.85
TOLERANCE = {"fp32": 1e-4, "bf16": 2e-2}  # relative, of a loss
MOVED = 0.2  # of the change of the weights, as a share of its norm: AdamW magnifies what rounding does to a gradient
CHECKED = 3  # first steps that are compared
WEIGHTS = -1  # in place of a number of steps
CONTEXT = multiprocessing.get_context("spawn")


class Trainer:
    """A network of an arm on its device and its part of one batch of noise with a vessel, step after step."""

    def __init__(self, arm: Arm, scale: Scale, batch: int) -> None:
        """`batch`: of all processes."""
        with seeded(1):
            judge = place(freeze(UNeXt())).forward
        self.model = build_method(arm, scale, True, 0, judge)
        self.loss_fn = synchronised(self.model, pretraining_loss(self.model))
        groups = decay_groups(self.model, scale.pretrain.weight_decay)
        self.optimizer = torch.optim.AdamW(groups, lr=scale.pretrain.lr, fused=True)
        self.generator = torch.Generator().manual_seed(0)
        self.batch = [torch.stack(own_rows(list(part))) for part in noise(batch, scale.image.side)]

    def step(self) -> Tensor:
        """One step as `vasolib.training.fit` makes it; the loss of this process's part of the batch."""
        with autocast(torch.device("cpu")):
            loss = self.loss_fn(self.batch, 0.5, self.generator)["loss"]
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def weights(self) -> Tensor:
        """All that is trained, end to end."""
        return torch.cat([weight.detach().flatten() for weight in self.model.parameters() if weight.requires_grad])


def noise(batch: int, side: int) -> tuple[Tensor, Tensor]:
    """Images and masks, (B, 1, side, side) uint8 each."""
    generator = torch.Generator().manual_seed(0)
    masks = torch.zeros(batch, 1, side, side, dtype=torch.uint8)
    masks[..., side // 2 : side // 2 + 4] = 1
    return torch.randint(256, masks.shape, generator=generator, dtype=torch.uint8), masks


def serve(orders: Connection, rank: int, count: int, meeting: str, arm: Arm, scale: Scale, batch: int) -> None:
    """One process: so many steps as each order asks for, answered by their losses; the order 0 is the last.

    The order `WEIGHTS` is answered by what training made of the weights so far.
    """
    torch.set_num_threads(1)
    if count > 1:
        distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=count)
    trainer = Trainer(arm, scale, batch)
    start = trainer.weights()
    while steps := orders.recv():
        if steps == WEIGHTS:
            orders.send((trainer.weights() - start).numpy())
            continue
        losses = [trainer.step() for _ in range(steps)]
        orders.send(mean(torch.stack(losses)).tolist())
    if count > 1:
        distributed.destroy_process_group()


class Group:
    """`count` processes that train together, or `apart`: each a network of its own, with the whole batch."""

    def __init__(self, count: int, arm: Arm, scale: Scale, batch: int, apart: bool = False) -> None:
        self.folder, self.orders = tempfile.TemporaryDirectory(), []
        for rank in range(count):
            ours, theirs = CONTEXT.Pipe()
            about = theirs, rank, 1 if apart else count, f"{self.folder.name}/meeting", arm, scale, batch
            CONTEXT.Process(target=serve, args=about, daemon=True).start()
            theirs.close()
            self.orders.append(ours)

    def steps(self, count: int) -> list[float]:
        """Losses of the next steps; the processes end after 0 steps."""
        for order in self.orders:
            order.send(count)
        first, *_ = [order.recv() for order in self.orders] if count else [[]]
        return first

    def moved(self) -> list[np.ndarray]:
        """What training made of the weights so far, in each process."""
        for order in self.orders:
            order.send(WEIGHTS)
        return [order.recv() for order in self.orders]


def agreement(one: Group, two: Group) -> str:
    """How near the first steps of two processes are to those of one, in words; AssertionError where they are not."""
    losses = one.steps(CHECKED), two.steps(CHECKED)
    worst = max(abs(a - b) / abs(a) for a, b in zip(*losses, strict=True))
    if worst > TOLERANCE[precision(torch.device("cpu"))]:
        raise AssertionError(f"losses of one process {losses[0]} and of two {losses[1]} differ by {worst:.1e}")
    (alone,), (first, second) = one.moved(), two.moved()
    if not np.array_equal(first, second):
        raise AssertionError("the two processes have other weights than each other: gradients are not shared")
    off = float(np.linalg.norm(first - alone) / np.linalg.norm(alone))
    if off > MOVED:
        raise AssertionError(f"two processes change the weights otherwise than one: by {off:.1e} of the change")
    return f"losses of {CHECKED} steps differ by {worst:.1e}, the weights' change by {off:.1e} of theirs"


def row(name: str, arm: Arm, scale: Scale, weak: bool, steps: int, turns: int) -> Row:
    """Time and compare."""
    batch = scale.pretrain.batch_size
    whole = 2 * batch if weak else batch
    one, two, alone = Group(1, arm, scale, whole), Group(2, arm, scale, whole), Group(1, arm, scale, batch)
    apart = Group(2, arm, scale, whole // 2, apart=True)
    same = agreement(one, two)
    one.steps(0)
    beside = partial(compare, plain=lambda: alone.steps(2 * steps if weak else steps), aim=AIM, turns=turns)
    allowed = beside("", ours=lambda: apart.steps(steps), same="")
    same = f"{same}; two that have nothing in common: {allowed.ratio:.3g}"
    timed = beside(f"{name}, two processes, {whole // 2} images each", ours=lambda: two.steps(steps), same=same)
    for group in (two, alone, apart):
        group.steps(0)
    return timed


def rows(given: argparse.Namespace) -> list[Row]:
    """Weak and strong for both arms."""
    os.environ["TORCH_CPP_LOG_LEVEL"] = "ERROR"  # see vasolib.launch.main
    study = Study.load(ROOT)
    scale = study.scale_named(given.scale)
    return [
        row(name, study.arm(name), scale, weak, given.steps, given.turns) for name in ARMS for weak in (True, False)
    ]


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = step_parser("processes", "Two processes beside one.")
    options.add_argument("--scale", default="laptop", help="whose networks and batches (default: laptop)")
    options.add_argument("--steps", type=int, default=10, help="of each turn (default: 10)")
    return told_rows(options.parse_args(arguments), "processes", rows)


if __name__ == "__main__":
    raise SystemExit(main())
