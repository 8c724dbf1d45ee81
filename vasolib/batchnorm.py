"""Batch normalisation by the statistics of the whole batch, where several processes hold a part of it each.

torch's SyncBatchNorm does so on GPUs only. In one process, and in evaluation mode, these are torch's own layers.
"""

__all__ = ["BatchNorm1d", "BatchNorm2d"]

import torch
from torch import Tensor, nn

from vasolib.distributed import gather, processes


class _WholeBatch(nn.modules.batchnorm._BatchNorm):
    """(B, C, ...) -> the same; every process must hold equally many images."""

    def forward(self, x: Tensor) -> Tensor:
        if processes() == 1 or not self.training:
            return super().forward(x)
        dims = [dim for dim in range(x.ndim) if dim != 1]
        values = x.float()
        parts = torch.stack([values.mean(dims), values.var(dims, correction=0)])
        means, variances = gather(parts).unbind(1)  # (processes, C) each
        mean = means.mean(dim=0)
        variance = (variances + (means - mean).square()).mean(dim=0)
        self.follow(mean.detach(), variance.detach(), processes() * x.numel() // x.shape[1])
        scale = (variance + self.eps).rsqrt()
        shift = -mean * scale
        if self.affine:
            scale, shift = scale * self.weight, shift * self.weight + self.bias
        channels = [-1] + [1] * (x.ndim - 2)
        return torch.addcmul(shift.view(channels), values, scale.view(channels)).to(x.dtype)

    def follow(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running statistics towards those of a batch of `count` values a channel."""
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * count / (count - 1), self.momentum)


class BatchNorm1d(_WholeBatch, nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` over the batch of all processes."""


class BatchNorm2d(_WholeBatch, nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d` over the batch of all processes."""
