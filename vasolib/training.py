"""The one training loop: segmentor, pre-training and fine-tuning differ in model, batches and loss only."""

__all__ = ["autocast", "fit", "forget", "normalise", "pick_device", "place", "precision", "seeded"]

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from vasolib import checkpoint
from vasolib.distributed import gather, is_first, mean, synchronised
from vasolib.errors import UserError
from vasolib.guard import Watch
from vasolib.orphans import DRIVER
from vasolib.schedule import learning_rate
from vasolib.settings import Recipe

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SAVE_EVERY = 20.0  # seconds of training, for each second that saving takes, between states that a run continues from


def pick_device() -> torch.device:
    """CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def place(model: nn.Module, device: torch.device | None = None) -> nn.Module:
    """The model on the device (default: `pick_device`), laid out as it runs fastest there.

    Convolutions run channels-last. On the CPU, attention over some hundred tokens is plain matrix products: torch's
    fused kernel takes several times as long backwards in bfloat16.
    """
    device = device or pick_device()
    for module in model.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = device.type == "cuda"
    return model.to(device, memory_format=torch.channels_last)


def precision(device: torch.device) -> str:
    """`bf16` where the processor or GPU computes in it, else `fp32`."""
    if device.type == "cuda":
        supported = torch.cuda.is_bf16_supported(including_emulation=False)
    else:  # asked in this order: a build without oneDNN, as on Apple's processors, lacks the second question
        supported = torch.cpu._is_avx512_bf16_supported() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return "bf16" if supported else "fp32"


def autocast(device: torch.device) -> torch.autocast:
    """Mixed precision as `precision` says."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision(device) == "bf16")


