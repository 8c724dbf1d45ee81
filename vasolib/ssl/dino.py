"""DINO: a student predicts what its own momentum teacher makes of other crops of the same image.

Caron et al., "Emerging properties in self-supervised vision transformers", ICCV 2021. Teacher and student assign each
crop to prototypes; the teacher sees the two global views, the student these and small local crops, and agreement is
asked for between different crops only. Kept as published: three-layer head, unit-length bottleneck and prototypes,
centring (momentum 0.9) and temperature 0.04 of the teacher, 0.1 of the student, momentum 0.996 rising to 1 (it
forgets within 250 steps, so it suits some thousand steps too), prototypes held still at first, photometric recipe.
Scaled by the caller: widths of the head (published 2048 and 256), prototypes (65,536), local crops (8), and the batch
(1024). Departures: local crops are cut from the global views, not from the image; the initial weights of the head's
layers grow as layers get narrower, or the signal would fade; no drop path in the student, no clipping of gradients, no
schedule of the weight decay, and momentum steps once per epoch: the study's one training loop has none of these.
"""

__all__ = ["DINO", "Head", "class_token", "dino_loss"]

import copy
from itertools import pairwise

import torch
from timm.layers import resample_abs_pos_embed, trunc_normal_
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from vasolib.distributed import mean
from vasolib.ssl.augment import global_views, local_views
from vasolib.ssl.momentum import cosine_momentum, momentum_copy, update_momentum

STUDENT_TEMPERATURE = 0.1
TEACHER_TEMPERATURE = 0.04  # the published default has no warm-up
MOMENTUM = 0.996  # of the teacher, at the start
CENTRE_MOMENTUM = 0.9
GAIN = 0.9  # standard deviation of initial weights times sqrt(inputs): DINO's 0.02 at its 2048 inputs


class DINO(nn.Module):
    """Self-distillation without labels; `encoder` is the teacher's, as DINO is evaluated, `student` the trained one."""

    VIEWS = 2

    def __init__(
        self,
        encoder: VisionTransformer,
        hidden_dim: int = 2048,
        bottleneck_dim: int = 256,
        out_dim: int = 65536,
        local_crops: int = 2,
        frozen_share: float = 0.01,
    ) -> None:
        """`hidden_dim`, `bottleneck_dim`: of the head; `out_dim`: prototypes; `local_crops`: per image, at least 1.

        `frozen_share`: the prototypes are not trained while `progress` is at most this: 1 / epochs for the first epoch
        (published: the first of 100).

        Raises:
            ValueError: no local crops.
        """
        super().__init__()
        if local_crops < 1:
            raise ValueError(f"local_crops is {local_crops}: DINO needs at least 1 local crop per image")
        self.local_crops, self.frozen_share = local_crops, frozen_share
        self.student = copy.deepcopy(encoder)
        self.student_head = Head(encoder.embed_dim, hidden_dim, bottleneck_dim, out_dim)
        self.encoder = encoder.requires_grad_(False)
        self.head = momentum_copy(self.student_head)
        self.register_buffer("centre", torch.zeros(out_dim))
        grid = encoder.patch_embed.grid_size[0]
        self.local_side = grid // 2 * encoder.patch_embed.patch_size[0]
        local = resample_abs_pos_embed(encoder.pos_embed.detach(), [grid // 2] * 2, antialias=False)
        self.register_buffer("local_positions", local, persistent=False)

    def loss(self, views: Tensor, weights: Tensor, progress: float, *, generator: torch.Generator) -> dict[str, Tensor]:
        """Cross-entropy between teacher and student, and `teacher_entropy`: log(out_dim) or 0 tells of a collapse.

        Args:
            views: (2, B, 3, H, W) normalised, two crops of each image.
            weights: not used.
            progress: (e + 1) / E.
            generator: of the local crops and the photometric augmentation.
        """
        if self.training:
            momentum = cosine_momentum(progress, MOMENTUM)
            update_momentum(self.encoder, self.student, momentum)
            update_momentum(self.head, self.student_head, momentum)
        images = global_views(views, generator=generator)
        local = local_views(views, self.local_crops, self.local_side, generator=generator)
        with torch.no_grad():
            teacher = self.head(class_token(self.encoder, images, self.encoder.pos_embed)).unflatten(0, (2, -1))
            target = ((teacher - self.centre) / TEACHER_TEMPERATURE).softmax(dim=-1)
        student = self.student_logits(images, local, frozen=progress <= self.frozen_share)
        if self.training:
            self.centre.lerp_(mean(teacher.mean(dim=(0, 1))), 1 - CENTRE_MOMENTUM)
        return {"loss": dino_loss(student, target), "teacher_entropy": torch.special.entr(target).sum(dim=-1).mean()}

    def student_logits(self, images: Tensor, local: Tensor, frozen: bool) -> Tensor:
        """Prototype scores of the student, (2 + local_crops, B, K), global views (2 B, 3, H, W) before local crops."""
        tokens = [
            class_token(self.student, images, self.student.pos_embed),
            class_token(self.student, local, self.local_positions),
        ]
        return self.student_head(torch.cat(tokens), frozen).unflatten(0, (2 + self.local_crops, -1))


class Head(nn.Module):
    """Cosines of a three-layer MLP's output with K unit prototypes: (N, D) -> (N, K) float32."""

    def __init__(self, embed_dim: int, hidden_dim: int, bottleneck_dim: int, out_dim: int) -> None:
        """`hidden_dim`: of the MLP's two inner layers; `bottleneck_dim`: of its output; `out_dim`: K."""
        super().__init__()
        dims = (embed_dim, hidden_dim, hidden_dim, bottleneck_dim)
        layers = [nn.Linear(*io) for io in pairwise(dims)]
        for layer in layers:
            trunc_normal_(layer.weight, std=GAIN * layer.in_features**-0.5)
            nn.init.zeros_(layer.bias)
        self.mlp = nn.Sequential(layers[0], nn.GELU(), layers[1], nn.GELU(), layers[2])
        self.prototypes = nn.Linear(bottleneck_dim, out_dim, bias=False)

    def forward(self, x: Tensor, frozen: bool = False) -> Tensor:
        """`frozen`: no gradient reaches the prototypes."""
        weight = self.prototypes.weight.detach() if frozen else self.prototypes.weight
        x = F.normalize(self.mlp(x).float(), dim=-1)
        with torch.autocast(x.device.type, enabled=False):  # the teacher's scores are divided by 0.04
            return F.linear(x, F.normalize(weight, dim=-1))


def class_token(encoder: VisionTransformer, images: Tensor, positions: Tensor) -> Tensor:
    """Class tokens (B, D) of images of any side whose patches have the `positions` (1, 1 + L, D)."""
    x = encoder.patch_embed.proj(images).flatten(2).mT
    x = torch.cat([encoder.cls_token.expand(len(x), -1, -1), x], dim=1) + positions
    return encoder.norm(encoder.blocks(x)[:, 0])


def dino_loss(student: Tensor, target: Tensor) -> Tensor:
    """Mean cross-entropy over all pairs of a teacher's view and another crop of the student's.

    Args:
        student: (S, B, K) scores, the teacher's two views first.
        target: (2, B, K), the teacher's distributions.
    """
    crops = len(student)
    wanted = torch.cat([target.flip(0), target.sum(dim=0, keepdim=True).expand(crops - 2, -1, -1)])
    log_p = (student.float() / STUDENT_TEMPERATURE).log_softmax(dim=-1)
    return -(wanted * log_p).sum(dim=-1).mean(dim=1).sum() / (2 * crops - 2)
