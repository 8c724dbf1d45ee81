"""`python -m benchmarks.steps`: a training step, ours beside the plain way of `benchmarks.plain_steps`.

Ours is what `vasolib.training.fit` does in a step. Both ways have the same weights, images and masks when their losses
and gradients are compared, once in float32 and once in the precision that we train in. In the rows "VasoMIM over MAE"
the ratio is how many times as long as our MAE step a VasoMIM step takes, with our frozen segmentor and with the same
one run plainly (float32, NCHW, batch normalisation apart); the MAE hides as much as VasoMIM, or as MAE does in Table 2,
where it sees fewer patches and is therefore quicker. There the aim is the most that the ratio should be.
"""

__all__ = ["ROWS", "agreement", "main"]

import argparse
from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from benchmarks.masking import plain_masking, vessels
from benchmarks.plain_steps import (
    plain_finetuning_loss,
    plain_network,
    plain_pretraining_loss,
    plain_step,
    uniform_scores,
)
from benchmarks.side_by_side import Row, compare, step_parser, told_rows
from vasolib.downstream.finetune import segmentation_loss
from vasolib.masking import patch_weights
from vasolib.networks import segmentation_network
from vasolib.pretrain import build_method, pretraining_loss
from vasolib.segmentor import UNeXt, freeze
from vasolib.settings import Scale
from vasolib.ssl.vasomim import draw_mask
from vasolib.study import ROOT, Study
from vasolib.training import autocast, decay_groups, place, precision, seeded

CPU = torch.device("cpu")
EXACT, MIXED = (1e-4, 1e-3), (1e-2, 0.1)  # largest relative difference of losses and gradients, in float32, bfloat16
ROWS = ("mae", "vasomim", "overhead", "laptop-overhead", "finetuning")
Batch = tuple[Tensor, Tensor]  # images and vessels, (B, 1, H, W) uint8 each
Loss = Callable[[], Tensor]
Trained = tuple[nn.Module, Loss]


def pictures(count: int, side: int) -> Batch:
    """Noise with a dark line in each picture; `side` up to 224."""
    lines = vessels(count)[:, None, :side, :side]
    grey = 180 - 100 * lines + 20 * torch.rand(lines.shape, generator=drawn())
    return grey.byte(), lines.byte()


def our_step(network: nn.Module, loss: Loss) -> Callable[[], None]:
    """One step as `vasolib.training.fit` does it."""
    optimizer = torch.optim.AdamW(decay_groups(network, 0.05), lr=1e-4, fused=True)

    def step() -> None:
        with autocast(CPU):
            value = loss()
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()

    return step


def agreement(plain: Trained, ours: Trained) -> str:
    """How near our loss and gradients are to the plain ones, in words.

    Args:
        plain, ours: networks with parameters of the same names and values, and a loss of each.

    Raises:
        AssertionError: one of them is further than `EXACT`, or `MIXED` under autocast.
    """
    (wanted, slope), words = gradients(*plain), []
    for name, mixed, limits in (("fp32", False, EXACT), (precision(CPU), True, MIXED)):
        with autocast(CPU) if mixed else nullcontext():
            loss, found = gradients(*ours)
        off = abs(loss / wanted - 1), float((found - slope).norm() / slope.norm())
        if off[0] > limits[0] or off[1] > limits[1]:
            raise AssertionError(f"in {name} losses are {wanted} and {loss}, gradients differ by {off[1]:.0e}")
        words.append(f"losses differ by {off[0]:.0e}, gradients by {off[1]:.0e} in {name}")
    return "; ".join(words)


def gradients(network: nn.Module, loss: Loss) -> tuple[float, Tensor]:
    """A loss and its gradients by all that is trained, in the order of names; zero where it does not reach."""
    network.zero_grad(set_to_none=True)
    value = loss()
    value.backward()
    trained = [p for _, p in sorted(network.named_parameters()) if p.requires_grad]
    found = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten().float() for p in trained])
    network.zero_grad(set_to_none=True)
    return value.item(), found


def drawn(seed: int = 0) -> torch.Generator:
    """A generator at its start."""
    return torch.Generator().manual_seed(seed)


def unext() -> nn.Module:
    """A segmentor in evaluation mode, the same in each call."""
    with seeded(0):
        return UNeXt().eval().requires_grad_(False)