@contextmanager
def seeded(*seed: int) -> Iterator[None]:
    """torch's global generator set for the block and given back after it: for layers that draw their own weights."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(mix(*seed))
        yield


def mix(*seed: int) -> int:
    """One 63-bit seed from several numbers."""
    value = 0
    for part in seed:
        value = (value * 6364136223846793005 + part + 1442695040888963407) % 2**63
    return value


def normalise(images: Tensor, device: torch.device) -> Tensor:
    """Grey (B, 1, H, W) uint8 -> (B, 3, H, W) float, channels last: replicated to RGB, ImageNet mean and deviation."""
    grey = images.to(device, non_blocking=True).permute(0, 2, 3, 1).float() / 255
    batch, height, width, _ = grey.shape
    mean, std = (numbers.repeat(width) for numbers in imagenet(device))  # for whole rows, of which a processor takes
    rows = grey.repeat(1, 1, 1, 3).view(batch, height, -1)  # many numbers at a time, as it would not of three
    return rows.sub_(mean).div_(std).view(batch, height, width, 3).permute(0, 3, 1, 2)


@cache
def imagenet(device: torch.device) -> tuple[Tensor, Tensor]:
    """ImageNet's mean and deviation (3,), brought to a device once: each copy would make the processor wait for it."""
    return torch.tensor(IMAGENET_MEAN, device=device), torch.tensor(IMAGENET_STD, device=device)


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Weight decay on matrices and kernels, none on biases, norms and tokens of one dimension."""
    trained = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


LossFn = Callable[..., dict[str, Tensor]]


def fit(
    model: nn.Module, loss_fn: LossFn, loader, recipe: Recipe, *, seed: int, state: Path, name: str
) -> pd.DataFrame:
    """Train in place; continue where a call with the same `state` stopped, be it at the end.

    Several processes (`vasolib.distributed`) call this alike; each hands `loss_fn` its part of a batch, all end with
    the same weights and table, and the first one prints and saves.

    Args:
        model: on its device already.
        loss_fn: (batch, progress, generator) -> dict of scalar tensors, `loss` among them; progress is
            (e + 1) / E, generator is on the model's device.
        loader: `len(loader)` steps an epoch, `loader.epoch(e)` its batches, `loader.images(e, step)` the names of the
            images of one.
        recipe: see `Recipe`.
        seed: of the generator handed to `loss_fn`, and of layers that draw (drop path).
        state: file for the run so far; its name must change with anything that changes the run. To be forgotten
            (`forget`) once what was trained is in a safe place.
        name: what the progress lines call this.

    Returns:
        One row per epoch: epoch, lr, and the mean of each value that `loss_fn` returns.

    Raises:
        FloatingPointError: a loss or gradient is not a finite number (`vasolib.guard`).
        UserError: processes found different states, or cannot divide a batch.
    """
    device = next(model.parameters()).device
    groups = decay_groups(model, recipe.weight_decay)
    optimizer = torch.optim.AdamW(groups, lr=recipe.lr, betas=(0.9, recipe.beta2), fused=True)
    rows = restore(state, model, optimizer, device)
    loss_fn = synchronised(model, loss_fn)
    watch = Watch(model, state.with_name(f"{state.stem}-suspects.csv"), recipe.lr)
    started = saved = time.monotonic()
    pause = SAVE_EVERY
    first = len(rows)
    for epoch in range(first, recipe.epochs):
        model.train()
        rows.append({"epoch": epoch + 1, **run_epoch(model, loss_fn, loader, recipe, optimizer, epoch, seed, watch)})
        watch.judge(name, epoch, loader)
        report_progress(
            name, rows[-1], recipe.epochs, max(time.monotonic() - started, 1e-9) / (epoch + 1 - first), len(loader)
        )
        if is_first() and ((now := time.monotonic()) - saved > pause or epoch + 1 == recipe.epochs):
            save(state, model, optimizer, rows)
            saved = time.monotonic()
            pause = SAVE_EVERY * max(1.0, saved - now)
    return pd.DataFrame(rows)


def run_epoch(
    model, loss_fn: LossFn, loader, recipe: Recipe, optimizer, epoch: int, seed: int, watch: Watch
) -> dict[str, float]:
    """One pass over the loader; the learning rate after it and the means of what `loss_fn` returned."""
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(mix(seed, epoch))
    totals: dict[str, Tensor] = {}
    with seeded(seed, epoch):
        for step, batch in enumerate(loader.epoch(epoch)):
            lr = learning_rate(recipe, (epoch + step / len(loader)) / recipe.epochs)
            for group in optimizer.param_groups:
                group["lr"] = lr
            with autocast(device):
                values = loss_fn(batch, (epoch + 1) / recipe.epochs, generator)
            optimizer.zero_grad(set_to_none=True)
            values["loss"].backward()
            watch.see(values["loss"])
            optimizer.step()
            for key, value in values.items():  # summed on the device: no wait for the GPU within an epoch
                totals[key] = totals.get(key, 0) + value.detach()
    return {"lr": lr, **{key: float(mean(total)) / len(loader) for key, total in totals.items()}}


def report_progress(name: str, row: dict[str, float], epochs: int, seconds: float, steps: int) -> None:
    """One plain line per epoch, thinned to about forty a run: values, rate and time left."""
    epoch = row["epoch"]
    if not is_first() or (epoch % math.ceil(epochs / 40) and epoch != epochs):
        return
    values = " ".join(f"{k} {v:.4f}" for k, v in row.items() if k not in ("epoch", "lr"))
    left = seconds * (epochs - epoch)
    print(f"{name} epoch {epoch}/{epochs} {values} | {steps / seconds:.1f} steps/s, {left:.0f} s left", flush=True)


def save(state: Path, model: nn.Module, optimizer: torch.optim.Optimizer, rows: list[dict]) -> None:
    """Write what an interrupted run needs to go on; generators are re-made from seed and epoch."""
    checkpoint.save(state, {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "rows": rows})


def restore(state: Path, model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device) -> list[dict]:
    """Load an interrupted run into model and optimiser; the rows of its finished epochs."""
    stored = checkpoint.load(state) or {"rows": []}
    done = len(stored["rows"])
    if (gather(torch.tensor(done, device=device)) != done).any():
        raise UserError(f"processes found different states of {state}: it must be one folder that all machines see")
    if done:
        model.load_state_dict(stored["model"])
        optimizer.load_state_dict(stored["optimizer"])
        if is_first():
            print(f"continuing after epoch {done} from {state.name}", flush=True)
    return stored["rows"]


def forget(*states: Path) -> None:
    """Remove the states of trainings whose results are published; a driver does so only once DVC has recorded these."""
    if DRIVER not in os.environ:
        for state in states:
            state.unlink(missing_ok=True)
