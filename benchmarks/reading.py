"""`python -m benchmarks.reading`: batches of random crops, ours from a store beside PNG files and torchvision.

Both end with normalised batches of the same crops and flips, whose pixels are compared. A last row sets reading beside
a training step of MAE at scale `laptop`, which it should be a small part of.
"""

__all__ = ["main", "plain_batch", "row", "step_row"]

import argparse
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode, RandomResizedCrop
from torchvision.transforms import functional as T

from benchmarks.side_by_side import Row, compare, step_parser, told_rows
from vasolib.data.building import Frames, build_store
from vasolib.data.crops import RATIO, CropDataset, CropLoader, crop_box
from vasolib.data.sources import synthetic_frame
from vasolib.data.store import ImageStore
from vasolib.data.synthetic.styles import named_style
from vasolib.pretrain import build_method, pretraining_loss
from vasolib.study import ROOT, Study
from vasolib.training import IMAGENET_MEAN, IMAGENET_STD, autocast, normalise, pick_device

SIZES = {128: 256, 224: 512}  # side of crops -> side of stored images
SCALE = (0.2, 1.0)
BATCH = 16
STEPS = 8
TOLERANCE = 1e-6  # of normalised pixels: dividing by 255 and by the deviation may round differently
ALLOWED = 0.01  # share of mask pixels: a centre on the border of two pixels may fall to either


def write_pngs(store: ImageStore, folder: Path) -> None:
    """An image and a mask file for each of the store, named by its row."""
    for index, (image, mask) in enumerate(zip(store.images, store.masks, strict=True)):
        Image.fromarray(image).save(folder / f"{index}.png")
        Image.fromarray(255 * mask).save(folder / f"{index}_mask.png")


def plain_crop(folder: Path, index: int, side: int, drawn: tuple | None) -> tuple[Tensor, Tensor]:
    """One image (3, side, side) and its mask (side, side), cut as `drawn` (box, flip) says, or at random."""
    image = Image.open(folder / f"{index}.png").convert("RGB")
    mask = Image.open(folder / f"{index}_mask.png").convert("L")
    box, flip = drawn or (RandomResizedCrop.get_params(image, list(SCALE), list(RATIO)), torch.rand(1) < 0.5)
    image = T.resized_crop(image, *box, [side, side], InterpolationMode.BICUBIC)
    mask = T.resized_crop(mask, *box, [side, side], InterpolationMode.NEAREST)
    if flip:
        image, mask = T.hflip(image), T.hflip(mask)
    return T.normalize(T.to_tensor(image), IMAGENET_MEAN, IMAGENET_STD), T.to_tensor(mask)[0]


def plain_batch(folder: Path, indices: list[int], side: int, drawn: list[tuple] | None = None) -> list[Tensor]:
    """Images (B, 3, side, side) and masks (B, side, side), one by one."""
    drawn = drawn or [None] * len(indices)
    crops = [plain_crop(folder, index, side, one) for index, one in zip(indices, drawn, strict=True)]
    return [torch.stack(part) for part in zip(*crops, strict=True)]


def our_batches(loader: CropLoader) -> list[tuple[Tensor, Tensor]]:
    """An epoch as a training step sees it: normalised images and masks."""
    return [(normalise(images, pick_device()), masks[:, 0]) for images, masks in loader.epoch(0)]


def differences(folder: Path, loader: CropLoader) -> tuple[float, float]:
    """Of an epoch's same crops by both ways: the largest difference of a pixel, the share of other mask pixels."""
    data, largest, other = loader.dataset, 0.0, []
    for keys, (images, masks) in zip(loader.keys(0), our_batches(loader), strict=True):
        rngs = [np.random.default_rng([data.seed, *key]) for key in keys]
        drawn = [(crop_box(data.images.shape[1], data.scale, rng), rng.random() < 0.5) for rng in rngs]
        wanted, wanted_masks = plain_batch(folder, [index for _, index in keys], data.side, drawn)
        largest = max(largest, float((images.cpu() - wanted).abs().max()))
        other.append(float((masks != wanted_masks).float().mean()))
    return largest, float(np.mean(other))


def row(side: int, frames: int, turns: int) -> Row:
    """Time and compare reading so many synthetic frames once."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw = partial(synthetic_frame, "frames", named_style("a"), 0, SIZES[side], True)
        store = build_store(folder / "store", Frames([(i, "train") for i in range(frames)], draw), SIZES[side])
        write_pngs(store, folder)
        loader = CropLoader(CropDataset(store.images, store.masks, side, SCALE, 0), min(BATCH, frames), frames)
        largest, other = differences(folder, loader)
        if largest > TOLERANCE or other > ALLOWED:
            raise AssertionError(f"crops differ: pixels by {largest:.2g}, {100 * other:.2g} % of the masks' pixels")
        return compare(
            f"reading {frames} crops of {side} x {side}",
            lambda: [plain_batch(folder, [index for _, index in keys], side) for keys in loader.keys(0)],
            lambda: our_batches(loader),
            aim=15,
            same=f"pixels within {largest:.1g} of their deviation, masks but for {100 * other:.2g} %",
            turns=turns,
        )


def step_row(name: str, turns: int) -> Row:
    """Training steps of MAE at a scale beside reading their batches: the ratio's inverse is reading's share."""
    study = Study.load(ROOT)
    scale, recipe, device = study.scale_named(name), study.scale_named(name).pretrain, pick_device()
    model = build_method(study.arm("mae"), scale, True, 0)
    loss_fn, optimizer = pretraining_loss(model), torch.optim.AdamW(model.parameters(), fused=True)
    images = np.random.default_rng(0).integers(0, 256, (recipe.batch_size, *[scale.image.store_side] * 2), np.uint8)
    crops = CropDataset(images, images % 2, scale.image.side, recipe.crop, 0, model.VIEWS)
    loader = CropLoader(crops, recipe.batch_size, STEPS * recipe.batch_size)
    batches, generator = list(loader.epoch(0)), torch.Generator(device).manual_seed(0)

    def train() -> None:
        """Forward, backward, update, without the reading."""
        for batch in batches:
            with autocast(device):
                loss = loss_fn(batch, 0.5, generator)["loss"]
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    same = "not the same work: the reading should be below 5 % of the steps"
    return compare(
        f"{STEPS} steps of MAE at scale {name} beside the reading of their batches",
        train,
        lambda: list(loader.epoch(0)),
        aim=20,
        same=same,
        turns=turns,
    )


def rows(given: argparse.Namespace) -> list[Row]:
    """Both sizes, and the share of a step."""
    return [row(side, given.frames, given.turns) for side in SIZES] + [step_row("laptop", given.turns)]


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = step_parser("reading", "Batches of random crops, ours beside the plain way.")
    options.add_argument("--frames", type=int, default=64, help="synthetic frames a turn (default: 64)")
    return told_rows(options.parse_args(arguments), "reading", rows)


if __name__ == "__main__":
    raise SystemExit(main())
