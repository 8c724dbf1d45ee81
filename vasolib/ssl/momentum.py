"""Momentum teachers: copies of a network that follow it as an exponential moving average of its weights.

Tarvainen and Valpola, "Mean teachers are better role models", NeurIPS 2017; the cosine schedule is that of BYOL
(Grill et al., NeurIPS 2020), which MoCo v3 and DINO share.
"""

__all__ = ["cosine_momentum", "momentum_copy", "update_momentum"]

import copy
import math

import torch
from torch import nn


def momentum_copy(module: nn.Module) -> nn.Module:
    """A deep copy that no gradient reaches: its parameters have `requires_grad` False."""
    return copy.deepcopy(module).requires_grad_(False)


@torch.no_grad()
def update_momentum(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """teacher <- momentum * teacher + (1 - momentum) * student in every parameter; buffers are copied.

    Call it before the forward pass of a step: the student is then what the last optimiser step left, and before
    the first step both are equal, so the update changes nothing.

    Args:
        teacher: built as `student` is, such as by `momentum_copy`.
        momentum: in [0, 1]; 1 leaves the parameters as they are, 0 copies the student's.

    Raises:
        ValueError: one module has more parameters or buffers than the other.
    """
    for ours, theirs in zip(teacher.parameters(), student.parameters(), strict=True):
        ours.lerp_(theirs, 1 - momentum)
    for ours, theirs in zip(teacher.buffers(), student.buffers(), strict=True):
        ours.copy_(theirs)


def cosine_momentum(progress: float, start: float) -> float:
    """Momentum at a share `progress` of training: from `start` at 0 to 1 at 1, along half a cosine.

    With progress (e + 1) / E the teacher stands still in the last epoch, so a training needs two epochs at least.
    """
    return 1 - (1 - start) * 0.5 * (1 + math.cos(math.pi * progress))
