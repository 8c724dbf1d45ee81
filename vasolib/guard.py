"""Trainings that go wrong: losses and gradients that are no numbers, gradients out of all proportion."""

__all__ = ["EXPLODED", "Watch"]

from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from vasolib.distributed import is_first, mean
from vasolib.files import write_csv

EXPLODED = 1000.0  # times the usual norm of the gradients


class Watch:
    """The loss and the gradients' norm of each step, kept on the device and looked at when an epoch is over.

    So the processor need not wait for a GPU in each step. What an epoch found is in `path`, a row per image of the
    steps in question: epoch, step, loss, gradient_norm, image.
    """

    def __init__(self, model: nn.Module, path: Path, lr: float) -> None:
        self.lr = lr  # to say what to lower
        self.trained = [p for p in model.parameters() if p.requires_grad]
        self.path = path
        self.usual = float("inf")  # median norm of the last epoch's gradients
        self.seen: list[Tensor] = []

    def see(self, loss: Tensor) -> None:
        """Keep a step's loss and the norm of the gradients that it left."""
        norm = get_total_norm([p.grad for p in self.trained if p.grad is not None])
        self.seen.append(torch.stack([loss.detach().float(), norm.float()]))

    def judge(self, name: str, epoch: int, loader) -> None:
        """End an epoch (from 0): write down what is wrong with its steps and say so.

        Args:
            name: of the training, for messages.
            loader: `loader.images(epoch, step)` are the names of a batch's images.

        Raises:
            FloatingPointError: the loss or the gradient of a step is not finite; the first such step is written down.
        """
        steps = pd.DataFrame(mean(torch.stack(self.seen)).cpu(), columns=["loss", "gradient_norm"])
        self.seen.clear()
        broken = steps[~torch.isfinite(torch.tensor(steps.to_numpy())).all(dim=1).numpy()]
        if len(broken):
            first = broken.index[0]
            self.note(broken.loc[[first]], epoch, loader)
            values = "loss {loss:.4g}, norm of the gradients {gradient_norm:.4g}".format(**steps.loc[first])
            raise FloatingPointError(
                f"{name}: {values} in epoch {epoch + 1}, step {first + 1}; its images are listed in {self.path}: look "
                f"at them, or lower lr (now {self.lr:g})"
            )
        median = steps["gradient_norm"].median()
        usual = min((norm for norm in (self.usual, median) if norm > 0), default=float("inf"))
        large = steps[steps["gradient_norm"] > EXPLODED * usual]
        if len(large):
            self.note(large, epoch, loader)
            if is_first():
                print(
                    f"warning: {name} epoch {epoch + 1}: the norm of the gradients rose to "
                    f"{large['gradient_norm'].max():.2g}, more than {EXPLODED:g} times the usual one, in "
                    f"{len(large)} of {len(steps)} steps; their images are listed in {self.path}",
                    flush=True,
                )
        self.usual = median

    def note(self, steps: pd.DataFrame, epoch: int, loader) -> None:
        """Add steps and their images to the file; a step that an interrupted run takes again is there once."""
        if not is_first():
            return
        found = [pd.read_csv(self.path)] if self.path.exists() else []
        for step, values in steps.iterrows():
            about = {"epoch": epoch + 1, "step": step + 1, **values}
            found.append(pd.DataFrame({**about, "image": loader.images(epoch, step)}))
        write_csv(self.path, pd.concat(found).drop_duplicates(["epoch", "step", "image"], keep="last"))
