"""How much vessel the masks hide over training, by what guides them (shown as the extended paper shows it).

Guided by nothing, by the filter's mask, by the segmentor's probability, or by both (co-guidance). What a patch with
vessel is depends on who says so: the filter guides, so counted by its own mask it looks best; labels, which nothing
has seen, are the fairer count.
"""

__all__ = ["guides", "hidden_shares"]

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vasolib.masking import patch_weights
from vasolib.ssl.vasomim import Betas, draw_mask, vessel_share
from vasolib.v2.coguidance import co_guidance

POINTS = 11  # of training at which masks are drawn, both ends among them
DRAWS = 20  # masks of each image at each


def guides(anatomy: Tensor, probability: Tensor, eta: float) -> dict[str, Tensor | None]:
    """What masks may follow, by name: None (random) or maps (N, H, W), from the filter's and the segmentor's."""
    mixed = {"filter": 1.0, "segmentor": 0.0, "co-guidance": eta}
    return {"random": None} | {name: co_guidance(anatomy, probability, value) for name, value in mixed.items()}


def hidden_shares(
    guides: Mapping[str, Tensor | None],
    counted: Mapping[str, Tensor],
    patch: int,
    mask_ratio: float,
    betas: Betas,
    epochs: int,
    *,
    generator: torch.Generator,
) -> pd.DataFrame:
    """Share of patches with vessel among the masked ones of whole images, over training.

    Args:
        guides: name -> guidance (N, H, W), or None for random masks.
        counted: who says what vessel is -> masks (N, H, W) of 0 and 1; of its N images, as the guides'.
        patch: side of a patch in pixels.
        mask_ratio, betas: see `vasolib.ssl.vasomim.draw_mask`.
        epochs: E, of which up to eleven are looked at, the first and the last among them.

    Returns:
        Columns guidance, counted_by, epoch, vessel_share (0 to 1); and guidance `most possible`, the share if every
        patch with vessel were hidden, as far as there is room.
    """
    counts = {who: patch_weights(masks, patch) for who, masks in counted.items()}
    images, patches = next(iter(counts.values())).shape
    looked = np.unique(np.linspace(1, epochs, POINTS).round().astype(int))
    rows = []
    for name, guide in guides.items():
        weights = torch.zeros(images, patches) if guide is None else patch_weights(guide, patch)
        for epoch in looked:
            drawn = draw_mask(
                weights.repeat(DRAWS, 1), mask_ratio, None if guide is None else betas, epoch / epochs,
                generator=generator,
            )  # fmt: skip
            rows += [(name, who, epoch, vessel_share(c.repeat(DRAWS, 1), drawn).item()) for who, c in counts.items()]
    hidden = patches - int(patches * (1 - mask_ratio))
    for who, count in counts.items():
        most = ((count > 0).sum(dim=1).clamp_max(hidden) / hidden).mean().item()
        rows += [("most possible", who, epoch, most) for epoch in looked]
    return pd.DataFrame(rows, columns=["guidance", "counted_by", "epoch", "vessel_share"])
