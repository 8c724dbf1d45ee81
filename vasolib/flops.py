"""How much arithmetic a pre-training step costs, counted by torch while it is done."""

__all__ = ["step_gflops"]

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@torch.no_grad()
def step_gflops(model: nn.Module, side: int) -> float:
    """Forward GFLOPs (1 multiply-add = 2) of a method's loss on one RGB image of side `side`, as Fig. 7 counts them.

    Args:
        model: from `vasolib.pretrain.build_method`, which keeps CPU attention in products that torch counts; a judge
            counts as often as it is called.
    """
    device = next(model.parameters()).device
    patches = model.encoder.patch_embed.num_patches
    image = torch.zeros(model.VIEWS, 1, 3, side, side, device=device)
    generator = torch.Generator(device).manual_seed(0)
    with FlopCounterMode(display=False) as counter:
        model.loss(image, torch.full((1, patches), 1 / patches, device=device), 1.0, generator=generator)
    return counter.get_total_flops() / 1e9
