"""MoCo v3: an image's two views are told from all other images of the batch.

Chen, Xie and He, "An empirical study of training self-supervised vision transformers", ICCV 2021. The query of one view
(encoder, projector, predictor) is to resemble the key of the other (a momentum copy of encoder and projector) more than
the keys of the other images. Kept as published: three-layer projector and two-layer predictor with batch normalisation,
statistics of one view at a time, temperature 0.2, momentum 0.99 rising to 1 (it forgets within 100 steps, so it suits
some thousand steps too), the frozen random patch projection and the photometric recipe of the views. Scaled by the
caller: widths of the two MLPs (published 4096 and 256) and the batch: 4096 there, so a query meets 4095 other keys, and
15 in a batch of 16, which makes the task easier. Left to the study's training loop: learning rate, weight decay 0.1,
and the momentum's steps, one per epoch here.
"""

__all__ = ["MoCo", "info_nce"]

import math
from itertools import pairwise

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from vasolib.batchnorm import BatchNorm1d
from vasolib.distributed import gather, rank
from vasolib.ssl.augment import global_views
from vasolib.ssl.momentum import cosine_momentum, momentum_copy, update_momentum

TEMPERATURE = 0.2
MOMENTUM = 0.99  # at the start


class MoCo(nn.Module):
    """Momentum contrast between two views; `encoder` is the query encoder, which is fine-tuned afterwards."""

    VIEWS = 2

    def __init__(self, encoder: VisionTransformer, hidden_dim: int = 4096, out_dim: int = 256) -> None:
        """`hidden_dim`: inside projector and predictor; `out_dim`: of queries and keys.

        The encoder's patch projection is drawn anew and frozen. Fine-tuning loads the weights into a newly built
        encoder, whose projection is trained again.
        """
        super().__init__()
        self.encoder = encoder
        freeze_patch_projection(encoder)
        self.projector = mlp(encoder.embed_dim, hidden_dim, hidden_dim, out_dim)
        self.predictor = mlp(out_dim, hidden_dim, out_dim)
        self.momentum_encoder = momentum_copy(encoder)
        self.momentum_projector = momentum_copy(self.projector)

    def loss(self, views: Tensor, weights: Tensor, progress: float, *, generator: torch.Generator) -> dict[str, Tensor]:
        """Symmetrised contrastive loss and `accuracy`, the share of queries whose nearest key is their own.

        Args:
            views: (2, B, 3, H, W) normalised, two crops of each image.
            weights: not used.
            progress: (e + 1) / E.
            generator: of the photometric augmentation.
        """
        if self.training:
            momentum = cosine_momentum(progress, MOMENTUM)
            update_momentum(self.momentum_encoder, self.encoder, momentum)
            update_momentum(self.momentum_projector, self.projector, momentum)
        images = global_views(views, generator=generator)
        queries = [self.predictor(x) for x in project(self.encoder, self.projector, images)]
        with torch.no_grad():
            keys = project(self.momentum_encoder, self.momentum_projector, images)
        (loss_0, hits_0), (loss_1, hits_1) = info_nce(queries[0], keys[1]), info_nce(queries[1], keys[0])
        return {"loss": loss_0 + loss_1, "accuracy": (hits_0 + hits_1) / 2}


def info_nce(queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
    """InfoNCE of (B, D) queries against the keys of the batch, times 2 T, and the share of right guesses.

    Row i of the (B, D) keys belongs to row i of the queries; those of other processes are further ones to be told from.
    The factor makes the gradient's size independent of T.
    """
    queries, keys = F.normalize(queries.float(), dim=1), F.normalize(keys.float(), dim=1)
    with torch.autocast(queries.device.type, enabled=False):  # cosines over T need more than bfloat16's three digits
        logits = queries @ gather(keys).flatten(0, 1).T / TEMPERATURE
    own = len(keys) * rank() + torch.arange(len(keys), device=logits.device)
    hits = (logits.detach().argmax(dim=1) == own).float().mean()
    return 2 * TEMPERATURE * F.cross_entropy(logits, own), hits


def project(encoder: VisionTransformer, projector: nn.Module, images: Tensor) -> list[Tensor]:
    """Projected class tokens of the two views in (2 B, 3, H, W), each (B, D) and normalised over its own batch."""
    return [projector(half) for half in encoder.forward_features(images)[:, 0].chunk(2)]


def mlp(*dims: int) -> nn.Sequential:
    """Linear layers without bias, batch normalisation after each, ReLU between; the last one has no scale and shift."""
    layers: list[nn.Module] = []
    for before, after in pairwise(dims[:-1]):
        layers += [nn.Linear(before, after, bias=False), BatchNorm1d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Linear(dims[-2], dims[-1], bias=False), BatchNorm1d(dims[-1], affine=False))


def freeze_patch_projection(encoder: VisionTransformer) -> None:
    """Draw the patch projection anew, Xavier-uniform as a matrix with zero bias, and train it no more."""
    projection = encoder.patch_embed.proj.requires_grad_(False)
    bound = math.sqrt(6 / (projection.weight[0].numel() + projection.out_channels))
    nn.init.uniform_(projection.weight, -bound, bound)
    nn.init.zeros_(projection.bias)
