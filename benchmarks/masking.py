"""`python -m benchmarks.masking`: guided masking of a batch, ours beside a loop over images with torch.multinomial.

Both start from the guidance map at 224 x 224. They draw by different random numbers, so it is their distributions that
are compared: how often each patch of one image is hidden over many draws.
"""

__all__ = ["main", "plain_masking", "row"]

import argparse

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.side_by_side import Row, compare, step_parser, told_rows
from vasolib.masking import guided_masking, patch_weights

SIDE, PATCH, BATCH = 224, 16, 256
RATIO, BETA = 0.5, 0.5
DRAWS = 4096
TOLERANCE = 5.0  # standard errors of a difference of two shares


def plain_masking(guidance: Tensor, *, generator: torch.Generator) -> Tensor:
    """(B, H, W) -> (B, L) of 0 and 1: image by image, guided patches by weight, then others at random."""
    rows = []
    for image in guidance:
        weights = F.avg_pool2d(image[None, None], PATCH).flatten()
        total = len(weights) - int(len(weights) * (1 - RATIO))
        mask = torch.zeros(len(weights))
        guided = min(int(total * BETA), int((weights > 0).sum()))
        if guided:
            mask[torch.multinomial(weights, guided, generator=generator)] = 1
        rest = torch.nonzero(mask == 0)[:, 0]
        mask[rest[torch.randperm(len(rest), generator=generator)[: total - guided]]] = 1
        rows.append(mask)
    return torch.stack(rows)


def our_masking(guidance: Tensor, *, generator: torch.Generator) -> Tensor:
    """The same, as a training step calls it."""
    return guided_masking(patch_weights(guidance, PATCH), RATIO, BETA, generator=generator).mask


def vessels(batch: int) -> Tensor:
    """Guidance maps (B, 224, 224) of three curved lines each, other ones in other images.

    They pass through more patches than are drawn by weight, so that the weights matter.
    """
    across = torch.linspace(0, 1, SIDE)
    lines = [
        (across[:, None] - (middle + 0.1 * torch.sin(6 * across + shift + torch.arange(batch)[:, None]))[:, None]).abs()
        for middle, shift in ((0.2, 0), (0.5, 2), (0.8, 4))
    ]
    return (torch.stack(lines).amin(dim=0) < 0.02).float()


def worst_difference() -> float:
    """The largest difference between the ways' shares of draws that hide a patch, in its standard errors."""
    guidance = vessels(1).expand(DRAWS, -1, -1)
    shares = [
        way(guidance, generator=torch.Generator().manual_seed(0)).mean(dim=0) for way in (plain_masking, our_masking)
    ]
    spread = sum(p * (1 - p) for p in shares).clamp_min(1 / DRAWS) / DRAWS
    return float(((shares[0] - shares[1]).abs() / spread.sqrt()).max())


def row(turns: int) -> Row:
    """Time and compare."""
    worst = worst_difference()
    if worst > TOLERANCE:
        raise AssertionError(f"a patch is hidden in another share of draws: {worst:.1f} standard errors")
    guidance, generator = vessels(BATCH), torch.Generator().manual_seed(0)
    return compare(
        f"guided masking, batch {BATCH}, {(SIDE // PATCH) ** 2} patches",
        lambda: plain_masking(guidance, generator=generator),
        lambda: our_masking(guidance, generator=generator),
        aim=4,
        same=f"shares of {DRAWS} draws that hide a patch differ by at most {worst:.1f} standard errors",
        turns=turns,
    )


def rows(given: argparse.Namespace) -> list[Row]:
    """The benchmark's one row."""
    return [row(given.turns)]


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = step_parser("masking", "Guided masks, ours beside the plain way.", turns=201)
    return told_rows(options.parse_args(arguments), "masking", rows)


if __name__ == "__main__":
    raise SystemExit(main())
