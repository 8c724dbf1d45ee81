"""Training steps as anyone would write them first: float32, NCHW, module by module, explicit attention.

They work on the parameters of our own networks, so that both ways can start from equal weights, and take the scores by
which patches are hidden, so that both can hide the same ones.
"""

__all__ = ["plain_finetuning_loss", "plain_network", "plain_pretraining_loss", "plain_step", "uniform_scores"]

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vasolib.downstream.finetune import dice_bce, jitter
from vasolib.ssl.vasomim import VasoMIM
from vasolib.training import IMAGENET_MEAN, IMAGENET_STD, decay_groups


def plain_network(network: nn.Module) -> nn.Module:
    """A copy in torch's usual memory layout."""
    return copy.deepcopy(network).to(memory_format=torch.contiguous_format)


def plain_step(network: nn.Module, loss: Callable[[], Tensor]) -> Callable[[], None]:
    """One step of AdamW as it comes."""
    optimizer = torch.optim.AdamW(decay_groups(network, 0.05), lr=1e-4)

    def step() -> None:
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return step


def rgb(images: Tensor) -> Tensor:
    """Grey (B, 1, H, W) uint8 -> normalised (B, 3, H, W)."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (images.repeat(1, 3, 1, 1).float() / 255 - mean) / std


def uniform_scores(batch: int, patches: int, generator: torch.Generator) -> Tensor:
    """MAE's: (B, L), hidden are the patches of the highest."""
    return torch.rand(batch, patches, generator=generator)


def plain_pretraining_loss(
    model: VasoMIM, images: Tensor, scores: Tensor, segmentor: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """L_rec with normalised patches, and L_cons under a segmentor: (B, 1, H, W) uint8, scores (B, L)."""
    pictures, patch = rgb(images), model.patch
    order = scores.argsort(dim=1)
    places = order.argsort(dim=1)
    n_keep = int(scores.shape[1] * (1 - model.mask_ratio))
    prediction = predict(model, pictures, order[:, :n_keep], places)

    b, c, h, w = pictures.shape
    grid = h // patch
    target = pictures.reshape(b, c, grid, patch, grid, patch)
    target = torch.einsum("bcyixj->byxijc", target).reshape(b, grid * grid, patch * patch * c)
    mean, std = target.mean(dim=-1, keepdim=True), (target.var(dim=-1, keepdim=True) + 1e-6) ** 0.5
    mask = (places >= n_keep).float()
    loss = (((prediction - (target - mean) / std) ** 2).mean(dim=-1) * mask).sum() / mask.sum()
    if segmentor is None:
        return loss
    seen = (prediction * std + mean).reshape(b, grid, grid, patch, patch, c)
    seen = torch.einsum("byxijc->bcyixj", seen).reshape(b, c, h, w)
    wanted = segmentor(pictures).sigmoid().detach()
    return loss + F.binary_cross_entropy_with_logits(segmentor(seen), wanted)


def predict(model: VasoMIM, images: Tensor, kept: Tensor, places: Tensor) -> Tensor:
    """All patches from the visible ones: (B, 3, H, W), indices (B, L_keep), (B, L) -> (B, L, P * P * 3)."""
    vit = model.encoder
    x = vit.patch_embed.proj(images).flatten(2).transpose(1, 2) + vit.pos_embed[:, 1:]
    x = torch.gather(x, 1, kept.unsqueeze(-1).repeat(1, 1, x.shape[2]))
    cls = (vit.cls_token + vit.pos_embed[:, :1]).repeat(len(x), 1, 1)
    x = model.decoder_embed(vit.norm(vit.blocks(torch.cat([cls, x], dim=1))))
    hidden = model.mask_token.repeat(len(x), places.shape[1] - kept.shape[1], 1)
    patches = torch.cat([x[:, 1:], hidden], dim=1)
    patches = torch.gather(patches, 1, places.unsqueeze(-1).repeat(1, 1, x.shape[2]))
    x = torch.cat([x[:, :1], patches], dim=1) + model.decoder_pos_embed
    return model.decoder_pred(model.decoder_norm(model.decoder_blocks(x)))[:, 1:]


def plain_finetuning_loss(network: nn.Module, images: Tensor, masks: Tensor, generator: torch.Generator) -> Tensor:
    """Of segmentation, (B, 1, H, W) uint8 each."""
    return dice_bce(network(jitter(rgb(images), generator=generator)), masks)
