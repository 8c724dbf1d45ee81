"""Which patches to hide: random and anatomy-guided masking as batched functions of a generator."""

__all__ = ["PatchMask", "guidance_schedule", "guided_by", "guided_masking", "patch_weights", "random_masking"]

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from vasolib.distributed import batch_rand


class PatchMask(NamedTuple):
    """Which of L patches each of B images shows and hides.

    idx_keep: (B, L_keep) and idx_mask: (B, L_mask), int64, partition the patches of each image.
    """

    idx_keep: Tensor
    idx_mask: Tensor

    @property
    def ids_restore(self) -> Tensor:
        """(B, L): position of each patch in the sequence 'kept, then masked'."""
        order = torch.cat(self, dim=1)
        places = torch.arange(order.shape[1], device=order.device).expand_as(order)
        return torch.empty_like(order).scatter_(1, order, places)

    @property
    def mask(self) -> Tensor:
        """(B, L) float: 1 where a patch is hidden."""
        shape = len(self.idx_mask), self.idx_keep.shape[1] + self.idx_mask.shape[1]
        return torch.zeros(shape, device=self.idx_mask.device).scatter_(1, self.idx_mask, 1.0)


def guidance_schedule(progress: float, beta_start: float, beta_end: float) -> float:
    """beta_e of eq. (3): the share of guided patches among the masked, linear in training.

    Args:
        progress: (e + 1) / E, as the released code counts (the paper prints e / E).
    """
    return beta_start + progress * (beta_end - beta_start)


def patch_weights(guidance: Tensor, patch: int) -> Tensor:
    """Share of each patch in an image's guidance, f(m_i) of eq. (2): (B, H, W) non-negative -> (B, L).

    Rows sum to one, or are all zero where an image has no guidance.
    """
    batch, height, width = guidance.shape
    with torch.autocast(guidance.device.type, enabled=False):  # sums want more than bfloat16's three digits
        # the pixels of a row as channels: pooling adds whole rows then
        rows = guidance.float().reshape(-1, patch, 1, width).permute(0, 3, 1, 2)
        columns = F.avg_pool2d(rows, (patch, 1)).reshape(batch, height // patch, width // patch, patch)
        mass = (columns @ columns.new_ones(patch)).flatten(1)
    return mass / mass.sum(dim=1, keepdim=True).clamp_min(torch.finfo(mass.dtype).tiny)


def random_masking(batch: int, patches: int, mask_ratio: float, *, generator: torch.Generator) -> PatchMask:
    """Hide a uniformly drawn share of patches (MAE): int(L (1 - mask_ratio)) of L stay visible."""
    scores = batch_rand(batch, patches, generator=generator)
    return _split(scores, mask_ratio)


def guided_masking(weights: Tensor, mask_ratio: float, beta: float, *, generator: torch.Generator) -> PatchMask:
    """Hide a share beta of the masked patches by weight, the rest uniformly among all that remain.

    Drawing without replacement by weight is taking the largest of weight over exponential noise. Where fewer
    patches have weight than beta asks for, all of them are hidden and chance fills up; an image without any is
    masked at random.

    Args:
        weights: (B, L) non-negative, on the generator's device.
        mask_ratio: gamma, share of patches hidden.
        beta: share of the hidden that is drawn by weight.
    """
    uniform = batch_rand(2, *weights.shape, dim=1, generator=generator)
    return guided_by(uniform, weights, mask_ratio, beta)


def guided_by(uniform: Tensor, weights: Tensor, mask_ratio: float, beta: float) -> PatchMask:
    """`guided_masking` by given draws, (2, B, L) uniform in [0, 1): no draw and no wait for the GPU, so that
    `torch.compile` makes one graph of it."""
    n_guided = int((weights.shape[1] - _n_keep(weights.shape[1], mask_ratio)) * beta)
    race = weights / -uniform[0].clamp_min(1e-12).log()  # one logarithm: its own would not change the order
    drawn = race.float().view(torch.int32).topk(n_guided, dim=1, sorted=False).indices
    guided = torch.zeros_like(weights).scatter_(1, drawn, 1.0) * (weights > 0)
    return _split(uniform[1] + guided, mask_ratio)


def _n_keep(patches: int, mask_ratio: float) -> int:
    n_keep = int(patches * (1 - mask_ratio))
    if not 0 < n_keep < patches:
        raise ValueError(
            f"mask_ratio {mask_ratio} keeps {n_keep} of {patches} patches: at least 1 must be kept and 1 hidden"
        )
    return n_keep


def _split(scores: Tensor, mask_ratio: float) -> PatchMask:
    """The patches of lowest score, (B, L) non-negative, stay visible."""
    n_keep = _n_keep(scores.shape[1], mask_ratio)
    order = scores.float().view(torch.int32).argsort(dim=1)  # the same order, and whole numbers are compared sooner
    return PatchMask(order[:, :n_keep], order[:, n_keep:])