def plain_judge() -> Callable[[Tensor], Tensor]:
    """That segmentor in float32 and NCHW, whatever surrounds it."""
    segmentor = unext()

    def logits(images: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return segmentor(images.float().contiguous())

    return logits


def our_judge() -> Callable[[Tensor], Tensor]:
    """That segmentor as `vasolib.pretrain.load_judge` prepares it."""
    return place(freeze(unext())).forward


def pretraining_row(study: Study, arm: str, scale: Scale, batch: Batch, name: str, aim: float, turns: int) -> Row:
    """A pre-training step."""
    chosen, (images, anatomy) = study.arm(arm), batch
    model = build_method(chosen, scale, True, 0, our_judge())
    plain, loss_fn = plain_network(model), pretraining_loss(model)
    segmentor = plain_judge() if chosen.consistency else None
    generators = drawn(), drawn()

    def plain_scores() -> Tensor:
        if chosen.guidance:
            return plain_masking(anatomy[:, 0].float(), generator=generators[0])
        return uniform_scores(len(images), model.patches, generators[0])

    weights = patch_weights(anatomy[:, 0], model.patch)
    mask = draw_mask(weights, chosen.mask_ratio, chosen.betas, 1.0, generator=drawn()).mask
    same = agreement(
        (plain, lambda: plain_pretraining_loss(plain, images, mask, segmentor)),
        (model, lambda: loss_fn(batch, 1.0, drawn())["loss"]),
    )
    return compare(
        name,
        plain_step(plain, lambda: plain_pretraining_loss(plain, images, plain_scores(), segmentor)),
        our_step(model, lambda: loss_fn(batch, 1.0, generators[1])["loss"]),
        aim,
        same,
        turns,
    )


def overhead_rows(study: Study, scale: Scale, batch: Batch, name: str, aim: float, turns: int) -> list[Row]:
    """What guidance and consistency add to an MAE step, with the segmentor run plainly and as we run it."""

    def built(arm: str, judge: Callable[[Tensor], Tensor]) -> tuple[Callable[[], None], Trained]:
        model = build_method(study.arm(arm), scale, True, 0, judge)
        loss_fn, generator = pretraining_loss(model), drawn()
        step = our_step(model, lambda: loss_fn(batch, 1.0, generator)["loss"])
        return step, (model, lambda: loss_fn(batch, 1.0, drawn())["loss"])

    even, _ = built("mae_50", plain_judge())
    usual, _ = built("mae", plain_judge())
    plain, plain_loss = built("vasomim", plain_judge())
    ours, our_loss = built("vasomim", our_judge())
    same, hides = agreement(plain_loss, our_loss), f"{100 * study.arm('mae').mask_ratio:.0f} %"
    return [
        compare(f"VasoMIM over {beside}, {name}, segmentor {way}", step, mae, aim, same, turns, most=True)
        for beside, mae, way, step in (
            ("MAE of its mask ratio", even, "plain", plain),
            ("MAE of its mask ratio", even, "ours", ours),
            (f"MAE that hides {hides}", usual, "ours", ours),
        )
    ]


def finetuning_row(scale: Scale, batch: Batch, name: str, turns: int) -> Row:
    """A fine-tuning step of the ViT under the U-Net decoder."""
    network = segmentation_network("vit", scale, 0).train()
    plain, loss_fn, generators = plain_network(network), segmentation_loss(network), (drawn(), drawn())
    same = agreement(
        (plain, lambda: plain_finetuning_loss(plain, *batch, drawn())),
        (network, lambda: loss_fn(batch, 1.0, drawn())["loss"]),
    )
    return compare(
        name,
        plain_step(plain, lambda: plain_finetuning_loss(plain, *batch, generators[0])),
        our_step(network, lambda: loss_fn(batch, 1.0, generators[1])["loss"]),
        2,
        same,
        turns,
    )


def rows(given: argparse.Namespace) -> list[Row]:
    """The rows asked for, each network gone before the next is built."""
    study = Study.load(ROOT)
    large, small = study.scale_named("paper"), study.scale_named("laptop")
    eight = pictures(8, large.image.side)
    sixteen = pictures(small.pretrain.batch_size, small.image.side)
    four = pictures(small.finetune.batch_size, small.image.side)
    vit, laptop = "ViT-B/16, batch 8", f"laptop scale, batch {len(sixteen[0])}"
    made = {
        "mae": lambda: [pretraining_row(study, "mae", large, eight, f"MAE step, {vit}", 3, given.turns)],
        "vasomim": lambda: [pretraining_row(study, "vasomim", large, eight, f"VasoMIM step, {vit}", 3.5, given.turns)],
        "overhead": lambda: overhead_rows(study, large, eight, vit, 1.3, given.turns),
        "laptop-overhead": lambda: overhead_rows(study, small, sixteen, laptop, 1.4, given.turns),
        "finetuning": lambda: [finetuning_row(small, four, "fine-tuning step, laptop scale", given.turns)],
    }
    return [row for name in given.rows for row in made[name]()]


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = step_parser("steps", "Training steps, ours beside the plain way.")
    options.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS, help="which (default: all)")
    return told_rows(options.parse_args(arguments), "steps", rows)


if __name__ == "__main__":
    raise SystemExit(main())
