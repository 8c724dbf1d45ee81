"""`python -m benchmarks.transfer --real FOLDER`: a U-Net trained on synthetic frames alone, tested on real ones.

No real pixel is seen in training. A run is one row of results/realism/transfer.csv, DSC in per cent; made again, it
takes the old row's place. With --each there is one run with everything and one without each ingredient of the
generator, with fewer and smaller frames and steps.
"""

__all__ = ["main", "put_row", "recipe_of", "score", "train"]

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from benchmarks.command import parser, told
from benchmarks.real_frames import RealSet, read_real
from benchmarks.synthetic_frames import ABLATIONS, STYLES, scratch_store, source_files
from vasolib.data.crops import CropDataset, CropLoader
from vasolib.data.store import ImageStore
from vasolib.downstream.finetune import predict, segmentation_loss
from vasolib.downstream.unet import UNet
from vasolib.errors import UserError
from vasolib.files import digest, write_csv
from vasolib.metrics import dsc
from vasolib.settings import Recipe
from vasolib.training import fit, forget, place, seeded

EPOCH = 50  # steps: between two lines of progress
KEY = ["what", "styles", "seed", "images", "steps", "side", "width"]
WHOLE = {"images": 1600, "steps": 800, "side": 192}
EACH = {"images": 400, "steps": 200, "side": 128}


def recipe_of(steps: int) -> Recipe:
    """Batches of 8 for about `steps` steps (a multiple of `EPOCH` where there are more), lr 1e-3, crops 0.3 to 1."""
    if steps < 1:
        raise UserError(f"--steps {steps}: give 1 or more")
    epochs = max(1, round(steps / EPOCH))
    return Recipe(epochs=epochs, batch_size=8, lr=1e-3, samples=8 * min(steps, EPOCH), crop=(0.3, 1.0))


def train(store: ImageStore, recipe: Recipe, width: int, seed: int, work: Path) -> nn.Module:
    """The plain U-Net of this width, trained on all frames of the store at their own side."""
    with seeded(seed):
        network = place(UNet(width))
    crops = CropDataset(store.images, store.masks, store.side, recipe.crop, seed)
    loader = CropLoader(crops, recipe.batch_size, recipe.samples)
    name = digest(*source_files(), store.folder.name, recipe, width, seed)[:12]
    state = work / f"unfinished-{name}.pt"
    fit(network, segmentation_loss(network), loader, recipe, seed=seed, state=state, name="transfer")
    forget(state)
    return network


def score(network: nn.Module, real: dict[str, RealSet]) -> dict[str, float]:
    """Mean DSC in per cent by "set half"."""
    means = {}
    for name, one in real.items():
        seen = predict(network, torch.from_numpy(one.images)[:, None]) >= 0.5
        scores = np.array([100 * dsc(mask, label) for mask, label in zip(seen, one.masks, strict=True)])
        for part in ("tune", "report"):
            means[f"{name} {part}"] = float(scores[np.array(one.parts) == part].mean())
    return means


def put_row(path: Path, row: dict[str, object]) -> pd.DataFrame:
    """The table at `path` with this row, instead of one of the same KEY where there is one; written as a whole."""
    table = pd.DataFrame([row])
    if path.exists():
        old = pd.read_csv(path)
        same = (old[KEY] == pd.Series(row)[KEY]).all(axis=1)
        table = pd.concat([old[~same], table], ignore_index=True)
    write_csv(path, table)
    return table


def names(text: str) -> tuple[str, ...]:
    """Comma-separated names, in order."""
    return tuple(name for name in text.split(",") if name)


def run(given: argparse.Namespace) -> dict[str, object]:
    """Draw, train and test as the command line says; the row for the table."""
    started = time.monotonic()
    recipe = recipe_of(given.steps)
    real = read_real(given.real, given.side, labelled_only=True)
    store = scratch_store(given.work, given.seed, given.images, given.styles, given.side, given.without)
    scores = score(train(store, recipe, given.width, given.seed, given.work), real)
    return {
        "what": " ".join(f"-{name}" for name in given.without) or "all",
        "styles": "".join(given.styles),
        "seed": given.seed,
        "images": given.images,
        "steps": recipe.epochs * recipe.samples // recipe.batch_size,
        "side": given.side,
        "width": given.width,
        **scores,
        "minutes": (time.monotonic() - started) / 60,
    }


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = parser("transfer", "Synthetic to real frames.", trains=True)
    options.add_argument("--each", action="store_true", help=f"without each ingredient in turn; defaults: {EACH}")
    options.add_argument("--images", type=int, help=f"synthetic frames (default: {WHOLE['images']})")
    options.add_argument("--styles", type=names, default=tuple(sorted(STYLES)), help="default: all")
    options.add_argument("--without", type=names, default=(), help="ingredients switched off, see ABLATIONS")
    options.add_argument("--steps", type=int, help=f"of training (default: {WHOLE['steps']})")
    options.add_argument("--side", type=int, help=f"pixels, a multiple of 16 (default: {WHOLE['side']})")
    options.add_argument("--width", type=int, default=16, help="channels at full resolution (default: 16)")
    options.add_argument("--seed", type=int, default=0, help="of frames, weights and crops (default: 0)")
    given = options.parse_args(arguments)
    for name, value in (EACH if given.each else WHOLE).items():
        setattr(given, name, value if getattr(given, name) is None else getattr(given, name))
    torch.set_num_threads(given.threads)
    return told(lambda: run_all(given))


def run_all(given: argparse.Namespace) -> None:
    """One run, or one with everything and one without each ingredient; each is written when it is done."""
    if given.side < 16 or given.side % 16:
        raise UserError(f"--side {given.side}: give a multiple of 16, the U-Net halves it four times")
    if given.images < 1:
        raise UserError(f"--images {given.images}: give 1 or more")
    for without in [(), *((name,) for name in ABLATIONS)] if given.each else [given.without]:
        given.without = without
        table = put_row(given.results / "transfer.csv", run(given))
    print(table.to_string(index=False, float_format="%.1f"))


if __name__ == "__main__":
    sys.exit(main())
